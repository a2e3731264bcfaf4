/* SPDX-License-Identifier: MIT */
/* A plain thread wakes a task again and again, each time that it waits. */
#include "workers/kit.h"

enum { WARM_UP = 100, WAKES = 4000, WAKES_ASLEEP = 1000, SHORT_NS = 1000, LONG_NS = 300 * 1000 };

struct alarm {
    zio_task_t *sleeper, *restless;
    int busy, count;
    int stop, answered;
};

static zio_err_t ZIO_CALL sleeps(void *ud) {
    struct alarm *const alarm = ud;
    for (int i = 0; i < alarm->count + WARM_UP; i++) {
        MUST(zio_task_park(ZIO_NEVER) == 0);
        __atomic_store_n(&alarm->answered, i + 1, __ATOMIC_RELEASE);
    }
    return 0;
}

static zio_err_t ZIO_CALL never_waits(void *ud) {
    struct alarm *const alarm = ud;
    while (!__atomic_load_n(&alarm->stop, __ATOMIC_RELAXED)) MUST(zio_yield() == 0);
    return 0;
}

/* On one worker both, so that it has something to do when the task is to be woken. */
static zio_err_t ZIO_CALL begins(void *ud) {
    struct alarm *const alarm = ud;
    alarm->sleeper = spawn_pinned(NULL, sleeps, alarm);
    if (alarm->busy) alarm->restless = spawn_pinned(NULL, never_waits, alarm);
    return 0;
}

static void join(zio_task_t *task) {
    if (task == NULL) return;
    MUST(zio_task_join(task, NULL, ZIO_NEVER) == 0);
    MUST(zio_task_unref(task) == 0);
}

int64_t measure_wake(int busy) {
    static int64_t all[WAKES];
    struct alarm alarm = {.busy = busy, .count = busy ? WAKES : WAKES_ASLEEP};
    zio_rt_t *const runtime = make_runtime(2);
    MUST(zio_rt_start(runtime) == 0);
    join(spawn_pinned(runtime, begins, &alarm));
    for (int i = -WARM_UP; i < alarm.count; i++) {
        while (__atomic_load_n(&alarm.answered, __ATOMIC_ACQUIRE) < i + WARM_UP) continue;
        work_for(busy ? SHORT_NS : LONG_NS); /* it waits again, and its worker sleeps */
        const int64_t before = now_ns();
        (void)zio_task_unpark(alarm.sleeper);
        const int64_t after = now_ns();
        if (i >= 0) all[i] = after - before;
    }
    __atomic_store_n(&alarm.stop, 1, __ATOMIC_RELAXED);
    join(alarm.sleeper);
    join(alarm.restless);
    end_runtime(runtime);
    return median_of(all, alarm.count) - clock_cost_ns();
}
