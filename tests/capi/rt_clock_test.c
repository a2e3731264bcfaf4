/* SPDX-License-Identifier: MIT */
/* Clocks that jump by themselves or on demand, with tasks, workers and I/O that are real. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "task_kit.h"
#include "zio/cancel.h"
#include "zio/net.h"

#define HOUR (3600 * SECOND)

static int64_t real_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}
static void really_sleep(int64_t span_ns) {
    const struct timespec span = {span_ns / SECOND, span_ns % SECOND};
    nanosleep(&span, NULL);
}

static zio_rt_options_t clock_options(uint32_t clock, uint32_t workers) {
    zio_rt_options_t options;
    REQUIRE(zio_rt_options_init(&options, sizeof options) == 0);
    options.clock = clock;
    options.workers = workers;
    return options;
}
static zio_rt_t *make_clocked(uint32_t clock, uint32_t workers, uint64_t quiet_ns) {
    zio_rt_options_t options = clock_options(clock, workers);
    zio_rt_t *rt = NULL;
    options.clock_quiet_ns = quiet_ns;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    return rt;
}
/* Runs `entry` on a runtime of its own, in less than two real seconds. */
static void run_with(zio_rt_t *rt, zio_task_fn entry, void *ud) {
    const int64_t begin = real_now();
    assert_int_equal(zio_rt_run(rt, entry, ud), 0);
    end_runtime(rt);
    if (!UNDER_SANITIZER) assert_in_range(real_now() - begin, 0, 2 * SECOND);
}

/* --- it jumps ------------------------------------------------------------------------------- */

struct sleeper {
    int64_t span_ns;
    unsigned times;
};
static zio_err_t sleeps_exactly(void *ud) {
    const struct sleeper *const plan = ud;
    for (unsigned i = 0; i < plan->times; ++i) {
        const int64_t due = zio_after_ns(plan->span_ns);
        REQUIRE(zio_sleep_until(due) == 0);
        REQUIRE(zio_now() == due);
    }
    return 0;
}

static zio_err_t many_sleep(void *ud) {
    enum { count = 50 };
    static struct sleeper plans[count];
    zio_task_t *tasks[count];
    uint64_t random = 7;
    const int64_t begin = zio_now();
    int64_t longest = 0;
    (void)ud;
    for (unsigned i = 0; i < count; ++i) {
        plans[i].span_ns = (int64_t)(1 + next_random(&random) % (uint64_t)(2 * HOUR));
        plans[i].times = 1 + (unsigned)(next_random(&random) % 20);
        const int64_t whole = plans[i].span_ns * plans[i].times;
        if (whole > longest) longest = whole;
        tasks[i] = start(sleeps_exactly, &plans[i]);
    }
    for (unsigned i = 0; i < count; ++i) REQUIRE(finish(tasks[i]) == 0);
    REQUIRE(zio_now() == begin + longest);
    return 0;
}
static void hours_pass_in_no_time_and_to_the_nanosecond(void **state) {
    (void)state;
    for (uint32_t workers = 1; workers <= 3; ++workers) {
        run_with(make_clocked(ZIO_CLOCK_AUTO, workers, 0), many_sleep, NULL);
    }
}

static zio_err_t computes(void *ud) {
    const int64_t begin = zio_now();
    const int64_t due = zio_after_ms(5);
    (void)ud;
    really_sleep(20 * MS);
    REQUIRE(zio_now() == begin);
    REQUIRE(zio_yield() == 0);
    REQUIRE(zio_now() == begin);
    REQUIRE(zio_task_park(due) == ZIO_ETIMEDOUT);
    REQUIRE(zio_now() == due);
    return 0;
}
static void the_clock_stands_while_a_task_runs(void **state) {
    (void)state;
    run_with(make_clocked(ZIO_CLOCK_AUTO, 1, 0), computes, NULL);
    run_with(make_clocked(ZIO_CLOCK_AUTO, 2, 0), computes, NULL);
}
/* One task on another worker computes while all others wait: no time passes. */
static atomic_bool has_begun;
static zio_err_t computes_long(void *ud) {
    const int64_t begin = zio_now();
    (void)ud;
    atomic_store(&has_begun, true);
    really_sleep(50 * MS);
    REQUIRE(zio_now() == begin);
    return 0;
}
static zio_err_t waits_for_who_computes(void *ud) {
    (void)ud;
    zio_task_t *const task = start(computes_long, NULL);
    while (!atomic_load(&has_begun)) REQUIRE(zio_yield() == 0);
    zio_err_t result = -1;
    REQUIRE(zio_task_join(task, &result, zio_after_ms(1)) == 0 && result == 0);
    REQUIRE(zio_task_unref(task) == 0);
    return 0;
}
static void no_time_passes_while_any_worker_is_busy(void **state) {
    (void)state;
    for (unsigned i = 0; i < 5; ++i) {
        atomic_store(&has_begun, false);
        run_with(make_clocked(ZIO_CLOCK_AUTO, 2, 0), waits_for_who_computes, NULL);
    }
}

