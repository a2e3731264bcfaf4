/* SPDX-License-Identifier: MIT */
/* Runtimes with several workers: work spreads, tasks stay where they started, and messages find
 * them wherever they are. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "task_kit.h"
#include "zio/group.h"

enum { WORKERS = 3 };

static void in_crew(zio_task_fn entry, void *ud) {
    zio_rt_t *rt = make_crew(WORKERS);
    assert_int_equal(stats_of(rt).workers, WORKERS);
    assert_int_equal(zio_rt_run(rt, entry, ud), 0);
    end_runtime(rt);
}

/* --- spreading ------------------------------------------------------------------------------ */

struct piece {
    pid_t thread;
    int runs;
    int errors;
};

static zio_err_t works(void *ud) {
    struct piece *me = ud;
    me->thread = gettid();
    ++me->runs;
    for (int i = 0; i < 5; ++i) {
        work_for(200000);
        errno = 100 + i;
        REQUIRE(zio_yield() == 0);
        me->errors += errno != 100 + i || gettid() != me->thread;
    }
    return (zio_err_t)(me->runs == 1);
}

static zio_err_t spreads_work(void *ud) {
    enum { COUNT = 60 };
    static struct piece pieces[COUNT];
    zio_task_t *tasks[COUNT];
    int elsewhere = 0;
    (void)ud;
    memset(pieces, 0, sizeof pieces);
    for (int i = 0; i < COUNT; ++i) tasks[i] = start(works, &pieces[i]);
    for (int i = 0; i < COUNT; ++i) {
        REQUIRE(finish(tasks[i]) == 1);
        REQUIRE(pieces[i].errors == 0);
        elsewhere += pieces[i].thread != gettid();
    }
    REQUIRE(elsewhere > 0);
    const zio_rt_stats_t stats = stats_of(zio_rt_current());
    REQUIRE(stats.steals > 0 && stats.tasks_spawned == COUNT + 1 && stats.tasks_live == 1);
    return 0;
}

static void work_spreads_and_stays(void **state) {
    (void)state;
    in_crew(spreads_work, NULL);
}

/* Who spawns and computes, as the two halves of a sum are done at once, waits for nobody: the new
 * task begins elsewhere meanwhile. Asked of several, as nobody may be idle yet at the first. */
static zio_err_t notes_that_it_ran(void *ud) {
    __atomic_store_n((bool *)ud, true, __ATOMIC_RELEASE);
    return 0;
}
static zio_err_t spawns_and_computes(void *ud) {
    enum { MOST = 10000 };
    static zio_task_t *tasks[MOST];
    bool has_run = false;
    int count = 0;
    (void)ud;
    while (count < MOST && !__atomic_load_n(&has_run, __ATOMIC_ACQUIRE)) {
        tasks[count++] = start(notes_that_it_ran, &has_run);
        work_for(MS);
    }
    REQUIRE(__atomic_load_n(&has_run, __ATOMIC_ACQUIRE));
    for (int i = 0; i < count; ++i) REQUIRE(finish(tasks[i]) == 0);
    return 0;
}
static void work_spreads_while_its_spawner_computes(void **state) {
    (void)state;
    in_crew(spawns_and_computes, NULL);
}

/* Work that is over before anybody else could have come for it. */
static zio_err_t makes_short_work(void *ud) {
    enum { BATCHES = UNDER_SANITIZER ? 200 : 4000, COUNT = 1000 };
    static int number = 1;
    zio_task_t *tasks[COUNT];
    const int64_t began = zio_now();
    (void)ud;
    for (int batch = 0; batch < BATCHES; ++batch) {
        for (int i = 0; i < COUNT; ++i) tasks[i] = start(returns_number, &number);
        for (int i = 0; i < COUNT; ++i) REQUIRE(finish(tasks[i]) == 1);
    }
    /* Others are tried again every 5 ms at most, once it is known that this is in vain. Somebody
     * may come in time after all, and lose its processor with what it took: that looks like work.
     */
    const int64_t tries = (zio_now() - began) / (5 * MS);
    const zio_rt_stats_t stats = stats_of(zio_rt_current());
    REQUIRE((int64_t)stats.wakes_sent <= 30 + 2 * tries + 4 * (int64_t)stats.steals);
    return 0;
}

