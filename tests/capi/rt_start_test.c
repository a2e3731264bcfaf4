/* SPDX-License-Identifier: MIT */
/* The life of a runtime with several workers: how many there are, in the background and between
 * runs, and that all of them stand still, stop and end when they shall. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "task_kit.h"

enum { WORKERS = 3 };

static void the_number_of_workers(void **state) {
    (void)state;
    const char *const before = getenv("ZIO_WORKERS");
    assert_null(before);
    zio_rt_t *rt = make_crew(0);
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    assert_in_range(stats_of(rt).workers, 1, CPU_COUNT(&set));
    end_runtime(rt);
    assert_int_equal(setenv("ZIO_WORKERS", "5", 1), 0);
    rt = make_crew(0);
    assert_int_equal(stats_of(rt).workers, 5);
    end_runtime(rt);
    rt = make_crew(2); /* who asks for a number gets it */
    assert_int_equal(stats_of(rt).workers, 2);
    end_runtime(rt);
    assert_int_equal(setenv("ZIO_WORKERS", "five", 1), 0);
    rt = make_crew(0);
    assert_in_range(stats_of(rt).workers, 1, CPU_COUNT(&set));
    end_runtime(rt);
    assert_int_equal(unsetenv("ZIO_WORKERS"), 0);
    if (UNDER_SANITIZER) return; /* its shadow leaves no room for so many stacks */
    rt = make_crew(100000);
    assert_int_equal(stats_of(rt).workers, 256);
    end_runtime(rt);
}

/* Where the workers of a started runtime may run, and how they are called. */
struct place {
    cpu_set_t set;
    char name[16];
};
static struct place places[WORKERS];
static void notes_place(uint32_t worker, void *ud) {
    (void)ud;
    REQUIRE(worker < WORKERS);
    REQUIRE(sched_getaffinity(0, sizeof(cpu_set_t), &places[worker].set) == 0);
    REQUIRE(pthread_getname_np(pthread_self(), places[worker].name, 16) == 0);
}
static void workers_have_names_and_places(void **state) {
    (void)state;
    cpu_set_t usable, all;
    zio_rt_options_t options;
    zio_worker_hooks_t hooks;
    assert_int_equal(sched_getaffinity(0, sizeof usable, &usable), 0);
    for (int pinned = 0; pinned < 2; ++pinned) {
        zio_rt_t *rt = NULL;
        assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
        assert_int_equal(zio_worker_hooks_init(&hooks, sizeof hooks), 0);
        memset(places, 0, sizeof places);
        hooks.on_start = notes_place;
        options.worker_hooks = &hooks;
        options.workers = WORKERS;
        options.flags = pinned ? ZIO_RT_PIN_WORKERS : 0;
        assert_int_equal(zio_rt_create(&rt, &options), 0);
        assert_int_equal(zio_rt_start(rt), 0);
        end_runtime(rt);
        CPU_ZERO(&all);
        for (int i = 0; i < WORKERS; ++i) {
            char name[16];
            snprintf(name, sizeof name, "zio-worker-%d", i);
            assert_string_equal(places[i].name, name);
            if (pinned) assert_int_equal(CPU_COUNT(&places[i].set), 1);
            if (!pinned) assert_true(CPU_EQUAL(&places[i].set, &usable));
            CPU_OR(&all, &all, &places[i].set);
        }
        const int count = CPU_COUNT(&usable); /* they are spread, and nowhere else */
        if (pinned) assert_int_equal(CPU_COUNT(&all), count < WORKERS ? count : WORKERS);
        CPU_AND(&all, &all, &usable);
        if (pinned) assert_int_equal(CPU_COUNT(&all), count < WORKERS ? count : WORKERS);
    }
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_true(CPU_EQUAL(&all, &usable)); /* the maker's own is as it was */
}

