/* SPDX-License-Identifier: MIT */
/* zio/task.h: tasks are started, waited for, named, and know themselves. How they wait is in
 * task_wait_test.c; locals and the two-phase spawn are in spawn_test.c. */
#include "zio/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "task_kit.h"

/* --- start and end -------------------------------------------------------------------------- */

/* A task is a function with one argument; whoever has a reference can wait for its result. */
IN_TASK(a_task_gives_its_result) {
    int number = 42;
    zio_task_t *task = NULL;
    zio_err_t result = 0;
    assert_int_equal(zio_spawn(NULL, &task, returns_number, &number, NULL), 0);
    assert_int_equal(zio_task_join(task, &result, ZIO_NEVER), 0);
    assert_int_equal(result, 42);
    result = 0; /* the result stays as long as the reference does */
    assert_int_equal(zio_task_join(task, &result, ZIO_IMMEDIATE), 0);
    assert_int_equal(result, 42);
    assert_int_equal(zio_task_join(task, NULL, zio_after_ms(1)), 0);
    assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(zio_task_join(task, &result, ZIO_NEVER), ZIO_EBADF);
    number = ZIO_EPIPE; /* a negative result is a result too */
    assert_int_equal(finish(start(returns_number, &number)), ZIO_EPIPE);
}

static zio_err_t counts(void *ud) {
    ++*(int *)ud;
    return 0;
}

IN_TASK(a_detached_task_runs_all_the_same) {
    int count = 0;
    assert_int_equal(zio_spawn(NULL, NULL, counts, &count, NULL), 0);
    assert_int_equal(count, 0); /* it was queued, not run */
    assert_int_equal(zio_yield(), 0);
    assert_int_equal(count, 1);
    zio_task_t *task = start(counts, &count); /* the last reference goes: that detaches it */
    assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(zio_task_unref(task), ZIO_EBADF);
    settle();
    assert_int_equal(count, 2);
}

IN_TASK(spawn_says_what_is_wrong) {
    zio_task_t *task = (zio_task_t *)1;
    make_bad_handles();
    assert_int_equal(zio_spawn(NULL, &task, NULL, NULL, NULL), ZIO_EINVAL);
    for (int i = 1; i < 4; ++i) {
        if (i == 1) continue; /* that one is a runtime */
        assert_int_equal(zio_spawn((zio_rt_t *)bad_handles[i], &task, parks, NULL, NULL),
                         ZIO_EBADF);
    }
    assert_ptr_equal(task, (zio_task_t *)1); /* written on success only */
}

static void spawning_needs_a_runtime(void **state) {
    zio_task_t *task = NULL;
    (void)state;
    assert_int_equal(zio_spawn(NULL, &task, parks, NULL, NULL), ZIO_ENOTASK);
    assert_null(task);
}

/* What is spawned into a runtime that does not run waits until it does. */
static zio_err_t joins(void *ud) {
    return finish(ud);
}
static void a_task_can_be_queued_before_the_run(void **state) {
    zio_rt_t *rt = make_runtime();
    int count = 0;
    zio_task_t *task = NULL;
    (void)state;
    assert_int_equal(zio_spawn(rt, &task, counts, &count, NULL), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_task_join(task, NULL, zio_after_ms(1)), ZIO_ETIMEDOUT);
    assert_int_equal(count, 0);
    assert_int_equal(run_main(rt, joins, task), 0);
    assert_int_equal(count, 1);
    end_runtime(rt);
}

static zio_err_t joins_itself(void *ud) {
    (void)ud;
    return zio_task_join(zio_task_self(), NULL, ZIO_NEVER);
}
static zio_err_t sleeps_5_ms(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(5));
}

