/* SPDX-License-Identifier: MIT */
/* The classes of zio_spawn_options_t::priority: urgent tasks run first, background ones last, and
 * nobody waits for ever. */
#include <string.h>

#include "task_kit.h"

static zio_task_t *start_class(zio_task_fn entry, void *ud, uint32_t priority) {
    zio_spawn_options_t options = spawn_options();
    options.priority = priority;
    return start_with(entry, ud, &options);
}

/* ---- who runs first ------------------------------------------------------------------------ */

static int order[64];
static int order_count;
static zio_err_t notes_its_turn(void *ud) {
    order[order_count++] = *(int *)ud;
    return 0;
}
static int place_of(int number) {
    for (int i = 0; i < order_count; ++i) {
        if (order[i] == number) return i;
    }
    return -1;
}

IN_TASK(new_tasks_start_by_class) {
    int numbers[12];
    zio_task_t *tasks[12];
    order_count = 0;
    for (int i = 0; i < 12; ++i) { /* background, normal, urgent, background ... */
        const uint32_t classes[] = {ZIO_PRIORITY_BACKGROUND, ZIO_PRIORITY_NORMAL,
                                    ZIO_PRIORITY_URGENT};
        numbers[i] = i;
        tasks[i] = start_class(notes_its_turn, &numbers[i], classes[i % 3]);
    }
    for (int i = 0; i < 1000; ++i) assert_int_equal(zio_yield(), 0);
    assert_int_equal(order_count, 12);
    for (int i = 0; i < 12; ++i) {
        const int place = place_of(i);
        if (i % 3 == 2) assert_in_range(place, 0, is_simulated() ? 11 : 3);
        if (i % 3 == 1 && !is_simulated()) assert_in_range(place, 4, 7);
        if (i % 3 == 0 && !is_simulated()) assert_in_range(place, 8, 11);
        assert_int_equal(finish(tasks[i]), 0);
    }
}

static zio_err_t parks_and_notes(void *ud) {
    const zio_err_t status = zio_task_park(ZIO_NEVER);
    order[order_count++] = *(int *)ud;
    return status;
}
IN_TASK(woken_tasks_go_on_by_class) {
    enum { NORMAL = 40 };
    int numbers[NORMAL + 3];
    zio_task_t *tasks[NORMAL + 3];
    order_count = 0;
    for (int i = 0; i < NORMAL + 3; ++i) {
        numbers[i] = i;
        const uint32_t priority = i < NORMAL        ? ZIO_PRIORITY_NORMAL
                                  : i == NORMAL + 2 ? ZIO_PRIORITY_BACKGROUND
                                                    : ZIO_PRIORITY_URGENT;
        tasks[i] = start_class(parks_and_notes, &numbers[i], priority);
    }
    settle();
    assert_int_equal(order_count, 0);
    for (int i = NORMAL + 2; i >= 0; --i) assert_int_equal(zio_task_unpark(tasks[i]), 0);
    for (int i = 0; i < 1000; ++i) assert_int_equal(zio_yield(), 0);
    assert_int_equal(order_count, NORMAL + 3);
    assert_in_range(place_of(NORMAL), 0, 1); /* both urgent ones */
    assert_in_range(place_of(NORMAL + 1), 0, 1);
    if (!is_simulated()) assert_int_equal(place_of(NORMAL + 2), NORMAL + 2);
    for (int i = 0; i < NORMAL + 3; ++i) assert_int_equal(finish(tasks[i]), 0);
}

/* ---- nobody starves ------------------------------------------------------------------------ */

static zio_err_t counts_for_ever(void *ud) {
    uint64_t *const count = ud;
    zio_err_t status = 0;
    while (status == 0) {
        ++*count;
        status = zio_yield();
    }
    return status;
}
/* Shares of the processor: normal and background ones get theirs beside urgent ones that are
 * always ready, and the background one beside the normal ones. */
IN_TASK(no_class_starves) {
    static const uint32_t classes[] = {ZIO_PRIORITY_URGENT,     ZIO_PRIORITY_URGENT,
                                       ZIO_PRIORITY_NORMAL,     ZIO_PRIORITY_NORMAL,
                                       ZIO_PRIORITY_BACKGROUND, ZIO_PRIORITY_BACKGROUND};
    uint64_t counts[6];
    memset(counts, 0, sizeof counts);
    zio_task_t *tasks[6];
    for (int i = 0; i < 6; ++i) tasks[i] = start_class(counts_for_ever, &counts[i], classes[i]);
    const uint64_t rounds = scaled(20000); /* of this task, which is a normal one */
    for (uint64_t i = 0; i < rounds; ++i) assert_int_equal(zio_yield(), 0);
    const uint64_t urgent = counts[0] + counts[1], normal = counts[2] + counts[3] + rounds;
    const uint64_t background = counts[4] + counts[5];
    assert_in_range(counts[2], rounds / 2, 2 * rounds);
    assert_in_range(counts[3], rounds / 2, 2 * rounds);
    if (!is_simulated()) { /* where each suspension is a turn of the loop */
        assert_in_range(urgent, 4 * normal, 9 * normal);
        assert_in_range(background, (urgent + normal) / 300, (urgent + normal) / 50);
    }
    assert_true(counts[4] > 100 && counts[5] > 100);
    for (int i = 0; i < 6; ++i) {
        assert_int_equal(zio_task_request_cancel(tasks[i]), 0);
        assert_int_equal(finish(tasks[i]), ZIO_ECANCELED);
    }
}