/* --- real I/O ------------------------------------------------------------------------------- */

struct peer {
    int fd;
    int64_t delay_ns;
    unsigned times;
};
static void *answers_late(void *ud) {
    const struct peer *const peer = ud;
    for (unsigned i = 0; i < peer->times; ++i) {
        char byte;
        REQUIRE(read(peer->fd, &byte, 1) == 1);
        really_sleep(peer->delay_ns);
        REQUIRE(write(peer->fd, &byte, 1) == 1);
    }
    return NULL;
}
static zio_err_t asks(void *ud) {
    const struct peer *const peer = ud;
    zio_stream_t *stream = NULL;
    const int64_t begin = zio_now();
    REQUIRE(zio_stream_from_fd(&stream, peer->fd) == 0);
    for (unsigned i = 0; i < peer->times; ++i) {
        char byte = (char)i;
        REQUIRE(zio_stream_write(stream, &byte, 1, ZIO_NEVER) == 1);
        byte = -1;
        REQUIRE(zio_stream_read(stream, &byte, 1, zio_after_ms(60000)) == 1);
        REQUIRE(byte == (char)i);
    }
    REQUIRE(zio_now() == begin); /* nothing took any time */
    char byte;
    REQUIRE(zio_stream_read(stream, &byte, 1, zio_after_ns(HOUR)) == ZIO_ETIMEDOUT);
    REQUIRE(zio_now() == begin + HOUR);
    REQUIRE(zio_stream_close(stream) == 0);
    return 0;
}
static void with_answer_after(int64_t delay_ns, unsigned times, uint32_t workers) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct peer far = {fds[0], delay_ns, times};
    struct peer near = {fds[1], 0, times};
    const pthread_t thread = start_thread(answers_late, &far);
    run_with(make_clocked(ZIO_CLOCK_AUTO, workers, 300 * MS), asks, &near);
    finish_thread(thread);
    close(fds[0]);
}
static void no_timeout_overtakes_an_answer(void **state) {
    (void)state;
    with_answer_after(0, 50, 1);
    with_answer_after(50 * MS, 3, 1);
    with_answer_after(MS / 2, 50, 2);
}

/* The other end is a task of the same runtime: what was sent is seen before any time passes. */
static zio_err_t echoes(void *ud) {
    zio_stream_t *const stream = ud;
    char byte;
    while (zio_stream_read(stream, &byte, 1, ZIO_NEVER) == 1) {
        REQUIRE(zio_sleep_until(zio_after_ms(10)) == 0);
        REQUIRE(zio_stream_write(stream, &byte, 1, ZIO_NEVER) == 1);
    }
    return zio_stream_close(stream);
}
static zio_err_t talks_with_a_task(void *ud) {
    zio_stream_t *ends[2];
    const int64_t begin = zio_now();
    (void)ud;
    REQUIRE(zio_stream_pair(&ends[0], &ends[1]) == 0);
    zio_task_t *const task = start(echoes, ends[1]);
    for (int64_t i = 0; i < 30; ++i) {
        char byte = (char)i;
        REQUIRE(zio_stream_write(ends[0], &byte, 1, ZIO_NEVER) == 1);
        REQUIRE(zio_stream_read(ends[0], &byte, 1, zio_after_ms(11)) == 1);
        REQUIRE(zio_now() == begin + (i + 1) * 10 * MS);
    }
    REQUIRE(zio_stream_close(ends[0]) == 0);
    return finish(task);
}
static void time_and_io_keep_their_order(void **state) {
    (void)state;
    run_with(make_clocked(ZIO_CLOCK_AUTO, 1, 0), talks_with_a_task, NULL);
    run_with(make_clocked(ZIO_CLOCK_AUTO, 2, 0), talks_with_a_task, NULL);
}