IN_TASK(join_says_what_is_wrong) {
    zio_err_t result = 77;
    make_bad_handles();
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(zio_task_join(bad_handles[i], &result, ZIO_NEVER), ZIO_EBADF);
        assert_int_equal(zio_task_join(bad_handles[i], &result, ZIO_IMMEDIATE), ZIO_EBADF);
        assert_int_equal(zio_task_join(bad_handles[i], &result, zio_after_ms(1)), ZIO_EBADF);
    }
    assert_int_equal(finish(start(joins_itself, NULL)), ZIO_EDEADLK);
    zio_task_t *task = start(sleeps_5_ms, NULL);
    assert_int_equal(zio_task_join(task, &result, -7), ZIO_EINVAL);
    assert_int_equal(zio_task_join(task, &result, ZIO_IMMEDIATE), ZIO_EAGAIN);
    /* An instant that has passed: one attempt, then a timeout. The task does not notice. */
    assert_int_equal(zio_task_join(task, &result, zio_after_ns(-1)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_join(task, &result, zio_after_ms(1)), ZIO_ETIMEDOUT);
    assert_int_equal(result, 77);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_task_join(task, &result, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_nosuspend_end(), 0);
    assert_int_equal(zio_task_join(task, &result, INT64_MAX), 0);
    assert_int_equal(result, 0);
    assert_int_equal(zio_task_unref(task), 0);
}

/* Ready and late: a result that is there is given, whatever the time. */
IN_TASK(a_late_join_of_an_ended_task_gives_its_result) {
    int number = 5;
    zio_err_t result = 0;
    zio_task_t *task = start(returns_number, &number);
    settle();
    assert_int_equal(zio_task_join(task, &result, zio_after_ns(-1)), 0);
    assert_int_equal(result, 5);
    assert_int_equal(zio_task_unref(task), 0);
}

struct waiters {
    zio_task_t *target;
    int done;
};
static zio_err_t joins_target(void *ud) {
    struct waiters *w = ud;
    zio_err_t result = 0;
    REQUIRE(zio_task_join(w->target, &result, ZIO_NEVER) == 0);
    ++w->done;
    return result;
}
IN_TASK(many_tasks_may_join_one) {
    enum { count = 100 };
    zio_task_t *tasks[count];
    struct waiters w = {start(parks, NULL), 0};
    for (int i = 0; i < count; ++i) tasks[i] = start(joins_target, &w);
    settle();
    assert_int_equal(w.done, 0);
    assert_int_equal(zio_task_unpark(w.target), 0);
    for (int i = 0; i < count; ++i) assert_int_equal(finish(tasks[i]), 0);
    assert_int_equal(w.done, count);
    assert_int_equal(zio_task_unref(w.target), 0);
}

/* Some of several joiners give up, in any order: the others still get the result. */
static zio_err_t joins_for_a_while(void *ud) {
    struct waiters *w = ud;
    return zio_task_join(w->target, NULL, zio_after_ms(1 + ++w->done % 3));
}
IN_TASK(joiners_that_give_up_leave_the_others) {
    zio_task_t *tasks[30];
    struct waiters w = {start(parks, NULL), 0};
    for (int i = 0; i < 30; ++i)
        tasks[i] = start(i % 2 == 0 ? joins_for_a_while : joins_target, &w);
    settle(); /* their time runs from now on, before that of the sleep does */
    assert_int_equal(zio_sleep_until(zio_after_ms(10)), 0);
    assert_int_equal(zio_task_unpark(w.target), 0);
    for (int i = 0; i < 30; ++i) assert_int_equal(finish(tasks[i]), i % 2 == 0 ? ZIO_ETIMEDOUT : 0);
    assert_int_equal(zio_task_unref(w.target), 0);
}

/* Deep: each task waits for the one it started. */
static zio_err_t goes_deeper(void *ud) {
    int depth = *(int *)ud - 1;
    return depth == 0 ? 0 : finish(start(goes_deeper, &depth)) + 1;
}
IN_TASK(tasks_start_tasks) {
    int depth = 1000;
    assert_int_equal(goes_deeper(&depth), 999);
}

/* --- references and identity ---------------------------------------------------------------- */

IN_TASK(references_keep_the_result) {
    int number = 9;
    zio_err_t result = 0;
    zio_task_t *task = start(returns_number, &number);
    assert_ptr_equal(zio_task_ref(task), task);
    assert_int_equal(finish(task), 9);
    assert_int_equal(zio_task_join(task, &result, ZIO_NEVER), 0);
    assert_int_equal(result, 9);
    assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(zio_task_unref(task), ZIO_EBADF);
    assert_null(zio_task_ref(task));
    assert_int_equal(zio_task_unref(NULL), 0);
    assert_null(zio_task_ref(NULL));
    make_bad_handles();
    for (int i = 1; i < 4; ++i) {
        assert_int_equal(zio_task_unref(bad_handles[i]), ZIO_EBADF);
        assert_null(zio_task_ref(bad_handles[i]));
    }
}