static void short_work_wakes_few(void **state) {
    (void)state;
    in_crew(makes_short_work, NULL);
}

/* A tree of tasks: every node starts its children and adds up what they give. */
static zio_err_t grows(void *ud) {
    const intptr_t depth = (intptr_t)ud;
    zio_task_t *children[8];
    int sum = 0;
    if (depth == 0) return 1;
    for (int i = 0; i < 8; ++i) {
        REQUIRE(zio_spawn(NULL, &children[i], grows, (void *)(depth - 1), NULL) == 0);
    }
    for (int i = 0; i < 8; ++i) {
        zio_err_t result = 0;
        REQUIRE(zio_task_join(children[i], &result, ZIO_NEVER) == 0);
        REQUIRE(zio_task_unref(children[i]) == 0);
        sum += result;
    }
    return sum;
}
static zio_err_t grows_trees(void *ud) {
    const uint64_t rounds = scaled(10);
    (void)ud;
    for (uint64_t i = 0; i < rounds; ++i) REQUIRE(grows((void *)4) == 4096);
    return 0;
}
static void trees_add_up(void **state) {
    (void)state;
    in_crew(grows_trees, NULL);
}

/* Waits that end long before their deadline leave a timer behind, which must not go along when the
 * task's block does. */
static zio_err_t yields_once(void *ud) {
    (void)ud;
    work_for(3000);
    return zio_yield();
}
static zio_err_t waits_too_long(void *ud) {
    (void)ud;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(zio_sleep_until(zio_after_ns(1000)) == 0);
        zio_err_t result = 1;
        zio_task_t *child = start(yields_once, NULL);
        const zio_err_t status = zio_task_join(child, &result, zio_after_ms(1 + i));
        REQUIRE(status == 0 || status == ZIO_ETIMEDOUT);
        REQUIRE(finish(child) == 0);
        work_for(10000);
    }
    return 0;
}
static void timers_stay_when_blocks_leave(void **state) {
    const uint64_t rounds = scaled(20);
    (void)state;
    zio_rt_t *rt = make_crew(2);
    assert_int_equal(zio_rt_start(rt), 0);
    for (uint64_t round = 0; round < rounds; ++round) {
        zio_task_t *tasks[61]; /* dealt out in turn: the next round's go the other way round */
        for (int i = 0; i < 61; ++i) {
            assert_int_equal(zio_spawn(rt, &tasks[i], waits_too_long, NULL, NULL), 0);
        }
        for (int i = 0; i < 61; ++i) assert_int_equal(finish(tasks[i]), 0);
    }
    end_runtime(rt);
}

/* What is handed on to spawned tasks is handed on wherever they run. */
static uint32_t inherited_key;
static zio_err_t hands_on(void *ud) {
    const intptr_t depth = (intptr_t)ud;
    zio_task_t *children[6];
    REQUIRE(zio_task_get_local(inherited_key) == &inherited_key);
    work_for(50000);
    for (int i = 0; i < 6 && depth > 0; ++i) children[i] = start(hands_on, (void *)(depth - 1));
    for (int i = 0; i < 6 && depth > 0; ++i) REQUIRE(finish(children[i]) == 0);
    return 0;
}
static zio_err_t begins_to_hand_on(void *ud) {
    REQUIRE(zio_task_set_local(inherited_key, &inherited_key) == 0);
    return hands_on(ud);
}
static void locals_are_handed_on_everywhere(void **state) {
    (void)state;
    assert_int_equal(zio_task_key_create(&inherited_key, ZIO_KEY_INHERIT, NULL), 0);
    in_crew(begins_to_hand_on, (void *)3);
}

