/* SPDX-License-Identifier: MIT */
/* zio/cancel.h: a request is delivered once, shields hold it back. Scoped timeouts are in
 * scope_test.c. */
#include "zio/cancel.h"

#include "task_kit.h"

static zio_err_t sleeps_5(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(5));
}

/* --- requests ------------------------------------------------------------------------------- */

/* The request ends the present wait; the calls after it work again. */
static zio_err_t meets_one_cancel(void *ud) {
    (void)ud;
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    REQUIRE(zio_sleep_until(zio_after_ms(1)) == 0);
    REQUIRE(zio_yield() == 0);
    REQUIRE(zio_check_cancel() == 0);
    return 17;
}
IN_TASK(cancel_ends_a_wait_once) {
    zio_err_t result = 0;
    zio_task_t *task = start(meets_one_cancel, NULL);
    settle();
    assert_int_equal(zio_task_cancel(task, &result), 0);
    assert_int_equal(result, 17); /* whatever the function returns is the result */
    result = 0;
    assert_int_equal(zio_task_cancel(task, &result), 0); /* again, and it has ended */
    assert_int_equal(result, 17);
    assert_int_equal(zio_task_cancel(task, NULL), 0);
    assert_int_equal(zio_task_request_cancel(task), 0);
    assert_int_equal(zio_task_unref(task), 0);
}

/* A task that has not started still runs its function, and meets the cancel at its first wait. */
static zio_err_t tells_first_wait(void *ud) {
    *(int *)ud = 1;
    return zio_yield();
}
IN_TASK(a_task_canceled_before_its_start_runs) {
    int ran = 0;
    zio_err_t result = 0;
    zio_task_t *task = start(tells_first_wait, &ran);
    assert_int_equal(zio_task_cancel(task, &result), 0);
    assert_int_equal(ran, 1);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(task), 0);
}

/* Every suspension point looks first, and then does not try. */
static zio_err_t call_yield(void) {
    return zio_yield();
}
static zio_err_t call_sleep(void) {
    return zio_sleep_until(zio_after_ms(1));
}
static zio_err_t call_past_sleep(void) {
    return zio_sleep_until(zio_after_ns(-1));
}
static zio_err_t call_park(void) {
    return zio_task_park(ZIO_NEVER);
}
static zio_err_t call_timed_park(void) {
    return zio_task_park(zio_after_ms(1));
}
static zio_err_t call_check(void) {
    return zio_check_cancel();
}
static const struct {
    zio_err_t (*call)(void);
} points[] = {{call_yield}, {call_sleep},      {call_past_sleep},
              {call_park},  {call_timed_park}, {call_check}};
enum { point_count = sizeof points / sizeof points[0] };

IN_TASK(every_suspension_point_looks_first) {
    for (int i = 0; i < point_count; ++i) {
        assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
        assert_int_equal(points[i].call(), ZIO_ECANCELED);
        assert_int_equal(zio_check_cancel(), 0); /* once */
    }
}

/* What never suspends delivers nothing. */
IN_TASK(immediate_calls_deliver_no_cancel) {
    zio_task_t *task = start(parks, NULL);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_task_park(ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_sleep_until(ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_check_cancel(), ZIO_ECANCELED);
    assert_int_equal(zio_task_cancel(task, NULL), 0);
    assert_int_equal(zio_task_unref(task), 0);
}

IN_TASK(requests_coalesce_until_one_is_delivered) {
    for (int i = 0; i < 5; ++i) assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_yield(), ZIO_ECANCELED);
    assert_int_equal(zio_yield(), 0);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0); /* a new one */
    assert_int_equal(zio_yield(), ZIO_ECANCELED);
}

IN_TASK(recancel_passes_a_cancel_on) {
    assert_int_equal(zio_recancel(), 0); /* nothing was delivered: no effect */
    assert_int_equal(zio_check_cancel(), 0);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_recancel(), 0);
    assert_int_equal(zio_yield(), ZIO_ECANCELED);
    assert_int_equal(zio_recancel(), 0);
    assert_int_equal(zio_recancel(), 0);
    assert_int_equal(zio_yield(), ZIO_ECANCELED);
    assert_int_equal(zio_yield(), 0);
}

