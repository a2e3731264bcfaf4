/* SPDX-License-Identifier: MIT */
/* Seeing inside a runtime: hooks around tasks and workers, the dump, the statistics. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "task_kit.h"
#include "zio/rt.h"

static zio_rt_options_t options(void) {
    zio_rt_options_t o;
    assert_int_equal(zio_rt_options_init(&o, sizeof o), 0);
    return o;
}
static zio_err_t sleeps_5_ms(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(5));
}

/* --- hooks ---------------------------------------------------------------------------------- */

static char story[4096];
static void tell(const char *what) {
    REQUIRE(strlen(story) + strlen(what) < sizeof story);
    strcat(story, what);
}
static zio_task_t *hooked;
static void hook(zio_task_t *t, const char *what) {
    REQUIRE(zio_task_self() == t);
    REQUIRE(zio_rt_current() != NULL);
    REQUIRE(zio_yield() == ZIO_ENOSUSPEND);
    REQUIRE(zio_sleep_until(zio_after_ms(1)) == ZIO_ENOSUSPEND);
    REQUIRE(zio_task_park(ZIO_IMMEDIATE) == ZIO_EAGAIN);
    if (t == hooked) tell(what);
}
static void on_start(zio_task_t *t, void *ud) {
    REQUIRE(strcmp(ud, "data") == 0);
    hook(t, "start ");
}
static void on_resume(zio_task_t *t, void *ud) {
    (void)ud;
    hook(t, "resume ");
}
static void on_suspend(zio_task_t *t, void *ud) {
    (void)ud;
    hook(t, "suspend ");
}
static void on_exit_hook(zio_task_t *t, void *ud) {
    (void)ud;
    hook(t, "exit ");
}
static void tell_free(void *ud) {
    (void)ud;
    tell("free ");
}
static zio_err_t waits_twice(void *ud) {
    (void)ud;
    tell("begin ");
    REQUIRE(zio_sleep_until(zio_after_ms(1)) == 0);
    tell("middle ");
    REQUIRE(zio_task_park(ZIO_NEVER) == 0);
    tell("end ");
    return 0;
}
static zio_err_t hooked_main(void *ud) {
    zio_spawn_options_t o = spawn_options();
    (void)ud;
    o.ud_free = tell_free;
    REQUIRE(zio_spawn(NULL, &hooked, waits_twice, &o, &o) == 0);
    REQUIRE(zio_sleep_until(zio_after_ms(5)) == 0);
    REQUIRE(zio_task_unpark(hooked) == 0);
    REQUIRE(zio_task_join(hooked, NULL, ZIO_NEVER) == 0);
    return zio_task_unref(hooked);
}
static zio_task_hooks_t task_hooks(void) {
    zio_task_hooks_t hooks;
    assert_int_equal(zio_task_hooks_init(&hooks, sizeof hooks), 0);
    hooks.on_start = on_start;
    hooks.on_resume = on_resume;
    hooks.on_suspend = on_suspend;
    hooks.on_exit = on_exit_hook;
    hooks.ud = "data";
    return hooks;
}
static void hooks_come_in_order(void **state) {
    zio_task_hooks_t hooks = task_hooks();
    zio_rt_options_t o = options();
    zio_rt_t *rt = NULL;
    (void)state;
    o.hooks = &hooks;
    story[0] = '\0';
    assert_int_equal(zio_rt_create(&rt, &o), 0);
    memset(&hooks, 0, sizeof hooks); /* they were copied */
    assert_int_equal(zio_rt_run(rt, hooked_main, NULL), 0);
    end_runtime(rt);
    /* start, then pairs of suspend and resume, then exit; the function is between them. */
    static const char *const parts[] = {"start", "begin", "middle", "end"};
    int part = 0, pairs = 0, suspended = 0, frees = 0, exits = 0;
    for (char *word = strtok(story, " "); word != NULL; word = strtok(NULL, " ")) {
        if (strcmp(word, "suspend") == 0 || strcmp(word, "resume") == 0) {
            assert_true(part > 0 && exits == 0);
            assert_int_equal(word[0] == 'r', suspended);
            pairs += suspended;
            suspended = !suspended;
            continue;
        }
        assert_false(suspended);
        if (strcmp(word, "free") == 0 || strcmp(word, "exit") == 0) {
            assert_int_equal(part, 4);
            ++*(word[0] == 'f' ? &frees : &exits);
        } else {
            assert_string_equal(word, parts[part++]);
        }
    }
    assert_true(pairs >= 2);
    assert_int_equal(frees, 1);
    assert_int_equal(exits, 1);
}

