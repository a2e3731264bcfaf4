/* SPDX-License-Identifier: MIT */
/* The calls of random_test.c: each function once, with arguments of any quality. */
#ifndef ZIO_TESTS_MISUSE_RANDOM_CALLS_H
#define ZIO_TESTS_MISUSE_RANDOM_CALLS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capi/task_kit.h"
#include "zio.h"

enum { thread_count = 4, pool_size = 128, calls_at_once = 400 };

/* Handles of all kinds, shared by all. What is overwritten is given back. */
static void *pool[pool_size];
static uint64_t call_count, refused_count, fine_count;

struct caller {
    uint64_t seed;
    bool in_task;
    zio_rt_t *rt; /* its own */
    uint64_t calls, refused, fine;
};

static uint64_t pick(struct caller *c, uint64_t count) {
    return next_random(&c->seed) % count;
}

static void *pooled(struct caller *c) {
    return __atomic_load_n(&pool[pick(c, pool_size)], __ATOMIC_ACQUIRE);
}
/* A handle of any quality. */
static void *any(struct caller *c) {
    void *handle = pooled(c);
    switch (pick(c, 12)) {
        case 0:
            return NULL;
        case 1:
            return (void *)(uintptr_t)next_random(&c->seed);
        case 2:
            return (void *)((uintptr_t)handle + 1); /* the next life of its slot */
        case 3:
            return (void *)((uintptr_t)handle ^ (UINT64_C(1) << (32 + pick(c, 32))));
        default:
            return handle;
    }
}
/* One that a call which waits without a deadline may have: nobody who makes such calls. */
static void *safe(struct caller *c) {
    return pick(c, 8) == 0 ? (void *)(uintptr_t)(next_random(&c->seed) | UINT64_C(1) << 63)
                           : pooled(c);
}
static zio_deadline_t soon(struct caller *c) {
    switch (pick(c, 4)) {
        case 0:
            return ZIO_IMMEDIATE;
        case 1:
            return zio_after_ns(-1);
        case 2:
            return pick(c, 8) == 0 ? -5 : zio_after_ns(1000);
        default:
            return zio_after_ns((int64_t)pick(c, 100000));
    }
}
static void put(struct caller *c, void *handle) {
    void *old = __atomic_exchange_n(&pool[pick(c, pool_size)], handle, __ATOMIC_ACQ_REL);
    /* Each finds out whether it is its own. */
    (void)(zio_stream_close(old) == 0 || zio_listener_close(old) == 0 ||
           zio_reader_destroy(old) == 0 || zio_writer_destroy(old) == 0);
    if (zio_task_request_cancel(old) == 0) (void)zio_task_unref(old);
    if (c->in_task) (void)zio_group_destroy(old);
}

static zio_err_t victim(void *ud) {
    (void)ud;
    return zio_task_park(ZIO_NEVER);
}

/* --- the calls ------------------------------------------------------------------------------ */

#define CALL(name) static int64_t call_##name(__attribute__((unused)) struct caller *c)
static _Thread_local char bytes[256];

CALL(spawn) {
    zio_task_t *task = NULL;
    const zio_err_t status = zio_spawn(any(c), &task, victim, NULL, NULL);
    if (status == 0) put(c, task);
    return status;
}
CALL(spawn_here) {
    zio_task_t *task = NULL;
    const zio_err_t status = zio_spawn(c->rt, &task, victim, NULL, NULL);
    if (status == 0) put(c, task);
    return status;
}
CALL(join) {
    return zio_task_join(any(c), NULL, soon(c));
}
CALL(prepare) {
    void *ctx, *result;
    zio_task_t *task = NULL;
    const zio_err_t status = zio_task_prepare(pick(c, 2) ? any(c) : c->rt, &task, victim,
                                              1 + pick(c, 900), 0, 8, 0, NULL, &ctx, &result);
    if (status != 0) return status;
    memset(ctx, 1, 1);
    /* Not into the pool before it is launched: who waits for it to its end would wait for ever. */
    if (pick(c, 3) == 0) return zio_task_discard(task);
    const zio_err_t launched = zio_task_launch(task);
    if (launched == 0) {
        put(c, task);
    } else {
        REQUIRE(zio_task_discard(task) == 0);
    }
    return launched;
}
CALL(launch) {
    return zio_task_launch(any(c));
}
CALL(discard) {
    return zio_task_discard(any(c));
}
CALL(result) {
    return zio_task_result(any(c)) != NULL;
}
CALL(ref) {
    zio_task_t *task = any(c);
    zio_task_t *more = zio_task_ref(task);
    REQUIRE(more == NULL || more == task);
    return more != NULL ? zio_task_unref(more) : 0;
}
CALL(unref) {
    return zio_task_unref(any(c));
}
CALL(self) {
    return zio_task_self() != NULL;
}
CALL(id) {
    return zio_task_id(any(c)) != 0;
}
CALL(set_name) {
    return zio_task_set_name(any(c), pick(c, 4) ? "name" : NULL, pick(c, 5));
}
CALL(stack) {
    void *low;
    size_t size;
    return zio_task_stack(any(c), pick(c, 8) ? &low : NULL, &size);
}
CALL(stack_remaining) {
    return zio_stack_remaining() != 0;
}
CALL(set_local) {
    return zio_task_set_local((uint32_t)pick(c, 3000), NULL);
}
CALL(get_local) {
    return zio_task_get_local((uint32_t)pick(c, 3000)) == NULL;
}
CALL(yield) {
    return zio_yield();
}
CALL(sleep) {
    return zio_sleep_until(soon(c));
}
CALL(park) {
    return zio_task_park(soon(c));
}
CALL(unpark) {
    return zio_task_unpark(any(c));
}
CALL(on_native_stack) {
    return zio_on_native_stack(returns_number, &(int){(int)pick(c, 5)});
}