static void *unparks_late(void *ud) {
    really_sleep(30 * MS);
    REQUIRE(zio_task_unpark(ud) == 0);
    return NULL;
}
static zio_err_t is_unparked(void *ud) {
    (void)ud;
    const int64_t begin = zio_now();
    const pthread_t thread = start_thread(unparks_late, zio_task_self());
    REQUIRE(zio_task_park(zio_after_ns(HOUR)) == 0);
    REQUIRE(zio_now() == begin);
    finish_thread(thread);
    return 0;
}
static void a_thread_has_the_real_time_it_was_given(void **state) {
    (void)state;
    run_with(make_clocked(ZIO_CLOCK_AUTO, 1, SECOND), is_unparked, NULL);
}

/* --- it is driven --------------------------------------------------------------------------- */

/* As settle(), but takes no time. */
static void let_run(void) {
    for (unsigned i = 0; i < 20; ++i) REQUIRE(zio_yield() == 0);
}

static zio_err_t counts_ticks(void *ud) {
    for (;;) {
        const zio_err_t status = zio_sleep_until(zio_after_ns(SECOND));
        if (status != 0) return status;
        ++*(unsigned *)ud;
    }
}
static zio_err_t drives(void *ud) {
    unsigned ticks = 0;
    uint64_t token = 0;
    const int64_t begin = zio_now();
    zio_rt_t *const rt = zio_rt_current();
    (void)ud;
    zio_task_t *const ticker = start(counts_ticks, &ticks);
    let_run();
    really_sleep(5 * MS);
    let_run();
    REQUIRE(zio_now() == begin && ticks == 0);
    REQUIRE(zio_rt_advance(rt, SECOND - 1) == 0);
    let_run();
    REQUIRE(zio_now() == begin + SECOND - 1 && ticks == 0);
    REQUIRE(zio_rt_advance(rt, 1) == 0);
    REQUIRE(ticks == 0); /* it is ready, and this task has not suspended */
    let_run();
    REQUIRE(ticks == 1);
    REQUIRE(zio_rt_advance(rt, HOUR) == 0);
    let_run();
    REQUIRE(ticks == 2); /* all of it passed at once */
    for (unsigned i = 0; i < 100; ++i) {
        REQUIRE(zio_rt_advance(rt, SECOND) == 0);
        let_run();
    }
    REQUIRE(ticks == 102);
    REQUIRE(zio_timeout_push(&token, zio_after_ms(10)) == 0);
    REQUIRE(zio_rt_advance(rt, 10 * MS) == 0);
    REQUIRE(zio_task_park(ZIO_NEVER) == ZIO_ETIMEDOUT);
    REQUIRE(zio_timeout_pop(token));
    REQUIRE(zio_rt_advance(rt, 0) == 0);
    REQUIRE(zio_rt_advance(rt, -1) == ZIO_EINVAL);
    REQUIRE(zio_rt_advance(rt, INT64_MAX) == ZIO_EINVAL);
    REQUIRE(zio_task_cancel(ticker, NULL) == 0);
    return zio_task_unref(ticker);
}
static void it_goes_on_by_as_much_as_it_is_told(void **state) {
    (void)state;
    run_with(make_clocked(ZIO_CLOCK_DRIVEN, 1, 0), drives, NULL);
    run_with(make_clocked(ZIO_CLOCK_AUTO, 1, HOUR), drives, NULL); /* which does not get to jump */
}

/* From a plain thread, and with tasks everywhere: who was due has run soon after. */
static atomic_uint arrived;
static zio_err_t sleeps_and_arrives(void *ud) {
    REQUIRE(zio_sleep_until(zio_after_ns(*(const int64_t *)ud)) == 0);
    atomic_fetch_add(&arrived, 1);
    return 0;
}
static void await_arrivals(unsigned wanted) {
    const int64_t until = real_now() + 20 * SECOND;
    while (atomic_load(&arrived) < wanted && real_now() < until) really_sleep(MS / 10);
    assert_int_equal(atomic_load(&arrived), wanted);
}
static void any_thread_drives_it(void **state) {
    enum { count = 40 };
    zio_rt_t *const rt = make_clocked(ZIO_CLOCK_DRIVEN, 3, 0);
    zio_task_t *tasks[count];
    int64_t spans[count];
    (void)state;
    atomic_store(&arrived, 0);
    assert_int_equal(zio_rt_start(rt), 0);
    for (unsigned i = 0; i < count; ++i) {
        spans[i] = (1 + i / 4) * HOUR;
        assert_int_equal(zio_spawn(rt, &tasks[i], sleeps_and_arrives, &spans[i], NULL), 0);
    }
    while (stats_of(rt).timers_armed < count) really_sleep(MS / 10);
    for (unsigned i = 0; i < count / 4; ++i) {
        assert_int_equal(atomic_load(&arrived), i * 4);
        assert_int_equal(zio_rt_advance(rt, HOUR), 0);
        await_arrivals((i + 1) * 4);
    }
    for (unsigned i = 0; i < count; ++i) assert_int_equal(finish(tasks[i]), 0);
    end_runtime(rt);
}

