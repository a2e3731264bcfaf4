/* SPDX-License-Identifier: MIT */
/* Deadlines of what is no stream, and scoped timeouts over what is one. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

static const zio_deadline_t odd = -2;

static void of_park(void) {
    tell("immediate", zio_task_park(ZIO_IMMEDIATE));
    tell("past", zio_task_park(PAST));
    const zio_deadline_t future = zio_after_ms(5);
    tell("future", zio_task_park(future));
    tell_truth("early", zio_now() < future);
    tell("odd", zio_task_park(odd));
    MUST(zio_task_unpark(zio_task_self()) == 0);
    tell("late", zio_task_park(PAST));
    MUST(zio_task_unpark(zio_task_self()) == 0);
    MUST(zio_task_unpark(zio_task_self()) == 0);
    tell("token", zio_task_park(ZIO_IMMEDIATE));
    tell("only_one", zio_task_park(ZIO_IMMEDIATE));
}

static void of_join(void) {
    zio_task_t *task = start(sleeps_for_ever, NULL);
    zio_err_t result = 1;
    tell("immediate", zio_task_join(task, &result, ZIO_IMMEDIATE));
    tell("past", zio_task_join(task, &result, PAST));
    tell("future", zio_task_join(task, &result, zio_after_ms(5)));
    tell("odd", zio_task_join(task, &result, odd));
    tell("untouched", result);
    MUST(zio_task_request_cancel(task) == 0);
    tell("join", zio_task_join(task, &result, ZIO_NEVER));
    tell("result", result);
    tell("late", zio_task_join(task, &result, PAST));
    MUST(zio_task_unref(task) == 0);
}

static void of_groups(void) {
    zio_group_t *group = NULL;
    MUST(zio_group_create(the_runtime, &group, 0) == 0);
    tell("empty", zio_group_wait(group, ZIO_IMMEDIATE));
    MUST(zio_group_spawn(group, sleeps_for_ever, NULL, NULL) == 0);
    tell("immediate", zio_group_wait(group, ZIO_IMMEDIATE));
    tell("past", zio_group_wait(group, PAST));
    tell("future", zio_group_wait(group, zio_after_ms(5)));
    tell("odd", zio_group_wait(group, odd));
    tell("cancel", zio_group_cancel(group));
    tell("late", zio_group_wait(group, PAST));
    tell("destroy", zio_group_destroy(group));
}

/* Nothing inside waits beyond the scope, whatever deadline it has of its own. */
static void scope(struct link *link) {
    char byte;
    uint64_t token = 0;
    MUST(zio_timeout_push(&token, zio_after_ms(5)) == 0);
    tell("read", zio_stream_read(link->b, &byte, 1, ZIO_NEVER));
    tell("exact", zio_stream_read_exact(link->b, &byte, 1, NULL, soon()));
    tell("immediate", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    tell("yield", zio_yield());
    tell("sleep", zio_sleep_until(soon()));
    tell("write", zio_stream_write(link->a, "x", 1, ZIO_NEVER));
    MUST(zio_shield_begin() == 0);
    settle();
    MUST(zio_shield_end() == 0);
    tell("ready", zio_stream_read(link->b, &byte, 1, ZIO_NEVER));
    tell_truth("other_token", zio_timeout_pop(token + 12345));
    tell_truth("was_it", zio_timeout_pop(token));
    tell("after", zio_stream_read(link->b, &byte, 1, zio_after_ms(1)));
}

static void nested(struct link *link) {
    char byte;
    uint64_t outer = 0, inner = 0;
    MUST(zio_timeout_push(&outer, zio_after_ms(5)) == 0);
    MUST(zio_timeout_push(&inner, soon()) == 0);
    tell("read", zio_stream_read(link->b, &byte, 1, ZIO_NEVER));
    tell_truth("inner", zio_timeout_pop(inner));
    tell_truth("outer", zio_timeout_pop(outer));
    MUST(zio_timeout_push(&outer, soon()) == 0);
    MUST(zio_timeout_push(&inner, zio_after_ms(5)) == 0);
    tell("read", zio_stream_read(link->b, &byte, 1, ZIO_NEVER));
    tell_truth("outer_first", zio_timeout_pop(outer));
    tell_truth("inner", zio_timeout_pop(inner));
    tell("own", zio_stream_read(link->b, &byte, 1, zio_after_ms(1)));
    tell_truth("outer", zio_timeout_pop(outer));
}

static void over_a_shield(struct link *link) {
    char byte;
    uint64_t outside = 0, inside = 0;
    MUST(zio_timeout_push(&outside, PAST) == 0);
    MUST(zio_shield_begin() == 0);
    tell("held_back", zio_stream_read(link->b, &byte, 1, zio_after_ms(5)));
    MUST(zio_timeout_push(&inside, zio_after_ms(5)) == 0);
    tell("inside", zio_stream_read(link->b, &byte, 1, ZIO_NEVER));
    tell_truth("inside", zio_timeout_pop(inside));
    MUST(zio_shield_end() == 0);
    tell_truth("outside", zio_timeout_pop(outside));
}

/* Many waits end in one instant. */
static void all_at_once(struct link *link) {
    enum { COUNT = 120 };
    struct link links[COUNT];
    struct calling reads[COUNT];
    zio_task_t *tasks[COUNT];
    const zio_deadline_t deadline = zio_after_ms(is_simulated ? 2000 : 40);
    int late = 0;
    for (int i = 0; i < COUNT; i++) {
        make_link(&links[i], link->kind);
        reads[i] = (struct calling){links[i].b, CALL_READ, 1, deadline, 0};
        tasks[i] = start(make_call, &reads[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        late += finish(tasks[i]) == ZIO_ETIMEDOUT;
        close_link(&links[i]);
    }
    tell("late", late);
}

const struct test_case deadline_cases[] = {
    {"deadline.of_park",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT early=no odd=EINVAL late=0 token=0 "
     "only_one=EAGAIN",
     of_park, NULL, 0, 0},
    {"deadline.of_join",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT odd=EINVAL untouched=1 join=0 "
     "result=ECANCELED late=0",
     of_join, NULL, 0, 0},
    {"deadline.of_groups",
     "empty=0 immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT odd=EINVAL cancel=0 late=0 "
     "destroy=0",
     of_groups, NULL, 0, 0},
    {"deadline.of_a_scope",
     "read=ETIMEDOUT exact=ETIMEDOUT immediate=EAGAIN yield=0 sleep=ETIMEDOUT write=1 ready=1 "
     "other_token=no was_it=yes after=ETIMEDOUT",
     NULL, scope, ALL, 0},
    {"deadline.of_nested_scopes",
     "read=ETIMEDOUT inner=no outer=yes read=ETIMEDOUT outer_first=no inner=yes own=ETIMEDOUT "
     "outer=no",
     NULL, nested, ALL, 0},
    {"deadline.and_shields", "held_back=ETIMEDOUT inside=ETIMEDOUT inside=yes outside=no", NULL,
     over_a_shield, ALL, 0},
    {"deadline.all_in_one_instant", "late=120", NULL, all_at_once, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