static zio_err_t counts_for_ever(void *ud) {
    int *const count = ud;
    zio_err_t status = 0;
    while (status == 0) {
        __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
        status = zio_yield();
    }
    return status;
}
static zio_err_t leaves_counters(void *ud) {
    int *const counts = ud;
    if (__atomic_load_n(&counts[0], __ATOMIC_RELAXED) == 0) {
        for (int i = 0; i < 6; ++i)
            REQUIRE(zio_spawn(NULL, NULL, counts_for_ever, &counts[i], NULL) == 0);
    }
    work_for(2 * MS);
    return zio_sleep_until(zio_after_ns(5 * MS));
}
static void between_runs_all_stand_still(void **state) {
    int counts[6] = {0};
    (void)state;
    zio_rt_t *rt = make_crew(WORKERS);
    for (int round = 0; round < 20; ++round) {
        int before[6], after[6];
        assert_int_equal(zio_rt_run(rt, leaves_counters, counts), 0);
        memcpy(before, counts, sizeof counts);
        usleep(1000);
        for (int i = 0; i < 6; ++i) after[i] = __atomic_load_n(&counts[i], __ATOMIC_RELAXED);
        assert_memory_equal(before, after, sizeof after);
        assert_true(after[round % 6] > 0 || round < 3);
    }
    assert_int_equal(stats_of(rt).tasks_live, 6);
    assert_int_equal(zio_rt_destroy(rt), ZIO_EBUSY);
    end_runtime(rt);
}

static zio_err_t is_busy(void *ud) {
    zio_rt_t *const rt = zio_rt_current();
    (void)ud;
    REQUIRE(zio_rt_run(rt, returns_number, NULL) == ZIO_EDEADLK);
    REQUIRE(zio_rt_start(rt) == ZIO_EBUSY);
    REQUIRE(zio_rt_shutdown(rt, ZIO_NEVER) == ZIO_EDEADLK);
    REQUIRE(zio_rt_destroy(rt) == ZIO_EBUSY);
    return 0;
}
static void a_runtime_in_the_background(void **state) {
    int number = 3;
    (void)state;
    assert_int_equal(zio_rt_start(NULL), ZIO_EBADF);
    for (uint32_t workers = 1; workers <= 3; ++workers) {
        zio_rt_t *rt = make_crew(workers);
        assert_int_equal(zio_rt_start(rt), 0);
        assert_int_equal(zio_rt_start(rt), ZIO_EBUSY);
        assert_int_equal(zio_rt_run(rt, returns_number, &number), ZIO_EBUSY);
        for (int i = 0; i < 100; ++i) {
            zio_task_t *task = NULL;
            assert_int_equal(zio_spawn(rt, &task, returns_number, &number, NULL), 0);
            assert_int_equal(finish(task), 3);
        }
        zio_task_t *task = NULL;
        assert_int_equal(zio_spawn(rt, &task, is_busy, NULL, NULL), 0);
        assert_int_equal(finish(task), 0);
        assert_int_equal(zio_spawn(rt, &task, sleeps_for_ever, NULL, NULL), 0);
        assert_int_equal(zio_rt_destroy(rt), ZIO_EBUSY);
        assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
        assert_int_equal(finish(task), ZIO_ECANCELED);
        assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
        assert_int_equal(zio_spawn(rt, &task, sleeps_for_ever, NULL, NULL), ZIO_ESTOPPING);
        assert_int_equal(zio_rt_start(rt), ZIO_ESTOPPING);
        assert_int_equal(zio_rt_destroy(rt), 0);
        assert_int_equal(zio_rt_start(rt), ZIO_EBADF);
    }
}

/* The runtime is as it was before, and runs where it is asked to. */
static void a_start_without_threads_changes_nothing(void **state) {
    pthread_attr_t usual, huge;
    int number = 8;
    (void)state;
    if (UNDER_SANITIZER) return; /* it looks at the size itself */
    assert_int_equal(pthread_getattr_default_np(&usual), 0);
    assert_int_equal(pthread_getattr_default_np(&huge), 0);
    assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 47), 0);
    for (uint32_t workers = 1; workers <= 2; ++workers) {
        char text[256];
        zio_rt_t *rt = make_crew(workers);
        assert_int_equal(pthread_setattr_default_np(&huge), 0);
        const zio_err_t started = zio_rt_start(rt);
        assert_int_equal(pthread_setattr_default_np(&usual), 0);
        assert_int_equal(started, ZIO_EAGAIN);
        assert_int_equal(zio_rt_dump(rt, text, sizeof text), 0);
        assert_int_equal(zio_rt_run(rt, returns_number, &number), 8);
        end_runtime(rt);
    }
    assert_int_equal(pthread_attr_destroy(&usual), 0);
    assert_int_equal(pthread_attr_destroy(&huge), 0);
}

