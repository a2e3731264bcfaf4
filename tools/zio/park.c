/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "park.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup.h"
#include "child.h"
#include "system.h"

enum { SPAWNED_AT_ONCE = 1024, MEMORY_LEFT = 64 << 20 };

static zio_err_t fail(struct parking *parking, const char *step, zio_err_t error) {
    parking->error = error;
    (void)snprintf(parking->step, sizeof parking->step, "%s", step);
    (void)snprintf(parking->detail, sizeof parking->detail, "%s", zio_last_error_detail());
    return error;
}

/* Neighbouring stacks are one slot apart; which tasks are neighbours is not known. */
static void note_stack(struct parking *parking) {
    void *low;
    size_t size;
    if (zio_task_stack(zio_task_self(), &low, &size) != 0) return;
    const uintptr_t stack = (uintptr_t)low, previous = parking->previous_stack;
    const uint64_t apart = stack > previous ? stack - previous : previous - stack;
    if (previous != 0 && (parking->slot_bytes == 0 || apart < parking->slot_bytes)) {
        parking->slot_bytes = apart;
    }
    parking->previous_stack = stack;
}

static zio_err_t ZIO_CALL wait_here(void *ud) {
    struct parking *parking = ud;
    if (parking->parked < 64) note_stack(parking);
    parking->parked++;
    return zio_task_park(ZIO_NEVER); /* until the runtime is shut down */
}

/* A task gets its stack when it first runs, so each batch is let run before the next is made. */
static void fill(struct parking *parking) {
    while (parking->spawned < parking->wanted) {
        const zio_err_t error = zio_spawn(NULL, NULL, wait_here, parking, NULL);
        if (error != 0) {
            (void)fail(parking, "zio_spawn", error);
            break;
        }
        if (++parking->spawned % SPAWNED_AT_ONCE != 0) continue;
        (void)zio_yield();
        const uint64_t available = available_memory();
        parking->is_stopped = available != 0 && available < MEMORY_LEFT;
        if (parking->is_stopped) break;
    }
    while (parking->parked < parking->spawned && zio_yield() == 0) continue;
}

static zio_err_t ZIO_CALL park_all(void *ud) {
    struct parking *parking = ud;
    parking->descriptors = count_descriptors();
    const uint64_t mappings = count_lines("/proc/self/maps");
    const uint64_t bytes = resident_bytes();
    const int64_t began = zio_now();
    fill(parking);
    parking->filling_ns = zio_now() - began;
    const uint64_t more_bytes = resident_bytes(), more_mappings = count_lines("/proc/self/maps");
    parking->bytes = more_bytes > bytes ? more_bytes - bytes : 0;
    parking->mappings = more_mappings > mappings ? more_mappings - mappings : 0;
    return 0;
}

/* How much address space a runtime takes for stacks is seen by what the process grows. The first
 * runtime of a process also makes tables that stay, so it is not the one that is looked at. */
static uint64_t reserved_bytes(zio_rt_t **runtime, zio_err_t *error) {
    *error = zio_rt_create(runtime, NULL);
    if (*error != 0) return 0;
    (void)zio_rt_destroy(*runtime);
    const uint64_t before = address_space_bytes();
    *error = zio_rt_create(runtime, NULL);
    const uint64_t after = address_space_bytes();
    return *error == 0 && after > before ? after - before : 0;
}

static void park(void *shared) {
    struct parking *parking = shared;
    zio_rt_t *runtime = NULL;
    zio_err_t error;
    const uint64_t reserved = reserved_bytes(&runtime, &error);
    if (error != 0) {
        (void)fail(parking, "zio_rt_create", error);
        return;
    }
    error = zio_rt_run(runtime, park_all, parking);
    if (error != 0) (void)fail(parking, "zio_rt_run", error);
    /* Beside each stack there is a pointer to it. */
    if (parking->slot_bytes != 0) {
        parking->stacks = reserved / (parking->slot_bytes + sizeof(void *));
    }
    error = zio_rt_shutdown(runtime, ZIO_NEVER);
    if (error == 0) error = zio_rt_destroy(runtime);
    if (error != 0) (void)fail(parking, "zio_rt_shutdown", error);
}

/* Where memory runs out the system shall end this process and no other. */
static void park_first_to_go(void *shared) {
    const int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        const ssize_t written = write(file, "1000", 4);
        (void)written;
        close(file);
    }
    park(shared);
}

const struct parking *park_tasks(uint64_t wanted) {
    struct parking *parking = share(sizeof *parking);
    if (parking == NULL) return NULL;
    parking->wanted = wanted;
    parking->killed_by = run_in_child(park_first_to_go, parking, 0);
    return parking;
}
