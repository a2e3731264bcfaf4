/* SPDX-License-Identifier: MIT */
/* zio/cancel.h: scoped timeouts bound every wait inside them. */
#include "task_kit.h"
#include "zio/cancel.h"

/* --- scoped timeouts ------------------------------------------------------------------------ */

static void a_scope_bounds_every_wait(void **state) {
    uint64_t token = 0;
    (void)state; /* on a plain thread, too: the first part runs there */
    assert_int_equal(zio_timeout_push(&token, zio_after_ms(3)), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT); /* every later one */
    assert_int_equal(zio_yield(), 0);
    assert_true(zio_timeout_pop(token));
    assert_false(zio_timeout_pop(token));
    assert_int_equal(zio_sleep_until(zio_after_ms(1)), 0);
}
IN_TASK(a_scope_bounds_every_wait_of_a_task) {
    zio_task_t *task = start(parks, NULL);
    uint64_t token = 0;
    a_scope_bounds_every_wait(NULL);
    assert_int_equal(zio_timeout_push(&token, zio_after_ms(2)), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_park(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_park(zio_after_ms(50)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_park(ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_task_join(task, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_yield(), 0);
    assert_int_equal(zio_check_cancel(), 0);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(zio_yield(), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), 0); /* what is ready is given */
    assert_int_equal(zio_task_unpark(zio_task_self()), 0);
    assert_int_equal(zio_task_park(ZIO_NEVER), 0);
    assert_true(zio_timeout_pop(token));
    assert_int_equal(zio_task_unref(task), 0);
}

IN_TASK(a_scope_that_nothing_met_did_not_fire) {
    uint64_t token = 0;
    assert_int_equal(zio_timeout_push(&token, zio_after_ms(1)), 0);
    for (int64_t until = zio_after_ms(is_simulated() ? 0 : 3); zio_now() < until;) {
    }
    assert_int_equal(zio_yield(), 0);
    assert_false(zio_timeout_pop(token)); /* late, but no call returned a timeout because of it */
    assert_int_equal(zio_timeout_push(&token, zio_after_ms(500)), 0);
    assert_int_equal(zio_task_park(zio_after_ms(1)), ZIO_ETIMEDOUT); /* the call's own */
    assert_false(zio_timeout_pop(token));
    assert_int_equal(zio_timeout_push(&token, ZIO_NEVER), 0);
    assert_int_equal(zio_task_park(zio_after_ms(1)), ZIO_ETIMEDOUT);
    assert_false(zio_timeout_pop(token));
}

/* ZIO_IMMEDIATE counts as an instant that has passed. */
IN_TASK(an_immediate_scope_has_passed) {
    uint64_t token = 0;
    assert_int_equal(zio_timeout_push(&token, ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(token));
}

IN_TASK(ties_go_to_the_call_then_to_the_outer_scope) {
    const zio_deadline_t at = zio_after_ms(2);
    uint64_t outer, inner;
    assert_int_equal(zio_timeout_push(&outer, at), 0);
    assert_int_equal(zio_timeout_push(&inner, at), 0);
    assert_int_equal(zio_task_park(at), ZIO_ETIMEDOUT);
    assert_int_equal(zio_sleep_until(at), 0); /* its own instant came */
    assert_false(zio_timeout_pop(inner));
    assert_int_equal(zio_timeout_push(&inner, at), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_false(zio_timeout_pop(inner));
    assert_true(zio_timeout_pop(outer));
}

IN_TASK(only_the_innermost_scope_can_be_closed) {
    uint64_t tokens[12];
    for (int i = 0; i < 12; ++i)
        assert_int_equal(zio_timeout_push(&tokens[i], zio_after_ms(1000 - i)), 0);
    assert_false(zio_timeout_pop(tokens[0]));
    assert_false(zio_timeout_pop(0));
    assert_false(zio_timeout_pop(tokens[11] + 1000));
    for (int i = 11; i >= 6; --i) assert_false(zio_timeout_pop(tokens[i]));
    uint64_t token;
    assert_int_equal(zio_timeout_push(&token, zio_after_ms(1)), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(token));
    assert_int_equal(zio_sleep_until(zio_after_ms(1)), 0); /* the limit of before holds again */
    for (int i = 5; i >= 0; --i) assert_false(zio_timeout_pop(tokens[i]));
    assert_int_equal(zio_timeout_push(NULL, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_timeout_push(&token, -5), ZIO_EINVAL);
}

IN_TASK(an_outer_scope_bounds_inner_ones) {
    uint64_t outer, inner;
    assert_int_equal(zio_timeout_push(&outer, zio_after_ms(1)), 0);
    assert_int_equal(zio_timeout_push(&inner, zio_after_ms(100000)), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_false(zio_timeout_pop(inner));
    assert_true(zio_timeout_pop(outer));
}

/* A shield holds the scopes opened outside it back; those inside, and the call's own, work. */
IN_TASK(a_shield_holds_outer_scopes_back) {
    uint64_t outer, inner;
    assert_int_equal(zio_timeout_push(&outer, zio_after_ns(-1)), 0);
    assert_int_equal(zio_shield_begin(), 0);
    assert_int_equal(zio_sleep_until(zio_after_ms(1)), 0);
    assert_int_equal(zio_task_park(zio_after_ms(1)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_timeout_push(&inner, zio_after_ms(1)), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(inner));
    assert_int_equal(zio_shield_begin(), 0);
    assert_int_equal(zio_sleep_until(zio_after_ms(1)), 0);
    assert_int_equal(zio_shield_end(), 0);
    assert_int_equal(zio_shield_end(), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(outer));
}
/* A scope opened inside a shield goes on to count when the shield ends first. */
IN_TASK(a_scope_may_outlive_its_shield) {
    uint64_t token;
    assert_int_equal(zio_shield_begin(), 0);
    assert_int_equal(zio_timeout_push(&token, zio_after_ms(1)), 0);
    assert_int_equal(zio_shield_end(), 0);
    assert_int_equal(zio_sleep_until(zio_after_ms(50)), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(token));
}

IN_TASK(a_cancel_outranks_a_timeout) {
    uint64_t token;
    assert_int_equal(zio_timeout_push(&token, zio_after_ns(-1)), 0);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_sleep_until(ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_yield(), ZIO_ECANCELED);
    assert_true(zio_timeout_pop(token));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scope_bounds_every_wait),
        cmocka_unit_test(a_scope_bounds_every_wait_of_a_task),
        cmocka_unit_test(a_scope_that_nothing_met_did_not_fire),
        cmocka_unit_test(an_immediate_scope_has_passed),
        cmocka_unit_test(ties_go_to_the_call_then_to_the_outer_scope),
        cmocka_unit_test(only_the_innermost_scope_can_be_closed),
        cmocka_unit_test(an_outer_scope_bounds_inner_ones),
        cmocka_unit_test(a_shield_holds_outer_scopes_back),
        cmocka_unit_test(a_scope_may_outlive_its_shield),
        cmocka_unit_test(a_cancel_outranks_a_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
