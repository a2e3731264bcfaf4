/* SPDX-License-Identifier: MIT */
/* What tasks cost through the C ABI of the shared library, in nanoseconds: short bursts, each
 * beside one of the floor's, median and least of them, and the median of their ratios.
 *   tasks [BURSTS [WORKERS]]
 * With several workers the tasks that are to switch to each other stay on one; those that come and
 * go may go anywhere. */
#define _GNU_SOURCE

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tasks/floor.h"
#include "zio.h"

enum { MANY = 1000, LARGEST_BURSTS = 999, RESULT = 7 };

/* Does the work `count` times. */
typedef void burst_fn(long count);

static zio_task_t *tasks[MANY];
static struct floor_task *floor_tasks[MANY];

static void must(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "tasks: %s failed\n", what);
    exit(1);
}

#define MUST(condition) must(condition, #condition)

static zio_task_t *spawn(zio_task_fn entry, long ud) {
    zio_task_t *task;
    MUST(zio_spawn(NULL, &task, entry, (void *)ud, NULL) == 0);
    return task;
}

/* It stays on this worker. */
static zio_task_t *spawn_pinned(zio_task_fn entry, long ud) {
    zio_task_t *task;
    zio_spawn_options_t options;
    MUST(zio_spawn_options_init(&options, sizeof options) == 0);
    options.flags = ZIO_TASK_PIN_HERE;
    MUST(zio_spawn(NULL, &task, entry, (void *)ud, &options) == 0);
    return task;
}

static void join(zio_task_t *task, zio_err_t expected) {
    zio_err_t result;
    MUST(zio_task_join(task, &result, ZIO_NEVER) == 0);
    MUST(result == expected);
    MUST(zio_task_unref(task) == 0);
}

/* --- yield ---------------------------------------------------------------------------------- */

static zio_err_t ZIO_CALL yield_often(void *ud) {
    for (long i = 0; i < (long)ud; i++) (void)zio_yield();
    return 0;
}

static void floor_yield_often(void *ud) {
    for (long i = 0; i < (long)ud; i++) floor_yield();
}

static void yield_among(long count, int number) {
    for (int i = 0; i < number; i++) tasks[i] = spawn_pinned(yield_often, count / number);
    for (int i = 0; i < number; i++) join(tasks[i], 0);
}

static void floor_yield_among(long count, int number) {
    for (int i = 0; i < number; i++) {
        floor_tasks[i] = floor_spawn(floor_yield_often, (void *)(count / number));
    }
    for (int i = 0; i < number; i++) floor_join(floor_tasks[i]);
}

static void yield_2(long count) {
    yield_among(count, 2);
}
static void floor_yield_2(long count) {
    floor_yield_among(count, 2);
}
static void yield_1000(long count) {
    yield_among(count, MANY);
}
static void floor_yield_1000(long count) {
    floor_yield_among(count, MANY);
}

/* --- spawn and join ------------------------------------------------------------------------- */

static _Atomic long entered;

/* Many workers may come by here; that none is lost is not worth what it would cost. */
static void count_entry(void) {
    const long before = atomic_load_explicit(&entered, memory_order_relaxed);
    atomic_store_explicit(&entered, before + 1, memory_order_relaxed);
}

static zio_err_t ZIO_CALL do_nothing(void *ud) {
    (void)ud;
    count_entry();
    return RESULT;
}

static void floor_do_nothing(void *ud) {
    (void)ud;
    count_entry();
}

static void spawn_join(long count) {
    for (long i = 0; i < count; i++) join(spawn(do_nothing, 0), RESULT);
}

static void floor_spawn_join(long count) {
    for (long i = 0; i < count; i++) floor_join(floor_spawn(floor_do_nothing, NULL));
}

static void spawn_join_batch(long count) {
    for (; count > 0; count -= MANY) {
        for (int i = 0; i < MANY; i++) tasks[i] = spawn(do_nothing, 0);
        for (int i = 0; i < MANY; i++) join(tasks[i], RESULT);
    }
}

