/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "workers/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void kit_must(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "workers: %s failed: %s\n", what, zio_last_error_detail());
    exit(1);
}

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void work_for(int64_t span_ns) {
    for (const int64_t end = now_ns() + span_ns; now_ns() < end;) continue;
}

static int compare(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

int64_t median_of(int64_t *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

int64_t clock_cost_ns(void) {
    enum { LOOKS = 1000 };
    static int64_t all[LOOKS];
    for (int i = 0; i < LOOKS; i++) {
        const int64_t before = now_ns();
        all[i] = now_ns() - before;
    }
    return median_of(all, LOOKS);
}

zio_rt_t *make_runtime(uint32_t workers) {
    zio_rt_t *runtime;
    zio_rt_options_t options;
    MUST(zio_rt_options_init(&options, sizeof options) == 0);
    options.workers = workers;
    MUST(zio_rt_create(&runtime, &options) == 0);
    return runtime;
}

void end_runtime(zio_rt_t *runtime) {
    MUST(zio_rt_shutdown(runtime, ZIO_NEVER) == 0);
    MUST(zio_rt_destroy(runtime) == 0);
}

zio_task_t *spawn_pinned(zio_rt_t *runtime, zio_task_fn entry, void *ud) {
    zio_task_t *task;
    zio_spawn_options_t options;
    MUST(zio_spawn_options_init(&options, sizeof options) == 0);
    options.flags = ZIO_TASK_PIN_HERE;
    MUST(zio_spawn(runtime, &task, entry, ud, &options) == 0);
    return task;
}
