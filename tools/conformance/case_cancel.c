/* SPDX-License-Identifier: MIT */
/* Cancels: delivered once, and no effect or no cancel. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

static void cancel_self(void) {
    MUST(zio_task_request_cancel(zio_task_self()) == 0);
}

static void waiting_reads(struct link *link) {
    for (int call = CALL_READ; call <= CALL_PEEK; call++) {
        struct calling calling = {link->b, (enum call)call, 4, ZIO_NEVER, 0};
        zio_task_t *task = start(make_call, &calling);
        settle();
        tell(call_name((enum call)call), cancel(task));
    }
    send_text(link->a, "x");
    tell_text("then", link->b, 1);
}

static void waiting_writes(struct link *link) {
    char byte;
    const size_t room = fill(link->a);
    for (int call = CALL_WRITE; call <= CALL_WRITE_ALL; call++) {
        struct calling calling = {link->a, (enum call)call, 4, ZIO_NEVER, 0};
        zio_task_t *task = start(make_call, &calling);
        settle();
        tell(call_name((enum call)call), cancel(task));
    }
    drain(link->b, room);
    settle();
    tell("more", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
}

/* A call that finds a cancel does not even try, though it could. */
static void before(struct link *link) {
    send_text(link->a, "xy");
    settle();
    for (int call = 0; call < CALLS; call++) {
        struct calling calling = {link->b, (enum call)call, 1, ZIO_NEVER, 0};
        cancel_self();
        tell(call_name((enum call)call), make_call(&calling));
    }
    tell_text("then", link->b, 2);
    send_text(link->b, "z");
    tell_text("back", link->a, 1);
}

