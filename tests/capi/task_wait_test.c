/* SPDX-License-Identifier: MIT */
/* zio/task.h: tasks yield, sleep and park, and find their own errno and error details again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "task_kit.h"
#include "zio/task.h"

static zio_err_t counts(void *ud) {
    ++*(int *)ud;
    return 0;
}

/* --- yielding and sleeping ------------------------------------------------------------------ */

static zio_err_t yields(void *ud) {
    for (int i = 0; i < 100; ++i) {
        ++*(int *)ud;
        REQUIRE(zio_yield() == 0);
    }
    return 0;
}
IN_TASK(yielding_tasks_take_turns) {
    int counts_of[3] = {0, 0, 0};
    zio_task_t *tasks[3];
    for (int i = 0; i < 3; ++i) tasks[i] = start(yields, &counts_of[i]);
    while (counts_of[0] + counts_of[1] + counts_of[2] < 150) assert_int_equal(zio_yield(), 0);
    for (int i = 0; i < 3; ++i) assert_true(counts_of[i] > 10); /* none was left behind */
    for (int i = 0; i < 3; ++i) assert_int_equal(finish(tasks[i]), 0);
}

IN_TASK(a_sleep_never_ends_early) {
    uint64_t seed = 7;
    for (int i = 0; i < 100; ++i) {
        const zio_deadline_t at = zio_after_ns((int64_t)(next_random(&seed) % (2 * MS)));
        assert_int_equal(zio_sleep_until(at), 0);
        assert_true(zio_now() >= at);
    }
    assert_int_equal(zio_sleep_until(ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_sleep_until(-2), ZIO_EINVAL);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_sleep_until(zio_after_ms(1)), ZIO_ENOSUSPEND);
    assert_int_equal(zio_yield(), ZIO_ENOSUSPEND);
    assert_int_equal(zio_sleep_until(ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_nosuspend_end(), 0);
}

/* An instant that has passed is a yield. */
IN_TASK(sleeping_until_the_past_is_a_yield) {
    int count = 0;
    zio_task_t *task = start(counts, &count);
    for (int i = 0; i < 300 && count == 0; ++i) /* the order is nobody's affair */
        assert_int_equal(zio_sleep_until(zio_after_ns(-5)), 0);
    assert_int_equal(count, 1);
    assert_int_equal(finish(task), 0);
}

static void a_plain_thread_sleeps_too(void **state) {
    const zio_deadline_t at = zio_after_ms(5);
    (void)state;
    assert_int_equal(zio_sleep_until(at), 0);
    assert_true(zio_now() >= at);
    assert_int_equal(zio_sleep_until(zio_after_ns(-1)), 0);
    assert_int_equal(zio_sleep_until(-3), ZIO_EINVAL);
}

struct order {
    int64_t at;
    int *serial;
    int place;
};
static zio_err_t sleeps_until(void *ud) {
    struct order *o = ud;
    REQUIRE(zio_sleep_until(o->at) == 0);
    REQUIRE(zio_now() >= o->at);
    o->place = (*o->serial)++;
    return 0;
}
/* As many sleepers as there may be, all due at once: each is woken once. */
IN_TASK(ten_thousand_sleepers_of_one_instant) {
    enum { count = 10000 };
    static struct order orders[count];
    static zio_task_t *tasks[count];
    int serial = 0;
    const int64_t at = zio_after_ms(50);
    for (int i = 0; i < count; ++i) {
        orders[i] = (struct order){at, &serial, -1};
        tasks[i] = start(sleeps_until, &orders[i]);
    }
    for (int i = 0; i < count; ++i) assert_int_equal(finish(tasks[i]), 0);
    assert_int_equal(serial, count);
}
IN_TASK(sleepers_wake_in_the_order_of_their_instants) {
    enum { count = 200 };
    struct order orders[count];
    zio_task_t *tasks[count];
    int serial = 0;
    const int64_t at = zio_after_ms(is_simulated() ? 20 : 60);
    for (int i = 0; i < count; ++i) {
        orders[i] = (struct order){at + (i * 7 % count) * (MS / 10), &serial, -1};
        tasks[i] = start(sleeps_until, &orders[i]);
    }
    for (int i = 0; i < count; ++i) assert_int_equal(finish(tasks[i]), 0);
    if (is_simulated()) return; /* which chooses among those that are due */
    for (int i = 0; i < count; ++i) assert_int_equal(orders[i].place, i * 7 % count);
}

/* --- parking -------------------------------------------------------------------------------- */

IN_TASK(a_token_is_kept_for_the_next_park) {
    zio_task_t *self = zio_task_self();
    assert_int_equal(zio_task_park(ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_task_unpark(self), 0);
    assert_int_equal(zio_task_unpark(self), 0); /* at most one */
    assert_int_equal(zio_task_park(ZIO_NEVER), 0);
    assert_int_equal(zio_task_park(ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_task_park(zio_after_ms(1)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_park(zio_after_ns(-1)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_unpark(self), 0);
    assert_int_equal(zio_task_park(ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_task_unpark(self), 0);
    assert_int_equal(zio_task_park(zio_after_ns(-1)), 0); /* ready and late */
    assert_int_equal(zio_task_park(-9), ZIO_EINVAL);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_task_park(ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_nosuspend_end(), 0);
}

IN_TASK(unpark_wakes) {
    zio_task_t *task = start(parks, NULL);
    assert_int_equal(zio_task_join(task, NULL, zio_after_ms(2)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_task_unpark(task), 0); /* it has ended: no effect */
    assert_int_equal(zio_task_unref(task), 0);
    task = start(parks, NULL); /* before its start */
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(finish(task), 0);
    make_bad_handles();
    for (int i = 0; i < 4; ++i) assert_int_equal(zio_task_unpark(bad_handles[i]), ZIO_EBADF);
}

/* --- what travels with a task --------------------------------------------------------------- */

static zio_err_t keeps_errno(void *ud) {
    const int mine = *(int *)ud;
    REQUIRE(errno == 0); /* a task begins with none */
    for (int i = 0; i < 50; ++i) {
        errno = mine;
        REQUIRE(i % 10 == 0 ? zio_sleep_until(zio_after_ns(50000)) == 0 : zio_yield() == 0);
        REQUIRE(errno == mine);
    }
    return 0;
}
IN_TASK(errno_is_each_tasks_own) {
    int numbers[10];
    zio_task_t *tasks[10];
    errno = 99;
    for (int i = 0; i < 10; ++i) {
        numbers[i] = i + 1;
        tasks[i] = start(keeps_errno, &numbers[i]);
    }
    for (int i = 0; i < 10; ++i) {
        assert_int_equal(zio_task_join(tasks[i], NULL, ZIO_NEVER), 0);
        assert_int_equal(errno, 99);
        assert_int_equal(zio_task_unref(tasks[i]), 0);
    }
}

/* The last error's details are each task's own, too. */
static zio_err_t fails_with_detail(void *ud) {
    zio_spawn_options_t options = spawn_options();
    options.stack_size = UINT64_C(1) << 60;
    (void)ud;
    zio_task_t *task = NULL;
    const zio_err_t status = zio_spawn(NULL, &task, parks, NULL, &options);
    REQUIRE(status == ZIO_EINVAL || status == ZIO_ESTACK);
    if (status == ZIO_ESTACK) REQUIRE(zio_last_error_detail()[0] != '\0');
    return 0;
}
IN_TASK(error_details_are_each_tasks_own) {
    char before[256];
    snprintf(before, sizeof before, "%s", zio_last_error_detail());
    assert_int_equal(finish(start(fails_with_detail, NULL)), 0);
    assert_string_equal(zio_last_error_detail(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yielding_tasks_take_turns),
        cmocka_unit_test(a_sleep_never_ends_early),
        cmocka_unit_test(sleeping_until_the_past_is_a_yield),
        cmocka_unit_test(a_plain_thread_sleeps_too),
        cmocka_unit_test(ten_thousand_sleepers_of_one_instant),
        cmocka_unit_test(sleepers_wake_in_the_order_of_their_instants),
        cmocka_unit_test(a_token_is_kept_for_the_next_park),
        cmocka_unit_test(unpark_wakes),
        cmocka_unit_test(errno_is_each_tasks_own),
        cmocka_unit_test(error_details_are_each_tasks_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