/* At least 16 000 references of one task, and one too many is refused, not miscounted. */
IN_TASK(references_are_counted_up_to_a_limit) {
    zio_task_t *task = start(parks, NULL);
    unsigned taken = 0;
    while (taken < 100000 && zio_task_ref(task) == task) ++taken;
    assert_in_range(taken, 16000, 99999);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), 0);
    while (taken-- > 0) assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(zio_task_unref(task), ZIO_EBADF);
}

static zio_err_t tells_itself(void *ud) {
    *(zio_task_t **)ud = zio_task_self();
    return 0;
}
IN_TASK(a_task_knows_itself) {
    zio_task_t *told = NULL;
    zio_task_t *task = start(tells_itself, &told);
    assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), 0);
    assert_ptr_equal(told, task);
    assert_int_equal(zio_task_unref(task), 0);
    assert_non_null(zio_task_self()); /* the main task is a task like others */
    assert_int_not_equal(zio_task_id(zio_task_self()), 0);
}

static void off_a_task_there_is_no_self(void **state) {
    (void)state;
    assert_null(zio_task_self());
    assert_int_equal(zio_stack_remaining(), 0);
    assert_int_equal(zio_task_park(ZIO_NEVER), ZIO_ENOTASK);
    assert_int_equal(zio_yield(), 0);
}

IN_TASK(ids_are_never_used_twice) {
    enum { count = 1000 };
    uint64_t ids[count];
    for (int i = 0; i < count; ++i) {
        zio_task_t *task = start(returns_number, &(int){0});
        ids[i] = zio_task_id(task);
        assert_true(ids[i] != 0);
        assert_int_equal(finish(task), 0);
    }
    for (int i = 0; i < count; ++i)
        for (int j = 0; j < i; ++j) assert_true(ids[i] != ids[j]);
    make_bad_handles();
    for (int i = 0; i < 4; ++i) assert_int_equal(zio_task_id(bad_handles[i]), 0);
}

static const char *dump(void) {
    static char text[65536];
    assert_in_range(zio_rt_dump(zio_rt_current(), text, sizeof text), 1, sizeof text - 1);
    return text;
}
IN_TASK(names_are_cut_and_may_be_taken_away) {
    zio_task_t *task = start(parks, NULL);
    char id[32];
    snprintf(id, sizeof id, "%llu", (unsigned long long)zio_task_id(task));
    assert_int_equal(zio_task_set_name(task, "reader", (size_t)-1), 0);
    settle();
    assert_non_null(strstr(dump(), "\"reader\""));
    assert_non_null(strstr(dump(), id));
    assert_int_equal(zio_task_set_name(task, "writer-and-more", 6), 0);
    assert_non_null(strstr(dump(), "\"writer\""));
    assert_int_equal(
        zio_task_set_name(task, "a234567890b234567890c234567890d234567890e2345678", (size_t)-1), 0);
    assert_non_null(strstr(dump(), "\"a234567890b234567890c234567890d234567890e234567\""));
    assert_int_equal(zio_task_set_name(task, NULL, 0), 0);
    assert_null(strstr(dump(), "\""));
    assert_int_equal(zio_task_set_name(task, NULL, 3), ZIO_EINVAL);
    assert_int_equal(zio_task_set_name(task, NULL, (size_t)-1), ZIO_EINVAL);
    make_bad_handles();
    for (int i = 0; i < 4; ++i)
        assert_int_equal(zio_task_set_name(bad_handles[i], "x", 1), ZIO_EBADF);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(finish(task), 0);
}

/* --- the stack ------------------------------------------------------------------------------ */

