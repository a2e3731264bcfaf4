/* SPDX-License-Identifier: MIT */
/* Signals around a runtime: none of its handlers, no call that ends early because of one, and a
 * profiler that interrupts the workers wherever they are finds whole stacks. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include "net_kit.h"

/* ---- no handler unless asked --------------------------------------------------------------- */

static void read_actions(struct sigaction (*actions)[NSIG], sigset_t *mask) {
    memset(actions, 0, sizeof *actions);
    for (int i = 1; i < NSIG; ++i) (void)sigaction(i, NULL, &(*actions)[i]);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, mask), 0);
}
static zio_err_t writes_to_nobody(void *ud) {
    struct link link = make_link(LINK_TCP);
    char bytes[1000] = {0};
    zio_ssize_t written = 1;
    (void)ud;
    REQUIRE(zio_stream_abort(link.b) == 0);
    for (int i = 0; i < 1000 && written > 0; ++i) {
        written = zio_stream_write(link.a, bytes, sizeof bytes, ZIO_NEVER);
        (void)zio_sleep_until(zio_after_ns(100000));
    }
    REQUIRE(written == ZIO_EPIPE || written == ZIO_ECONNRESET); /* and no SIGPIPE */
    return zio_stream_close(link.a);
}
static void nothing_is_installed(void **state) {
    static struct sigaction before[NSIG], after[NSIG];
    sigset_t mask_before, mask_after;
    (void)state;
    read_actions(&before, &mask_before);
    assert_true(before[SIGPIPE].sa_handler == SIG_DFL);
    zio_rt_t *rt = make_crew(2);
    assert_int_equal(run_main(rt, writes_to_nobody, NULL), 0);
    read_actions(&after, &mask_after);
    for (int i = 1; i < NSIG; ++i) {
        assert_true(before[i].sa_handler == after[i].sa_handler);
        assert_int_equal(sigismember(&mask_before, i), sigismember(&mask_after, i));
    }
    end_runtime(rt);
}

/* ---- storms -------------------------------------------------------------------------------- */

enum { FEWEST = 10 }; /* signals that make a storm */
static uint64_t interrupts, frames_seen;
static _Unwind_Reason_Code counts_frame(struct _Unwind_Context *frame, void *count) {
    (void)frame;
    return ++*(int *)count < 200 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}
/* As a profiler does: walks the stack that it interrupted, whatever that is. */
static void profiles(int number) {
    int frames = 0;
    (void)number;
    if (!UNDER_SANITIZER) (void)_Unwind_Backtrace(counts_frame, &frames);
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&frames_seen, (uint64_t)frames, __ATOMIC_RELAXED);
}
static void sends_signal(int number) {
    (void)number;
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_RELAXED);
}

/* All kinds of calls, none of which may tell of a signal. */
static zio_err_t echoes(void *ud) {
    struct link *const link = ud;
    char buffer[64];
    zio_ssize_t got;
    while ((got = zio_stream_read(link->b, buffer, sizeof buffer, ZIO_NEVER)) > 0) {
        size_t done = 0;
        REQUIRE(zio_stream_write_all(link->b, buffer, (size_t)got, &done, ZIO_NEVER) == 0);
    }
    REQUIRE(got == 0);
    return zio_stream_close(link->b);
}
static zio_err_t asks(void *ud) {
    const int64_t end = zio_now() + *(int64_t *)ud;
    struct link link = make_link(LINK_TCP);
    char buffer[64] = "request";
    uint64_t rounds = 0;
    zio_task_t *const echo = start(echoes, &link);
    /* On a busy machine the signals, which count processor time, come late. */
    while (zio_now() < end || __atomic_load_n(&interrupts, __ATOMIC_RELAXED) < FEWEST) {
        size_t done = 0;
        const int64_t due = zio_now() + 50000;
        REQUIRE(zio_stream_write_all(link.a, buffer, 8, &done, ZIO_NEVER) == 0);
        REQUIRE(zio_stream_read_exact(link.a, buffer, 8, &done, ZIO_NEVER) == 0);
        REQUIRE(strcmp(buffer, "request") == 0);
        REQUIRE(zio_sleep_until(due) == 0);
        REQUIRE(zio_now() >= due); /* never shorter */
        for (int i = 0; i < 50; ++i) REQUIRE(zio_yield() == 0);
        REQUIRE(finish(start(returns_number, &(int){3})) == 3);
        ++rounds;
    }
    REQUIRE(zio_stream_close(link.a) == 0);
    REQUIRE(finish(echo) == 0);
    return rounds > 0 ? 0 : 1;
}
static zio_err_t many_ask(void *ud) {
    zio_task_t *tasks[8];
    for (int i = 0; i < 8; ++i) tasks[i] = start(asks, ud);
    for (int i = 0; i < 8; ++i) REQUIRE(finish(tasks[i]) == 0);
    return 0;
}
static void *reads_on_a_thread(void *ud) {
    struct link link = make_link(LINK_UNIX);
    char byte;
    const int64_t due = zio_now() + *(int64_t *)ud;
    REQUIRE(zio_stream_read(link.a, &byte, 1, due) == ZIO_ETIMEDOUT);
    REQUIRE(zio_now() >= due);
    close_link(&link);
    return NULL;
}
static void in_a_storm(int number, void (*handler)(int), int which, int flags) {
    struct sigaction action, before;
    const struct itimerval storm = {{0, 200}, {0, 200}}, calm = {{0, 0}, {0, 0}};
    int64_t span = (int64_t)scaled(1) * 300 * MS;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags; /* without SA_RESTART, so that system calls do end */
    assert_int_equal(sigaction(number, &action, &before), 0);
    zio_rt_t *rt = make_crew(2);
    interrupts = frames_seen = 0;
    const pthread_t reader = start_thread(reads_on_a_thread, &span);
    assert_int_equal(setitimer(which, &storm, NULL), 0);
    assert_int_equal(run_main(rt, many_ask, &span), 0);
    assert_int_equal(setitimer(which, &calm, NULL), 0);
    finish_thread(reader);
    end_runtime(rt);
    assert_int_equal(sigaction(number, &before, NULL), 0);
    print_message("signals: %llu, frames: %llu\n", (unsigned long long)interrupts,
                  (unsigned long long)frames_seen);
}
static void a_profiler_disturbs_nobody(void **state) {
    (void)state;
    in_a_storm(SIGPROF, profiles, ITIMER_PROF, 0);
    if (!UNDER_SANITIZER) assert_true(frames_seen >= 2 * interrupts);
}
static void neither_does_an_alarm(void **state) {
    (void)state;
    in_a_storm(SIGALRM, sends_signal, ITIMER_REAL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_installed),
        cmocka_unit_test(a_profiler_disturbs_nobody),
        cmocka_unit_test(neither_does_an_alarm),
    };
    return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