/* Between two runs nobody drives, and nothing runs; what is due runs in the next one. */
static zio_err_t spawns_sleepers(void *ud) {
    static const int64_t span = HOUR;
    for (unsigned i = 0; i < 4; ++i) {
        ((zio_task_t **)ud)[i] = start(sleeps_and_arrives, (void *)&span);
    }
    while (stats_of(zio_rt_current()).timers_armed < 4) REQUIRE(zio_yield() == 0);
    return 0;
}
static zio_err_t joins_sleepers(void *ud) {
    for (unsigned i = 0; i < 4; ++i) REQUIRE(finish(((zio_task_t **)ud)[i]) == 0);
    return 0;
}
static void time_passes_between_two_runs(void **state) {
    (void)state;
    for (uint32_t workers = 1; workers <= 2; ++workers) {
        zio_task_t *tasks[4];
        zio_rt_t *const rt = make_clocked(ZIO_CLOCK_DRIVEN, workers, 0);
        atomic_store(&arrived, 0);
        assert_int_equal(zio_rt_run(rt, spawns_sleepers, tasks), 0);
        assert_int_equal(zio_rt_advance(rt, HOUR), 0);
        assert_int_equal(atomic_load(&arrived), 0);
        run_with(rt, joins_sleepers, tasks);
        assert_int_equal(atomic_load(&arrived), 4);
    }
}

/* --- what stays on the real clock ------------------------------------------------------------ */

static atomic_bool may_end;
static zio_err_t does_not_want_to_end(void *ud) {
    (void)ud;
    while (!atomic_load(&may_end)) (void)zio_sleep_until(zio_after_ns(HOUR));
    return 0;
}
static zio_err_t leaves_one(void *ud) {
    return zio_task_unref(start(does_not_want_to_end, ud)) + zio_yield();
}
static void a_shutdown_waits_by_the_clock_of_its_thread(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; ++i) {
        zio_rt_t *const rt = make_clocked(i < 2 ? ZIO_CLOCK_DRIVEN : ZIO_CLOCK_AUTO, 1 + i % 2, 0);
        atomic_store(&may_end, false);
        assert_int_equal(zio_rt_run(rt, leaves_one, NULL), 0);
        const int64_t begin = real_now();
        assert_int_equal(zio_rt_shutdown(rt, ZIO_IMMEDIATE), ZIO_EBUSY);
        assert_int_equal(zio_rt_shutdown(rt, zio_after_ms(40)), ZIO_EBUSY);
        assert_in_range(real_now() - begin, 40 * MS, 20 * SECOND);
        atomic_store(&may_end, true);
        if (i < 2) assert_int_equal(zio_rt_advance(rt, HOUR), 0);
        end_runtime(rt);
    }
}

static atomic_bool may_let_go;
static zio_err_t holds_its_worker(void *ud) {
    (void)ud;
    atomic_store(&has_begun, true);
    while (!atomic_load(&may_let_go)) really_sleep(MS / 10);
    return 0;
}
static zio_err_t looks_at_who_holds(void *ud) {
    static char text[20000];
    zio_rt_t *const rt = zio_rt_current();
    (void)ud;
    REQUIRE(zio_rt_dump(rt, text, sizeof text) > 0);
    REQUIRE(strstr(text, "does not answer") != NULL);
    REQUIRE(zio_rt_advance(rt, HOUR) == 0);
    REQUIRE(stats_of(rt).holds > 0);
    atomic_store(&may_let_go, true);
    return 0;
}
static void who_holds_a_worker_is_waited_for_in_real_time(void **state) {
    zio_rt_options_t options = clock_options(ZIO_CLOCK_DRIVEN, 2);
    zio_rt_t *rt = NULL;
    zio_task_t *tasks[2];
    (void)state;
    options.flags = ZIO_RT_HEARTBEAT;
    atomic_store(&has_begun, false);
    atomic_store(&may_let_go, false);
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    assert_int_equal(zio_rt_start(rt), 0);
    assert_int_equal(zio_spawn(rt, &tasks[0], holds_its_worker, NULL, NULL), 0);
    while (!atomic_load(&has_begun)) really_sleep(MS / 10);
    assert_int_equal(zio_spawn(rt, &tasks[1], looks_at_who_holds, NULL, NULL), 0);
    for (unsigned i = 0; i < 2; ++i) assert_int_equal(finish(tasks[i]), 0);
    end_runtime(rt);
}