/* Blocks of tasks that were started from outside go back: the same few are used again. */
static void *spawns_for_ever(void *ud) {
    const uint64_t count = scaled(20000);
    zio_rt_t *const rt = ud;
    uint64_t highest = 0;
    int number = 7;
    for (uint64_t i = 0; i < count; ++i) {
        zio_task_t *task = NULL;
        zio_err_t result = 0;
        REQUIRE(zio_spawn(rt, &task, returns_number, &number, NULL) == 0);
        const uint64_t index = (zio_task_id(task) >> 32) & 0x3ffffff;
        if (index > highest) highest = index;
        REQUIRE(zio_task_join(task, &result, ZIO_NEVER) == 0 && result == 7);
        REQUIRE(zio_task_unref(task) == 0);
    }
    return (void *)(uintptr_t)highest;
}
static void blocks_are_used_again(void **state) {
    zio_rt_t *rt = make_crew(2);
    void *highest = NULL;
    (void)state;
    assert_int_equal(zio_rt_start(rt), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, spawns_for_ever, rt), 0);
    assert_int_equal(pthread_join(thread, &highest), 0);
    assert_in_range((uintptr_t)highest, 0, 2000 + 20 * WORKERS);
    end_runtime(rt);
}

/* --- messages to tasks wherever they are ---------------------------------------------------- */

static zio_err_t ends_at_once(void *ud) {
    __atomic_fetch_add((int *)ud, 1, __ATOMIC_RELAXED);
    return zio_check_cancel();
}

struct pestered {
    zio_rt_t *rt;
    zio_task_t *tasks[64];
    int filled; /* the round whose tasks are there, by the worker */
    int done;   /* the last round that both pests are through with */
    int rounds;
};

/* Cancels, renames, references and gives back tasks that may not have started, may lie with any
 * worker, or may have ended. */
