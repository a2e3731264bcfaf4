/* SPDX-License-Identifier: MIT */
/* zio/rt.h: the life of a runtime and its options. Hooks, dump and statistics: rt_inspect_test.c.
 */
#define _GNU_SOURCE
#include "zio/rt.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "task_kit.h"

static zio_rt_options_t options(void) {
    zio_rt_options_t o;
    assert_int_equal(zio_rt_options_init(&o, sizeof o), 0);
    return o;
}
static zio_rt_t *bad_runtime(void) {
    zio_rt_t *rt = make_runtime();
    end_runtime(rt);
    return rt;
}

/* --- life ----------------------------------------------------------------------------------- */

static zio_err_t returns_7(void *ud) {
    REQUIRE(zio_rt_current() == ud);
    return 7;
}
static void a_run_gives_the_result_of_its_main_task(void **state) {
    zio_rt_t *rt = NULL;
    int number = ZIO_EPIPE;
    (void)state;
    assert_int_equal(zio_rt_create(&rt, NULL), 0);
    assert_null(zio_rt_current());
    assert_int_equal(zio_rt_run(rt, returns_7, rt), 7);
    assert_int_equal(zio_rt_run(rt, returns_number, &number), ZIO_EPIPE);
    assert_null(zio_rt_current());
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    assert_int_equal(zio_rt_shutdown(rt, ZIO_IMMEDIATE), 0); /* again */
    assert_int_equal(zio_rt_run(rt, returns_7, rt), ZIO_ESTOPPING);
    assert_int_equal(zio_rt_destroy(rt), 0);
    assert_int_equal(zio_rt_destroy(rt), ZIO_EBADF);
    assert_int_equal(zio_rt_destroy(NULL), 0);
}

static void create_says_what_is_wrong(void **state) {
    zio_rt_t *rt = (zio_rt_t *)8;
    zio_rt_options_t o = options();
    zio_task_hooks_t hooks;
    (void)state;
    assert_int_equal(zio_rt_create(NULL, NULL), ZIO_EINVAL);
    o.backend = 99;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_EINVAL);
    o = options();
    o.sched = 2;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_EINVAL);
    o = options();
    o.flags = 1 << 9;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_EINVAL);
    o = options();
    o.reserved[0] = 1;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_EINVAL);
    o = options();
    o.struct_size = 16;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_EINVAL);
    o = options();
    o.stack_size = UINT64_C(1) << 60;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_EINVAL);
    o = options();
    assert_int_equal(zio_task_hooks_init(&hooks, sizeof hooks), 0);
    hooks.flags = 1;
    o.hooks = &hooks;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_EINVAL);
    struct {
        zio_rt_options_t known;
        uint64_t more;
    } later = {options(), 1};
    later.known.struct_size = sizeof later;
    assert_int_equal(zio_rt_create(&rt, &later.known), ZIO_E2BIG);
    o = options();
    o.backend = ZIO_BACKEND_IOCP;
    assert_int_equal(zio_rt_create(&rt, &o), ZIO_ENOTSUP);
    assert_true(zio_last_error_detail()[0] != '\0');
    assert_ptr_equal(rt, (zio_rt_t *)8);
}

static void a_backend_is_chosen_by_option_or_by_name(void **state) {
    const char *named = getenv("ZIO_BACKEND");
    char *saved = named != NULL ? strdup(named) : NULL;
    zio_rt_options_t o = options();
    zio_rt_t *rt = make_runtime();
    (void)state;
    if (saved != NULL) assert_string_equal(zio_rt_backend_name(rt), saved);
    assert_true(strlen(zio_rt_backend_reason(rt)) > 10);
    end_runtime(rt);
    assert_null(zio_rt_backend_name(rt));
    assert_null(zio_rt_backend_reason(rt));
    assert_null(zio_rt_backend_name(NULL));
    setenv("ZIO_BACKEND", "nonesuch", 1);
    rt = NULL;
    assert_int_equal(zio_rt_create(&rt, NULL), ZIO_EINVAL);
    assert_null(rt);
    assert_true(strstr(zio_last_error_detail(), "ZIO_BACKEND") != NULL);
    if (!is_simulated()) { /* a simulation is one for the whole process */
        o.backend = ZIO_BACKEND_POLL;
        assert_int_equal(zio_rt_create(&rt, &o), 0); /* the option beats the environment */
        assert_string_equal(zio_rt_backend_name(rt), "poll");
        end_runtime(rt);
    }
    if (saved != NULL) {
        setenv("ZIO_BACKEND", saved, 1);
    } else {
        unsetenv("ZIO_BACKEND");
    }
    free(saved);
}