static void immediate(struct link *link) {
    char byte;
    send_text(link->a, "x");
    settle();
    cancel_self();
    tell("read", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    tell("empty", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    tell("check", zio_check_cancel());
    tell("again", zio_check_cancel());
}

static void once(struct link *link) {
    char byte;
    cancel_self();
    cancel_self();
    tell("read", zio_stream_read(link->b, &byte, 1, ZIO_NEVER));
    tell("next", zio_stream_read(link->b, &byte, 1, zio_after_ms(1)));
    MUST(zio_recancel() == 0);
    tell("recancel", zio_stream_read(link->b, &byte, 1, ZIO_NEVER));
    cancel_self();
    tell("new", zio_yield());
    tell("next", zio_yield());
}

static void shielded(struct link *link) {
    char byte;
    MUST(zio_shield_begin() == 0);
    cancel_self();
    tell("read", zio_stream_read(link->b, &byte, 1, zio_after_ms(5)));
    send_text(link->a, "x");
    tell("data", zio_stream_read(link->b, &byte, 1, soon()));
    tell("check", zio_check_cancel());
    MUST(zio_shield_end() == 0);
    tell("after", zio_stream_read(link->b, &byte, 1, soon()));
}

struct racer {
    zio_stream_t *stream;
    zio_err_t result;
    bool is_requested;
    bool is_pending; /* the cancel, after the call */
};

static zio_err_t race(void *ud) {
    struct racer *racer = ud;
    char byte;
    racer->result = (zio_err_t)zio_stream_read(racer->stream, &byte, 1, ZIO_NEVER);
    MUST(zio_shield_begin() == 0);
    while (!racer->is_requested) MUST(zio_yield() == 0);
    MUST(zio_shield_end() == 0);
    racer->is_pending = zio_check_cancel() == ZIO_ECANCELED;
    return 0;
}

/* Bytes and cancel come in the same moment: one of two endings, and each is whole. */
static void ties(struct link *link) {
    enum { COUNT = 40 };
    int wrong = 0;
    for (int i = 0; i < COUNT; i++) {
        struct racer racer = {link->b, 0, false, false};
        char byte;
        zio_task_t *task = start(race, &racer);
        if (i % 2 == 0) settle();
        if (i % 4 < 2) send_text(link->a, "x");
        MUST(zio_task_request_cancel(task) == 0);
        racer.is_requested = true;
        if (i % 4 >= 2) send_text(link->a, "x");
        MUST(finish(task) == 0);
        settle();
        const zio_ssize_t left = zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE);
        const bool has_moved = racer.result == 1 && racer.is_pending && left == ZIO_EAGAIN;
        const bool is_canceled = racer.result == ZIO_ECANCELED && !racer.is_pending && left == 1;
        wrong += !has_moved && !is_canceled;
    }
    tell("wrong", wrong);
}

static zio_err_t join_it(void *ud) {
    zio_task_t *task = ud;
    zio_err_t result = 1;
    const zio_err_t error = zio_task_join(task, &result, ZIO_NEVER);
    tell("join", error);
    tell("child", result);
    return zio_check_cancel();
}

/* A joiner passes its cancel on, waits, and keeps it. */
static void passed_on(struct link *link) {
    struct calling reads = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    zio_task_t *child = start(make_call, &reads);
    zio_task_t *joiner = start(join_it, child);
    settle();
    tell("kept", cancel(joiner));
    MUST(zio_task_unref(child) == 0);
}

static void and_waited_for(struct link *link) {
    struct calling reads = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    zio_task_t *task = start(make_call, &reads);
    zio_err_t result = 1;
    settle();
    tell("cancel", zio_task_cancel(task, &result));
    tell("result", result);
    tell("again", zio_task_cancel(task, &result));
    tell("result", result);
    MUST(zio_task_unref(task) == 0);
    task = start(make_call, &reads); /* it has not started: it runs, and meets the cancel */
    tell("fresh", cancel(task));
}

static zio_err_t fails(void *ud) {
    (void)ud;
    return ZIO_EIO;
}

static void groups(struct link *link) {
    struct calling reads = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    struct calling queued = reads;
    zio_group_t *group = NULL;
    MUST(zio_group_create(the_runtime, &group, ZIO_GROUP_FAIL_FAST) == 0);
    MUST(zio_group_spawn(group, make_call, &reads, NULL) == 0);
    MUST(zio_group_spawn(group, make_call, &queued, NULL) == 0);
    settle();
    tell("cancel", zio_group_cancel(group));
    tell("refuses", zio_group_spawn(group, fails, NULL, NULL));
    tell("wait", zio_group_wait(group, soon()));
    MUST(zio_group_spawn(group, make_call, &reads, NULL) == 0);
    settle();
    MUST(zio_group_spawn(group, fails, NULL, NULL) == 0);
    tell("failed", zio_group_wait(group, soon()));
    MUST(zio_group_destroy(group) == 0);
    send_text(link->a, "x");
    tell_text("then", link->b, 1);
}

static void without_streams(void) {
    zio_task_t *task = start(sleeps_for_ever, NULL);
    settle();
    tell("sleep", cancel(task));
    cancel_self();
    tell("park", zio_task_park(ZIO_NEVER));
    cancel_self();
    MUST(zio_task_unpark(zio_task_self()) == 0);
    tell("token", zio_task_park(ZIO_NEVER));
    tell("check", zio_check_cancel());
    cancel_self();
    tell("late", zio_sleep_until(PAST));
    cancel_self();
    tell("immediate", zio_sleep_until(ZIO_IMMEDIATE));
    tell("yield", zio_yield());
}

const struct test_case cancel_cases[] = {
    {"cancel.of_waiting_reads",
     "read=ECANCELED readv=ECANCELED read_exact=ECANCELED peek=ECANCELED then=x", NULL,
     waiting_reads, ALL, 0},
    {"cancel.of_waiting_writes", "write=ECANCELED writev=ECANCELED write_all=ECANCELED more=EAGAIN",
     NULL, waiting_writes, LOCAL, 0},
    {"cancel.before_the_call",
     "read=ECANCELED readv=ECANCELED read_exact=ECANCELED peek=ECANCELED write=ECANCELED "
     "writev=ECANCELED write_all=ECANCELED shutdown=ECANCELED then=xy back=z",
     NULL, before, ALL, 0},
    {"cancel.is_not_for_immediate_calls", "read=1 empty=EAGAIN check=ECANCELED again=0", NULL,
     immediate, ALL, 0},
    {"cancel.is_delivered_once",
     "read=ECANCELED next=ETIMEDOUT recancel=ECANCELED new=ECANCELED next=0", NULL, once, ALL, 0},
    {"cancel.and_shields", "read=ETIMEDOUT data=1 check=0 after=ECANCELED", NULL, shielded, ALL, 0},
    {"cancel.in_the_same_moment", "wrong=0", NULL, ties, ALL, 0},
    {"cancel.of_who_joins", "join=0 child=ECANCELED kept=ECANCELED", NULL, passed_on, ALL, 0},
    {"cancel.that_waits", "cancel=0 result=ECANCELED again=0 result=ECANCELED fresh=ECANCELED",
     NULL, and_waited_for, ALL, 0},
    {"cancel.of_groups", "cancel=0 refuses=ECANCELED wait=0 failed=EIO then=x", NULL, groups, ALL,
     0},
    {"cancel.without_streams",
     "sleep=ECANCELED park=ECANCELED token=0 check=ECANCELED late=ECANCELED immediate=0 "
     "yield=ECANCELED",
     without_streams, NULL, 0, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