/* A token beats a cancel, which stays for the next call. */
IN_TASK(a_token_beats_a_cancel) {
    assert_int_equal(zio_task_unpark(zio_task_self()), 0);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_task_park(ZIO_NEVER), 0);
    assert_int_equal(zio_task_park(ZIO_NEVER), ZIO_ECANCELED);
}
static zio_err_t parks_twice(void *ud) {
    REQUIRE(zio_task_park(ZIO_NEVER) == 0);
    *(int *)ud = 1;
    return zio_task_park(ZIO_NEVER);
}
/* Both come while it waits: the token first, the cancel at the next wait. The other way round the
 * park is canceled and leaves the token. */
IN_TASK(a_token_that_came_first_wins) {
    int passed = 0;
    zio_err_t result = 0;
    zio_task_t *task = start(parks_twice, &passed);
    settle();
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(zio_task_cancel(task, &result), 0);
    assert_int_equal(passed, 1);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(task), 0);
}
static zio_err_t parks_after_a_cancel(void *ud) {
    (void)ud;
    REQUIRE(zio_task_park(ZIO_NEVER) == ZIO_ECANCELED);
    return zio_task_park(ZIO_IMMEDIATE);
}
IN_TASK(a_canceled_park_leaves_the_token) {
    zio_task_t *task = start(parks_after_a_cancel, NULL);
    settle();
    assert_int_equal(zio_task_request_cancel(task), 0);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(finish(task), 0);
}

/* A request is pending until the call that it ends has returned: a second one before is the same.
 */
static zio_err_t sleeps_until_canceled(void *ud) {
    (void)ud;
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    return zio_check_cancel();
}
static zio_err_t parks_until_canceled(void *ud) {
    (void)ud;
    REQUIRE(zio_task_park(ZIO_NEVER) == ZIO_ECANCELED);
    return zio_check_cancel();
}
static zio_err_t joins_another(void *ud) {
    zio_err_t result = 0;
    REQUIRE(zio_task_join(ud, &result, ZIO_NEVER) == 0 && result == ZIO_ECANCELED);
    REQUIRE(zio_check_cancel() == ZIO_ECANCELED); /* its own, which stayed pending */
    return zio_check_cancel();
}
IN_TASK(requests_coalesce_until_the_call_returns) {
    zio_task_t *const target = start(sleeps_for_ever, NULL);
    zio_task_t *const tasks[] = {start(sleeps_until_canceled, NULL),
                                 start(parks_until_canceled, NULL), start(joins_another, target)};
    settle();
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; ++i) {
        for (int j = 0; j < 3; ++j) assert_int_equal(zio_task_request_cancel(tasks[i]), 0);
        assert_int_equal(finish(tasks[i]), 0);
    }
    assert_int_equal(finish(target), ZIO_ECANCELED);
}

/* --- join and cancel ------------------------------------------------------------------------ */

