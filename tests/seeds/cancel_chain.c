/* SPDX-License-Identifier: MIT */
/* Work in layers: who does it is urgent, normal or in the background, is asked to stop at any
 * moment, and hands the cancel on from layer to layer. A request is delivered once, a layer that
 * asks again is told again, and the work stops. The bug: a layer keeps a cancel to itself. */
#include "kit.h"

enum { MOST_WORKERS = 6, LAYERS = 3, STEPS = 4 };

struct worker {
    zio_task_t *task;
    bool is_asked, is_pending; /* a cancel was requested; and was not delivered since */
    bool is_done;
    unsigned delivered, steps_after;
};

static struct worker workers[MOST_WORKERS];
static unsigned worker_count, stopped, passed_on, requests;

/* What a suspension point gave, against what is known. */
static zio_err_t told(struct worker *worker, zio_err_t err, bool was_pending) {
    if (was_pending) must(err == ZIO_ECANCELED, "a pending cancel is delivered at once");
    if (err != ZIO_ECANCELED) return err;
    must(worker->is_pending, "a cancel is delivered once");
    worker->is_pending = false;
    worker->delivered++;
    return err;
}

static zio_err_t step(struct worker *worker) {
    const bool was_pending = worker->is_pending;
    zio_err_t err = ZIO_OK;
    worker->steps_after += worker->is_asked;
    switch (below(4)) {
        case 0:
            err = zio_yield();
            break;
        case 1:
            err = zio_sleep_until(zio_after_ns((int64_t)below(400000)));
            break;
        case 2:
            err = zio_task_park(zio_after_ns((int64_t)below(400000)));
            if (err == ZIO_ETIMEDOUT) err = ZIO_OK;
            break;
        default:
            err = zio_check_cancel();
    }
    must(err == ZIO_OK || err == ZIO_ECANCELED, "a step ends as it may");
    return told(worker, err, was_pending);
}

/* Tidies up behind a shield, and makes the cancel pending again for the layer above, which looks
 * for itself. */
static void hand_on(struct worker *worker) {
    zio_shield_begin();
    const zio_err_t err = zio_sleep_until(zio_after_ns((int64_t)below(100000)));
    must(err == ZIO_OK, "tidying up is not canceled");
    zio_shield_end();
    if (is_planted) return;
    must(zio_recancel() == ZIO_OK, "a cancel can be handed on");
    worker->is_pending = true;
    passed_on++;
}

static bool look(struct worker *worker) {
    const bool was_pending = worker->is_pending;
    return told(worker, zio_check_cancel(), was_pending) == ZIO_ECANCELED;
}

/* True: it was told to stop, and all layers above will be. */
static bool do_layer(struct worker *worker, unsigned layer) {
    for (unsigned i = 0; i < STEPS; i++) {
        bool is_told;
        if (layer == 0) {
            is_told = step(worker) == ZIO_ECANCELED;
        } else {
            do_layer(worker, layer - 1);
            is_told = look(worker);
        }
        if (!is_told) continue;
        if (layer + 1 < LAYERS) hand_on(worker);
        return true;
    }
    return false;
}

static zio_err_t work(void *ud) {
    struct worker *const worker = ud;
    for (;;) {
        if (do_layer(worker, LAYERS - 1)) break;
        must(worker->steps_after < STEPS * STEPS, "who is canceled stops soon");
    }
    must(worker->is_asked && worker->delivered > 0, "only a cancel ends the work");
    worker->is_done = true;
    stopped++;
    return ZIO_ECANCELED;
}

static void ask(struct worker *worker) {
    worker->is_asked = worker->is_pending = true;
    requests++;
    must(zio_task_request_cancel(worker->task) == ZIO_OK, "who works can be asked to stop");
    if (chance(200)) zio_task_request_cancel(worker->task); /* two that are one */
}

static zio_err_t body(void *ud) {
    zio_spawn_options_t options;
    (void)ud;
    must(zio_recancel() == ZIO_OK, "a recancel without a cancel is nothing");
    must(zio_check_cancel() == ZIO_OK, "a recancel without a cancel is nothing");
    worker_count = 2 + (unsigned)below(MOST_WORKERS - 1);
    zio_spawn_options_init(&options, sizeof options);
    for (unsigned i = 0; i < worker_count; i++) {
        options.priority = (uint32_t)below(3);
        const zio_err_t err = zio_spawn(NULL, &workers[i].task, work, &workers[i], &options);
        must(err == ZIO_OK, "a task can be spawned");
    }
    while (stopped < worker_count) {
        struct worker *const worker = &workers[below(worker_count)];
        if (!worker->is_done && (!worker->is_asked || chance(100))) ask(worker);
        pause_us(1500);
    }
    for (unsigned i = 0; i < worker_count; i++) {
        must(finish(workers[i].task) == ZIO_ECANCELED, "each was canceled");
    }
    zio_sim_sometimes(passed_on > worker_count, "a cancel passes several layers");
    zio_sim_sometimes(requests > worker_count, "somebody is asked twice");
    return ZIO_OK;
}

const struct program cancel_chain = {"cancel_chain", body, ""};
