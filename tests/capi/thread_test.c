/* SPDX-License-Identifier: MIT */
/* Plain threads and tasks: threads spawn into a running runtime, join, cancel and wake its tasks,
 * and two runtimes on two threads wait for each other's. */
#include <sched.h>
#include <stdlib.h>

#include "task_kit.h"

/* The other side of a test: a runtime on a thread of its own, until it is shut down. */
struct host {
    zio_rt_t *rt;
    zio_task_t *main;
    int ready;
    pthread_t thread;
};
static zio_err_t waits_for_shutdown(void *ud) {
    struct host *h = ud;
    __atomic_store_n(&h->ready, 1, __ATOMIC_RELEASE);
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    return 0;
}
static void *hosts(void *ud) {
    struct host *h = ud;
    REQUIRE(zio_rt_run(h->rt, waits_for_shutdown, h) == 0);
    REQUIRE(zio_rt_shutdown(h->rt, ZIO_NEVER) == 0);
    return NULL;
}
static void open_host(struct host *h) {
    h->ready = 0;
    h->rt = make_runtime();
    h->thread = start_thread(hosts, h);
    while (!__atomic_load_n(&h->ready, __ATOMIC_ACQUIRE)) sched_yield();
}
static void close_host(struct host *h) {
    assert_int_equal(zio_rt_shutdown(h->rt, ZIO_NEVER), 0);
    finish_thread(h->thread);
    assert_int_equal(zio_rt_destroy(h->rt), 0);
}
static zio_task_t *start_in(zio_rt_t *rt, zio_task_fn entry, void *ud) {
    zio_task_t *task = NULL;
    REQUIRE(zio_spawn(rt, &task, entry, ud, NULL) == 0);
    return task;
}

/* The last reference that a thread gives back is freed by the task's home, a moment later. */
static void becomes_dead(zio_task_t *task) {
    const zio_deadline_t at = zio_after_ms(20000);
    while (zio_task_id(task) != 0 && zio_now() < at) sched_yield();
    assert_int_equal(zio_task_unref(task), ZIO_EBADF);
}

/* --- threads and one runtime ---------------------------------------------------------------- */