static zio_err_t clings(void *ud) {
    int *const released = ud;
    while (!__atomic_load_n(released, __ATOMIC_ACQUIRE)) {
        if (zio_sleep_until(zio_after_ns(MS)) != 0) continue;
    }
    return 0;
}
static void a_shutdown_names_who_is_left(void **state) {
    int released = 0;
    char text[4096];
    (void)state;
    zio_rt_t *rt = make_crew(WORKERS);
    assert_int_equal(zio_rt_start(rt), 0);
    zio_spawn_options_t options = spawn_options();
    options.name = "clinging";
    for (int i = 0; i < 5; ++i) {
        assert_int_equal(zio_spawn(rt, NULL, i % 2 ? sleeps_for_ever : clings, &released, &options),
                         0);
    }
    assert_int_equal(zio_rt_shutdown(rt, zio_after_ns(50 * MS)), ZIO_EBUSY);
    const zio_ssize_t length = zio_rt_dump(rt, text, sizeof text);
    assert_in_range(length, 1, sizeof text - 1);
    int lines = 0;
    for (const char *at = text; (at = strstr(at, "clinging")) != NULL; ++at) ++lines;
    assert_int_equal(lines, 3);
    __atomic_store_n(&released, 1, __ATOMIC_RELEASE);
    end_runtime(rt);
}

static void they_leave_nothing_behind(void **state) {
    const uint64_t rounds = scaled(UNDER_SANITIZER ? 30 : 100);
    int number = 1;
    (void)state;
    unsigned descriptors = 0, mappings = 0;
    const unsigned threads = own_threads();
    for (uint64_t round = 0; round < rounds; ++round) {
        zio_rt_t *rt = make_crew(1 + (uint32_t)(round % 3));
        if (round % 2 == 0) {
            zio_task_t *task = NULL;
            assert_int_equal(zio_rt_start(rt), 0);
            assert_int_equal(zio_spawn(rt, &task, returns_number, &number, NULL), 0);
            assert_int_equal(finish(task), 1);
        } else {
            assert_int_equal(zio_rt_run(rt, returns_number, &number), 1);
        }
        if (round % 4 < 2) assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
        assert_int_equal(zio_rt_destroy(rt), 0);
        if (round == rounds / 2) {
            descriptors = descriptor_count();
            mappings = mapping_count();
        }
    }
    assert_int_equal(descriptor_count(), descriptors);
    if (!UNDER_SANITIZER) assert_in_range(mapping_count(), 1, mappings + 8);
    wait_for_threads(UNDER_SANITIZER ? threads : 1);
}

/* The child has no threads but this one; it gives up what its parent made and makes its own. */
static int begins_anew(zio_rt_t *rt) {
    int number = 4;
    if (zio_rt_destroy(rt) != 0 || zio_rt_destroy(rt) != ZIO_EBADF) return 1;
    if (zio_rt_create(&rt, NULL) != 0) return 2;
    if (zio_rt_run(rt, returns_number, &number) != 4) return 3;
    return zio_rt_destroy(rt) == 0 ? 0 : 4;
}
static void a_forked_child_gives_up_its_parents_workers(void **state) {
    int status = 0, number = 6;
    (void)state;
    if (UNDER_SANITIZER) return; /* which has threads of its own that do not come along */
    zio_rt_t *rt = make_crew(WORKERS);
    assert_int_equal(zio_rt_start(rt), 0);
    for (int i = 0; i < 10; ++i) {
        assert_int_equal(zio_spawn(rt, NULL, sleeps_for_ever, NULL, NULL), 0);
    }
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        _exit(begins_anew(rt));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    zio_task_t *task = NULL; /* the parent's goes on */
    assert_int_equal(zio_spawn(rt, &task, returns_number, &number, NULL), 0);
    assert_int_equal(finish(task), 6);
    end_runtime(rt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_workers),
        cmocka_unit_test(workers_have_names_and_places),
        cmocka_unit_test(between_runs_all_stand_still),
        cmocka_unit_test(a_runtime_in_the_background),
        cmocka_unit_test(a_start_without_threads_changes_nothing),
        cmocka_unit_test(a_shutdown_names_who_is_left),
        cmocka_unit_test(a_forked_child_gives_up_its_parents_workers),
        cmocka_unit_test(they_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("rt_start", tests, NULL, NULL);
}
