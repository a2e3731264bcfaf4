/* SPDX-License-Identifier: MIT */
/* Handles never crash: all functions are called at random, from four threads, with handles that are
 * alive, dead, of another kind, slightly wrong and invented, while objects of every kind are made
 * and destroyed beside them. Each call gives a result that its header names. */
#define _GNU_SOURCE
#include "misuse_calls.h"

/* --- what they may say ---------------------------------------------------------------------- */

#define WAIT ZIO_EINVAL, ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN
#define SPAWN ZIO_EBADF, ZIO_EINVAL, ZIO_ESTOPPING, ZIO_EAGAIN, ZIO_ESTACK, ZIO_ENOTASK
#define STREAM WAIT, ZIO_EBADF, ZIO_ECLOSED, ZIO_ECONNRESET, ZIO_ENOBUFS, ZIO_EPIPE
static const struct {
    int64_t (*call)(struct caller *);
    const char *name;
    int errors[most_errors];
} calls[] = {
#define ENTRY(name, ...)      \
    {                         \
        call_##name, #name, { \
            __VA_ARGS__, 0    \
        }                     \
    }
    ENTRY(spawn, SPAWN),
    ENTRY(spawn_here, SPAWN),
    ENTRY(join, ZIO_EBADF, ZIO_EINVAL, ZIO_EDEADLK, ZIO_ETIMEDOUT, ZIO_EAGAIN),
    ENTRY(prepare, SPAWN),
    ENTRY(launch, ZIO_EBADF, ZIO_EALREADY, ZIO_ESTOPPING),
    ENTRY(discard, ZIO_EBADF, ZIO_EALREADY),
    ENTRY(result, 0),
    ENTRY(ref, ZIO_EBADF),
    ENTRY(unref, ZIO_EBADF),
    ENTRY(self, 0),
    ENTRY(id, 0),
    ENTRY(set_name, ZIO_EBADF, ZIO_EINVAL),
    ENTRY(stack, ZIO_EBADF, ZIO_EINVAL, ZIO_EAGAIN, ZIO_ECLOSED),
    ENTRY(stack_remaining, 0),
    ENTRY(set_local, ZIO_ENOTASK, ZIO_EINVAL),
    ENTRY(get_local, 0),
    ENTRY(yield, ZIO_ECANCELED),
    ENTRY(sleep, ZIO_EINVAL, ZIO_ECANCELED, ZIO_ETIMEDOUT),
    ENTRY(park, ZIO_ENOTASK, WAIT),
    ENTRY(unpark, ZIO_EBADF),
    ENTRY(on_native_stack, 0),
    ENTRY(cancel, ZIO_EBADF, ZIO_EDEADLK),
    ENTRY(request_cancel, ZIO_EBADF),
    ENTRY(recancel, ZIO_ENOTASK),
    ENTRY(check_cancel, ZIO_ECANCELED),
    ENTRY(shield, ZIO_ENOTASK),
    ENTRY(shield_end, ZIO_ENOTASK, ZIO_EINVAL),
    ENTRY(shield_swap, 0),
    ENTRY(pin, ZIO_ENOTASK),
    ENTRY(pin_end, ZIO_ENOTASK, ZIO_EINVAL),
    ENTRY(nosuspend, ZIO_ENOTASK, ZIO_ENOSUSPEND),
    ENTRY(nosuspend_end, ZIO_ENOTASK, ZIO_EINVAL),
    ENTRY(timeout, ZIO_EINVAL, ZIO_ECANCELED, ZIO_ETIMEDOUT),
    ENTRY(timeout_pop, 0),
    ENTRY(group_create, ZIO_EBADF, ZIO_EINVAL, ZIO_ENOTASK),
    ENTRY(group_spawn, SPAWN, ZIO_ECANCELED),
    ENTRY(group_wait, WAIT, ZIO_EBADF, ZIO_ECLOSED, ZIO_EDEADLK),
    ENTRY(group_cancel, ZIO_EBADF, ZIO_EDEADLK),
    ENTRY(group_destroy, ZIO_EBADF, ZIO_EDEADLK),
    ENTRY(rt_create, ZIO_EMFILE, ZIO_EBADF, ZIO_EBUSY, ZIO_ENOBUFS),
    ENTRY(rt_run, ZIO_EBADF, ZIO_EINVAL),
    ENTRY(rt_shutdown, ZIO_EBADF, ZIO_EINVAL, ZIO_EBUSY, ZIO_EDEADLK, ZIO_ECANCELED, ZIO_ENOBUFS),
    ENTRY(rt_destroy, ZIO_EBADF, ZIO_EBUSY, ZIO_ENOBUFS),
    ENTRY(rt_current, 0),
    ENTRY(rt_backend, 0),
    ENTRY(rt_dump, ZIO_EBADF, ZIO_ENOBUFS),
    ENTRY(rt_after_fork, ZIO_EBADF, ZIO_ENOBUFS),
    ENTRY(rt_on_hold, ZIO_EBADF, ZIO_ENOBUFS, ZIO_ENOTSUP),
    ENTRY(rt_stats, ZIO_EBADF, ZIO_ENOBUFS),
    ENTRY(stream_pair, ZIO_EMFILE, ZIO_ENFILE),
    ENTRY(read, STREAM),
    ENTRY(readv, STREAM),
    ENTRY(read_exact, STREAM, ZIO_EEOF),
    ENTRY(peek, STREAM),
    ENTRY(write, STREAM),
    ENTRY(writev, STREAM),
    ENTRY(write_all, STREAM),
    ENTRY(stream_shutdown, STREAM, ZIO_ENOTCONN),
    ENTRY(stream_close, ZIO_EBADF),
    ENTRY(stream_abort, ZIO_EBADF),
    ENTRY(stream_addr, ZIO_EBADF, ZIO_ENOBUFS, ZIO_ENOTCONN),
    ENTRY(stream_fd, 0),
    ENTRY(set_option, ZIO_EBADF, ZIO_EINVAL, ZIO_ENOBUFS, ZIO_ENOTSUP, ZIO_EPERM),
    ENTRY(get_option, ZIO_EBADF, ZIO_EINVAL, ZIO_ENOBUFS, ZIO_ENOTSUP),
    ENTRY(listen, ZIO_EMFILE, ZIO_ENFILE, ZIO_EADDRINUSE),
    ENTRY(connect, WAIT, ZIO_EBADF, ZIO_ENOBUFS, ZIO_ECONNREFUSED, ZIO_ECONNRESET, ZIO_EMFILE,
          ZIO_EADDRNOTAVAIL),
    ENTRY(accept, WAIT, ZIO_EBADF, ZIO_ECLOSED, ZIO_ENOBUFS),
    ENTRY(listener_close, ZIO_EBADF),
    ENTRY(reader_create, ZIO_EBADF, ZIO_EINVAL),
    ENTRY(read_until, STREAM, ZIO_EBUSY, ZIO_EEOF, ZIO_EMSGSIZE),
    ENTRY(reader_read, STREAM, ZIO_EBUSY),
    ENTRY(reader_exact, STREAM, ZIO_EBUSY, ZIO_EEOF),
    ENTRY(reader_peek, STREAM, ZIO_EBUSY, ZIO_EEOF, ZIO_EMSGSIZE),
    ENTRY(consume, ZIO_EBADF, ZIO_EBUSY, ZIO_EINVAL),
    ENTRY(reader_destroy, ZIO_EBADF),
    ENTRY(writer_create, ZIO_EBADF, ZIO_EINVAL),
    ENTRY(writer_write, STREAM, ZIO_EBUSY),
    ENTRY(flush, STREAM, ZIO_EBUSY),
    ENTRY(writer_destroy, ZIO_EBADF),
    ENTRY(fd_read, WAIT, ZIO_EBADF),
    ENTRY(fd_write, WAIT, ZIO_EBADF),
    ENTRY(fd_wait, WAIT, ZIO_EBADF),
};
enum { kind_count = sizeof calls / sizeof calls[0] };