CALL(cancel) {
    return c->in_task ? zio_task_cancel(safe(c), NULL) : 0;
}
CALL(request_cancel) {
    return zio_task_request_cancel(any(c));
}
CALL(recancel) {
    return zio_recancel();
}
CALL(check_cancel) {
    return zio_check_cancel();
}
CALL(shield) {
    const zio_err_t status = zio_shield_begin();
    const int64_t inner = zio_sleep_until(soon(c));
    REQUIRE(inner <= 0 && inner != ZIO_ECANCELED);
    REQUIRE(zio_shield_end() == status);
    return status;
}
CALL(shield_end) {
    return zio_shield_end();
}
CALL(shield_swap) {
    const uint32_t old = zio_shield_swap((uint32_t)pick(c, 3));
    return zio_shield_swap(old) > 2;
}
CALL(pin) {
    const zio_err_t status = zio_pin_begin();
    return status != 0 ? status : zio_pin_end();
}
CALL(pin_end) {
    return zio_pin_end();
}
CALL(nosuspend) {
    if (zio_nosuspend_begin() != 0) return ZIO_ENOTASK;
    const zio_err_t status = zio_yield();
    REQUIRE(zio_nosuspend_end() == 0);
    return status;
}
CALL(nosuspend_end) {
    return zio_nosuspend_end();
}
CALL(timeout) {
    uint64_t token;
    const zio_err_t status = zio_timeout_push(&token, soon(c));
    if (status != 0) return status;
    const int64_t inner = zio_sleep_until(zio_after_ns((int64_t)pick(c, 100000)));
    (void)zio_timeout_pop(token);
    return inner;
}
CALL(timeout_pop) {
    return zio_timeout_pop(next_random(&c->seed));
}

CALL(group_create) {
    zio_group_t *group = NULL;
    const zio_err_t status =
        zio_group_create(pick(c, 2) ? any(c) : c->rt, &group, (uint32_t)pick(c, 3));
    if (status == 0) put(c, group);
    return status;
}
CALL(group_spawn) {
    return zio_group_spawn(any(c), victim, NULL, NULL);
}
CALL(group_wait) {
    return zio_group_wait(any(c), soon(c));
}
CALL(group_cancel) {
    return c->in_task ? zio_group_cancel(safe(c)) : 0;
}
CALL(group_destroy) {
    return c->in_task ? zio_group_destroy(safe(c)) : 0;
}

CALL(rt_create) {
    zio_rt_t *rt = NULL;
    if (pick(c, 8) != 0) return 0;
    const zio_err_t status = zio_rt_create(&rt, NULL);
    if (status != 0) return status;
    /* Dead when the others get it: with a task of theirs it could not be destroyed here, and nobody
     * would ever run that. */
    const zio_err_t destroyed = zio_rt_destroy(rt);
    put(c, rt);
    return destroyed;
}
/* Live runtimes are run by those who made them: a stranger would make the tasks its own. */
CALL(rt_run) {
    void *handle = any(c);
    return zio_rt_backend_name(handle) != NULL ? 0 : zio_rt_run(handle, NULL, NULL);
}
CALL(rt_shutdown) {
    return pick(c, 40) == 0 && c->in_task ? zio_rt_shutdown(any(c), soon(c)) : 0;
}
CALL(rt_destroy) {
    return zio_rt_destroy(any(c));
}
CALL(rt_current) {
    return zio_rt_current() != NULL;
}
CALL(rt_backend) {
    void *handle = any(c);
    return (zio_rt_backend_name(handle) != NULL) + (zio_rt_backend_reason(handle) != NULL);
}
CALL(rt_dump) {
    return pick(c, 8) ? 0 : zio_rt_dump(any(c), bytes, pick(c, sizeof bytes));
}
CALL(rt_after_fork) {
    return zio_rt_after_fork(any(c));
}
CALL(rt_on_hold) {
    return zio_rt_on_hold(any(c), NULL, NULL);
}
CALL(rt_stats) {
    zio_rt_stats_t stats;
    REQUIRE(zio_rt_stats_init(&stats, sizeof stats) == 0);
    return zio_rt_stats(any(c), &stats);
}