static void a_thread_spawns_joins_and_cancels(void **state) {
    struct host h;
    int number = 12;
    zio_err_t result = 0;
    (void)state;
    open_host(&h);
    for (int i = 0; i < 1000; ++i) {
        zio_task_t *task = start_in(h.rt, returns_number, &number);
        assert_int_equal(finish(task), 12);
    }
    zio_task_t *task = start_in(h.rt, parks, NULL);
    assert_int_equal(zio_task_join(task, &result, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_task_join(task, &result, zio_after_ms(2)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_join(task, &result, zio_after_ns(-1)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_task_cancel(task, &result), 0);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(task), 0);
    becomes_dead(task);
    task = start_in(h.rt, parks, NULL);
    assert_int_equal(zio_task_unpark(task), 0);
    assert_int_equal(finish(task), 0);
    close_host(&h);
}

/* A deadline ends a join although the worker has no time to answer. */
static int busy_until_set;
static zio_err_t is_busy(void *ud) {
    (void)ud;
    __atomic_store_n((int *)ud, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&busy_until_set, __ATOMIC_ACQUIRE)) {
    }
    return 0;
}
static void a_busy_worker_does_not_delay_a_deadline(void **state) {
    struct host h;
    int started = 0;
    (void)state;
    open_host(&h);
    busy_until_set = 0;
    zio_task_t *parked = start_in(h.rt, parks, NULL);
    zio_task_t *task = start_in(h.rt, is_busy, &started);
    while (!__atomic_load_n(&started, __ATOMIC_ACQUIRE)) sched_yield();
    const zio_deadline_t at = zio_after_ms(20);
    assert_int_equal(zio_task_join(parked, NULL, at), ZIO_ETIMEDOUT);
    assert_true(zio_now() >= at && zio_now() < at + 5 * SECOND);
    __atomic_store_n(&busy_until_set, 1, __ATOMIC_RELEASE);
    assert_int_equal(finish(task), 0);
    assert_int_equal(zio_task_cancel(parked, NULL), 0);
    assert_int_equal(zio_task_unref(parked), 0);
    close_host(&h);
}

/* Each wake is one token; one that finds a token there adds none. So a task that answers each
 * token before the next is sent must see them all. */
struct ping {
    zio_task_t *task;
    uint64_t wanted, seen;
};
static zio_err_t answers_wakes(void *ud) {
    struct ping *p = ud;
    while (p->seen < p->wanted) {
        REQUIRE(zio_task_park(ZIO_NEVER) == 0);
        __atomic_add_fetch(&p->seen, 1, __ATOMIC_RELEASE);
    }
    return 0;
}
static void no_wake_from_a_thread_is_lost(void **state) {
    struct host h;
    struct ping p = {NULL, scaled(UNDER_SANITIZER ? 5000 : 100000), 0};
    (void)state;
    open_host(&h);
    p.task = start_in(h.rt, answers_wakes, &p);
    for (uint64_t sent = 0; sent < p.wanted; ++sent) {
        REQUIRE(zio_task_unpark(p.task) == 0);
        for (int spins = 0; __atomic_load_n(&p.seen, __ATOMIC_ACQUIRE) == sent; ++spins)
            if (spins > 100) sched_yield();
    }
    assert_int_equal(finish(p.task), 0);
    assert_int_equal(p.seen, p.wanted);
    close_host(&h);
}
/* Four threads wake one task without waiting: after the last of them it has a token or took it. */
struct storm {
    zio_task_t *task;
    uint64_t wanted, left, wakes;
};
static void *storms(void *ud) {
    struct storm *s = ud;
    for (uint64_t i = 0; i < s->wanted; ++i) REQUIRE(zio_task_unpark(s->task) == 0);
    __atomic_sub_fetch(&s->left, 1, __ATOMIC_RELEASE);
    REQUIRE(zio_task_unpark(s->task) == 0);
    return NULL;
}
static zio_err_t weathers(void *ud) {
    struct storm *s = ud;
    do {
        REQUIRE(zio_task_park(ZIO_NEVER) == 0);
        ++s->wakes;
    } while (__atomic_load_n(&s->left, __ATOMIC_ACQUIRE) != 0);
    return 0;
}
static void a_storm_of_wakes_ends(void **state) {
    struct host h;
    pthread_t threads[4];
    struct storm s = {NULL, scaled(50000), 4, 0};
    (void)state;
    open_host(&h);
    s.task = start_in(h.rt, weathers, &s);
    for (int i = 0; i < 4; ++i) threads[i] = start_thread(storms, &s);
    for (int i = 0; i < 4; ++i) finish_thread(threads[i]);
    assert_int_equal(finish(s.task), 0);
    assert_in_range(s.wakes, 1, 4 * (s.wanted + 1));
    close_host(&h);
}

/* References taken and given back by several threads while the task ends: it is freed once. */
static void *counts_references(void *ud) {
    zio_task_t *task = ud;
    for (int i = 0; i < 300; ++i) {
        REQUIRE(zio_task_ref(task) == task);
        if (i % 50 == 0) {
            const zio_err_t status = zio_task_join(task, NULL, ZIO_IMMEDIATE);
            REQUIRE(status == 0 || status == ZIO_EAGAIN);
        }
        REQUIRE(zio_task_unref(task) == 0);
    }
    REQUIRE(zio_task_unref(task) == 0);
    return NULL;
}
static void references_of_several_threads(void **state) {
    struct host h;
    const int rounds = (int)scaled(50);
    (void)state;
    open_host(&h);
    for (int round = 0; round < rounds; ++round) {
        pthread_t threads[3];
        zio_task_t *task = start_in(h.rt, parks, NULL);
        for (int i = 0; i < 3; ++i) {
            assert_ptr_equal(zio_task_ref(task), task);
            threads[i] = start_thread(counts_references, task);
        }
        assert_int_equal(zio_task_unpark(task), 0);
        assert_int_equal(zio_task_join(task, NULL, ZIO_NEVER), 0);
        for (int i = 0; i < 3; ++i) finish_thread(threads[i]);
        assert_int_equal(zio_task_unref(task), 0);
        becomes_dead(task);
    }
    close_host(&h);
}

/* Launches race discards from elsewhere: exactly one wins, and what it promises happens. */
struct race {
    zio_task_t *task;
    zio_err_t launched;
};
static int runs, frees;
static zio_err_t counts_run(void *ctx) {
    (void)ctx;
    __atomic_add_fetch(&runs, 1, __ATOMIC_RELAXED);
    return 0;
}
static void counts_free(void *ctx) {
    (void)ctx;
    __atomic_add_fetch(&frees, 1, __ATOMIC_RELAXED);
}
static void *launches(void *ud) {
    struct race *r = ud;
    r->launched = zio_task_launch(r->task);
    return NULL;
}
static void launch_and_discard_race(void **state) {
    struct host h;
    const int rounds = (int)scaled(300);
    int launched = 0, discarded = 0;
    zio_spawn_options_t options = spawn_options();
    (void)state;
    options.ud_free = counts_free;
    runs = frees = 0;
    open_host(&h);
    for (int i = 0; i < rounds; ++i) {
        struct race r = {NULL, 1};
        void *ctx, *result;
        assert_int_equal(
            zio_task_prepare(h.rt, &r.task, counts_run, 64, 0, 0, 0, &options, &ctx, &result), 0);
        assert_ptr_equal(zio_task_ref(r.task), r.task);
        pthread_t thread = start_thread(launches, &r);
        for (int spins = i % 50 * 200; spins > 0; --spins) __asm__ volatile("" ::: "memory");
        const zio_err_t status = zio_task_discard(r.task);
        finish_thread(thread);
        assert_true((status == 0) != (r.launched == 0));
        assert_int_equal(status == 0 ? r.launched : status, ZIO_EALREADY);
        ++*(status == 0 ? &discarded : &launched);
        assert_int_equal(zio_task_join(r.task, NULL, ZIO_NEVER), 0);
        if (status != 0) assert_int_equal(zio_task_unref(r.task), 0);
        assert_int_equal(zio_task_unref(r.task), 0);
    }
    close_host(&h);
    print_message("launched %d, discarded %d\n", launched, discarded);
    assert_int_equal(runs, launched);
    assert_int_equal(frees, rounds);
}

/* --- two runtimes --------------------------------------------------------------------------- */

struct pair {
    struct host *other;
    int rounds;
};
static zio_err_t joins_next_door(void *ud) {
    struct pair *p = ud;
    int number = 4;
    for (int i = 0; i < p->rounds; ++i) {
        REQUIRE(finish(start_in(p->other->rt, returns_number, &number)) == 4);
        zio_task_t *parked = start_in(p->other->rt, parks, NULL);
        if (i % 2 == 0) {
            zio_err_t result = 0;
            REQUIRE(zio_task_cancel(parked, &result) == 0);
            REQUIRE(result == ZIO_ECANCELED);
        } else {
            REQUIRE(zio_task_unpark(parked) == 0);
            REQUIRE(zio_task_join(parked, NULL, ZIO_NEVER) == 0);
        }
        REQUIRE(zio_task_unref(parked) == 0);
    }
    return 0;
}
static void two_runtimes_join_each_others_tasks(void **state) {
    struct host a, b;
    (void)state;
    open_host(&a);
    open_host(&b);
    struct pair to_b = {&b, (int)scaled(2000)}, to_a = {&a, (int)scaled(2000)};
    zio_task_t *in_a = start_in(a.rt, joins_next_door, &to_b);
    zio_task_t *in_b = start_in(b.rt, joins_next_door, &to_a);
    assert_int_equal(finish(in_a), 0);
    assert_int_equal(finish(in_b), 0);
    close_host(&a);
    close_host(&b);
}
/* A joiner next door is canceled: it cancels its target over there, and waits for it. */
static zio_err_t stops_after_a_while(void *ud) {
    (void)ud;
    REQUIRE(zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED);
    REQUIRE(zio_sleep_until(zio_after_ms(5)) == 0);
    return 31;
}
static zio_err_t joins_it(void *ud) {
    zio_err_t result = 0;
    REQUIRE(zio_task_join(ud, &result, zio_after_ms(60000)) == 0);
    REQUIRE(zio_check_cancel() == ZIO_ECANCELED);
    return result;
}
static void a_canceled_joiner_next_door(void **state) {
    struct host a, b;
    (void)state;
    open_host(&a);
    open_host(&b);
    for (int i = 0; i < 20; ++i) {
        zio_err_t result = 0;
        zio_task_t *target = start_in(a.rt, stops_after_a_while, NULL);
        zio_task_t *joiner = start_in(b.rt, joins_it, target);
        if (i % 2 == 0) assert_int_equal(zio_sleep_until(zio_after_ms(1)), 0);
        assert_int_equal(zio_task_cancel(joiner, &result), 0);
        assert_int_equal(result, 31);
        assert_int_equal(zio_task_unref(joiner), 0);
        assert_int_equal(finish(target), 31);
    }
    close_host(&a);
    close_host(&b);
}
/* A group whose members live next door; it is waited for and canceled from a thread. */
static void a_group_next_door(void **state) {
    struct host h;
    zio_group_t *group = NULL;
    (void)state;
    open_host(&h);
    assert_int_equal(zio_group_create(h.rt, &group, 0), 0);
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 20; ++i) assert_int_equal(zio_group_spawn(group, parks, NULL, NULL), 0);
        assert_int_equal(zio_group_wait(group, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(zio_group_wait(group, zio_after_ns(1000)), ZIO_ETIMEDOUT);
        assert_int_equal(zio_group_cancel(group), 0);
        assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    }
    assert_int_equal(zio_group_spawn(group, parks, NULL, NULL), 0);
    assert_int_equal(zio_group_destroy(group), 0);
    close_host(&h);
}

/* --- a destroy that comes too early --------------------------------------------------------- */

struct early {
    zio_rt_t *rt;
    int over;
};
static void *destroys_too_early(void *ud) {
    struct early *e = ud;
    while (!__atomic_load_n(&e->over, __ATOMIC_ACQUIRE)) {
        REQUIRE(zio_rt_destroy(e->rt) == ZIO_EBUSY);
    }
    return NULL;
}
static void a_refused_destroy_disturbs_nobody(void **state) {
    struct early e = {.rt = make_runtime()};
    int number = 5;
    (void)state;
    zio_task_t *task = start_in(e.rt, returns_number, &number); /* waits for a run */
    const pthread_t one = start_thread(destroys_too_early, &e);
    const pthread_t other = start_thread(destroys_too_early, &e);
    const uint64_t rounds = scaled(20000);
    for (uint64_t i = 0; i < rounds; ++i) {
        zio_rt_stats_t stats;
        assert_int_equal(zio_rt_stats_init(&stats, sizeof stats), 0);
        assert_int_equal(zio_rt_stats(e.rt, &stats), 0);
        assert_int_equal(stats.tasks_live, 1);
    }
    __atomic_store_n(&e.over, 1, __ATOMIC_RELEASE);
    finish_thread(one);
    finish_thread(other);
    end_runtime(e.rt);
    assert_int_equal(zio_task_unref(task), 0);
}

/* ---- targets whose runtime has gone ---------------------------------------------------------- */

enum { HOMELESS = 64 };
struct homeless {
    zio_task_t *tasks[HOMELESS];
    int round; /* the thread that discards has come so far */
};

/* Prepared in a runtime that is destroyed then. */
static void prepare_homeless(struct homeless *h) {
    zio_rt_t *rt = make_runtime();
    for (int i = 0; i < HOMELESS; ++i) {
        void *ctx, *result;
        REQUIRE(zio_task_prepare(rt, &h->tasks[i], parks, 8, 0, 8, 0, NULL, &ctx, &result) == 0);
        REQUIRE(zio_task_ref(h->tasks[i]) == h->tasks[i]);
    }
    REQUIRE(zio_rt_destroy(rt) == 0);
}

static void *discards(void *ud) {
    struct homeless *h = ud;
    for (int i = 0; i < HOMELESS; ++i) {
        while (__atomic_load_n(&h->round, __ATOMIC_ACQUIRE) < i) sched_yield();
        for (int k = 0; k < i * 7; ++k) __asm__ volatile("" ::: "memory");
        REQUIRE(zio_task_discard(h->tasks[i]) == 0);
    }
    return NULL;
}

/* As a task and as a plain thread: before, while and after they are discarded. */
static zio_err_t joins_homeless(void *ud) {
    (void)ud;
    struct homeless *h = calloc(1, sizeof *h);
    REQUIRE(h != NULL);
    for (uint64_t round = scaled(UNDER_SANITIZER ? 20 : 100); round > 0; --round) {
        prepare_homeless(h);
        h->round = 0;
        const pthread_t thread = start_thread(discards, h);
        for (int i = 0; i < HOMELESS; ++i) {
            zio_err_t result = 0;
            __atomic_store_n(&h->round, i, __ATOMIC_RELEASE);
            if (i % 3 == 2) {
                REQUIRE(zio_task_cancel(h->tasks[i], &result) == 0);
            } else {
                REQUIRE(zio_task_join(h->tasks[i], &result, ZIO_NEVER) == 0);
            }
            REQUIRE(result == ZIO_ECANCELED);
            REQUIRE(zio_task_unref(h->tasks[i]) == 0);
        }
        finish_thread(thread);
    }
    free(h);
    return 0;
}

static void no_join_of_a_homeless_task_is_lost(void **state) {
    (void)state;
    zio_rt_t *rt = make_runtime();
    assert_int_equal(zio_rt_run(rt, joins_homeless, NULL), 0);
    end_runtime(rt);
    assert_int_equal(joins_homeless(NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_spawns_joins_and_cancels),
        cmocka_unit_test(a_busy_worker_does_not_delay_a_deadline),
        cmocka_unit_test(no_wake_from_a_thread_is_lost),
        cmocka_unit_test(a_storm_of_wakes_ends),
        cmocka_unit_test(references_of_several_threads),
        cmocka_unit_test(launch_and_discard_race),
        cmocka_unit_test(two_runtimes_join_each_others_tasks),
        cmocka_unit_test(a_canceled_joiner_next_door),
        cmocka_unit_test(a_group_next_door),
        cmocka_unit_test(a_refused_destroy_disturbs_nobody),
        cmocka_unit_test(no_join_of_a_homeless_task_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