/* Hosts save and restore shields in these hooks. That must not open those of the library, which
 * hold a cancel back while a canceled join waits for its target. */
static void swaps_shields(zio_task_t *t, void *ud) {
    uint64_t token;
    (void)t, (void)ud;
    REQUIRE(zio_shield_begin() == 0);
    REQUIRE(zio_timeout_push(&token, zio_after_ms(1000)) == 0);
    REQUIRE(!zio_timeout_pop(token));
    REQUIRE(zio_shield_end() == 0);
}
static zio_err_t stops_after_a_while(void *ud) {
    (void)ud;
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    REQUIRE(zio_sleep_until(zio_after_ms(10)) == 0);
    return 5;
}
static zio_err_t joins_hooked(void *ud) {
    uint64_t token;
    zio_err_t result = 0;
    REQUIRE(zio_timeout_push(&token, zio_after_ms(100000)) == 0);
    REQUIRE(zio_task_join(ud, &result, ZIO_NEVER) == 0);
    REQUIRE(result == 5);
    REQUIRE(!zio_timeout_pop(token));
    return zio_yield();
}
static zio_err_t shield_main(void *ud) {
    (void)ud;
    zio_task_t *target = start(stops_after_a_while, NULL);
    zio_task_t *joiner = start(joins_hooked, target);
    for (int i = 0; i < 4; ++i) {
        REQUIRE(zio_sleep_until(zio_after_ms(2)) == 0);
        REQUIRE(zio_task_request_cancel(joiner) == 0);
    }
    REQUIRE(finish(joiner) == ZIO_ECANCELED);
    return finish(target);
}
static void hooks_do_not_open_held_waits(void **state) {
    zio_task_hooks_t hooks;
    zio_rt_options_t o = options();
    zio_rt_t *rt = NULL;
    (void)state;
    assert_int_equal(zio_task_hooks_init(&hooks, sizeof hooks), 0);
    hooks.on_suspend = hooks.on_resume = swaps_shields;
    o.hooks = &hooks;
    assert_int_equal(zio_rt_create(&rt, &o), 0);
    assert_int_equal(zio_rt_run(rt, shield_main, NULL), 5);
    end_runtime(rt);
}

static int blocks, starts_seen, stops_seen;
static void worker_start(uint32_t worker, void *ud) {
    REQUIRE(worker == 0 && ud == &blocks);
    ++starts_seen;
}
static void worker_stop(uint32_t worker, void *ud) {
    (void)worker, (void)ud;
    REQUIRE(blocks == 0);
    ++stops_seen;
}
static void before_block(uint32_t worker, void *ud) {
    (void)worker, (void)ud;
    REQUIRE(blocks++ == 0);
}
static int waits_seen;
static void after_block(uint32_t worker, void *ud) {
    (void)worker, (void)ud;
    REQUIRE(--blocks == 0);
    ++waits_seen;
}
static void worker_hooks_come_in_pairs(void **state) {
    zio_worker_hooks_t hooks;
    zio_rt_options_t o = options();
    zio_rt_t *rt = NULL;
    (void)state;
    assert_int_equal(zio_worker_hooks_init(&hooks, sizeof hooks), 0);
    hooks.on_start = worker_start;
    hooks.on_stop = worker_stop;
    hooks.before_block = before_block;
    hooks.after_block = after_block;
    hooks.ud = &blocks;
    o.worker_hooks = &hooks;
    starts_seen = stops_seen = waits_seen = 0;
    assert_int_equal(zio_rt_create(&rt, &o), 0);
    assert_int_equal(zio_rt_run(rt, sleeps_5_ms, NULL), 0);
    assert_int_equal(starts_seen, 1);
    assert_int_equal(stops_seen, 1);
    assert_true(waits_seen > 0);
    end_runtime(rt);
    assert_int_equal(starts_seen, stops_seen);
}

/* --- what it says about itself -------------------------------------------------------------- */