CALL(stream_pair) {
    zio_stream_t *a = NULL, *b = NULL;
    const zio_err_t status = zio_stream_pair(&a, &b);
    if (status == 0) put(c, a), put(c, b);
    return status;
}
CALL(read) {
    return zio_stream_read(any(c), bytes, pick(c, sizeof bytes), soon(c));
}
CALL(readv) {
    const zio_buf_t bufs[2] = {{bytes, 10}, {bytes + 10, 20}};
    return zio_stream_readv(any(c), bufs, pick(c, 3), soon(c));
}
CALL(read_exact) {
    return zio_stream_read_exact(any(c), bytes, pick(c, 64), NULL, soon(c));
}
CALL(peek) {
    return zio_stream_peek(any(c), bytes, pick(c, 64), soon(c));
}
CALL(write) {
    return zio_stream_write(any(c), bytes, pick(c, sizeof bytes), soon(c));
}
CALL(writev) {
    const zio_cbuf_t bufs[2] = {{bytes, 10}, {bytes + 10, 20}};
    return zio_stream_writev(any(c), bufs, pick(c, 3), soon(c));
}
CALL(write_all) {
    return zio_stream_write_all(any(c), bytes, pick(c, 64), NULL, soon(c));
}
CALL(stream_shutdown) {
    return zio_stream_shutdown(any(c), soon(c));
}
CALL(stream_close) {
    return zio_stream_close(any(c));
}
CALL(stream_abort) {
    return zio_stream_abort(any(c));
}
CALL(stream_addr) {
    zio_addr_t local, peer;
    return zio_stream_addr(any(c), &local, pick(c, 2) ? &peer : NULL);
}
CALL(stream_fd) {
    return zio_stream_fd(any(c)) < 0;
}
CALL(set_option) {
    return zio_stream_set_option(any(c), (uint32_t)pick(c, 8), 1);
}
CALL(get_option) {
    int64_t value;
    return zio_stream_get_option(any(c), (uint32_t)pick(c, 8), &value);
}
CALL(listen) {
    zio_addr_t address;
    zio_listener_t *listener = NULL;
    REQUIRE(zio_addr_parse(&address, "127.0.0.1:0", (size_t)-1, 0) == 0);
    const zio_err_t status = zio_listen(&listener, &address, NULL);
    if (status == 0) put(c, listener);
    return status;
}
CALL(connect) {
    zio_addr_t address;
    zio_stream_t *stream = NULL;
    const zio_err_t found = zio_listener_addr(any(c), &address);
    if (found != 0) return found;
    const zio_err_t status = zio_connect(&stream, &address, NULL, soon(c));
    if (status == 0) put(c, stream);
    return status;
}
CALL(accept) {
    zio_stream_t *stream = NULL;
    const zio_err_t status = zio_accept(any(c), &stream, NULL, soon(c));
    if (status == 0) put(c, stream);
    return status;
}
CALL(listener_close) {
    return zio_listener_close(any(c));
}
CALL(reader_create) {
    zio_reader_t *reader = NULL;
    const zio_err_t status = zio_reader_create(&reader, any(c), pick(c, 100));
    if (status == 0) put(c, reader);
    return status;
}
static zio_cbuf_t seen_bytes;
CALL(read_until) {
    zio_cbuf_t out = seen_bytes;
    return zio_reader_read_until(any(c), 'x', &out, soon(c));
}
CALL(reader_read) {
    return zio_reader_read(any(c), bytes, pick(c, 64), soon(c));
}
CALL(reader_exact) {
    return zio_reader_read_exact(any(c), bytes, pick(c, 64), NULL, soon(c));
}
CALL(reader_peek) {
    zio_cbuf_t out = seen_bytes;
    return zio_reader_peek(any(c), pick(c, 64), &out, soon(c));
}
CALL(consume) {
    return zio_reader_consume(any(c), pick(c, 4));
}
CALL(reader_destroy) {
    return zio_reader_destroy(any(c));
}
CALL(writer_create) {
    zio_writer_t *writer = NULL;
    const zio_err_t status = zio_writer_create(&writer, any(c), pick(c, 100));
    if (status == 0) put(c, writer);
    return status;
}
CALL(writer_write) {
    return zio_writer_write(any(c), bytes, pick(c, 64), NULL, soon(c));
}
CALL(flush) {
    return zio_writer_flush(any(c), soon(c));
}
CALL(writer_destroy) {
    return zio_writer_destroy(any(c));
}
static int pipe_ends[2];
CALL(fd_read) {
    return zio_fd_read(pick(c, 2) ? pipe_ends[0] : -1, bytes, 16, soon(c));
}
CALL(fd_write) {
    return zio_fd_write(pick(c, 2) ? pipe_ends[1] : -1, bytes, 8, soon(c));
}
CALL(fd_wait) {
    uint32_t got;
    return zio_fd_wait(pick(c, 2) ? pipe_ends[0] : -1, (uint32_t)pick(c, 4), &got, soon(c));
}

#endif
