/* SPDX-License-Identifier: MIT */
/* Asks the C library what libzio could be asked: the time, chance, sleep; and does what it is told.
 * It prints what it was told, and sends so much, through simulated sockets.
 *   talks    in one simulated world
 *   crowd    in tasks of three workers
 *   moment   the time and a number, and nothing else
 *   clocks   whether what it is told fits together: status 0 when it does
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <zio.h>

#include "stranger_waits.h"

/* Of C++: std::random_device. */
unsigned ask_device(void);

static int64_t ns_on(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static unsigned chance(void) {
    unsigned number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
    return number;
}

static zio_err_t reads(void *stream) {
    char bytes[64];
    for (;;) {
        const zio_ssize_t got = zio_stream_read(stream, bytes, sizeof bytes, ZIO_NEVER);
        if (got <= 0) return (zio_err_t)got;
        if (chance() % 4 == 0) usleep(chance() % 1000);
    }
}

static zio_err_t talks(void *ud) {
    char bytes[256] = {0};
    zio_stream_t *near, *far;
    zio_task_t *reader;
    zio_err_t err = zio_stream_pair(&near, &far);
    (void)ud;
    if (err == ZIO_OK) err = zio_spawn(NULL, &reader, reads, far, NULL);
    for (int i = 0; i < 5 && err == ZIO_OK; i++) {
        unsigned number = 0;
        if (syscall(SYS_getrandom, &number, sizeof number, 0) != sizeof number) abort();
        const unsigned size = (chance() ^ number ^ ask_device() ^ (unsigned)rand()) % sizeof bytes;
        printf("%u bytes at %lld, %lld\n", size, (long long)time(NULL),
               (long long)ns_on(CLOCK_MONOTONIC));
        err = zio_stream_write_all(near, bytes, size, NULL, ZIO_NEVER);
        if (time(NULL) % 2 == 0) sleep(1);
        if (err == ZIO_OK) err = zio_sleep_until(zio_after_ms(chance() % 1000));
    }
    zio_stream_close(near);
    if (err == ZIO_OK) err = zio_task_join(reader, NULL, ZIO_NEVER);
    zio_stream_close(far);
    return err;
}

static zio_err_t talk_together(void *ud) {
    zio_task_t *talkers[6];
    zio_err_t err = ZIO_OK;
    for (int i = 0; i < 6 && err == ZIO_OK; i++) {
        err = zio_spawn(NULL, &talkers[i], talks, ud, NULL);
    }
    for (int i = 0; i < 6 && err == ZIO_OK; i++) err = zio_task_join(talkers[i], NULL, ZIO_NEVER);
    return err;
}

static bool all_holds = true;

static void expect(bool holds, const char *what) {
    if (!holds) printf("does not hold: %s\n", what);
    if (!holds) all_holds = false;
}

static const clockid_t clocks[] = {
    CLOCK_REALTIME,         CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,      CLOCK_REALTIME_COARSE,
    CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,  CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
enum { CLOCKS = sizeof clocks / sizeof *clocks };

static void sleep_an_hour(int way) {
    const struct timespec hour = {3600, 0};
    struct timespec at;
    if (way == 0) sleep(3600);
    if (way == 1) usleep(3600u * 1000000u);
    if (way == 2) nanosleep(&hour, NULL);
    if (way == 3) clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, NULL);
    if (way == 4) thrd_sleep(&hour, NULL);
    if (way < 5) return;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += 3600;
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
}

/* Each way to sleep moves each clock, zio's too where there is a world. */
static void check_sleeps(void) {
    const int64_t hour_ns = INT64_C(3600000000000), slack_ns = 1000000;
    const struct timespec wrong = {0, -1};
    int64_t before[CLOCKS], passed;
    for (int way = 0; way < 6; way++) {
        const bool has_world = zio_sim_is_active();
        const int64_t zio_before = has_world ? zio_now() : 0;
        for (int i = 0; i < CLOCKS; i++) before[i] = ns_on(clocks[i]);
        sleep_an_hour(way);
        for (int i = 0; i < CLOCKS; i++) {
            passed = ns_on(clocks[i]) - before[i];
            expect(passed >= hour_ns && passed < hour_ns + slack_ns, "an hour passes");
        }
        passed = has_world ? zio_now() - zio_before : hour_ns;
        expect(passed >= hour_ns && passed < hour_ns + slack_ns, "an hour passes for zio");
    }
    expect(nanosleep(&wrong, NULL) == -1, "what is no span is refused");
    expect(clock_nanosleep(CLOCK_REALTIME, 0, &wrong, NULL) != 0, "what is no span is refused");
}

static void check_readings(void) {
    struct timeval day;
    struct timespec moment;
    gettimeofday(&day, NULL);
    timespec_get(&moment, TIME_UTC);
    const time_t now = time(NULL);
    const int64_t computed = ns_on(CLOCK_PROCESS_CPUTIME_ID) / 1000000000;
    expect(now - day.tv_sec <= 1 && now - moment.tv_sec <= 1 && now >= day.tv_sec, "times agree");
    expect(now >= 946684800 && now < 946684800 + 8 * 86400, "it is the beginning of 2000");
    expect(computed - clock() / CLOCKS_PER_SEC <= 1, "clock() agrees");
}

static void *sleeps_really(void *ud) {
    const int64_t before = ns_on(CLOCK_MONOTONIC);
    usleep(20000);
    expect(ns_on(CLOCK_MONOTONIC) - before < 1000000, "other threads sleep really");
    return ud;
}

static zio_err_t looks(void *ud) {
    (void)ud;
    check_readings();
    check_sleeps();
    const int64_t zio_before = zio_now(), before = ns_on(CLOCK_MONOTONIC);
    const zio_err_t err = zio_sleep_until(zio_after_ms(5000));
    const int64_t passed = ns_on(CLOCK_MONOTONIC) - before;
    expect(passed >= 5000000000 && passed < zio_now() - zio_before + 1000, "zio's sleep is seen");
    return err;
}

/* Time goes on from one world to the next. */
static void check_worlds(void) {
    const int64_t span_ns = (6 * 3600 + 5) * INT64_C(1000000000);
    for (int i = 0; i < 2; i++) {
        zio_rt_t *rt;
        const int64_t before = ns_on(CLOCK_MONOTONIC);
        expect(zio_rt_create(&rt, NULL) == ZIO_OK, "there is a runtime");
        expect(zio_rt_run(rt, looks, NULL) == ZIO_OK, "it runs");
        zio_rt_destroy(rt);
        const int64_t passed = ns_on(CLOCK_MONOTONIC) - before;
        expect(passed >= span_ns && passed < span_ns + 1000000000, "time goes on behind a world");
    }
}

static void check_fork(void) {
    int numbers[2];
    unsigned child = 0;
    if (pipe(numbers) != 0) abort();
    const pid_t process = fork();
    if (process == 0) {
        child = chance();
        _exit(write(numbers[1], &child, sizeof child) != sizeof child);
    }
    expect(read(numbers[0], &child, sizeof child) == sizeof child, "a child draws");
    expect(child != chance(), "a child draws other numbers");
    waitpid(process, NULL, 0);
    printf("a child draws %u\n", child);
}

static void check_clocks(void) {
    pthread_t thread;
    check_readings();
    check_sleeps();
    check_waits(expect);
    check_worlds();
    pthread_create(&thread, NULL, sleeps_really, NULL);
    pthread_join(thread, NULL);
    check_fork();
}

int main(int argc, char **argv) {
    zio_rt_options_t options;
    zio_rt_t *rt;
    if (argc > 1 && strcmp(argv[1], "clocks") == 0) {
        check_clocks();
        return !all_holds;
    }
    if (argc > 1 && strcmp(argv[1], "moment") == 0) {
        return printf("%lld %u\n", (long long)time(NULL), chance()) < 0;
    }
    srand((unsigned)time(NULL));
    printf("%lld %u\n", (long long)time(NULL), chance());
    const bool is_crowd = argc > 1 && strcmp(argv[1], "crowd") == 0;
    zio_rt_options_init(&options, sizeof options);
    if (is_crowd) options.workers = 3;
    if (zio_rt_create(&rt, &options) != ZIO_OK) return 2;
    if (zio_rt_run(rt, is_crowd ? talk_together : talks, NULL) != ZIO_OK) return 2;
    zio_rt_destroy(rt);
    printf("ended at %lld\n", (long long)ns_on(CLOCK_REALTIME));
    return 0;
}