/* A background task gets all of an idle worker. */
static uint64_t spins;
static zio_err_t spins_alone(void *ud) {
    for (uint64_t i = 0; i < *(uint64_t *)ud; ++i) {
        ++spins;
        if (zio_yield() != 0) return 1;
    }
    return 0;
}
IN_TASK(the_background_runs_when_nobody_else_does) {
    uint64_t count = 1000;
    spins = 0;
    zio_task_t *tasks[3];
    for (int i = 0; i < 3; ++i)
        tasks[i] = start_class(spins_alone, &count, ZIO_PRIORITY_BACKGROUND);
    for (int i = 0; i < 3; ++i) assert_int_equal(finish(tasks[i]), 0);
    assert_int_equal(spins, 3 * count);
}

/* ---- the rest of a task's life ------------------------------------------------------------- */

static zio_err_t sleeps_a_little(void *ud) {
    (void)ud;
    for (int i = 0; i < 20; ++i) {
        if (zio_sleep_until(zio_after_ns(MS / 20)) != 0) return 1;
        if (zio_yield() != 0) return 2;
    }
    return 9;
}
static void classes_live_like_others(void **state) {
    (void)state;
    zio_rt_t *rt = make_crew(is_simulated() ? 1 : 3);
    zio_task_t *tasks[60];
    for (uint32_t i = 0; i < 60; ++i) {
        zio_spawn_options_t options = spawn_options();
        options.priority = i % 3;
        options.name = i % 2 == 0 ? "one" : NULL;
        assert_int_equal(zio_spawn(rt, &tasks[i], sleeps_a_little, NULL, &options), 0);
    }
    for (unsigned i = 0; i < 60; i += 7) assert_int_equal(zio_task_request_cancel(tasks[i]), 0);
    assert_int_equal(run_main(rt, sleeps_a_little, NULL), 9);
    if (!is_simulated()) assert_int_equal(zio_rt_start(rt), is_simulated() ? 0 : ZIO_EBUSY);
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    for (unsigned i = 0; i < 60; ++i) {
        zio_err_t result = 0;
        assert_int_equal(zio_task_join(tasks[i], &result, ZIO_IMMEDIATE), 0);
        assert_true(result == 9 || result == 1 || result == 2);
        if (i % 7 == 0) assert_int_not_equal(result, 9);
        assert_int_equal(zio_task_unref(tasks[i]), 0);
    }
    assert_int_equal(zio_rt_destroy(rt), 0);
}

/* What one worker makes in the background spreads over all of them. */
static zio_err_t notes_thread(void *ud) {
    *(pthread_t *)ud = pthread_self();
    work_for(2 * MS);
    return 0;
}
static zio_err_t makes_background_work(void *ud) {
    pthread_t *const threads = ud;
    zio_task_t *tasks[12];
    for (int i = 0; i < 12; ++i) {
        tasks[i] = start_class(notes_thread, &threads[i], ZIO_PRIORITY_BACKGROUND);
    }
    for (int i = 0; i < 12; ++i) REQUIRE(finish(tasks[i]) == 0);
    return 0;
}
static void the_background_spreads(void **state) {
    (void)state;
    if (is_simulated()) return; /* it has one worker */
    pthread_t threads[12];
    zio_rt_t *rt = make_crew(3);
    assert_int_equal(run_main(rt, makes_background_work, threads), 0);
    unsigned others = 0;
    for (int i = 0; i < 12; ++i) others += !pthread_equal(threads[i], pthread_self());
    assert_in_range(others, 4, 12);
    end_runtime(rt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_tasks_start_by_class),
        cmocka_unit_test(woken_tasks_go_on_by_class),
        cmocka_unit_test(no_class_starves),
        cmocka_unit_test(the_background_runs_when_nobody_else_does),
        cmocka_unit_test(classes_live_like_others),
        cmocka_unit_test(the_background_spreads),
    };
    return cmocka_run_group_tests_name("priority", tests, NULL, NULL);
}