static zio_err_t takes_time_to_stop(void *ud) {
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    REQUIRE(zio_sleep_until(zio_after_ms(5)) == 0);
    *(int *)ud = 1;
    return 23;
}
struct late_join {
    zio_task_t *target;
    zio_deadline_t at; /* of the join; the target needs longer */
};
static zio_err_t stops_late(void *ud) {
    const struct late_join *j = ud;
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    REQUIRE(zio_sleep_until(j->at + 5 * MS) == 0);
    return 23;
}
static zio_err_t joins_with_deadline(void *ud) {
    const struct late_join *j = ud;
    zio_err_t result = 0;
    REQUIRE(zio_task_join(j->target, &result, j->at) == 0);
    REQUIRE(zio_now() >= j->at && result == 23);
    return zio_yield(); /* its own cancel stayed pending */
}
IN_TASK(a_canceled_joiner_cancels_and_waits) {
    struct late_join j = {NULL, zio_after_ms(200)};
    j.target = start(stops_late, &j);
    zio_task_t *joiner = start(joins_with_deadline, &j);
    settle();
    assert_int_equal(zio_task_request_cancel(joiner), 0);
    assert_int_equal(zio_task_request_cancel(joiner), 0);
    assert_int_equal(finish(joiner), ZIO_ECANCELED);
    assert_int_equal(finish(j.target), 23);
}
/* The same when the cancel was there before the join. */
static zio_err_t joins_canceled(void *ud) {
    zio_err_t result = 0;
    REQUIRE(zio_task_request_cancel(zio_task_self()) == 0);
    REQUIRE(zio_task_join(ud, &result, zio_after_ms(1)) == 0);
    REQUIRE(result == 23);
    return zio_yield();
}
IN_TASK(a_joiner_canceled_before_cancels_and_waits) {
    int ended = 0;
    zio_task_t *target = start(takes_time_to_stop, &ended);
    assert_int_equal(finish(start(joins_canceled, target)), ZIO_ECANCELED);
    assert_int_equal(ended, 1);
    assert_int_equal(zio_task_unref(target), 0);
}

static zio_err_t joins_fresh(void *ud) {
    (void)ud;
    zio_err_t result = 0;
    zio_task_t *target = start(sleeps_for_ever, NULL);
    REQUIRE(zio_task_request_cancel(zio_task_self()) == 0);
    REQUIRE(zio_task_join(target, &result, ZIO_NEVER) == 0);
    REQUIRE(zio_task_unref(target) == 0);
    REQUIRE(zio_check_cancel() == ZIO_ECANCELED);
    return result;
}
IN_TASK(a_canceled_joiner_of_a_fresh_task) {
    assert_int_equal(finish(start(joins_fresh, NULL)), ZIO_ECANCELED);
}

static zio_err_t cancels_itself(void *ud) {
    (void)ud;
    return zio_task_cancel(zio_task_self(), NULL);
}
IN_TASK(cancel_says_what_is_wrong) {
    zio_task_t *bad[] = {NULL, (zio_task_t *)zio_rt_current(), (zio_task_t *)(uintptr_t)0xabcdef};
    zio_err_t result = 5;
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(zio_task_cancel(bad[i], &result), ZIO_EBADF);
        assert_int_equal(zio_task_request_cancel(bad[i]), ZIO_EBADF);
    }
    assert_int_equal(result, 5);
    zio_task_t *task = start(cancels_itself, NULL);
    assert_int_equal(finish(task), ZIO_EDEADLK);
    task = start(sleeps_5, NULL);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_task_cancel(task, &result), ZIO_ENOSUSPEND); /* nothing was done */
    assert_int_equal(zio_nosuspend_end(), 0);
    assert_int_equal(finish(task), 0);
}

/* The canceler's own cancels and scopes are held back while it waits. */
static zio_err_t cancels_slow(void *ud) {
    int ended = 0;
    uint64_t token = 0;
    zio_err_t result = 0;
    zio_task_t *target = start(takes_time_to_stop, &ended);
    (void)ud;
    settle();
    REQUIRE(zio_task_request_cancel(zio_task_self()) == 0);
    REQUIRE(zio_timeout_push(&token, zio_after_ms(1)) == 0);
    REQUIRE(zio_task_cancel(target, &result) == 0);
    REQUIRE(!zio_timeout_pop(token));
    REQUIRE(result == 23 && ended == 1);
    REQUIRE(zio_task_unref(target) == 0);
    return zio_yield();
}
IN_TASK(cancel_waits_to_the_end) {
    assert_int_equal(finish(start(cancels_slow, NULL)), ZIO_ECANCELED);
}

/* --- shields and regions -------------------------------------------------------------------- */

