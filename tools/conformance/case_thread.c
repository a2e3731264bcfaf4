/* SPDX-License-Identifier: MIT */
/* Plain threads: alone, and together with tasks. */
#define _DEFAULT_SOURCE

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static pthread_t run_thread(void *(*entry)(void *ud), void *ud) {
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, entry, ud) == 0);
    return thread;
}

/* The task's thread must not be blocked by a join, so the thread says when it is done. */
struct helper {
    zio_stream_t *stream;
    zio_task_t *task;
    zio_ssize_t result;
    char byte;
    int is_done;
};

static void wait_for(struct helper *helper, pthread_t thread) {
    while (__atomic_load_n(&helper->is_done, __ATOMIC_ACQUIRE) == 0) settle();
    MUST(pthread_join(thread, NULL) == 0);
}

static void *done(struct helper *helper) {
    __atomic_store_n(&helper->is_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* --- alone ---------------------------------------------------------------------------------- */

static void alone(void) {
    struct link link = {LINK_PAIR, NULL, NULL};
    char byte = 0;
    MUST(zio_stream_pair(&link.a, &link.b) == 0);
    tell("immediate", zio_stream_read(link.b, &byte, 1, ZIO_IMMEDIATE));
    tell("past", zio_stream_read(link.b, &byte, 1, PAST));
    const zio_deadline_t future = zio_after_ms(5);
    tell("future", zio_stream_read(link.b, &byte, 1, future));
    tell_truth("early", zio_now() < future);
    tell("write", zio_stream_write_all(link.a, "x", 1, NULL, ZIO_NEVER));
    tell("read", zio_stream_read(link.b, &byte, 1, ZIO_NEVER));
    const zio_deadline_t at = zio_after_ms(2);
    tell("sleep", zio_sleep_until(at));
    tell_truth("early", zio_now() < at);
    close_link(&link);
}

static void connects_to_itself(void) {
    for (int kind = 0; kind < LINK_PAIR; kind++) {
        struct link link = {LINK_PAIR, NULL, NULL};
        if (!has_link((enum link_kind)kind)) continue;
        make_link(&link, (enum link_kind)kind);
        send_text(link.a, "text");
        tell_text(link_name((enum link_kind)kind), link.b, 4);
        close_link(&link);
    }
}

static void in_no_task(void) {
    uint64_t token = 0;
    char byte;
    zio_stream_t *ends[2];
    tell_truth("task", zio_task_self() != NULL);
    tell_truth("runtime", zio_rt_current() != NULL);
    tell("park", zio_task_park(ZIO_NEVER));
    tell("shield", zio_shield_begin());
    tell("recancel", zio_recancel());
    tell("check", zio_check_cancel());
    tell("yield", zio_yield());
    tell("spawn", zio_spawn(NULL, NULL, sleeps_for_ever, NULL, NULL));
    MUST(zio_stream_pair(&ends[0], &ends[1]) == 0);
    MUST(zio_timeout_push(&token, zio_after_ms(5)) == 0);
    tell("read", zio_stream_read(ends[0], &byte, 1, ZIO_NEVER));
    tell_truth("scope", zio_timeout_pop(token));
    MUST(zio_stream_close(ends[0]) == 0 && zio_stream_close(ends[1]) == 0);
}

/* --- with tasks ----------------------------------------------------------------------------- */

static void *unparks(void *ud) {
    struct helper *helper = ud;
    MUST(zio_sleep_until(zio_after_ms(5)) == 0);
    helper->result = zio_task_unpark(helper->task);
    return done(helper);
}

static void unpark(void) {
    struct helper helper = {.task = zio_task_self()};
    const pthread_t thread = run_thread(unparks, &helper);
    tell("park", zio_task_park(soon()));
    wait_for(&helper, thread);
    tell("unpark", helper.result);
}

static void *reads(void *ud) {
    struct helper *helper = ud;
    helper->result = zio_stream_read(helper->stream, &helper->byte, 1, ZIO_NEVER);
    return done(helper);
}

static void thread_reads(struct link *link) {
    struct helper helper = {.stream = link->b};
    const pthread_t thread = run_thread(reads, &helper);
    settle();
    send_text(link->a, "x");
    wait_for(&helper, thread);
    tell("read", helper.result);
    tell_bytes("byte", &helper.byte, 1);
}

static void *writes(void *ud) {
    struct helper *helper = ud;
    MUST(zio_sleep_until(zio_after_ms(5)) == 0);
    helper->result = zio_stream_write(helper->stream, "x", 1, ZIO_NEVER);
    return done(helper);
}

static void thread_writes(struct link *link) {
    struct helper helper = {.stream = link->a};
    const pthread_t thread = run_thread(writes, &helper);
    tell_text("read", link->b, 1);
    wait_for(&helper, thread);
    tell("write", helper.result);
}

static void *closes(void *ud) {
    struct helper *helper = ud;
    MUST(zio_sleep_until(zio_after_ms(5)) == 0);
    helper->result = zio_stream_close(helper->stream);
    return done(helper);
}

static void thread_closes(struct link *link) {
    struct helper helper = {.stream = link->b};
    char byte;
    link->b = NULL;
    const pthread_t thread = run_thread(closes, &helper);
    tell("read", zio_stream_read(helper.stream, &byte, 1, soon()));
    wait_for(&helper, thread);
    tell("close", helper.result);
}

static void closed_under_a_thread(struct link *link) {
    struct helper helper = {.stream = link->b};
    const pthread_t thread = run_thread(reads, &helper);
    settle();
    close_b(link);
    wait_for(&helper, thread);
    tell("read", helper.result);
}

static void *cancels(void *ud) {
    struct helper *helper = ud;
    MUST(zio_sleep_until(zio_after_ms(5)) == 0);
    zio_err_t result = 1;
    helper->result = zio_task_cancel(helper->task, &result);
    helper->byte = result == ZIO_ECANCELED ? 'c' : 'o';
    return done(helper);
}

static void thread_cancels(struct link *link) {
    struct calling calling = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    struct helper helper = {.task = start(make_call, &calling)};
    const pthread_t thread = run_thread(cancels, &helper);
    wait_for(&helper, thread);
    tell("cancel", helper.result);
    tell_bytes("result", &helper.byte, 1);
    MUST(zio_task_unref(helper.task) == 0);
}

static void *spawns(void *ud) {
    struct helper *helper = ud;
    struct calling calling = {helper->stream, CALL_READ, 1, ZIO_NEVER, 0};
    zio_task_t *task = start(make_call, &calling);
    helper->result = finish(task);
    return done(helper);
}

static void thread_spawns(struct link *link) {
    struct helper helper = {.stream = link->b};
    const pthread_t thread = run_thread(spawns, &helper);
    settle();
    send_text(link->a, "x");
    wait_for(&helper, thread);
    tell("read", helper.result);
}

static void *accepts(void *ud) {
    struct helper *helper = ud;
    zio_listener_t *listener = (zio_listener_t *)(void *)helper->stream;
    zio_stream_t *stream = NULL;
    helper->result = zio_accept(listener, &stream, NULL, soon());
    MUST(zio_stream_close(stream) == 0);
    return done(helper);
}

static void thread_accepts(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    struct helper helper = {.stream = (zio_stream_t *)(void *)listener};
    const pthread_t thread = run_thread(accepts, &helper);
    settle();
    zio_stream_t *client = connect_to(&address);
    wait_for(&helper, thread);
    tell("accept", helper.result);
    MUST(zio_stream_close(client) == 0);
    MUST(zio_listener_close(listener) == 0);
}

/* A thread and a task take turns at reading: nobody gets what the other has. */
static void *reads_its_share(void *ud) {
    struct helper *helper = ud;
    unsigned char byte;
    while (zio_stream_read(helper->stream, &byte, 1, soon()) == 1) helper->result += byte;
    return done(helper);
}

static void share_a_stream(struct link *link) {
    enum { COUNT = 400 };
    struct helper helper = {.stream = link->b};
    const pthread_t thread = run_thread(reads_its_share, &helper);
    int64_t sent = 0, got = 0;
    unsigned char byte;
    for (int i = 0; i < COUNT; i++) {
        byte = byte_at((uint64_t)i);
        sent += byte;
        MUST(zio_stream_write(link->a, &byte, 1, soon()) == 1);
    }
    MUST(zio_stream_shutdown(link->a, soon()) == 0);
    while (zio_stream_read(link->b, &byte, 1, soon()) == 1) got += byte;
    wait_for(&helper, thread);
    tell("missing", sent - got - helper.result);
}

const struct test_case thread_cases[] = {
    {"thread.alone",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT early=no write=0 read=1 sleep=0 early=no",
     alone, NULL, 0, PLAIN},
    {"thread.connects_to_itself", "tcp4=text tcp6=text path=text abstract=text", connects_to_itself,
     NULL, 0, PLAIN},
    {"thread.in_no_task",
     "task=no runtime=no park=ENOTASK shield=ENOTASK recancel=ENOTASK check=0 yield=0 "
     "spawn=ENOTASK read=ETIMEDOUT scope=yes",
     in_no_task, NULL, 0, PLAIN},
    {"thread.unparks_a_task", "park=0 unpark=0", unpark, NULL, 0, REAL},
    {"thread.reads", "read=1 byte=x", NULL, thread_reads, ALL, REAL},
    {"thread.writes", "read=x write=1", NULL, thread_writes, ALL, REAL},
    {"thread.closes_under_a_task", "read=ECLOSED close=0", NULL, thread_closes, ALL, REAL},
    {"thread.reads_when_a_task_closes", "read=ECLOSED", NULL, closed_under_a_thread, ALL, REAL},
    {"thread.cancels_a_task", "cancel=0 result=c", NULL, thread_cancels, ALL, REAL},
    {"thread.spawns_and_joins", "read=1", NULL, thread_spawns, ALL, REAL},
    {"thread.accepts", "accept=0", NULL, thread_accepts, TCP | PATH | ABSTRACT, REAL},
    {"thread.shares_a_stream", "missing=0", NULL, share_a_stream, ALL, REAL},
    {NULL, NULL, NULL, NULL, 0, 0},
};