static zio_err_t runs_again(void *ud) {
    REQUIRE(zio_rt_run(ud, returns_7, ud) == ZIO_EDEADLK);
    REQUIRE(zio_rt_shutdown(ud, ZIO_NEVER) == ZIO_EDEADLK);
    REQUIRE(zio_rt_destroy(ud) == ZIO_EBUSY);
    return 0;
}
struct other {
    zio_rt_t *rt;
    zio_err_t run, destroy, shutdown;
};
static zio_err_t runs_another(void *ud) {
    struct other *o = ud;
    o->run = zio_rt_run(o->rt, returns_7, o->rt);
    o->shutdown = zio_rt_shutdown(o->rt, ZIO_NEVER); /* it has no task: there is nothing to do */
    o->destroy = zio_rt_destroy(o->rt);
    return 0;
}
static void run_says_what_is_wrong(void **state) {
    zio_rt_t *rt = make_runtime(), *dead = bad_runtime();
    struct other other = {make_runtime(), 1, 1, 1};
    (void)state;
    assert_int_equal(zio_rt_run(rt, NULL, NULL), ZIO_EINVAL);
    assert_int_equal(zio_rt_run(dead, returns_7, NULL), ZIO_EBADF);
    assert_int_equal(zio_rt_run(NULL, returns_7, NULL), ZIO_EBADF);
    assert_int_equal(zio_rt_shutdown(dead, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_rt_shutdown(NULL, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_rt_shutdown(rt, -2), ZIO_EINVAL);
    assert_int_equal(zio_rt_run(rt, runs_again, rt), 0);
    assert_int_equal(zio_rt_run(rt, runs_another, &other), 0);
    assert_int_equal(other.run, ZIO_EBUSY);
    assert_int_equal(other.shutdown, 0);
    if (other.destroy != 0) { /* whose worker is this thread? It says so and frees nothing */
        assert_int_equal(other.destroy, ZIO_EBUSY);
        assert_int_equal(zio_rt_destroy(other.rt), 0);
    }
    end_runtime(rt);
}

/* Tasks that are alive when the main task returns go on in the next run. */
static zio_err_t counts_for_ever(void *ud) {
    while (zio_sleep_until(zio_after_ms(1)) == 0) ++*(int *)ud;
    return 0;
}
static zio_err_t spawns_counter(void *ud) {
    REQUIRE(zio_spawn(NULL, NULL, counts_for_ever, ud, NULL) == 0);
    return zio_sleep_until(zio_after_ms(5));
}
static zio_err_t sleeps_5_ms(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(5));
}
struct runner {
    zio_rt_t *rt;
    zio_err_t result;
};
static void *runs_elsewhere(void *ud) {
    struct runner *r = ud;
    r->result = zio_rt_run(r->rt, sleeps_5_ms, NULL);
    return NULL;
}
static void tasks_live_on_between_runs(void **state) {
    zio_rt_t *rt = make_runtime();
    struct runner runner = {rt, 1};
    int count = 0;
    (void)state;
    assert_int_equal(zio_rt_run(rt, spawns_counter, &count), 0);
    const int seen = count;
    assert_true(seen > 0);
    /* A started task may know this thread by now: no other thread may run it. */
    finish_thread(start_thread(runs_elsewhere, &runner));
    assert_int_equal(runner.result, ZIO_EBUSY);
    assert_int_equal(zio_rt_destroy(rt), ZIO_EBUSY);
    assert_int_equal(count, seen);
    assert_int_equal(zio_rt_run(rt, sleeps_5_ms, NULL), 0);
    assert_true(count > seen);
    end_runtime(rt);
}
static void a_runtime_may_run_on_another_thread(void **state) {
    zio_rt_t *rt = make_runtime();
    struct runner runner = {rt, 1};
    (void)state;
    finish_thread(start_thread(runs_elsewhere, &runner));
    assert_int_equal(runner.result, 0);
    assert_int_equal(zio_rt_run(rt, sleeps_5_ms, NULL), 0); /* no task was left */
    finish_thread(start_thread(runs_elsewhere, &runner));
    assert_int_equal(runner.result, 0);
    end_runtime(rt);
}
static void max_tasks_is_a_limit(void **state) {
    zio_rt_options_t o = options();
    zio_rt_t *rt = NULL;
    zio_task_t *task = NULL;
    int made = 0;
    (void)state;
    o.max_tasks = 100;
    assert_int_equal(zio_rt_create(&rt, &o), 0);
    zio_err_t status = 0;
    while (made < 1000 && (status = zio_spawn(rt, &task, parks, NULL, NULL)) == 0) {
        ++made;
        assert_int_equal(zio_task_unref(task), 0);
    }
    assert_int_equal(status, ZIO_EAGAIN);
    assert_int_equal(made, 100);
    assert_int_equal(zio_rt_run(rt, returns_7, rt), ZIO_EAGAIN);
    assert_true(zio_last_error_detail()[0] != '\0');
    end_runtime(rt);
}

/* --- shutdown ------------------------------------------------------------------------------- */

static zio_err_t spawns_parked(void *ud) {
    for (int i = 0; i < 50; ++i) REQUIRE(zio_spawn(NULL, NULL, parks, ud, NULL) == 0);
    return zio_sleep_until(zio_after_ms(1));
}
static void shutdown_cancels_every_task(void **state) {
    zio_rt_t *rt = make_runtime();
    zio_task_t *queued = NULL;
    zio_err_t result = 0;
    (void)state;
    assert_int_equal(zio_rt_run(rt, spawns_parked, NULL), 0);
    assert_int_equal(zio_spawn(rt, &queued, parks, NULL, NULL), 0); /* not even started */
    assert_int_equal(zio_rt_destroy(rt), ZIO_EBUSY);
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    assert_int_equal(zio_task_join(queued, &result, ZIO_IMMEDIATE), 0);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_spawn(rt, NULL, parks, NULL, NULL), ZIO_ESTOPPING);
    assert_int_equal(zio_rt_destroy(rt), 0);
    /* A handle that outlives its runtime is still a handle. */
    result = 0;
    assert_int_equal(zio_task_join(queued, &result, ZIO_NEVER), 0);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_cancel(queued, &result), 0);
    assert_int_equal(zio_task_request_cancel(queued), 0);
    assert_int_equal(zio_task_unpark(queued), 0);
    assert_ptr_equal(zio_task_ref(queued), queued);
    assert_true(zio_task_id(queued) != 0);
    assert_int_equal(zio_task_unref(queued), 0);
    assert_int_equal(zio_task_unref(queued), 0);
    assert_int_equal(zio_task_unref(queued), ZIO_EBADF);
    assert_int_equal(zio_task_join(queued, &result, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_spawn(rt, NULL, parks, NULL, NULL), ZIO_EBADF);
}