IN_TASK(a_shield_holds_a_cancel_back) {
    assert_int_equal(zio_shield_begin(), 0);
    assert_int_equal(zio_shield_begin(), 0);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    for (int i = 0; i < point_count; ++i) {
        if (points[i].call == call_park) continue; /* it would wait for ever */
        assert_int_equal(points[i].call(), points[i].call == call_timed_park ? ZIO_ETIMEDOUT : 0);
    }
    assert_int_equal(zio_shield_end(), 0);
    assert_int_equal(zio_yield(), 0);      /* the outer one still holds */
    assert_int_equal(zio_shield_end(), 0); /* not delivered here, but at the next point */
    assert_int_equal(zio_yield(), ZIO_ECANCELED);
    assert_int_equal(zio_shield_end(), ZIO_EINVAL);
}

static zio_err_t sleeps_in_a_shield(void *ud) {
    REQUIRE(zio_shield_begin() == 0);
    REQUIRE(zio_sleep_until(zio_after_ms(4)) == 0);
    *(int *)ud = 1;
    REQUIRE(zio_shield_end() == 0);
    return zio_sleep_until(ZIO_NEVER);
}
IN_TASK(a_cancel_that_comes_in_a_shield_waits) {
    int passed = 0;
    zio_err_t result = 0;
    zio_task_t *task = start(sleeps_in_a_shield, &passed);
    assert_int_equal(zio_sleep_until(zio_after_ms(1)), 0);
    assert_int_equal(zio_task_cancel(task, &result), 0);
    assert_int_equal(passed, 1);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(task), 0);
}

IN_TASK(the_depth_of_shields_can_be_saved) {
    assert_int_equal(zio_shield_swap(3), 0);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_yield(), 0);
    assert_int_equal(zio_shield_end(), 0);
    assert_int_equal(zio_shield_swap(0), 2);
    assert_int_equal(zio_shield_end(), ZIO_EINVAL);
    assert_int_equal(zio_yield(), ZIO_ECANCELED);
}

/* A task that ended inside a shield and a region leaves nothing to the one after it. */
static zio_err_t ends_inside(void *ud) {
    uint64_t token;
    (void)ud;
    REQUIRE(zio_shield_begin() == 0);
    REQUIRE(zio_timeout_push(&token, zio_after_ns(-1)) == 0);
    REQUIRE(zio_pin_begin() == 0);
    return zio_nosuspend_begin();
}
static zio_err_t begins_with_nothing(void *ud) {
    (void)ud;
    REQUIRE(zio_shield_end() == ZIO_EINVAL);
    REQUIRE(zio_pin_end() == ZIO_EINVAL);
    REQUIRE(zio_nosuspend_end() == ZIO_EINVAL);
    REQUIRE(zio_shield_swap(0) == 0);
    REQUIRE(zio_sleep_until(zio_after_ns(1000)) == 0);
    return 0;
}
IN_TASK(regions_end_with_their_task) {
    for (int i = 0; i < 50; ++i) {
        assert_int_equal(finish(start(ends_inside, NULL)), 0);
        assert_int_equal(finish(start(begins_with_nothing, NULL)), 0);
    }
}

IN_TASK(nothing_suspends_in_a_region_for_that) {
    zio_task_t *task = start(sleeps_5, NULL);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_nosuspend_end(), 0);
    for (int i = 0; i < 300; ++i) assert_int_equal(zio_yield(), ZIO_ENOSUSPEND);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_task_park(ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_task_join(task, NULL, zio_after_ms(1)), ZIO_ENOSUSPEND);
    assert_int_equal(zio_task_join(task, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_check_cancel(), 0);
    assert_int_equal(zio_nosuspend_end(), 0);
    assert_int_equal(zio_nosuspend_end(), ZIO_EINVAL);
    assert_int_equal(finish(task), 0);
}

IN_TASK(pins_nest) {
    assert_int_equal(zio_pin_end(), ZIO_EINVAL);
    assert_int_equal(zio_pin_begin(), 0);
    assert_int_equal(zio_pin_begin(), 0);
    assert_int_equal(zio_yield(), 0);
    assert_int_equal(zio_pin_end(), 0);
    assert_int_equal(zio_pin_end(), 0);
    assert_int_equal(zio_pin_end(), ZIO_EINVAL);
}

