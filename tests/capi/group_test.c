/* SPDX-License-Identifier: MIT */
/* zio/group.h: tasks that are waited for, fail and are canceled together. */
#include "zio/group.h"

#include "task_kit.h"

static zio_group_t *make_group(uint32_t flags) {
    zio_group_t *group = NULL;
    assert_int_equal(zio_group_create(NULL, &group, flags), 0);
    return group;
}
static void add(zio_group_t *group, zio_task_fn entry, void *ud) {
    assert_int_equal(zio_group_spawn(group, entry, ud, NULL), 0);
}

static zio_err_t counts(void *ud) {
    ++*(int *)ud;
    return 0;
}
static zio_err_t counts_when_canceled(void *ud) {
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    ++*(int *)ud;
    return ZIO_ECANCELED;
}

/* --- waiting -------------------------------------------------------------------------------- */

IN_TASK(a_wait_sees_all_members_end) {
    zio_group_t *group = make_group(0);
    int count = 0;
    assert_int_equal(zio_group_wait(group, ZIO_IMMEDIATE), 0); /* nobody: nothing to wait for */
    for (int i = 0; i < 100; ++i) add(group, counts, &count);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(count, 100);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(zio_group_destroy(group), 0);
    assert_int_equal(zio_group_destroy(group), ZIO_EBADF);
    assert_int_equal(zio_group_destroy(NULL), 0);
}

struct failing {
    int ms;
    zio_err_t result;
};
static zio_err_t fails_later(void *ud) {
    const struct failing *f = ud;
    const zio_err_t status = zio_sleep_until(zio_after_ms(f->ms));
    return status != 0 ? status : f->result;
}
/* The first negative result counts; positive ones are no errors. A wait gives it again and again,
 * until a spawn opens a new round. */
IN_TASK(the_first_error_is_the_result) {
    struct failing late = {8, ZIO_EIO}, early = {2, ZIO_EPIPE}, fine = {1, 5};
    zio_group_t *group = make_group(0);
    int count = 0;
    add(group, fails_later, &late);
    add(group, fails_later, &early);
    add(group, fails_later, &fine);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_EPIPE);
    assert_int_equal(zio_group_wait(group, ZIO_IMMEDIATE), ZIO_EPIPE);
    add(group, counts, &count);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(zio_group_destroy(group), 0);
}

IN_TASK(a_members_own_cancel_counts) {
    int number = ZIO_ECANCELED;
    zio_group_t *group = make_group(0);
    add(group, returns_number, &number);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_group_destroy(group), 0);
}

IN_TASK(a_wait_may_time_out) {
    zio_group_t *group = make_group(0);
    struct failing slow = {20, 0};
    uint64_t token;
    add(group, fails_later, &slow);
    assert_int_equal(zio_group_wait(group, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_group_wait(group, zio_after_ns(-1)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_group_wait(group, zio_after_ms(1)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_timeout_push(&token, zio_after_ms(1)), 0);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(token));
    assert_int_equal(zio_group_wait(group, -4), ZIO_EINVAL);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_group_wait(group, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_group_cancel(group), ZIO_ENOSUSPEND);
    assert_int_equal(zio_group_destroy(group), ZIO_ENOSUSPEND);
    assert_int_equal(zio_nosuspend_end(), 0);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0); /* nothing happened to the member */
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_group_destroy(group), 0); /* nobody to wait for */
    assert_int_equal(zio_nosuspend_end(), 0);
}

static zio_err_t waits_for(void *ud) {
    return zio_group_wait(ud, ZIO_NEVER);
}
IN_TASK(several_tasks_may_wait) {
    zio_group_t *group = make_group(0);
    struct failing f = {3, ZIO_EIO};
    zio_task_t *waiters[10];
    add(group, fails_later, &f);
    for (int i = 0; i < 10; ++i) waiters[i] = start(waits_for, group);
    for (int i = 0; i < 10; ++i) assert_int_equal(finish(waiters[i]), ZIO_EIO);
    assert_int_equal(zio_group_destroy(group), 0);
}

