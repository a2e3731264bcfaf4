/* SPDX-License-Identifier: MIT */
/* Handles never crash: all functions are called at random, from four threads, with handles that are
 * alive, dead, of another kind, slightly wrong and invented, while objects of every kind are made
 * and destroyed beside them. Each call gives a result that its comment documents. */
#define _GNU_SOURCE
#include "functions.h"
#include "random_calls.h"

/* --- what they may say ---------------------------------------------------------------------- */

static const struct {
    int64_t (*call)(struct caller *);
    const char *name;
    const char *functions[4]; /* that it calls; their errors are its own */
} calls[] = {
#define ENTRY(name, ...)      \
    {                         \
        call_##name, #name, { \
            __VA_ARGS__       \
        }                     \
    }
    ENTRY(spawn, "zio_spawn"),
    ENTRY(spawn_here, "zio_spawn"),
    ENTRY(join, "zio_task_join"),
    ENTRY(prepare, "zio_task_prepare", "zio_task_launch", "zio_task_discard"),
    ENTRY(launch, "zio_task_launch"),
    ENTRY(discard, "zio_task_discard"),
    ENTRY(result, "zio_task_result"),
    ENTRY(ref, "zio_task_ref", "zio_task_unref"),
    ENTRY(unref, "zio_task_unref"),
    ENTRY(self, "zio_task_self"),
    ENTRY(id, "zio_task_id"),
    ENTRY(set_name, "zio_task_set_name"),
    ENTRY(stack, "zio_task_stack"),
    ENTRY(stack_remaining, "zio_stack_remaining"),
    ENTRY(set_local, "zio_task_set_local"),
    ENTRY(get_local, "zio_task_get_local"),
    ENTRY(yield, "zio_yield"),
    ENTRY(sleep, "zio_sleep_until"),
    ENTRY(park, "zio_task_park"),
    ENTRY(unpark, "zio_task_unpark"),
    ENTRY(on_native_stack, "zio_on_native_stack"),
    ENTRY(cancel, "zio_task_cancel"),
    ENTRY(request_cancel, "zio_task_request_cancel"),
    ENTRY(recancel, "zio_recancel"),
    ENTRY(check_cancel, "zio_check_cancel"),
    ENTRY(shield, "zio_shield_begin"),
    ENTRY(shield_end, "zio_shield_end"),
    ENTRY(shield_swap, "zio_shield_swap"),
    ENTRY(pin, "zio_pin_begin", "zio_pin_end"),
    ENTRY(pin_end, "zio_pin_end"),
    ENTRY(nosuspend, "zio_nosuspend_begin", "zio_yield"),
    ENTRY(nosuspend_end, "zio_nosuspend_end"),
    ENTRY(timeout, "zio_timeout_push", "zio_sleep_until"),
    ENTRY(timeout_pop, "zio_timeout_pop"),
    ENTRY(group_create, "zio_group_create"),
    ENTRY(group_spawn, "zio_group_spawn"),
    ENTRY(group_wait, "zio_group_wait"),
    ENTRY(group_cancel, "zio_group_cancel"),
    ENTRY(group_destroy, "zio_group_destroy"),
    ENTRY(rt_create, "zio_rt_create", "zio_rt_destroy"),
    ENTRY(rt_run, "zio_rt_run"),
    ENTRY(rt_shutdown, "zio_rt_shutdown"),
    ENTRY(rt_destroy, "zio_rt_destroy"),
    ENTRY(rt_current, "zio_rt_current"),
    ENTRY(rt_backend, "zio_rt_backend_name", "zio_rt_backend_reason"),
    ENTRY(rt_dump, "zio_rt_dump"),
    ENTRY(rt_after_fork, "zio_rt_after_fork"),
    ENTRY(rt_on_hold, "zio_rt_on_hold"),
    ENTRY(rt_stats, "zio_rt_stats"),
    ENTRY(stream_pair, "zio_stream_pair"),
    ENTRY(read, "zio_stream_read"),
    ENTRY(readv, "zio_stream_readv"),
    ENTRY(read_exact, "zio_stream_read_exact"),
    ENTRY(peek, "zio_stream_peek"),
    ENTRY(write, "zio_stream_write"),
    ENTRY(writev, "zio_stream_writev"),
    ENTRY(write_all, "zio_stream_write_all"),
    ENTRY(stream_shutdown, "zio_stream_shutdown"),
    ENTRY(stream_close, "zio_stream_close"),
    ENTRY(stream_abort, "zio_stream_abort"),
    ENTRY(stream_addr, "zio_stream_addr"),
    ENTRY(stream_fd, "zio_stream_fd"),
    ENTRY(set_option, "zio_stream_set_option"),
    ENTRY(get_option, "zio_stream_get_option"),
    ENTRY(listen, "zio_listen"),
    ENTRY(connect, "zio_connect", "zio_listener_addr"),
    ENTRY(accept, "zio_accept"),
    ENTRY(listener_close, "zio_listener_close"),
    ENTRY(reader_create, "zio_reader_create"),
    ENTRY(read_until, "zio_reader_read_until"),
    ENTRY(reader_read, "zio_reader_read"),
    ENTRY(reader_exact, "zio_reader_read_exact"),
    ENTRY(reader_peek, "zio_reader_peek"),
    ENTRY(consume, "zio_reader_consume"),
    ENTRY(reader_destroy, "zio_reader_destroy"),
    ENTRY(writer_create, "zio_writer_create"),
    ENTRY(writer_write, "zio_writer_write"),
    ENTRY(flush, "zio_writer_flush"),
    ENTRY(writer_destroy, "zio_writer_destroy"),
    ENTRY(fd_read, "zio_fd_read"),
    ENTRY(fd_write, "zio_fd_write"),
    ENTRY(fd_wait, "zio_fd_wait"),
};
enum { kind_count = sizeof calls / sizeof calls[0] };

static bool documents(const char *name, int64_t result) {
    int i = 0;
    while (i < function_count && strcmp(functions[i].name, name) != 0) ++i;
    REQUIRE(i < function_count);
    /* What its victims return. */
    if ((functions[i].flags & PASSES_RESULTS) && result == ZIO_ECANCELED) return true;
    for (int j = 0; functions[i].errors[j] != 0; ++j) {
        if (functions[i].errors[j] == result) return true;
    }
    return false;
}

static void call_one(struct caller *c) {
    const uint64_t kind = pick(c, kind_count);
    const int64_t result = calls[kind].call(c);
    bool is_documented = result >= 0;
    ++c->calls;
    ++*(result < 0 ? &c->refused : &c->fine);
    for (int i = 0; i < 4 && calls[kind].functions[i] != NULL && !is_documented; ++i) {
        is_documented = documents(calls[kind].functions[i], result);
    }
    if (is_documented) return;
    fprintf(stderr, "%s gave %s (%s)\n", calls[kind].name, zio_err_name((zio_err_t)result),
            zio_last_error_detail());
    abort();
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