/* Tasks are never ended by force: who does not stop is named. */
static zio_err_t is_stubborn(void *ud) {
    (void)ud;
    while (zio_task_park(ZIO_NEVER) != 0) {
    }
    return 0;
}
static zio_err_t spawns_stubborn(void *ud) {
    zio_spawn_options_t o = spawn_options();
    o.name = "stubborn-one";
    REQUIRE(zio_spawn(NULL, ud, is_stubborn, NULL, &o) == 0);
    return zio_sleep_until(zio_after_ms(1));
}
static void a_stubborn_task_is_named(void **state) {
    zio_rt_t *rt = make_runtime();
    char text[1000];
    zio_task_t *task = NULL;
    (void)state;
    assert_int_equal(zio_rt_run(rt, spawns_stubborn, &task), 0);
    assert_int_equal(zio_rt_shutdown(rt, zio_after_ms(5)), ZIO_EBUSY);
    assert_non_null(strstr(zio_last_error_detail(), "stubborn-one"));
    assert_int_equal(zio_rt_shutdown(rt, ZIO_IMMEDIATE), ZIO_EBUSY);
    assert_int_equal(zio_rt_shutdown(rt, zio_after_ns(-1)), ZIO_EBUSY);
    assert_true(zio_rt_dump(rt, text, sizeof text) > 0);
    char *name = strstr(text, "\"stubborn-one\"");
    assert_non_null(name);
    while (name[-1] == ' ' || (name[-1] >= '0' && name[-1] <= '9')) --name;
    assert_memory_equal(name - 4, "task", 4);
    assert_int_equal(zio_rt_destroy(rt), ZIO_EBUSY);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(zio_rt_destroy(rt), 0);
}
struct shut_down {
    zio_rt_t *rt;
    zio_task_t *stubborn;
    int runs; /* the main task is about to wait */
};
static zio_err_t parks_main(void *ud) {
    struct shut_down *s = ud;
    REQUIRE(zio_spawn(NULL, NULL, parks, NULL, NULL) == 0);
    __atomic_store_n(&s->runs, 1, __ATOMIC_RELEASE);
    return zio_task_park(ZIO_NEVER);
}
static void *shuts_down(void *ud) {
    struct shut_down *s = ud;
    while (!__atomic_load_n(&s->runs, __ATOMIC_ACQUIRE)) sched_yield();
    REQUIRE(zio_rt_shutdown(s->rt, ZIO_NEVER) == 0);
    REQUIRE(zio_rt_shutdown(s->rt, ZIO_NEVER) == 0);
    return NULL;
}
static void another_thread_may_shut_down(void **state) {
    (void)state;
    if (is_simulated()) return; /* the deadlock is found before the thread comes */
    for (int i = 0; i < 20; ++i) {
        struct shut_down s = {.rt = make_runtime()};
        pthread_t thread = start_thread(shuts_down, &s);
        assert_int_equal(zio_rt_run(s.rt, parks_main, &s), ZIO_ECANCELED);
        finish_thread(thread);
        assert_int_equal(zio_rt_destroy(s.rt), 0);
    }
}
static void *shuts_down_impatiently(void *ud) {
    struct shut_down *s = ud;
    while (!__atomic_load_n(&s->runs, __ATOMIC_ACQUIRE)) sched_yield();
    REQUIRE(zio_rt_shutdown(s->rt, zio_after_ms(5)) == ZIO_EBUSY);
    REQUIRE(zio_task_unpark(s->stubborn) == 0);
    REQUIRE(zio_rt_shutdown(s->rt, zio_after_ms(60000)) == 0);
    return NULL;
}
static zio_err_t starts_stubborn_and_waits(void *ud) {
    struct shut_down *s = ud;
    zio_err_t result = 1;
    REQUIRE(spawns_stubborn(&s->stubborn) == 0);
    __atomic_store_n(&s->runs, 1, __ATOMIC_RELEASE);
    /* Canceled by the shutdown: it asks the other one to stop, too, and waits. */
    REQUIRE(zio_task_join(s->stubborn, &result, ZIO_NEVER) == 0);
    return result;
}
static void another_threads_shutdown_waits_for_the_stubborn(void **state) {
    (void)state;
    if (is_simulated()) return;
    struct shut_down s = {.rt = make_runtime()};
    pthread_t thread = start_thread(shuts_down_impatiently, &s);
    assert_int_equal(zio_rt_run(s.rt, starts_stubborn_and_waits, &s), 0);
    finish_thread(thread);
    assert_int_equal(zio_task_unref(s.stubborn), 0);
    assert_int_equal(zio_rt_destroy(s.rt), 0);
}