/* Members that end while their group is waited for start others: the wait sees those, too. */
enum { tree_depth = 6 };
struct level {
    zio_group_t *group;
    struct level *below; /* NULL: the leaves */
};
static zio_err_t grows(void *ud) {
    struct level *mine = ud;
    if (mine->below == NULL) return zio_yield();
    REQUIRE(zio_group_spawn(mine->group, grows, mine->below, NULL) == 0);
    REQUIRE(zio_group_spawn(mine->group, grows, mine->below, NULL) == 0);
    return zio_yield();
}
IN_TASK(members_may_start_members) {
    struct level levels[tree_depth + 1]; /* outlives the wait, so all members */
    zio_group_t *group = make_group(0);
    zio_rt_stats_t stats;
    for (int i = 0; i <= tree_depth; ++i) {
        levels[i].group = group;
        levels[i].below = i == tree_depth ? NULL : &levels[i + 1];
    }
    add(group, grows, &levels[0]);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(zio_rt_stats_init(&stats, sizeof stats), 0);
    assert_int_equal(zio_rt_stats(zio_rt_current(), &stats), 0);
    assert_int_equal(stats.tasks_spawned, 1 + 127);
    assert_int_equal(zio_group_destroy(group), 0);
}

/* --- canceling ------------------------------------------------------------------------------ */

IN_TASK(cancel_reaches_all_members) {
    zio_group_t *group = make_group(0);
    int count = 0;
    for (int i = 0; i < 200; ++i) add(group, counts_when_canceled, &count);
    settle();
    assert_int_equal(zio_group_cancel(group), 0);
    assert_int_equal(count, 200);
    /* It refuses members until somebody has had its result, which their ECANCELED is not. */
    assert_int_equal(zio_group_spawn(group, counts, &count, NULL), ZIO_ECANCELED);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    add(group, counts, &count);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(count, 201);
    assert_int_equal(zio_group_destroy(group), 0);
}

/* Members that have not started run, and meet the cancel. */
IN_TASK(cancel_reaches_members_that_have_not_started) {
    zio_group_t *group = make_group(0);
    int count = 0;
    for (int i = 0; i < 50; ++i) add(group, counts_when_canceled, &count);
    assert_int_equal(zio_group_cancel(group), 0);
    assert_int_equal(count, 50);
    assert_int_equal(zio_group_destroy(group), 0);
}

static zio_err_t fails_at_cancel(void *ud) {
    (void)ud;
    return zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED ? ZIO_ENOSPC : 0;
}
IN_TASK(an_error_at_the_cancel_counts) {
    zio_group_t *group = make_group(0);
    int count = 0;
    add(group, counts_when_canceled, &count);
    add(group, fails_at_cancel, NULL);
    settle();
    assert_int_equal(zio_group_cancel(group), 0);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_ENOSPC);
    assert_int_equal(zio_group_destroy(group), 0);
}

IN_TASK(the_first_failure_cancels_the_others) {
    zio_group_t *group = make_group(ZIO_GROUP_FAIL_FAST);
    struct failing f = {2, ZIO_EPIPE};
    int count = 0;
    for (int i = 0; i < 50; ++i) add(group, counts_when_canceled, &count);
    add(group, fails_later, &f);
    add(group, fails_at_cancel, NULL); /* the failure after it is not the first */
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_EPIPE);
    assert_int_equal(count, 50);
    add(group, counts, &count); /* the wait returned: a new round */
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(zio_group_destroy(group), 0);
}
IN_TASK(a_failed_group_refuses_members) {
    zio_group_t *group = make_group(ZIO_GROUP_FAIL_FAST);
    int number = ZIO_EIO, count = 0;
    add(group, returns_number, &number);
    settle();
    assert_int_equal(zio_group_spawn(group, counts, &count, NULL), ZIO_ECANCELED);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_EIO);
    assert_int_equal(count, 0);
    assert_int_equal(zio_group_destroy(group), 0);
}

/* A canceled waiter cancels the group, waits for it, and returns its result. */
static zio_err_t waits_and_is_canceled(void *ud) {
    const zio_err_t result = zio_group_wait(ud, zio_after_ms(200));
    REQUIRE(zio_check_cancel() == ZIO_ECANCELED); /* it stayed pending */
    return result;
}
static zio_err_t is_canceled_and_waits(void *ud) {
    REQUIRE(zio_task_request_cancel(zio_task_self()) == 0);
    return waits_and_is_canceled(ud);
}
IN_TASK(a_canceled_waiter_cancels_the_group) {
    zio_group_t *group = make_group(0);
    int count = 0;
    add(group, counts_when_canceled, &count);
    zio_task_t *waiter = start(waits_and_is_canceled, group);
    settle();
    assert_int_equal(zio_task_request_cancel(waiter), 0);
    assert_int_equal(finish(waiter), 0);
    assert_int_equal(count, 1);
    add(group, fails_at_cancel, NULL);
    assert_int_equal(finish(start(is_canceled_and_waits, group)), ZIO_ENOSPC);
    assert_int_equal(zio_group_destroy(group), 0);
}

