/* SPDX-License-Identifier: MIT */
/* Does this kernel do it? Of memory and io_uring. */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "quirk_kit.h"

/* Newer than the headers that this must build with. */
enum {
    ADVICE_GUARD_INSTALL = 102,
    ADVICE_NOBODY_KNOWS = 9999,
    SETUP_R_DISABLED = 1 << 6,
    SETUP_SUBMIT_ALL = 1 << 7,
    SETUP_COOP_TASKRUN = 1 << 8,
    SETUP_SINGLE_ISSUER = 1 << 12,
    SETUP_DEFER_TASKRUN = 1 << 13,
    SETUP_NO_SQARRAY = 1 << 16,
    FEATURE_EXT_ARG = 1 << 8,
    FEATURE_NO_IOWAIT = 1 << 17,
    ENROLL_RING = 20
};

static enum answer truth(bool is_so) {
    return is_so ? YES : NO;
}

static bool takes_advice(int advice) {
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && madvise(page, 4096, advice) == 0;
}

enum answer probe_stacks_are_guarded_by_advice(void) {
    char *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ends[2];
    if (page == MAP_FAILED || pipe(ends) != 0) return CANNOT_TELL;
    if (madvise(page, 65536, ADVICE_GUARD_INSTALL) != 0) return NO;
    return truth(write(ends[1], page, 1) < 0 && errno == EFAULT);
}

enum answer probe_odd_advice_is_refused(void) {
    return truth(!takes_advice(ADVICE_NOBODY_KNOWS));
}

/* --- io_uring ------------------------------------------------------------------------------- */

/* The ring, or minus the error. */
static int set_up(uint32_t flags, struct io_uring_params *parameters) {
    memset(parameters, 0, sizeof *parameters);
    parameters->flags = flags;
    const long ring = syscall(__NR_io_uring_setup, 8, parameters);
    return ring >= 0 ? (int)ring : -errno;
}

/* A refusal says nothing about the kernel. */
static bool has_io_uring(void) {
    struct io_uring_params parameters;
    return set_up(0, &parameters) >= 0;
}

static enum answer knows_setup(uint32_t flags) {
    struct io_uring_params parameters;
    if (!has_io_uring()) return CANNOT_TELL;
    const int ring = set_up(flags, &parameters);
    return ring >= 0 ? YES : ring == -EINVAL ? NO : CANNOT_TELL;
}

static enum answer has_feature(uint32_t feature) {
    struct io_uring_params parameters;
    if (set_up(0, &parameters) < 0) return CANNOT_TELL;
    return truth((parameters.features & feature) != 0);
}

enum answer probe_io_uring_bounds_its_waits(void) {
    return has_feature(FEATURE_EXT_ARG);
}

enum answer probe_io_uring_submits_all(void) {
    return knows_setup(SETUP_SUBMIT_ALL);
}

enum answer probe_io_uring_interrupts_nobody(void) {
    return knows_setup(SETUP_COOP_TASKRUN);
}

enum answer probe_io_uring_defers_its_work(void) {
    return knows_setup(SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN);
}

enum answer probe_io_uring_needs_no_array(void) {
    return knows_setup(SETUP_NO_SQARRAY);
}

enum answer probe_io_uring_waits_idly(void) {
    return has_feature(FEATURE_NO_IOWAIT);
}

enum answer probe_io_uring_has_a_switch(void) {
    return truth(access("/proc/sys/kernel/io_uring_disabled", F_OK) == 0);
}

enum answer probe_io_uring_registers_its_ring(void) {
    struct io_uring_params parameters;
    struct {
        uint32_t offset, reserved;
        uint64_t data;
    } update = {UINT32_MAX, 0, 0};
    const int ring = set_up(0, &parameters);
    if (ring < 0) return CANNOT_TELL;
    update.data = (uint32_t)ring;
    const long done = syscall(__NR_io_uring_register, ring, ENROLL_RING, &update, 1);
    if (done < 0 && errno != EINVAL) return CANNOT_TELL;
    return truth(done == 1);
}

/* What is shared with the kernel, in the simplest form: one submission, and its completions. */
struct small_ring {
    int ring;
    struct io_uring_params parameters;
    char *submissions; /* the queue of numbers */
    char *completions;
    struct io_uring_sqe *entries;
};

static bool open_small_ring(struct small_ring *small) {
    small->ring = set_up(0, &small->parameters);
    if (small->ring < 0) return false;
    const int rights = PROT_READ | PROT_WRITE;
    small->submissions = mmap(NULL, 65536, rights, MAP_SHARED, small->ring, IORING_OFF_SQ_RING);
    small->completions = mmap(NULL, 65536, rights, MAP_SHARED, small->ring, IORING_OFF_CQ_RING);
    small->entries =
        mmap(NULL, 8 * sizeof *small->entries, rights, MAP_SHARED, small->ring, IORING_OFF_SQES);
    return small->submissions != MAP_FAILED && small->completions != MAP_FAILED &&
           small->entries != MAP_FAILED;
}

/* Submits the first entry, waits for a completion and gives its result and flags. */
static bool submit_and_wait(struct small_ring *small, int32_t *result, uint32_t *flags) {
    const struct io_sqring_offsets *sq = &small->parameters.sq_off;
    const struct io_cqring_offsets *cq = &small->parameters.cq_off;
    *(uint32_t *)(small->submissions + sq->array) = 0;
    __atomic_fetch_add((uint32_t *)(small->submissions + sq->tail), 1, __ATOMIC_RELEASE);
    const long done =
        syscall(__NR_io_uring_enter, small->ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    const uint32_t head = *(uint32_t *)(small->completions + cq->head);
    const uint32_t tail =
        __atomic_load_n((uint32_t *)(small->completions + cq->tail), __ATOMIC_ACQUIRE);
    if (done != 1 || head == tail) return false;
    const struct io_uring_cqe *all = (struct io_uring_cqe *)(void *)(small->completions + cq->cqes);
    *result = all[head & *(uint32_t *)(small->completions + cq->ring_mask)].res;
    *flags = all[head & *(uint32_t *)(small->completions + cq->ring_mask)].flags;
    return true;
}

enum answer probe_io_uring_polls_many_times(void) {
    struct small_ring small;
    int ends[2];
    int32_t result = 0;
    uint32_t flags = 0;
    const uint32_t more = 1 << 1; /* there will be further completions */
    if (!open_small_ring(&small) || pipe(ends) != 0) return CANNOT_TELL;
    if (write(ends[1], "x", 1) != 1) return CANNOT_TELL;
    memset(small.entries, 0, sizeof *small.entries);
    small.entries->opcode = IORING_OP_POLL_ADD;
    small.entries->fd = ends[0];
    small.entries->poll_events = POLLIN;
    small.entries->len = 1; /* many times */
    if (!submit_and_wait(&small, &result, &flags)) return CANNOT_TELL;
    return result == -EINVAL ? NO : truth(result > 0 && (flags & more) != 0);
}