IN_TASK(a_dump_has_a_line_for_each_task) {
    char text[4096], small[10];
    zio_rt_t *rt = zio_rt_current();
    zio_spawn_options_t o = spawn_options();
    o.name = "parked";
    zio_task_t *parked = start_with(parks, NULL, &o);
    o.name = "sleeping";
    zio_task_t *sleeping = start_with(sleeps_for_ever, NULL, &o);
    settle();
    o.name = "fresh";
    zio_task_t *fresh = start_with(parks, NULL, &o);
    const zio_ssize_t length = zio_rt_dump(rt, text, sizeof text);
    assert_int_equal(length, strlen(text));
    int lines = 0;
    for (const char *c = text; *c != '\0'; ++c) lines += *c == '\n';
    assert_int_equal(lines, 4);
    assert_non_null(strstr(text, "\"parked\" waiting for unpark, for "));
    assert_non_null(strstr(text, ", running\n"));
    const char *at = text;
    for (int spawned = 0; spawned < 4; ++spawned) {
        at = strstr(at, ", spawned at ");
        assert_non_null(at++);
    }
    assert_non_null(strstr(text, "\"sleeping\""));
    assert_non_null(strstr(text, "\"fresh\""));
    assert_int_equal(zio_rt_dump(rt, NULL, 0), length);
    memset(small, 'x', sizeof small);
    assert_int_equal(zio_rt_dump(rt, small, 8), length);
    assert_memory_equal(small, text, 7);
    assert_int_equal(small[7], 0);
    assert_int_equal(small[8], 'x');
    assert_int_equal(zio_rt_dump(rt, NULL, 3), ZIO_EINVAL);
    assert_int_equal(zio_rt_dump((zio_rt_t *)parked, text, 100), ZIO_EBADF);
    zio_task_t *all[] = {parked, sleeping, fresh};
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(zio_task_cancel(all[i], NULL), 0);
        assert_int_equal(zio_task_unref(all[i]), 0);
    }
}

/* Two functions that the loader knows by name, with more to do after the calls. */
int turns_left = 1;
__attribute__((noinline)) zio_err_t inner_function_of_the_test(void);
__attribute__((noinline)) zio_err_t inner_function_of_the_test(void) {
    const zio_err_t status = zio_task_park(ZIO_NEVER);
    return turns_left-- > 0 ? status : 1;
}
zio_err_t outer_function_of_the_test(void *ud);
zio_err_t outer_function_of_the_test(void *ud) {
    (void)ud;
    const zio_err_t status = inner_function_of_the_test();
    return turns_left == 0 ? status : 2;
}
IN_TASK(a_dump_says_where_a_task_is) {
    char text[4096];
    zio_task_t *task = start(outer_function_of_the_test, NULL);
    settle();
    assert_true(zio_rt_dump(zio_rt_current(), text, sizeof text) > 0);
    const char *const inner = strstr(text, "inner_function_of_the_test+0x");
    assert_non_null(inner);
    const char *const outer = strstr(inner, " < outer_function_of_the_test+0x");
    assert_non_null(outer);
    assert_null(memchr(inner, '\n', (size_t)(outer - inner)));
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(finish(task), 0);
}
static void *dumps(void *ud) {
    char text[4096];
    for (int i = 0; i < 100; ++i) REQUIRE(zio_rt_dump(ud, text, sizeof text) > 0);
    return NULL;
}
static zio_err_t is_dumped(void *ud) {
    pthread_t thread = start_thread(dumps, ud);
    for (int i = 0; i < 20; ++i) REQUIRE(zio_sleep_until(zio_after_ms(1)) == 0);
    for (int i = 0; i < 1000000; ++i) REQUIRE(zio_yield() == 0);
    finish_thread(thread); /* blocks the worker: the thread must be through by now */
    return 0;
}
/* Of a runtime that nobody drives, and that has a task, a task of another one learns at once. */
static zio_err_t dumps_idle_one(void *ud) {
    char text[1000];
    REQUIRE(zio_rt_dump(ud, text, sizeof text) > 0);
    REQUIRE(strstr(text, "unpark") != NULL);
    REQUIRE(zio_rt_destroy(ud) == ZIO_EBUSY);
    return 0;
}
static zio_err_t leaves_parked(void *ud) {
    REQUIRE(zio_spawn(NULL, NULL, parks, ud, NULL) == 0);
    return zio_sleep_until(zio_after_ms(1));
}
static void a_task_may_dump_an_idle_runtime(void **state) {
    zio_rt_t *idle = make_runtime(), *rt = make_runtime();
    (void)state;
    assert_int_equal(zio_rt_run(idle, leaves_parked, NULL), 0);
    assert_int_equal(zio_rt_run(rt, dumps_idle_one, idle), 0);
    end_runtime(idle);
    end_runtime(rt);
}