/* Destroying cancels what is left; others that wait learn it. */
IN_TASK(destroy_cancels_and_waits) {
    zio_group_t *group = make_group(0);
    int count = 0;
    for (int i = 0; i < 20; ++i) add(group, counts_when_canceled, &count);
    zio_task_t *waiter = start(waits_for, group);
    settle();
    assert_int_equal(zio_group_destroy(group), 0);
    assert_int_equal(count, 20);
    const zio_err_t told = finish(waiter);
    assert_true(told == ZIO_ECLOSED || told == 0); /* or the result, which was there by then */
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), ZIO_EBADF);
}

static zio_err_t waits_for_its_own(void *ud) {
    zio_group_t *group = ud;
    REQUIRE(zio_group_wait(group, ZIO_NEVER) == ZIO_EDEADLK);
    REQUIRE(zio_group_wait(group, ZIO_IMMEDIATE) == ZIO_EDEADLK);
    REQUIRE(zio_group_cancel(group) == ZIO_EDEADLK);
    REQUIRE(zio_group_destroy(group) == ZIO_EDEADLK);
    return zio_yield(); /* nothing was done */
}
IN_TASK(a_member_cannot_wait_for_its_own_group) {
    zio_group_t *group = make_group(0);
    add(group, waits_for_its_own, group);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(zio_group_destroy(group), 0);
}

/* The canceler's own cancel and scopes are held back meanwhile. */
static zio_err_t stops_slowly(void *ud) {
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    REQUIRE(zio_sleep_until(zio_after_ms(5)) == 0);
    return counts(ud);
}
static zio_err_t cancels_group(void *ud) {
    int count = 0;
    uint64_t token;
    zio_group_t *group = NULL;
    (void)ud;
    REQUIRE(zio_group_create(NULL, &group, 0) == 0);
    for (int i = 0; i < 3; ++i) REQUIRE(zio_group_spawn(group, stops_slowly, &count, NULL) == 0);
    REQUIRE(zio_sleep_until(zio_after_ms(2)) == 0);
    REQUIRE(zio_timeout_push(&token, zio_after_ms(1)) == 0);
    REQUIRE(zio_task_request_cancel(zio_task_self()) == 0);
    REQUIRE(zio_group_cancel(group) == 0);
    REQUIRE(count == 3);
    REQUIRE(!zio_timeout_pop(token));
    REQUIRE(zio_group_destroy(group) == 0);
    return zio_yield();
}
IN_TASK(group_cancel_waits_to_the_end) {
    assert_int_equal(finish(start(cancels_group, NULL)), ZIO_ECANCELED);
}

/* --- what is wrong -------------------------------------------------------------------------- */

static void free_count(void *ud) {
    ++*(int *)ud;
}
IN_TASK(a_refused_member_costs_nothing) {
    zio_spawn_options_t options = spawn_options();
    zio_group_t *group = make_group(0);
    int frees = 0;
    options.ud_free = free_count;
    assert_int_equal(zio_group_cancel(group), 0);
    assert_int_equal(zio_group_spawn(group, counts, &frees, &options), ZIO_ECANCELED);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(zio_group_spawn(group, NULL, &frees, &options), ZIO_EINVAL);
    options.flags = ZIO_TASK_SHARED_STACK;
    assert_int_equal(zio_group_spawn(group, counts, &frees, &options), ZIO_ENOTSUP);
    options.flags = 0;
    options.reserved0 = 1;
    assert_int_equal(zio_group_spawn(group, counts, &frees, &options), ZIO_EINVAL);
    options.reserved0 = 0;
    assert_int_equal(frees, 0);
    assert_int_equal(zio_group_spawn(group, returns_number, &frees, &options), 0);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(frees, 1); /* before the waiter woke */
    assert_int_equal(zio_group_destroy(group), 0);
}

IN_TASK(groups_check_their_handles) {
    zio_group_t *group = make_group(0), *other = NULL;
    zio_group_t *bad[] = {group, NULL, (zio_group_t *)zio_task_self(), (zio_group_t *)(intptr_t)-1};
    assert_int_equal(zio_group_destroy(group), 0);
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(zio_group_spawn(bad[i], parks, NULL, NULL), ZIO_EBADF);
        assert_int_equal(zio_group_wait(bad[i], ZIO_NEVER), ZIO_EBADF);
        assert_int_equal(zio_group_wait(bad[i], ZIO_IMMEDIATE), ZIO_EBADF);
        assert_int_equal(zio_group_cancel(bad[i]), ZIO_EBADF);
        if (bad[i] != NULL) assert_int_equal(zio_group_destroy(bad[i]), ZIO_EBADF);
    }
    assert_int_equal(zio_group_create(NULL, NULL, 0), ZIO_EINVAL);
    assert_int_equal(zio_group_create(NULL, &other, 0x80), ZIO_EINVAL);
    assert_int_equal(zio_group_create((zio_rt_t *)zio_task_self(), &other, 0), ZIO_EBADF);
    assert_null(other);
}

