/* SPDX-License-Identifier: MIT */
/* Groups whose members fail, spawn more, sleep or wait for ever, while several wait for the group,
 * cancel it or destroy it. Every member runs once and ends before the group does, and the group's
 * result is the first error. The bug: a wait that is late is taken for the end. */
#include "kit.h"

enum { ROUNDS = 3, MOST_MEMBERS = 12 };

struct round {
    zio_group_t *group;
    bool fails_fast, is_canceled, is_gone;
    unsigned spawned, alive, freed, ran;
    zio_err_t first_error;
};

static unsigned closed_waits, late_waits, failures;

static void ZIO_CALL count_freed(void *ud) {
    struct round *const round = ud;
    round->freed++;
    round->alive--;
}

static bool add_member(struct round *round);

/* What a member does until it returns. */
static zio_err_t live(struct round *round) {
    zio_err_t err = ZIO_OK;
    switch (below(6)) {
        case 0:
            return chance(300) ? ZIO_EIO : ZIO_OK;
        case 1:
            return pause_us(3000);
        case 2:
            for (uint64_t left = below(6); left > 0 && err == ZIO_OK; left--) err = zio_yield();
            return err;
        case 3:
            err = zio_task_park(ZIO_NEVER);
            must(err == ZIO_ECANCELED, "only a cancel ends who waits for nothing");
            return err;
        case 4:
            if (add_member(round)) zio_yield();
            return pause_us(1000);
        default:
            zio_shield_begin();
            err = pause_us(2000);
            must(err == ZIO_OK, "a shield holds");
            zio_shield_end();
            return chance(300) ? ZIO_EIO : zio_check_cancel();
    }
}

static zio_err_t member(void *ud) {
    struct round *const round = ud;
    round->ran++;
    const zio_err_t err = live(round);
    const bool counts = err < 0 && (err != ZIO_ECANCELED || !round->is_canceled);
    if (counts && round->first_error == ZIO_OK) {
        round->first_error = err;
        failures++;
        if (round->fails_fast) round->is_canceled = true;
    }
    return err;
}

static bool add_member(struct round *round) {
    zio_spawn_options_t options;
    if (round->spawned == MOST_MEMBERS) return false;
    zio_spawn_options_init(&options, sizeof options);
    options.ud_free = count_freed;
    const zio_err_t err = zio_group_spawn(round->group, member, round, &options);
    must(err == ZIO_OK || (err == ZIO_ECANCELED && round->is_canceled),
         "only a canceled group takes no member");
    if (err != ZIO_OK) return false;
    round->spawned++;
    round->alive++;
    return true;
}

static void check_end(const struct round *round, zio_err_t result) {
    must(round->alive == 0, "no member outlives its group");
    must(round->ran == round->spawned && round->freed == round->spawned, "each runs once");
    must(result == round->first_error, "the result is the first error");
}

static zio_err_t wait_too(void *ud) {
    struct round *const round = ud;
    if (round->is_gone) return ZIO_OK;
    const zio_err_t result = zio_group_wait(round->group, some_deadline(2000));
    if (result == ZIO_ECLOSED) {
        must(round->is_gone, "only a destroyed group is closed");
        closed_waits++;
    } else if (result != ZIO_ETIMEDOUT) {
        if (!round->is_gone) check_end(round, result);
    }
    return ZIO_OK;
}

/* In one of the ways there are. */
static void end_group(struct round *round) {
    zio_err_t result = ZIO_ETIMEDOUT;
    while (result == ZIO_ETIMEDOUT && chance(700)) {
        result = zio_group_wait(round->group, zio_after_ns((int64_t)below(3000000)));
        if (result != ZIO_ETIMEDOUT || is_planted) {
            check_end(round, result == ZIO_ETIMEDOUT ? round->first_error : result);
        } else {
            late_waits++;
        }
    }
    if (chance(500)) {
        round->is_canceled = true;
        must(zio_group_cancel(round->group) == ZIO_OK, "a group can be canceled");
        check_end(round, zio_group_wait(round->group, ZIO_IMMEDIATE));
    }
    round->is_canceled = round->is_gone = true;
    must(zio_group_destroy(round->group) == ZIO_OK, "a group can be destroyed");
    check_end(round, round->first_error);
}

static zio_err_t body(void *ud) {
    (void)ud;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct round round = {.fails_fast = chance(500)};
        zio_task_t *waiters[2];
        const uint32_t flags = round.fails_fast ? ZIO_GROUP_FAIL_FAST : 0;
        must(zio_group_create(NULL, &round.group, flags) == ZIO_OK, "a group can be made");
        for (uint64_t left = 1 + below(6); left > 0; left--) add_member(&round);
        for (unsigned w = 0; w < 2; w++) waiters[w] = start(wait_too, &round);
        end_group(&round);
        for (unsigned w = 0; w < 2; w++) finish(waiters[w]);
    }
    zio_sim_sometimes(closed_waits > 0, "a group goes while somebody waits for it");
    zio_sim_sometimes(late_waits > 0, "a wait is late");
    zio_sim_sometimes(failures > 2, "every group fails");
    return ZIO_OK;
}

const struct program group_tree = {"group_tree", body, ""};