static void call_one(struct caller *c) {
    const uint64_t kind = pick(c, kind_count);
    const int64_t result = calls[kind].call(c);
    ++c->calls;
    ++*(result < 0 ? &c->refused : &c->fine);
    for (int i = 0; result < 0 && result != calls[kind].errors[i]; ++i) {
        if (i + 1 < most_errors && calls[kind].errors[i] != 0) continue;
        fprintf(stderr, "%s gave %s (%s)\n", calls[kind].name, zio_err_name((zio_err_t)result),
                zio_last_error_detail());
        abort();
    }
}

static zio_err_t calls_in_task(void *ud) {
    struct caller *c = ud;
    c->in_task = true;
    for (int i = 0; i < calls_at_once; ++i) call_one(c);
    c->in_task = false;
    return 0;
}

/* --- the threads ---------------------------------------------------------------------------- */

static uint64_t wanted;
static void *misuses(void *ud) {
    struct caller c = {.seed = (uintptr_t)ud};
    while (c.calls < wanted) {
        zio_rt_options_t options;
        REQUIRE(zio_rt_options_init(&options, sizeof options) == 0);
        options.workers = 1 + (uint32_t)pick(&c, 3);
        REQUIRE(zio_rt_create(&c.rt, &options) == 0);
        put(&c, c.rt);
        for (int i = 0; i < 40; ++i) call_one(&c);
        const zio_err_t ran = zio_rt_run(c.rt, calls_in_task, &c);
        /* Strangers may have shut it down or destroyed it before it ran. */
        REQUIRE(ran == 0 || ran == ZIO_ESTOPPING || ran == ZIO_EBADF || ran == ZIO_EBUSY ||
                (ran == ZIO_EDEADLK && is_simulated()));
        c.in_task = false;
        for (int i = 0; i < 40; ++i) call_one(&c);
        zio_err_t status;
        while ((status = zio_rt_shutdown(c.rt, zio_after_ms(100))) != 0 && status != ZIO_EBADF)
            REQUIRE(status == ZIO_EBUSY);
        while ((status = zio_rt_destroy(c.rt)) != 0 && status != ZIO_EBADF)
            REQUIRE(status == ZIO_EBUSY);
    }
    __atomic_add_fetch(&call_count, c.calls, __ATOMIC_RELAXED);
    __atomic_add_fetch(&refused_count, c.refused, __ATOMIC_RELAXED);
    __atomic_add_fetch(&fine_count, c.fine, __ATOMIC_RELAXED);
    return NULL;
}

static void no_call_with_any_handle_crashes(void **state) {
    pthread_t threads[thread_count];
    const char *seed = getenv("ZIO_SEED");
    const uint64_t first = seed != NULL ? strtoull(seed, NULL, 10) * thread_count : 100;
    struct caller last = {.seed = 1};
    (void)state;
    wanted = scaled(100000) / thread_count;
    assert_int_equal(pipe(pipe_ends), 0);
    for (int i = 0; i < thread_count; ++i)
        threads[i] = start_thread(misuses, (void *)(uintptr_t)(first + (uint64_t)i));
    for (int i = 0; i < thread_count; ++i) finish_thread(threads[i]);
    for (int i = 0; i < 40 * pool_size; ++i) put(&last, NULL);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    print_message("%llu calls, %llu refused, %llu fine\n", (unsigned long long)call_count,
                  (unsigned long long)refused_count, (unsigned long long)fine_count);
    assert_true(call_count >= wanted * thread_count);
    assert_true(refused_count > call_count / 10 && fine_count > call_count / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_call_with_any_handle_crashes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