/* Nothing can ever happen again: a simulated world knows, and says who waits for what. */
static zio_err_t joins_for_ever(void *ud) {
    zio_spawn_options_t o = spawn_options();
    o.name = "never-woken";
    (void)ud;
    REQUIRE(zio_task_set_name(zio_task_self(), "waits-for-it", (size_t)-1) == 0);
    return finish(start_with(parks, NULL, &o));
}
static void a_deadlock_names_the_tasks(void **state) {
    zio_rt_t *rt = make_runtime();
    (void)state;
    if (is_simulated()) {
        assert_int_equal(zio_rt_run(rt, joins_for_ever, NULL), ZIO_EDEADLK);
        assert_non_null(strstr(zio_last_error_detail(), "never-woken"));
        assert_non_null(strstr(zio_last_error_detail(), "waits-for-it"));
    }
    end_runtime(rt);
}

/* --- without a trace ------------------------------------------------------------------------ */

static zio_err_t lives_a_little(void *ud) {
    zio_task_t *task = start(returns_number, &(int){3});
    (void)ud;
    REQUIRE(zio_sleep_until(zio_after_ns(1000)) == 0);
    return finish(task);
}
static void a_thousand_runtimes_leave_no_trace(void **state) {
    unsigned descriptors = 0, mappings = 0;
    const int count = (int)scaled(UNDER_SANITIZER ? 100 : 1000);
    (void)state;
    for (int i = 0; i < count + 10; ++i) {
        zio_rt_t *rt = make_runtime();
        assert_int_equal(zio_rt_run(rt, lives_a_little, NULL), 3);
        end_runtime(rt);
        if (i == 9) {
            descriptors = descriptor_count();
            mappings = mapping_count();
        }
    }
    assert_int_equal(descriptor_count(), descriptors);
    if (!UNDER_SANITIZER) assert_in_range(mapping_count(), 1, mappings + 3);
}