static void floor_spawn_join_batch(long count) {
    for (; count > 0; count -= MANY) {
        for (int i = 0; i < MANY; i++) floor_tasks[i] = floor_spawn(floor_do_nothing, NULL);
        for (int i = 0; i < MANY; i++) floor_join(floor_tasks[i]);
    }
}

/* --- the rest ------------------------------------------------------------------------------- */

static zio_deadline_t far_away;

static void timeout(long count) {
    for (long i = 0; i < count; i++) {
        uint64_t token;
        MUST(zio_timeout_push(&token, far_away) == 0);
        MUST(!zio_timeout_pop(token));
    }
}

static zio_err_t ZIO_CALL park_often(void *ud) {
    for (long i = 0; i < (long)ud; i++) MUST(zio_task_park(ZIO_NEVER) == 0);
    return 0;
}

/* One step: a wake, a switch to the woken, its wait, a switch back. */
static void park_unpark(long count) {
    zio_task_t *task = spawn_pinned(park_often, count);
    (void)zio_yield();
    for (long i = 0; i < count; i++) {
        (void)zio_task_unpark(task);
        (void)zio_yield();
    }
    join(task, 0);
}

/* --- measuring ------------------------------------------------------------------------------ */

struct measure {
    const char *name;
    long count;
    burst_fn *work, *floor;
    double bar_ns; /* 0 = none */
};

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double middle(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static double burst(burst_fn *work, long count) {
    const double began = now_ns();
    work(count);
    return (now_ns() - began) / (double)count;
}

static void measure(const struct measure *what, int bursts) {
    static double figures[LARGEST_BURSTS], floors[LARGEST_BURSTS], ratios[LARGEST_BURSTS];
    const int has_floor = what->floor != NULL && floor_exists();
    what->work(what->count);
    if (has_floor) what->floor(what->count);
    for (int i = 0; i < bursts; i++) {
        floors[i] = has_floor ? burst(what->floor, what->count) : 0;
        figures[i] = burst(what->work, what->count);
        ratios[i] = has_floor ? figures[i] / floors[i] : 0;
    }
    const double median = middle(figures, bursts);
    printf("%-34s %8.2f %8.2f", what->name, median, figures[0]);
    if (has_floor) {
        const double floor = middle(floors, bursts);
        printf(" %8.2f %8.2f", floor, middle(ratios, bursts));
    } else {
        printf(" %8s %8s", "-", "-");
    }
    if (what->bar_ns > 0) {
        printf(" %8.1f %s\n", what->bar_ns, median <= what->bar_ns ? "held" : "MISSED");
    } else {
        printf(" %8s\n", "-");
    }
}

static zio_err_t ZIO_CALL measure_all(void *ud) {
    static const struct measure measures[] = {
        {"yield, 2 tasks", 100000, yield_2, floor_yield_2, 10},
        {"yield among 1 000 tasks", 100000, yield_1000, floor_yield_1000, 12},
        {"spawn+join+unref, one at a time", 30000, spawn_join, floor_spawn_join, 35},
        {"spawn+join+unref, batch of 1 000", 30000, spawn_join_batch, floor_spawn_join_batch, 35},
        {"scoped timeout, push+pop", 100000, timeout, NULL, 12},
        {"park+unpark, two switches", 50000, park_unpark, floor_yield_2, 0},
    };
    far_away = zio_after_ms(1000000);
    printf("%-34s %8s %8s %8s %8s %8s\n", "nanoseconds each", "median", "least", "floor", "ratio",
           "bar");
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        measure(&measures[i], *(const int *)ud);
    }
    return 0;
}

int main(int argc, char **argv) {
    int bursts = argc > 1 ? atoi(argv[1]) : 31;
    if (bursts < 1 || bursts > LARGEST_BURSTS) return 2;
    zio_rt_t *runtime;
    zio_rt_options_t options;
    MUST(zio_rt_options_init(&options, sizeof options) == 0);
    if (argc > 2) options.workers = (uint32_t)strtoul(argv[2], NULL, 10);
    MUST(zio_rt_create(&runtime, &options) == 0);
    MUST(zio_rt_run(runtime, measure_all, &bursts) == 0);
    MUST(zio_rt_destroy(runtime) == 0);
    return 0;
}