static void *pesters(void *ud) {
    struct pestered *p = ud;
    uint64_t random = 99;
    for (int round = 1; round <= p->rounds; ++round) {
        while (__atomic_load_n(&p->filled, __ATOMIC_ACQUIRE) < round) sched_yield();
        for (unsigned i = 0; i < 64; ++i) {
            zio_task_t *const task = p->tasks[i];
            switch (next_random(&random) % 4) {
                case 0:
                    REQUIRE(zio_task_request_cancel(task) == 0);
                    break;
                case 1:
                    REQUIRE(zio_task_ref(task) == task);
                    REQUIRE(zio_task_unref(task) == 0);
                    break;
                case 2:
                    REQUIRE(zio_task_set_name(task, "pestered", (size_t)-1) == 0);
                    break;
                default: {
                    zio_err_t result = 1;
                    REQUIRE(zio_task_join(task, &result, ZIO_NEVER) == 0);
                    REQUIRE(result == 0 || result == ZIO_ECANCELED);
                }
            }
        }
        __atomic_fetch_add(&p->done, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static zio_err_t is_pestered(void *ud) {
    struct pestered *p = ud;
    int ran = 0;
    for (int round = 1; round <= p->rounds; ++round) {
        for (int i = 0; i < 64; ++i) p->tasks[i] = start(ends_at_once, &ran);
        __atomic_store_n(&p->filled, round, __ATOMIC_RELEASE);
        work_for((round % 7) * 5000);
        for (int i = 0; i < 64; ++i) {
            zio_err_t result = 1;
            REQUIRE(zio_task_join(p->tasks[i], &result, ZIO_NEVER) == 0);
            REQUIRE(result == 0 || result == ZIO_ECANCELED);
        }
        while (__atomic_load_n(&p->done, __ATOMIC_ACQUIRE) < 2 * round) REQUIRE(zio_yield() == 0);
        for (int i = 0; i < 64; ++i) REQUIRE(zio_task_unref(p->tasks[i]) == 0);
    }
    REQUIRE(__atomic_load_n(&ran, __ATOMIC_RELAXED) == 64 * p->rounds);
    return 0;
}

static void messages_find_tasks_that_spread(void **state) {
    struct pestered p = {.rounds = (int)scaled(UNDER_SANITIZER ? 100 : 400)};
    (void)state;
    zio_rt_t *rt = make_crew(WORKERS);
    const pthread_t one = start_thread(pesters, &p);
    const pthread_t other = start_thread(pesters, &p);
    assert_int_equal(zio_rt_run(rt, is_pestered, &p), 0);
    finish_thread(one);
    finish_thread(other);
    end_runtime(rt);
}

/* --- waking across workers ------------------------------------------------------------------ */

struct rally {
    zio_task_t *sides[2];
    uint64_t count;
    uint64_t hits;
};
struct side {
    struct rally *rally;
    int number;
};
static zio_err_t plays(void *ud) {
    const struct side *me = ud;
    struct rally *rally = me->rally;
    zio_task_t **const partner = &rally->sides[1 - me->number];
    while (__atomic_load_n(partner, __ATOMIC_ACQUIRE) == NULL) REQUIRE(zio_yield() == 0);
    for (uint64_t i = 0; i < rally->count; ++i) {
        if (me->number == 1) REQUIRE(zio_task_park(ZIO_NEVER) == 0);
        ++rally->hits; /* the ball: one side at a time */
        REQUIRE(zio_task_unpark(__atomic_load_n(partner, __ATOMIC_ACQUIRE)) == 0);
        if (me->number == 0) REQUIRE(zio_task_park(ZIO_NEVER) == 0);
    }
    return 0;
}
static zio_err_t referee(void *ud) {
    struct rally *rally = ud;
    struct side sides[2] = {{rally, 0}, {rally, 1}};
    for (int i = 0; i < 2; ++i) {
        zio_task_t *task = NULL;
        REQUIRE(zio_spawn(NULL, &task, plays, &sides[i], NULL) == 0);
        __atomic_store_n(&rally->sides[i], task, __ATOMIC_RELEASE);
    }
    for (int i = 0; i < 2; ++i) REQUIRE(finish(rally->sides[i]) == 0);
    return 0;
}
static void a_rally_loses_no_ball(void **state) {
    struct rally rally = {.count = scaled(3000)};
    struct side sides[2] = {{&rally, 0}, {&rally, 1}};
    (void)state;
    in_crew(referee, &rally);
    assert_int_equal(rally.hits, 2 * rally.count);
    /* The same with one side on each of two workers. */
    memset(rally.sides, 0, sizeof rally.sides);
    zio_rt_t *rt = make_crew(2);
    assert_int_equal(zio_rt_start(rt), 0);
    for (int i = 0; i < 2; ++i) {
        zio_task_t *task = NULL;
        assert_int_equal(zio_spawn(rt, &task, plays, &sides[i], NULL), 0);
        __atomic_store_n(&rally.sides[i], task, __ATOMIC_RELEASE);
    }
    for (int i = 0; i < 2; ++i) assert_int_equal(finish(rally.sides[i]), 0);
    assert_int_equal(rally.hits, 4 * rally.count);
    end_runtime(rt);
}

struct counting {
    uint64_t wanted;
    uint64_t woken;
    zio_task_t *task;
};
static zio_err_t counts_wakes(void *ud) {
    struct counting *c = ud;
    while (__atomic_load_n(&c->woken, __ATOMIC_ACQUIRE) < c->wanted) {
        REQUIRE(zio_task_park(ZIO_NEVER) == 0);
    }
    return 0;
}
static void *wakes(void *ud) {
    struct counting *c = ud;
    const uint64_t each = c->wanted / 4;
    for (uint64_t i = 0; i < each; ++i) {
        __atomic_fetch_add(&c->woken, 1, __ATOMIC_RELEASE);
        REQUIRE(zio_task_unpark(c->task) == 0);
        if (i % 1024 == 0) sched_yield();
    }
    return NULL;
}
/* The last unpark comes after the last count, so a lost wake would leave the task parked. */
static void no_wake_of_four_threads_is_lost(void **state) {
    const uint64_t rounds = 5;
    (void)state;
    zio_rt_t *rt = make_crew(2);
    assert_int_equal(zio_rt_start(rt), 0);
    for (uint64_t round = 0; round < rounds; ++round) {
        struct counting c = {.wanted = 4 * (scaled(100000) / 4 / rounds + 1)};
        pthread_t threads[4];
        assert_int_equal(zio_spawn(rt, &c.task, counts_wakes, &c, NULL), 0);
        for (int i = 0; i < 4; ++i) threads[i] = start_thread(wakes, &c);
        zio_err_t result = 1;
        assert_int_equal(zio_task_join(c.task, &result, zio_after_ns(60 * SECOND)), 0);
        assert_int_equal(result, 0);
        for (int i = 0; i < 4; ++i) finish_thread(threads[i]);
        assert_int_equal(zio_task_unref(c.task), 0);
    }
    end_runtime(rt);
}

/* --- groups --------------------------------------------------------------------------------- */

static zio_err_t fails_after_work(void *ud) {
    work_for((intptr_t)ud);
    return ZIO_EIO;
}
static zio_err_t sleeps_until_told(void *ud) {
    int *const told = ud;
    work_for(100000);
    const zio_err_t status = zio_sleep_until(ZIO_NEVER);
    if (status == ZIO_ECANCELED) __atomic_fetch_add(told, 1, __ATOMIC_RELAXED);
    return status;
}
static zio_err_t fails_fast(void *ud) {
    const uint64_t rounds = scaled(UNDER_SANITIZER ? 10 : 50);
    (void)ud;
    for (uint64_t round = 0; round < rounds; ++round) {
        zio_group_t *group = NULL;
        int told = 0;
        int members = 0;
        REQUIRE(zio_group_create(NULL, &group, ZIO_GROUP_FAIL_FAST) == 0);
        for (int i = 0; i < 20; ++i) {
            const zio_err_t status =
                i == 10 ? zio_group_spawn(group, fails_after_work, (void *)(intptr_t)50000, NULL)
                        : zio_group_spawn(group, sleeps_until_told, &told, NULL);
            REQUIRE(status == 0 || status == ZIO_ECANCELED);
            members += status == 0 && i != 10;
        }
        REQUIRE(zio_group_wait(group, ZIO_NEVER) == ZIO_EIO);
        REQUIRE(__atomic_load_n(&told, __ATOMIC_RELAXED) == members);
        REQUIRE(zio_group_destroy(group) == 0);
    }
    return 0;
}
static void a_group_fails_fast_across_workers(void **state) {
    (void)state;
    in_crew(fails_fast, NULL);
}

/* Between two runs tasks may be ready to go on, and nobody works meanwhile. */
struct yielders {
    zio_task_t *tasks[1000];
    int count;
    bool elsewhere, may_end;
};
static zio_err_t yields_until_told(void *ud) {
    struct yielders *all = ud;
    if (gettid() != getpid()) __atomic_store_n(&all->elsewhere, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&all->may_end, __ATOMIC_ACQUIRE)) REQUIRE(zio_yield() == 0);
    return 0;
}
static zio_err_t leaves_yielders(void *ud) {
    struct yielders *all = ud;
    while (all->count < 1000 && !__atomic_load_n(&all->elsewhere, __ATOMIC_ACQUIRE)) {
        all->tasks[all->count++] = start(yields_until_told, all);
        work_for(MS);
    }
    REQUIRE(__atomic_load_n(&all->elsewhere, __ATOMIC_ACQUIRE));
    return 0;
}
static zio_err_t ends_yielders(void *ud) {
    struct yielders *all = ud;
    __atomic_store_n(&all->may_end, true, __ATOMIC_RELEASE);
    for (int i = 0; i < all->count; ++i) REQUIRE(finish(all->tasks[i]) == 0);
    return 0;
}
static void who_stands_does_not_poll(void **state) {
    static struct yielders all;
    zio_rt_t *rt = make_crew(WORKERS);
    (void)state;
    memset(&all, 0, sizeof all);
    assert_int_equal(zio_rt_run(rt, leaves_yielders, &all), 0);
    const uint64_t before = stats_of(rt).loop_polls;
    usleep(50 * 1000);
    assert_true(stats_of(rt).loop_polls - before < 100);
    assert_int_equal(zio_rt_run(rt, ends_yielders, &all), 0);
    end_runtime(rt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_spreads_and_stays),
        cmocka_unit_test(work_spreads_while_its_spawner_computes),
        cmocka_unit_test(short_work_wakes_few),
        cmocka_unit_test(trees_add_up),
        cmocka_unit_test(timers_stay_when_blocks_leave),
        cmocka_unit_test(locals_are_handed_on_everywhere),
        cmocka_unit_test(blocks_are_used_again),
        cmocka_unit_test(messages_find_tasks_that_spread),
        cmocka_unit_test(a_rally_loses_no_ball),
        cmocka_unit_test(no_wake_of_four_threads_is_lost),
        cmocka_unit_test(a_group_fails_fast_across_workers),
        cmocka_unit_test(who_stands_does_not_poll),
    };
    return cmocka_run_group_tests_name("rt_workers", tests, NULL, NULL);
}