/* Where there is no descriptor left it says so, and nothing is left behind. */
static void no_descriptor_left(void **state) {
    struct rlimit old, none;
    zio_rt_t *rt = NULL;
    (void)state;
    end_runtime(make_runtime());
    const unsigned before = descriptor_count();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const zio_err_t status = zio_rt_create(&rt, NULL);
    if (status == 0) { /* a backend that needs none until it is used */
        assert_int_equal(zio_rt_destroy(rt), 0);
    } else {
        assert_int_equal(status, ZIO_EMFILE);
        assert_true(strlen(zio_last_error_detail()) > 0);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(descriptor_count(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_gives_the_result_of_its_main_task),
        cmocka_unit_test(create_says_what_is_wrong),
        cmocka_unit_test(a_backend_is_chosen_by_option_or_by_name),
        cmocka_unit_test(run_says_what_is_wrong),
        cmocka_unit_test(tasks_live_on_between_runs),
        cmocka_unit_test(a_runtime_may_run_on_another_thread),
        cmocka_unit_test(max_tasks_is_a_limit),
        cmocka_unit_test(shutdown_cancels_every_task),
        cmocka_unit_test(a_stubborn_task_is_named),
        cmocka_unit_test(another_thread_may_shut_down),
        cmocka_unit_test(another_threads_shutdown_waits_for_the_stubborn),
        cmocka_unit_test(a_deadlock_names_the_tasks),
        cmocka_unit_test(a_thousand_runtimes_leave_no_trace),
        cmocka_unit_test(no_descriptor_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