static void off_a_task(void **state) {
    (void)state;
    assert_int_equal(zio_recancel(), ZIO_ENOTASK);
    assert_int_equal(zio_check_cancel(), 0);
    assert_int_equal(zio_shield_begin(), ZIO_ENOTASK);
    assert_int_equal(zio_shield_end(), ZIO_ENOTASK);
    assert_int_equal(zio_shield_swap(4), 0);
    assert_int_equal(zio_shield_swap(0), 0);
    assert_int_equal(zio_pin_begin(), ZIO_ENOTASK);
    assert_int_equal(zio_pin_end(), ZIO_ENOTASK);
    assert_int_equal(zio_nosuspend_begin(), ZIO_ENOTASK);
    assert_int_equal(zio_nosuspend_end(), ZIO_ENOTASK);
}

/* --- races ---------------------------------------------------------------------------------- */

static struct tally { int canceled, timed_out, woken; } tally;
static zio_err_t waits_in_turn(void *ud) {
    const zio_err_t status = zio_task_park(*(zio_deadline_t *)ud);
    if (status == ZIO_ECANCELED) ++tally.canceled;
    if (status == ZIO_ETIMEDOUT) ++tally.timed_out;
    if (status == 0) ++tally.woken;
    return status;
}
/* Whatever comes first ends the wait, and nothing is left over: each of the three really happens.
 */
IN_TASK(cancel_timeout_and_token_race) {
    const int rounds = (int)scaled(3000);
    uint64_t seed = 11;
    tally = (struct tally){0, 0, 0};
    for (int i = 0; i < rounds; ++i) {
        zio_deadline_t at = zio_after_ns((int64_t)(next_random(&seed) % 40000));
        zio_task_t *task = start(waits_in_turn, &at);
        assert_int_equal(zio_yield(), 0);
        assert_int_equal(zio_sleep_until(zio_after_ns((int64_t)(next_random(&seed) % 40000))), 0);
        assert_int_equal(
            next_random(&seed) % 2 ? zio_task_request_cancel(task) : zio_task_unpark(task), 0);
        const zio_err_t result = finish(task);
        assert_true(result == 0 || result == ZIO_ECANCELED || result == ZIO_ETIMEDOUT);
    }
    print_message("canceled %d, timed out %d, woken %d\n", tally.canceled, tally.timed_out,
                  tally.woken);
    assert_int_equal(tally.canceled + tally.timed_out + tally.woken, rounds);
    assert_true(tally.timed_out > rounds / 20);
    assert_true(tally.canceled > 0 && tally.woken > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel_ends_a_wait_once),
        cmocka_unit_test(a_task_canceled_before_its_start_runs),
        cmocka_unit_test(every_suspension_point_looks_first),
        cmocka_unit_test(immediate_calls_deliver_no_cancel),
        cmocka_unit_test(requests_coalesce_until_one_is_delivered),
        cmocka_unit_test(recancel_passes_a_cancel_on),
        cmocka_unit_test(a_token_beats_a_cancel),
        cmocka_unit_test(a_token_that_came_first_wins),
        cmocka_unit_test(a_canceled_park_leaves_the_token),
        cmocka_unit_test(requests_coalesce_until_the_call_returns),
        cmocka_unit_test(a_canceled_joiner_cancels_and_waits),
        cmocka_unit_test(a_joiner_canceled_before_cancels_and_waits),
        cmocka_unit_test(a_canceled_joiner_of_a_fresh_task),
        cmocka_unit_test(cancel_says_what_is_wrong),
        cmocka_unit_test(cancel_waits_to_the_end),
        cmocka_unit_test(a_shield_holds_a_cancel_back),
        cmocka_unit_test(a_cancel_that_comes_in_a_shield_waits),
        cmocka_unit_test(the_depth_of_shields_can_be_saved),
        cmocka_unit_test(regions_end_with_their_task),
        cmocka_unit_test(nothing_suspends_in_a_region_for_that),
        cmocka_unit_test(pins_nest),
        cmocka_unit_test(off_a_task),
        cmocka_unit_test(cancel_timeout_and_token_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
