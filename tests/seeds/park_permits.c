/* SPDX-License-Identifier: MIT */
/* A semaphore made of park and unpark, with waiters that are canceled and late, and tokens that
 * mean nothing. No more hold a permit than there are, and none gets lost. The bug: who gives up
 * waiting does not look whether it was just handed a permit. */
#include "kit.h"

enum { MOST_TASKS = 7, MOST_PERMITS = 3, MOST_TURNS = 10 };

struct waiter {
    zio_task_t *task;
    struct waiter *next;
    bool is_granted;
};

static struct waiter *first;
static unsigned permits, permit_count, holders, working;
static unsigned refused, handed_late;
static zio_task_t *tasks[MOST_TASKS];

static void enqueue(struct waiter *waiter) {
    struct waiter **place = &first;
    while (*place != NULL) place = &(*place)->next;
    *place = waiter;
}

static void drop(struct waiter *waiter) {
    struct waiter **place = &first;
    while (*place != NULL && *place != waiter) place = &(*place)->next;
    if (*place != NULL) *place = waiter->next;
}

static zio_err_t acquire(zio_deadline_t deadline) {
    struct waiter self = {.task = zio_task_self()};
    if (permits > 0 && first == NULL) {
        permits--;
        return ZIO_OK;
    }
    enqueue(&self);
    for (;;) {
        const zio_err_t err = zio_task_park(deadline);
        must(err == ZIO_OK || err == ZIO_ECANCELED || err == ZIO_ETIMEDOUT,
             "a park ends as it may");
        if (self.is_granted && !(is_planted && err != ZIO_OK)) {
            handed_late += err != ZIO_OK;
            if (err == ZIO_ECANCELED) zio_recancel();
            return ZIO_OK;
        }
        if (err == ZIO_OK) continue;
        drop(&self);
        return err;
    }
}

static void release(void) {
    struct waiter *const next = first;
    if (next == NULL) {
        permits++;
        return;
    }
    if (chance(50)) zio_task_request_cancel(next->task); /* both at once */
    first = next->next;
    next->is_granted = true;
    must(zio_task_unpark(next->task) == ZIO_OK, "who waits can be woken");
}

static zio_err_t work(void *ud) {
    (void)ud;
    for (uint64_t turn = 1 + below(MOST_TURNS); turn > 0; turn--) {
        const zio_err_t err = acquire(some_deadline(1500));
        if (err != ZIO_OK) {
            refused++;
            continue;
        }
        must(++holders <= permit_count, "no more hold a permit than there are");
        if (chance(500)) {
            pause_us(1500);
        } else {
            zio_yield();
        }
        holders--;
        release();
        if (chance(300)) pause_us(1000);
    }
    working--;
    return ZIO_OK;
}

static zio_err_t disturb(void *ud) {
    const unsigned count = *(unsigned *)ud;
    while (working > 0) {
        if (pause_us(300) != ZIO_OK) break;
        zio_task_t *const task = tasks[below(count)];
        if (chance(500)) {
            zio_task_unpark(task);
        } else {
            zio_task_request_cancel(task);
        }
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    unsigned count = 3 + (unsigned)below(MOST_TASKS - 2);
    zio_task_t *disturber;
    (void)ud;
    permits = permit_count = 1 + (unsigned)below(MOST_PERMITS);
    working = count;
    for (unsigned i = 0; i < count; i++) tasks[i] = start(work, NULL);
    disturber = start(disturb, &count);
    for (unsigned i = 0; i < count; i++) {
        must(zio_task_join(tasks[i], NULL, zio_after_ms(60000)) == ZIO_OK, "nobody waits for ever");
    }
    finish(disturber);
    for (unsigned i = 0; i < count; i++) zio_task_unref(tasks[i]);
    must(holders == 0 && first == NULL, "nobody is left");
    must(permits == permit_count, "no permit is lost");
    zio_sim_sometimes(refused > 3, "several give up");
    zio_sim_sometimes(handed_late > 0, "a permit comes together with a cancel or the deadline");
    return ZIO_OK;
}

const struct program park_permits = {"park_permits", body, ""};