/* A plain thread has the real clock, also where it waits for a task that has another. */
static void a_plain_thread_has_the_real_clock(void **state) {
    static const int64_t span = HOUR;
    zio_rt_t *const rt = make_clocked(ZIO_CLOCK_DRIVEN, 2, 0);
    zio_task_t *task = NULL;
    zio_err_t result = -1;
    const int64_t begin = real_now();
    (void)state;
    assert_int_equal(zio_rt_start(rt), 0);
    assert_int_equal(zio_spawn(rt, &task, sleeps_and_arrives, (void *)&span, NULL), 0);
    assert_int_equal(zio_task_join(task, &result, zio_after_ms(20)), ZIO_ETIMEDOUT);
    while (stats_of(rt).timers_armed == 0) really_sleep(MS / 10);
    assert_int_equal(zio_rt_advance(rt, 2 * HOUR), 0);
    assert_in_range(zio_now(), begin, begin + HOUR);
    assert_int_equal(zio_task_join(task, &result, zio_after_ms(20000)), 0);
    assert_int_equal(result, 0);
    assert_int_equal(zio_task_unref(task), 0);
    end_runtime(rt);
}

/* --- how it is asked for -------------------------------------------------------------------- */

static zio_err_t is_ahead(void *ud) {
    const int64_t begin = zio_now();
    (void)ud;
    REQUIRE(zio_sleep_until(zio_after_ns(HOUR)) == 0);
    REQUIRE(zio_now() >= begin + HOUR);
    return 0;
}
static void the_environment_decides_where_the_options_do_not(void **state) {
    zio_rt_options_t options = clock_options(ZIO_CLOCK_REAL, 1);
    zio_rt_t *rt = NULL;
    (void)state;
    assert_int_equal(setenv("ZIO_CLOCK", "auto", 1), 0);
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    run_with(rt, is_ahead, NULL);
    assert_int_equal(setenv("ZIO_CLOCK", "driven", 1), 0); /* by whom? */
    assert_int_equal(zio_rt_create(&rt, &options), ZIO_EINVAL);
    assert_non_null(strstr(zio_last_error_detail(), "ZIO_CLOCK"));
    options.clock = ZIO_CLOCK_DRIVEN;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    end_runtime(rt);
    assert_int_equal(setenv("ZIO_CLOCK", "real", 1), 0);
    options.clock = ZIO_CLOCK_REAL;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    assert_int_equal(zio_rt_advance(rt, 1), ZIO_ENOTSUP);
    end_runtime(rt);
    assert_int_equal(zio_rt_advance(rt, 1), ZIO_EBADF);
    assert_int_equal(unsetenv("ZIO_CLOCK"), 0);
    options.clock = ZIO_CLOCK_DRIVEN + 1;
    assert_int_equal(zio_rt_create(&rt, &options), ZIO_EINVAL);
}

static void a_simulated_world_has_a_clock_of_its_own(void **state) {
    zio_rt_options_t options = clock_options(ZIO_CLOCK_DRIVEN, 1);
    zio_rt_t *rt = NULL;
    (void)state;
    options.backend = ZIO_BACKEND_SIM;
    assert_int_equal(zio_rt_create(&rt, &options), ZIO_ENOTSUP);
    options.clock = ZIO_CLOCK_AUTO;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    assert_int_equal(zio_rt_advance(rt, 1), ZIO_ENOTSUP);
    run_with(rt, is_ahead, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_pass_in_no_time_and_to_the_nanosecond),
        cmocka_unit_test(the_clock_stands_while_a_task_runs),
        cmocka_unit_test(no_time_passes_while_any_worker_is_busy),
        cmocka_unit_test(no_timeout_overtakes_an_answer),
        cmocka_unit_test(time_and_io_keep_their_order),
        cmocka_unit_test(a_thread_has_the_real_time_it_was_given),
        cmocka_unit_test(it_goes_on_by_as_much_as_it_is_told),
        cmocka_unit_test(any_thread_drives_it),
        cmocka_unit_test(time_passes_between_two_runs),
        cmocka_unit_test(a_shutdown_waits_by_the_clock_of_its_thread),
        cmocka_unit_test(who_holds_a_worker_is_waited_for_in_real_time),
        cmocka_unit_test(a_plain_thread_has_the_real_clock),
        cmocka_unit_test(the_environment_decides_where_the_options_do_not),
        cmocka_unit_test(a_simulated_world_has_a_clock_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
