/* SPDX-License-Identifier: MIT */
/* Many tasks that wait, with default options: how much memory each takes, page tables included, and
 * whether the page below each stack really cannot be read.
 *   parked TASKS [WORKERS] */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "demo/measure.h"
#include "zio.h"

enum { LARGEST_BYTES = 4915 };

struct parking {
    zio_task_t **tasks;
    uint64_t wanted, waiting, woken;
};

static zio_err_t ZIO_CALL wait_here(void *ud) {
    struct parking *parking = ud;
    __atomic_add_fetch(&parking->waiting, 1, __ATOMIC_RELAXED);
    const zio_err_t error = zio_task_park(ZIO_NEVER);
    __atomic_add_fetch(&parking->woken, error == 0, __ATOMIC_RELAXED);
    return error;
}

/* Whether the process may read a byte, asked of the kernel instead of tried. */
static int readable(const char *address) {
    char byte;
    const struct iovec local = {&byte, 1};
    const struct iovec remote = {(void *)address, 1};
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1) return 1;
    if (errno == EFAULT) return 0;
    perror("process_vm_readv");
    exit(1);
}

/* The stack can be read at its top, and neither directly below it nor 60 KiB further down. */
static uint64_t count_guarded(const struct parking *parking) {
    uint64_t guarded = 0;
    for (uint64_t i = 0; i < parking->wanted; i++) {
        void *low;
        size_t size;
        if (zio_task_stack(parking->tasks[i], &low, &size) != 0) continue;
        const char *const bottom = low;
        guarded +=
            readable(bottom + size - 1) && !readable(bottom - 1) && !readable(bottom - 60 * 1024);
    }
    return guarded;
}

static zio_err_t make(struct parking *parking) {
    for (uint64_t i = 0; i < parking->wanted; i++) {
        const zio_err_t error = zio_spawn(NULL, &parking->tasks[i], wait_here, parking, NULL);
        if (error != 0) {
            fprintf(stderr, "parked: %" PRIu64 " tasks, then: %s: %s\n", i, zio_strerror(error),
                    zio_last_error_detail());
            return error;
        }
    }
    while (__atomic_load_n(&parking->waiting, __ATOMIC_RELAXED) < parking->wanted) {
        const zio_err_t error = zio_yield();
        if (error != 0) return error;
    }
    return 0;
}

static zio_err_t wake_and_join(struct parking *parking) {
    for (uint64_t i = 0; i < parking->wanted; i++) zio_task_unpark(parking->tasks[i]);
    for (uint64_t i = 0; i < parking->wanted; i++) {
        const zio_err_t error = zio_task_join(parking->tasks[i], NULL, ZIO_NEVER);
        if (error != 0) return error;
        zio_task_unref(parking->tasks[i]);
    }
    return parking->woken == parking->wanted ? 0 : ZIO_EIO;
}

static zio_err_t ZIO_CALL park_all(void *ud) {
    struct parking *parking = ud;
    const double count = (double)parking->wanted;
    const uint64_t resident = memory_kib("VmRSS"), tables = memory_kib("VmPTE");
    const int64_t began = zio_now();
    zio_err_t error = make(parking);
    if (error != 0) return error;
    const int64_t made = zio_now();
    const double stack = (double)(memory_kib("VmRSS") - resident) * 1024 / count;
    const double table = (double)(memory_kib("VmPTE") - tables) * 1024 / count;
    const uint64_t guarded = count_guarded(parking);
    const int64_t waking = zio_now();
    error = wake_and_join(parking);
    printf("%" PRIu64
           " parked tasks: %.0f bytes each (%.0f resident, %.0f page tables), bar %d"
           " %s; %" PRIu64 " guarded; made %.0f ns, woken and joined %.0f ns each\n",
           parking->wanted, stack + table, stack, table, LARGEST_BYTES,
           stack + table <= LARGEST_BYTES ? "held" : "MISSED", guarded,
           (double)(made - began) / count, (double)(zio_now() - waking) / count);
    if (error == 0 && guarded != parking->wanted) error = ZIO_EIO;
    return error;
}

int main(int argc, char **argv) {
    struct parking parking = {NULL, argc > 1 ? strtoull(argv[1], NULL, 10) : 0, 0, 0};
    zio_rt_options_t options;
    zio_rt_t *runtime;
    if (parking.wanted == 0) return 2;
    parking.tasks = malloc(parking.wanted * sizeof *parking.tasks);
    if (parking.tasks == NULL) return 1;
    memset(parking.tasks, -1, parking.wanted * sizeof *parking.tasks); /* in memory from here on */
    zio_err_t error = zio_rt_options_init(&options, sizeof options);
    if (argc > 2) options.workers = (uint32_t)strtoul(argv[2], NULL, 10);
    if (error == 0) error = zio_rt_create(&runtime, &options);
    if (error == 0) error = zio_rt_run(runtime, park_all, &parking);
    if (error == 0) error = zio_rt_destroy(runtime);
    if (error != 0) fprintf(stderr, "parked: %s\n", zio_strerror(error));
    free(parking.tasks);
    return error == 0 ? 0 : 1;
}
