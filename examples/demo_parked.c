/* SPDX-License-Identifier: MIT */
/* How much memory a waiting task takes: makes many, lets each run until it waits, looks at what the
 * process has in memory, page tables included, and wakes and joins them all.
 *   demo_parked TASKS
 * Prints one line of name=value. Where the system has no room for so many stacks it says why, and
 * measures those it got. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo/measure.h"
#include "zio.h"

struct parking {
    zio_task_t **tasks;
    uint64_t wanted;
    uint64_t waiting;
    uint64_t woken;
};

static uint64_t memory_bytes(void) {
    return (memory_kib("VmRSS") + memory_kib("VmPTE")) * 1024;
}

static zio_err_t ZIO_CALL wait_here(void *ud) {
    struct parking *parking = ud;
    parking->waiting++;
    const zio_err_t error = zio_task_park(ZIO_NEVER);
    if (error == 0) parking->woken++;
    return error;
}

/* A task gets its stack when it first runs, so it is let run before the next is made. */
static zio_err_t fill(struct parking *parking, uint64_t *count) {
    zio_err_t error = 0;
    for (*count = 0; error == 0 && *count < parking->wanted;) {
        error = zio_spawn(NULL, &parking->tasks[*count], wait_here, parking, NULL);
        if (error == 0) (*count)++;
        if (*count % 1000 == 0 || error != 0) (void)zio_yield();
    }
    while (parking->waiting < *count && zio_yield() == 0) continue;
    return error;
}

static zio_err_t ZIO_CALL park_tasks(void *ud) {
    struct parking *parking = ud;
    uint64_t count;
    const uint64_t before = memory_bytes();
    const int64_t began = zio_now();
    const zio_err_t error = fill(parking, &count);
    const int64_t filled = zio_now();
    const uint64_t used = memory_bytes() - before;
    if (error != 0) {
        fprintf(stderr, "after %" PRIu64 " tasks: %s: %s\n", count, zio_strerror(error),
                zio_last_error_detail());
        if (error != ZIO_ESTACK || count == 0) return error;
    }
    const int64_t waking = zio_now();
    for (uint64_t i = 0; i < count; i++) zio_task_unpark(parking->tasks[i]);
    for (uint64_t i = 0; i < count; i++) {
        zio_err_t result = ZIO_EIO;
        const zio_err_t joined = zio_task_join(parking->tasks[i], &result, ZIO_NEVER);
        if (joined != 0 || result != 0) return joined != 0 ? joined : result;
        zio_task_unref(parking->tasks[i]);
    }
    printf("tasks=%" PRIu64 " woken=%" PRIu64 " bytes_per_task=%.0f make_ns=%.0f wake_ns=%.0f\n",
           count, parking->woken, (double)used / (double)count,
           (double)(filled - began) / (double)count, (double)(zio_now() - waking) / (double)count);
    return parking->woken == count ? 0 : ZIO_EIO;
}

int main(int argc, char **argv) {
    struct parking parking = {NULL, argc == 2 ? strtoull(argv[1], NULL, 10) : 0, 0, 0};
    zio_rt_t *runtime;
    if (parking.wanted == 0) {
        fprintf(stderr, "usage: %s TASKS\n", argv[0]);
        return 2;
    }
    parking.tasks = malloc(parking.wanted * sizeof *parking.tasks);
    if (parking.tasks == NULL) return 1;
    memset(parking.tasks, -1, parking.wanted * sizeof *parking.tasks); /* in memory from here on */
    zio_err_t error = zio_rt_create(&runtime, NULL);
    if (error == 0) error = zio_rt_run(runtime, park_tasks, &parking);
    if (error != 0) fprintf(stderr, "%s: %s\n", argv[0], zio_strerror(error));
    if (error == 0) error = zio_rt_destroy(runtime);
    free(parking.tasks);
    return error == 0 ? 0 : 1;
}