/* Made and waited for on a plain thread, before, between and after runs. */
static zio_err_t does_nothing(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(2));
}
static void a_group_of_a_plain_thread(void **state) {
    zio_rt_t *rt = make_runtime();
    zio_group_t *group = NULL;
    int count = 0;
    (void)state;
    assert_int_equal(zio_group_create(NULL, &group, 0), ZIO_ENOTASK);
    assert_int_equal(zio_group_create(rt, &group, 0), 0);
    for (int i = 0; i < 10; ++i) assert_int_equal(zio_group_spawn(group, counts, &count, NULL), 0);
    assert_int_equal(zio_group_wait(group, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(run_main(rt, does_nothing, NULL), 0);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(count, 10);
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    assert_int_equal(zio_group_spawn(group, counts, &count, NULL), ZIO_ESTOPPING);
    assert_int_equal(zio_rt_destroy(rt), 0);
    assert_int_equal(zio_group_spawn(group, counts, &count, NULL), ZIO_EBADF); /* its runtime */
    assert_int_equal(zio_group_destroy(group), 0);
}

/* Rounds of members that end by themselves, fail or are canceled at random. */
static zio_err_t wanders(void *ud) {
    uint64_t seed = (uint64_t)(uintptr_t)ud;
    for (uint64_t steps = next_random(&seed) % 8; steps > 0; --steps) {
        const zio_err_t status =
            next_random(&seed) % 4 != 0 ? zio_yield() : zio_sleep_until(zio_after_ns(20000));
        if (status != 0) return status;
    }
    return next_random(&seed) % 8 == 0 ? ZIO_EIO : 0;
}
IN_TASK(rounds_of_members_that_end_in_every_way) {
    uint64_t seed = 3;
    int failed = 0, fine = 0, canceled = 0;
    zio_group_t *group = make_group(ZIO_GROUP_FAIL_FAST);
    const int rounds = (int)scaled(500);
    for (int i = 0; i < rounds; ++i) {
        int members = (int)(next_random(&seed) % 20);
        while (members-- > 0) {
            const zio_err_t status =
                zio_group_spawn(group, wanders, (void *)(uintptr_t)next_random(&seed), NULL);
            assert_true(status == 0 || status == ZIO_ECANCELED);
            if (next_random(&seed) % 8 == 0) assert_int_equal(zio_yield(), 0);
        }
        if (next_random(&seed) % 4 == 0) {
            assert_int_equal(zio_group_cancel(group), 0);
            ++canceled;
        }
        const zio_err_t result = zio_group_wait(group, ZIO_NEVER);
        assert_true(result == 0 || result == ZIO_EIO);
        ++*(result == 0 ? &fine : &failed);
    }
    assert_int_equal(zio_group_destroy(group), 0);
    assert_true(failed > rounds / 20 && fine > rounds / 20 && canceled > rounds / 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_sees_all_members_end),
        cmocka_unit_test(the_first_error_is_the_result),
        cmocka_unit_test(a_members_own_cancel_counts),
        cmocka_unit_test(a_wait_may_time_out),
        cmocka_unit_test(several_tasks_may_wait),
        cmocka_unit_test(members_may_start_members),
        cmocka_unit_test(cancel_reaches_all_members),
        cmocka_unit_test(cancel_reaches_members_that_have_not_started),
        cmocka_unit_test(an_error_at_the_cancel_counts),
        cmocka_unit_test(the_first_failure_cancels_the_others),
        cmocka_unit_test(a_failed_group_refuses_members),
        cmocka_unit_test(a_canceled_waiter_cancels_the_group),
        cmocka_unit_test(destroy_cancels_and_waits),
        cmocka_unit_test(a_member_cannot_wait_for_its_own_group),
        cmocka_unit_test(group_cancel_waits_to_the_end),
        cmocka_unit_test(a_refused_member_costs_nothing),
        cmocka_unit_test(groups_check_their_handles),
        cmocka_unit_test(a_group_of_a_plain_thread),
        cmocka_unit_test(rounds_of_members_that_end_in_every_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
