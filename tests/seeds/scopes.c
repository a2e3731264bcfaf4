/* SPDX-License-Identifier: MIT */
/* Nested timeouts and shields, with cancels from outside, against a model of the rules: who ends a
 * wait, and when, is foreseen exactly. The bug: a way out of a function on which the shield stays.
 */
#include "kit.h"

enum { MOST_TASKS = 4, MOST_DEPTH = 5, ROUNDS = 6 };

struct scope {
    int64_t until;
    unsigned shields; /* how many were held when it was opened */
    bool has_struck;
};
struct walker {
    zio_task_t *task;
    bool is_asked; /* a cancel is pending */
    bool is_done;
    unsigned shields, depth;
    struct scope scopes[MOST_DEPTH];
};

static struct walker walkers[MOST_TASKS];
static unsigned walker_count, delivered, struck, held_back;

/* The scope that counts; NULL: none does. */
static struct scope *earliest(struct walker *walker) {
    struct scope *found = NULL;
    for (unsigned i = 0; i < walker->depth; i++) {
        struct scope *const scope = &walker->scopes[i];
        if (scope->shields != walker->shields) continue;
        if (found == NULL || scope->until < found->until) found = scope;
    }
    return found;
}

/* Whether the cancel came now. It does at once where one was pending. */
static bool take_cancel(struct walker *walker, zio_err_t err, bool was_asked) {
    if (walker->shields > 0) {
        must(err != ZIO_ECANCELED, "a shield holds a cancel back");
        held_back += was_asked;
        return false;
    }
    if (was_asked) must(err == ZIO_ECANCELED, "a pending cancel comes first");
    if (err != ZIO_ECANCELED) return false;
    must(walker->is_asked, "none is canceled whom nobody canceled");
    walker->is_asked = false;
    delivered++;
    return true;
}

static void wait_once(struct walker *walker) {
    const bool was_asked = walker->is_asked, parks = chance(300);
    struct scope *const scope = earliest(walker);
    const int64_t until = zio_now() + 10000 + (int64_t)below(4000000);
    const zio_err_t err = parks ? zio_task_park(until) : zio_sleep_until(until);
    const int64_t now = zio_now();
    if (take_cancel(walker, err, was_asked)) return;
    if (scope != NULL && scope->until < until) {
        must(err == ZIO_ETIMEDOUT, "a scope ends what waits in it");
        must(now >= scope->until, "not before its time");
        scope->has_struck = true;
        struck++;
    } else {
        must(err == (parks ? ZIO_ETIMEDOUT : ZIO_OK), "else a wait lasts as long as it was to");
        must(now >= until, "no shorter");
    }
}

static void look(struct walker *walker) {
    const bool was_asked = walker->is_asked;
    const zio_err_t err = chance(500) ? zio_yield() : zio_check_cancel();
    must(err == ZIO_OK || err == ZIO_ECANCELED, "a yield knows no timeout");
    take_cancel(walker, err, was_asked);
    must(zio_task_park(ZIO_IMMEDIATE) == ZIO_EAGAIN, "an attempt is no place for a cancel");
}

static void walk(struct walker *walker);

static void open_scope(struct walker *walker) {
    struct scope *const scope = &walker->scopes[walker->depth];
    uint64_t token;
    if (walker->depth == MOST_DEPTH) return;
    *scope = (struct scope){zio_now() + (int64_t)below(5000000), walker->shields, false};
    must(zio_timeout_push(&token, scope->until) == ZIO_OK, "a scope can be opened");
    walker->depth++;
    walk(walker);
    walker->depth--;
    must(!zio_timeout_pop(token + 1), "the token of another closes nothing");
    must(zio_timeout_pop(token) == scope->has_struck, "a scope knows whether it has struck");
}

static void raise_shield(struct walker *walker) {
    const unsigned struck_before = struck;
    zio_shield_begin();
    walker->shields++;
    walk(walker);
    walker->shields--;
    if (is_planted && struck != struck_before) return;
    zio_shield_end();
}

static void walk(struct walker *walker) {
    for (uint64_t steps = 1 + below(3); steps > 0; steps--) {
        switch (below(5)) {
            case 0:
                open_scope(walker);
                break;
            case 1:
                if (walker->shields < 3) raise_shield(walker);
                break;
            case 2:
                look(walker);
                break;
            default:
                wait_once(walker);
        }
    }
}

static zio_err_t walk_often(void *ud) {
    struct walker *const walker = ud;
    for (unsigned i = 0; i < ROUNDS; i++) walk(walker);
    look(walker);
    walker->is_done = true;
    return ZIO_OK;
}

static zio_err_t disturb(void *ud) {
    (void)ud;
    while (pause_us(3000) == ZIO_OK) {
        struct walker *const walker = &walkers[below(walker_count)];
        if (walker->is_done) continue;
        walker->is_asked = true;
        /* A second one before the call has returned is the same. */
        for (uint64_t left = 1 + below(2); left > 0; left--) {
            must(zio_task_request_cancel(walker->task) == ZIO_OK, "who lives can be canceled");
        }
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    (void)ud;
    walker_count = 1 + (unsigned)below(MOST_TASKS);
    for (unsigned i = 0; i < walker_count; i++) walkers[i].task = start(walk_often, &walkers[i]);
    zio_task_t *const disturber = start(disturb, NULL);
    for (unsigned i = 0; i < walker_count; i++) {
        must(zio_task_join(walkers[i].task, NULL, ZIO_NEVER) == ZIO_OK, "a walk ends");
    }
    stop(disturber);
    for (unsigned i = 0; i < walker_count; i++) zio_task_unref(walkers[i].task);
    zio_sim_sometimes(delivered > 3, "several cancels come through");
    zio_sim_sometimes(held_back > 1, "a shield is tried");
    zio_sim_sometimes(struck > 3, "several scopes strike");
    return ZIO_OK;
}

const struct program scopes = {"scopes", body, ""};