struct stack {
    char *low;
    size_t size, remaining;
    char *frame;
};
static zio_err_t looks_at_its_stack(void *ud) {
    struct stack *s = ud;
    char here;
    void *low = NULL;
    s->frame = &here;
    s->remaining = zio_stack_remaining();
    REQUIRE(zio_task_stack(zio_task_self(), &low, &s->size) == 0);
    s->low = low;
    return zio_task_park(ZIO_NEVER);
}
IN_TASK(a_stack_has_bounds) {
    struct stack s;
    void *low = NULL;
    size_t size = 0;
    zio_task_t *task = start(looks_at_its_stack, &s);
    assert_int_equal(zio_task_stack(task, &low, &size), ZIO_EAGAIN); /* it has not started */
    settle();
    assert_int_equal(zio_task_stack(task, &low, &size), 0);
    assert_ptr_equal(low, s.low);
    assert_int_equal(size, s.size);
    assert_true(size >= 256 * 1024);
#if !UNDER_SANITIZER /* which may keep variables elsewhere */
    assert_true(s.frame > s.low && s.frame < s.low + s.size);
    assert_true(s.remaining <= (size_t)(s.frame - s.low) + 256);
    assert_true(s.remaining + 4096 > (size_t)(s.frame - s.low));
#endif
    assert_true(s.remaining > 0 && s.remaining < s.size);
    assert_int_equal(zio_task_stack(task, NULL, &size), ZIO_EINVAL);
    assert_int_equal(zio_task_stack(task, &low, NULL), ZIO_EINVAL);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_task_stack(task, &low, &size), ZIO_ECLOSED);
    assert_int_equal(zio_task_unref(task), 0);
    make_bad_handles();
    for (int i = 0; i < 4; ++i)
        assert_int_equal(zio_task_stack(bad_handles[i], &low, &size), ZIO_EBADF);
}

struct errand {
    char *frame;
    zio_task_t *self;
    zio_err_t waited, tried;
    int calls;
};
static zio_err_t on_native(void *ud) {
    struct errand *e = ud;
    char large[512 * 1024]; /* more than a task's stack has */
    memset(large, 1, sizeof large);
    e->frame = large;
    e->self = zio_task_self();
    e->waited = zio_yield();
    e->tried = zio_task_park(ZIO_IMMEDIATE);
    ++e->calls;
    return large[4711] + 40;
}
static zio_err_t errand_in_errand(void *ud) {
    return zio_on_native_stack(on_native, ud) + 1;
}

IN_TASK(the_native_stack_has_room) {
    struct errand e = {NULL, NULL, 0, 0, 0};
    void *low = NULL;
    size_t size = 0;
    errno = 33;
    assert_int_equal(zio_on_native_stack(on_native, &e), 41);
    assert_int_equal(errno, 33);
    assert_ptr_equal(e.self, zio_task_self()); /* still this task */
    assert_int_equal(e.waited, ZIO_ENOSUSPEND);
    assert_int_equal(e.tried, ZIO_EAGAIN);
    assert_int_equal(zio_task_stack(zio_task_self(), &low, &size), 0);
#if !UNDER_SANITIZER
    assert_false(e.frame >= (char *)low && e.frame < (char *)low + size);
#endif
    assert_int_equal(zio_on_native_stack(errand_in_errand, &e), 42);
    assert_int_equal(e.calls, 2);
    assert_int_equal(zio_on_native_stack(NULL, &e), ZIO_EINVAL);
    assert_int_equal(zio_yield(), 0); /* afterwards it may suspend again */
}
static void off_a_task_an_errand_is_a_plain_call(void **state) {
    int number = 6;
    (void)state;
    assert_int_equal(zio_on_native_stack(returns_number, &number), 6);
    assert_int_equal(zio_on_native_stack(NULL, &number), ZIO_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_gives_its_result),
        cmocka_unit_test(a_detached_task_runs_all_the_same),
        cmocka_unit_test(spawn_says_what_is_wrong),
        cmocka_unit_test(spawning_needs_a_runtime),
        cmocka_unit_test(a_task_can_be_queued_before_the_run),
        cmocka_unit_test(join_says_what_is_wrong),
        cmocka_unit_test(a_late_join_of_an_ended_task_gives_its_result),
        cmocka_unit_test(many_tasks_may_join_one),
        cmocka_unit_test(joiners_that_give_up_leave_the_others),
        cmocka_unit_test(tasks_start_tasks),
        cmocka_unit_test(references_keep_the_result),
        cmocka_unit_test(references_are_counted_up_to_a_limit),
        cmocka_unit_test(a_task_knows_itself),
        cmocka_unit_test(off_a_task_there_is_no_self),
        cmocka_unit_test(ids_are_never_used_twice),
        cmocka_unit_test(names_are_cut_and_may_be_taken_away),
        cmocka_unit_test(a_stack_has_bounds),
        cmocka_unit_test(the_native_stack_has_room),
        cmocka_unit_test(off_a_task_an_errand_is_a_plain_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