static void another_thread_may_dump(void **state) {
    zio_rt_t *rt = make_runtime();
    (void)state;
    assert_int_equal(zio_rt_dump(rt, NULL, 0), 0); /* nobody drives it, nobody lives in it */
    if (!is_simulated() && !UNDER_SANITIZER) assert_int_equal(zio_rt_run(rt, is_dumped, rt), 0);
    end_runtime(rt);
}

static void *wakes_worker(void *ud) {
    for (int i = 0; i < 5; ++i) {
        struct timespec pause = {0, 3000000};
        nanosleep(&pause, NULL);
        REQUIRE(zio_task_unpark(ud) == 0);
    }
    return NULL;
}
static zio_err_t is_woken(void *ud) {
    (void)ud;
    pthread_t thread = start_thread(wakes_worker, zio_task_self());
    for (int i = 0; i < 3; ++i) (void)zio_task_park(zio_after_ms(1000));
    finish_thread(thread);
    return 0;
}
static zio_err_t counts_statistics(void *ud) {
    zio_rt_t *rt = ud;
    zio_task_t *tasks[10];
    REQUIRE(stats_of(rt).tasks_live == 1);
    for (int i = 0; i < 10; ++i) tasks[i] = start(sleeps_for_ever, NULL);
    for (int i = 0; i < 10; ++i) REQUIRE(zio_yield() == 0);
    REQUIRE(zio_sleep_until(zio_after_ms(2)) == 0);
    zio_rt_stats_t s = stats_of(rt);
    REQUIRE(s.tasks_live == 11 && s.tasks_spawned == 11);
    REQUIRE(s.workers == 1);
    REQUIRE(s.stacks_mapped >= 11);
    REQUIRE(s.switches >= 11);
    REQUIRE(s.loop_polls > 0);
    REQUIRE(s.steals == 0 && s.blocking_queued == 0 && s.accept_backoffs == 0);
    for (int i = 0; i < 10; ++i) {
        REQUIRE(zio_task_cancel(tasks[i], NULL) == 0);
        REQUIRE(zio_task_unref(tasks[i]) == 0);
    }
    REQUIRE(stats_of(rt).tasks_live == 1);
    return 0;
}
static void statistics_count(void **state) {
    zio_rt_t *rt = make_runtime();
    zio_rt_stats_t s;
    (void)state;
    assert_int_equal(zio_rt_run(rt, counts_statistics, rt), 0);
    s = stats_of(rt);
    assert_int_equal(s.tasks_live, 0);
    assert_int_equal(s.tasks_spawned, 11);
    if (!is_simulated()) {
        assert_true(s.loop_idle_ns >= 1000000); /* the sleep of 2 ms */
        assert_int_equal(s.wakes_sent, 0);
        assert_int_equal(zio_rt_run(rt, is_woken, NULL), 0);
        assert_in_range(stats_of(rt).wakes_sent, 1, 6);
    }
    assert_int_equal(zio_rt_stats(rt, NULL), ZIO_EINVAL);
    s.struct_size = 8;
    assert_int_equal(zio_rt_stats(rt, &s), ZIO_EINVAL);
    s.struct_size = 5000;
    assert_int_equal(zio_rt_stats(rt, &s), ZIO_E2BIG);
    end_runtime(rt);
    assert_int_equal(zio_rt_stats_init(&s, sizeof s), 0);
    assert_int_equal(zio_rt_stats(rt, &s), ZIO_EBADF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_come_in_order),
        cmocka_unit_test(hooks_do_not_open_held_waits),
        cmocka_unit_test(worker_hooks_come_in_pairs),
        cmocka_unit_test(a_dump_has_a_line_for_each_task),
        cmocka_unit_test(a_dump_says_where_a_task_is),
        cmocka_unit_test(another_thread_may_dump),
        cmocka_unit_test(a_task_may_dump_an_idle_runtime),
        cmocka_unit_test(statistics_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
