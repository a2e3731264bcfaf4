/* SPDX-License-Identifier: MIT */
/* Sleeping and the clock. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

struct sleeper {
    int64_t at;
    int number;
};
static char woken[64];
static int woken_count;
static int asleep_count;

static zio_err_t sleep_until_then(void *ud) {
    const struct sleeper *sleeper = ud;
    asleep_count++;
    const zio_err_t error = zio_sleep_until(sleeper->at);
    if (zio_now() < sleeper->at) return ZIO_EIO;
    woken[woken_count++ % 64] = (char)('1' + sleeper->number);
    return error;
}

enum { SLEEPERS = 6 };

/* Whether all slept before the first had to wake, which a busy machine may prevent. */
static bool sleep_by_turns(int64_t first_ms) {
    static const int places[SLEEPERS] = {3, 0, 5, 1, 4, 2};
    struct sleeper sleepers[SLEEPERS];
    zio_task_t *tasks[SLEEPERS];
    const int64_t first = zio_after_ms(first_ms);
    woken_count = asleep_count = 0;
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i] = (struct sleeper){first + 3 * places[i] * (int64_t)MS, places[i]};
        tasks[i] = start(sleep_until_then, &sleepers[i]);
    }
    while (asleep_count < SLEEPERS) MUST(zio_yield() == 0);
    const bool is_in_time = zio_now() < first;
    for (int i = 0; i < SLEEPERS; i++) MUST(finish(tasks[i]) == 0);
    return is_in_time;
}

static void in_order(void) {
    int64_t first_ms = 5;
    while (!sleep_by_turns(first_ms) && first_ms < 10000) first_ms *= 3;
    tell_bytes("order", woken, SLEEPERS);
}

static void never_early(void) {
    int early = 0;
    for (int i = 0; i < 60; i++) {
        const zio_deadline_t at = zio_after_ns(1 + i * 37003 % 900000);
        MUST(zio_sleep_until(at) == 0);
        early += zio_now() < at;
    }
    tell("early", early);
}

static zio_err_t note_run(void *ud) {
    *(bool *)ud = true;
    return 0;
}

static void instants(void) {
    bool has_run = false;
    zio_task_t *task = start(note_run, &has_run);
    tell("immediate", zio_sleep_until(ZIO_IMMEDIATE));
    tell("odd", zio_sleep_until(-2));
    for (int i = 0; i < 100 && !has_run; i++) MUST(zio_sleep_until(PAST) == 0);
    tell_truth("past_yields", has_run);
    MUST(finish(task) == 0);
    has_run = false;
    task = start(note_run, &has_run);
    for (int i = 0; i < 100 && !has_run; i++) MUST(zio_yield() == 0);
    tell_truth("yields", has_run);
    MUST(finish(task) == 0);
}

static zio_err_t sleep_so(void *ud) {
    return zio_sleep_until(*(int64_t *)ud);
}

static void many(void) {
    enum { COUNT = 1500 };
    static zio_task_t *tasks[COUNT];
    int64_t at = zio_after_ms(is_simulated ? 500 : 30);
    int good = 0;
    for (int i = 0; i < COUNT; i++) tasks[i] = start(sleep_so, &at);
    for (int i = 0; i < COUNT; i++) good += finish(tasks[i]) == 0;
    tell("good", good);
    tell_truth("early", zio_now() < at);
}

static void clock_goes_on(void) {
    const int64_t first = zio_now();
    int backwards = 0;
    for (int64_t i = 0, last = first; i < 1000; i++) {
        const int64_t now = zio_now();
        backwards += now < last;
        last = now;
    }
    MUST(zio_sleep_until(zio_after_ms(2)) == 0);
    tell("backwards", backwards);
    tell_truth("first", first >= 1000000000);
    tell_truth("went_on", zio_now() - first >= 2 * (int64_t)MS);
    tell_truth("never", zio_after_ms(INT64_MAX) == ZIO_NEVER);
    tell_truth("passed", zio_after_ms(0) <= zio_now() && zio_after_ms(-5) > 0);
}

struct traffic {
    struct link link;
    bool is_over;
};

static zio_err_t echo_bytes(void *ud) {
    const struct traffic *traffic = ud;
    char byte;
    zio_ssize_t got;
    while ((got = zio_stream_read(traffic->link.b, &byte, 1, soon())) > 0) {
        if (zio_stream_write(traffic->link.b, &byte, 1, soon()) != 1) return ZIO_EIO;
    }
    return (zio_err_t)got;
}

static zio_err_t ping(void *ud) {
    const struct traffic *traffic = ud;
    char byte = 'x';
    while (!traffic->is_over) {
        if (zio_stream_write(traffic->link.a, &byte, 1, soon()) != 1) return ZIO_EIO;
        if (zio_stream_read(traffic->link.a, &byte, 1, soon()) != 1) return ZIO_EIO;
    }
    return zio_stream_shutdown(traffic->link.a, soon());
}

/* Bytes that come and go without a pause keep no sleeper from waking, nor the other way round. */
static void beside_traffic(struct link *link) {
    struct traffic traffic = {*link, false};
    zio_task_t *echo = start(echo_bytes, &traffic), *pings = start(ping, &traffic);
    tell("sleep", zio_sleep_until(zio_after_ms(10)));
    traffic.is_over = true;
    tell("ping", finish(pings));
    tell("echo", finish(echo));
}

const struct test_case time_cases[] = {
    {"time.sleepers_wake_in_order", "order=123456", in_order, NULL, 0, 0},
    {"time.no_sleep_is_early", "early=0", never_early, NULL, 0, 0},
    {"time.instants", "immediate=0 odd=EINVAL past_yields=yes yields=yes", instants, NULL, 0, 0},
    {"time.many_in_one_instant", "good=1500 early=no", many, NULL, 0, 0},
    {"time.clock", "backwards=0 first=yes went_on=yes never=yes passed=yes", clock_goes_on, NULL, 0,
     0},
    {"time.beside_traffic", "sleep=0 ping=0 echo=0", NULL, beside_traffic, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
