/* SPDX-License-Identifier: MIT */
/* ZIO_RT_GIVE_WAY: a worker that waits lends its processor to those who send to it, and what they
 * sent is there when it gets it back. Timers, wakes and hooks are what they are without it. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task_kit.h"
#include "zio/os.h"

static zio_rt_t *make_giving(uint32_t workers, uint64_t flags, const zio_worker_hooks_t *hooks) {
    zio_rt_options_t options;
    zio_rt_t *rt = NULL;
    assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
    options.workers = workers;
    options.flags = flags;
    options.worker_hooks = hooks;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    return rt;
}

/* A task and a plain thread that answer each other. */
enum { ROUNDS = 2000 };
struct pair {
    int ends[2];
    long sleeps;
};

/* When it is woken it waits until the processor is free, so that only who gives way sees its answer
 * without having slept. */
static void *answers(void *ud) {
    const struct sched_param none = {0};
    struct pair *pair = ud;
    char byte;
    REQUIRE(sched_setscheduler(0, SCHED_BATCH, &none) == 0);
    while (read(pair->ends[1], &byte, 1) == 1) REQUIRE(write(pair->ends[1], &byte, 1) == 1);
    return NULL;
}

static long sleeps_of_this_thread(void) {
    struct rusage usage;
    REQUIRE(getrusage(RUSAGE_THREAD, &usage) == 0);
    return usage.ru_nvcsw;
}

static zio_err_t asks(void *ud) {
    struct pair *pair = ud;
    const long before = sleeps_of_this_thread();
    for (int i = 0; i < ROUNDS; ++i) {
        char byte = (char)i;
        if (zio_fd_write(pair->ends[0], &byte, 1, ZIO_NEVER) != 1) return -1;
        if (zio_fd_read(pair->ends[0], &byte, 1, ZIO_NEVER) != 1 || byte != (char)i) return -1;
    }
    pair->sleeps = sleeps_of_this_thread() - before;
    return 0;
}

static long sleeps_with(uint64_t flags) {
    struct pair pair;
    zio_rt_t *rt = make_giving(1, flags, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.ends), 0);
    const pthread_t thread = start_thread(answers, &pair);
    assert_int_equal(run_main(rt, asks, &pair), 0);
    assert_int_equal(shutdown(pair.ends[0], SHUT_WR), 0);
    finish_thread(thread);
    end_runtime(rt);
    close(pair.ends[0]);
    close(pair.ends[1]);
    return pair.sleeps;
}

static void who_gives_way_need_not_sleep(void **state) {
    cpu_set_t before, one;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
        if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    /* Others on the processor may come between at any time, but not always. */
    long least = ROUNDS;
    for (int i = 0; i < 10 && least > ROUNDS / 4; ++i) {
        const long sleeps = sleeps_with(ZIO_RT_GIVE_WAY);
        if (sleeps < least) least = sleeps;
    }
    assert_in_range(least, 0, ROUNDS / 4);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

/* ---- what does not change -------------------------------------------------------------------- */

static zio_err_t waits_for_a_byte(void *ud) {
    char byte;
    return (zio_err_t)zio_fd_read(*(int *)ud, &byte, 1, ZIO_NEVER);
}

static zio_err_t sleeps_and_parks(void *ud) {
    for (int i = 0; i < 50; ++i) {
        const zio_deadline_t due = zio_after_ns(i % 5 * 100000);
        if (zio_sleep_until(due) != 0 || zio_now() < due) return -1;
    }
    for (int i = 0; i < ROUNDS; ++i) {
        __atomic_store_n((int *)ud, i + 1, __ATOMIC_RELEASE);
        if (zio_task_park(ZIO_NEVER) != 0) return -1;
    }
    return 0;
}

struct wakes {
    zio_task_t *task;
    int round;
};
static void *wakes_each_time(void *ud) {
    struct wakes *wakes = ud;
    for (int i = 1; i <= ROUNDS; ++i) {
        while (__atomic_load_n(&wakes->round, __ATOMIC_ACQUIRE) < i) sched_yield();
        REQUIRE(zio_task_unpark(wakes->task) == 0);
    }
    return NULL;
}

static void count_block(uint32_t worker, void *ud) {
    (void)worker;
    __atomic_add_fetch((long *)ud, 1, __ATOMIC_RELAXED);
}

/* Something is always waited for in the loop, so that the worker gives way. */
static void wakes_and_timers_come(const zio_worker_hooks_t *hooks, uint32_t workers) {
    int ends[2];
    struct wakes wakes = {NULL, 0};
    zio_task_t *reader = NULL;
    zio_rt_t *rt = make_giving(workers, ZIO_RT_GIVE_WAY, hooks);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(zio_rt_start(rt), 0);
    assert_int_equal(zio_spawn(rt, &reader, waits_for_a_byte, &ends[0], NULL), 0);
    assert_int_equal(zio_spawn(rt, &wakes.task, sleeps_and_parks, &wakes.round, NULL), 0);
    finish_thread(start_thread(wakes_each_time, &wakes));
    assert_int_equal(finish(wakes.task), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(finish(reader), 1);
    end_runtime(rt);
    close(ends[0]);
    close(ends[1]);
}

static void no_wake_and_no_timer_is_lost(void **state) {
    (void)state;
    wakes_and_timers_come(NULL, 1);
    wakes_and_timers_come(NULL, 2);
}

static void a_hook_is_told_of_each_wait(void **state) {
    zio_worker_hooks_t hooks;
    long blocks = 0;
    (void)state;
    assert_int_equal(zio_worker_hooks_init(&hooks, sizeof hooks), 0);
    hooks.before_block = count_block;
    hooks.ud = &blocks;
    wakes_and_timers_come(&hooks, 1);
    assert_true(blocks >= 30); /* the timers that were not due at once */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_gives_way_need_not_sleep),
        cmocka_unit_test(no_wake_and_no_timer_is_lost),
        cmocka_unit_test(a_hook_is_told_of_each_wait),
    };
    return cmocka_run_group_tests_name("rt_give_way", tests, NULL, NULL);
}
