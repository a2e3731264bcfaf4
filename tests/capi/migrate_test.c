/* SPDX-License-Identifier: MIT */
/* ZIO_TASK_MIGRATABLE: tasks that have started and go on on other workers, with all that is theirs;
 * and that nobody else does. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "task_kit.h"
#include "zio/cancel.h"

enum { WORKERS = 3, TASKS = 40 };

static zio_rt_t *make_stealing(uint32_t sched) {
    zio_rt_options_t options;
    zio_rt_t *rt = NULL;
    assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
    options.workers = WORKERS;
    options.sched = sched;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    return rt;
}
static zio_spawn_options_t migratable(void) {
    zio_spawn_options_t options = spawn_options();
    options.flags = ZIO_TASK_MIGRATABLE;
    return options;
}

/* What a task sees of itself while it goes from worker to worker. */
struct traveller {
    uint64_t seed;
    int rounds;
    int moves;        /* to another thread */
    int pinned_moves; /* inside a region in which it must not */
    uint32_t key;
    zio_task_t *handle;
};
static uint64_t thread_now(void) {
    return (uint64_t)gettid();
}
static zio_err_t travels(void *ud) {
    struct traveller *const me = ud;
    volatile unsigned char canary[3000];
    void *low = NULL, *low_now = NULL;
    size_t size = 0;
    uint64_t token, thread = thread_now();
    zio_task_t *const self = zio_task_self();
    memset((void *)canary, (int)me->seed & 0xff, sizeof canary);
    if (zio_task_stack(self, &low, &size) != 0) return 1;
    if (zio_task_set_local(me->key, me) != 0) return 2;
    if (zio_timeout_push(&token, zio_after_ms(600000)) != 0) return 3;
    for (int i = 0; i < me->rounds; ++i) {
        zio_err_t status = 0;
        work_for(20000);
        const bool pinned = next_random(&me->seed) % 8 == 0;
        if (pinned && zio_pin_begin() != 0) return 4;
        switch (next_random(&me->seed) % 3) {
            case 0:
                status = zio_yield();
                break;
            case 1:
                status = zio_sleep_until(zio_after_ns((int64_t)(next_random(&me->seed) % 50000)));
                break;
            default:
                if (zio_task_unpark(self) != 0) return 5;
                status = zio_task_park(ZIO_NEVER);
        }
        const uint64_t now = thread_now();
        if (now != thread) ++*(pinned ? &me->pinned_moves : &me->moves);
        thread = now;
        if (pinned && zio_pin_end() != 0) return 6;
        if (status != 0) return status;
        if (zio_task_self() != self || zio_task_get_local(me->key) != me) return 7;
        if (zio_task_stack(self, &low_now, &size) != 0 || low_now != low) return 8;
        /* A sanitizer keeps such arrays elsewhere. */
        if (!UNDER_SANITIZER && (char *)&canary < (char *)low) return 9;
        if (zio_stack_remaining() == 0 || zio_stack_remaining() > size) return 9;
        for (size_t at = 0; at < sizeof canary; at += 97) {
            if (canary[at] != canary[0]) return 10;
        }
    }
    return zio_timeout_pop(token) ? 11 : 77;
}

static struct traveller travellers[TASKS];
static zio_err_t sends_off(void *ud) {
    zio_spawn_options_t options = migratable();
    options.flags = *(uint32_t *)ud;
    uint32_t key;
    REQUIRE(zio_task_key_create(&key, 0, NULL) == 0);
    for (int i = 0; i < TASKS; ++i) {
        travellers[i] = (struct traveller){.seed = (uint64_t)i + 1, .rounds = 60, .key = key};
        travellers[i].handle = start_with(travels, &travellers[i], &options);
    }
    zio_err_t worst = 77;
    for (int i = 0; i < TASKS; ++i) {
        const zio_err_t result = finish(travellers[i].handle);
        if (result != 77) worst = result;
    }
    return worst;
}
static int moves_of(uint32_t sched, uint32_t flags, int most_rounds) {
    zio_rt_t *rt = make_stealing(sched);
    int moves = 0;
    for (int round = 0; round < most_rounds && moves < 50; ++round) {
        assert_int_equal(run_main(rt, sends_off, &flags), 77);
        for (int i = 0; i < TASKS; ++i) {
            moves += travellers[i].moves;
            assert_int_equal(travellers[i].pinned_moves, 0);
        }
    }
    const uint64_t steals = stats_of(rt).steals;
    assert_true(moves == 0 || steals >= (uint64_t)moves / 2);
    end_runtime(rt);
    return moves;
}
static void started_tasks_move_where_both_sides_agree(void **state) {
    (void)state;
    const int moved = moves_of(ZIO_SCHED_STEALING, ZIO_TASK_MIGRATABLE, 100);
    print_message("moves of migratable tasks: %d\n", moved);
    assert_true(moved >= 50);
    assert_int_equal(moves_of(ZIO_SCHED_STEALING, 0, 2), 0);
    assert_int_equal(moves_of(ZIO_SCHED_PINNED, ZIO_TASK_MIGRATABLE, 2), 0);
}

/* ---- others reach them wherever they are --------------------------------------------------- */

static zio_err_t parks_until_canceled(void *ud) {
    uint64_t *const tokens = ud;
    for (;;) {
        const zio_err_t status = zio_task_park(ZIO_NEVER);
        if (status != 0) return status;
        ++*tokens;
        work_for(3000);
        if (zio_yield() != 0) return 5;
    }
}
static uint64_t tokens[TASKS];
static zio_task_t *parked[TASKS];
static zio_rt_t *stormed;
static bool stop_storm;
static void *storms(void *ud) {
    uint64_t seed = (uint64_t)(uintptr_t)ud + 1;
    while (!__atomic_load_n(&stop_storm, __ATOMIC_ACQUIRE)) {
        zio_task_t *const task = parked[next_random(&seed) % TASKS];
        void *low;
        size_t size;
        zio_err_t status;
        switch (next_random(&seed) % 8) {
            case 0:
                REQUIRE(zio_task_join(task, NULL, ZIO_IMMEDIATE) == ZIO_EAGAIN);
                break;
            case 1:
                REQUIRE(zio_task_join(task, NULL, zio_after_ns(20000)) == ZIO_ETIMEDOUT);
                break;
            case 2:
                REQUIRE(zio_task_ref(task) == task && zio_task_unref(task) == 0);
                break;
            case 3: /* asked once: it may start, and so have a stack, between two questions */
                status = zio_task_stack(task, &low, &size);
                REQUIRE(status == 0 || status == ZIO_EAGAIN);
                break;
            default:
                REQUIRE(zio_task_unpark(task) == 0);
        }
    }
    return NULL;
}
static zio_err_t keeps_busy(void *ud) {
    zio_spawn_options_t options = migratable();
    pthread_t threads[2];
    char text[2000];
    (void)ud;
    stormed = zio_rt_current();
    for (int i = 0; i < TASKS; ++i) {
        tokens[i] = 0;
        parked[i] = start_with(parks_until_canceled, &tokens[i], &options);
    }
    __atomic_store_n(&stop_storm, false, __ATOMIC_RELEASE);
    for (uintptr_t i = 0; i < 2; ++i) threads[i] = start_thread(storms, (void *)i);
    for (uint64_t i = 0; i < scaled(100); ++i) {
        work_for(100000);
        REQUIRE(zio_sleep_until(zio_after_ns(200000)) == 0);
        REQUIRE(zio_rt_dump(stormed, text, sizeof text) > 0);
    }
    __atomic_store_n(&stop_storm, true, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; ++i) finish_thread(threads[i]);
    for (int i = 0; i < TASKS; ++i) {
        zio_err_t result = 0;
        REQUIRE(zio_task_cancel(parked[i], &result) == 0);
        REQUIRE(result == ZIO_ECANCELED || result == 5);
        REQUIRE(zio_task_unref(parked[i]) == 0);
    }
    return 0;
}
static void others_find_them(void **state) {
    (void)state;
    uint64_t total = 0;
    zio_rt_t *rt = make_stealing(ZIO_SCHED_STEALING);
    for (int round = 0; round < 3; ++round) {
        assert_int_equal(run_main(rt, keeps_busy, NULL), 0);
        for (int i = 0; i < TASKS; ++i) total += tokens[i];
    }
    print_message("tokens: %llu, steals: %llu\n", (unsigned long long)total,
                  (unsigned long long)stats_of(rt).steals);
    assert_true(total > 1000);
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    assert_int_equal(stats_of(rt).tasks_live, 0);
    assert_int_equal(zio_rt_destroy(rt), 0);
}

/* Stacks come back to whose they are: as many rounds as one likes need no more of them. */
static void stacks_come_back(void **state) {
    (void)state;
    uint32_t flags = ZIO_TASK_MIGRATABLE;
    zio_rt_t *rt = make_stealing(ZIO_SCHED_STEALING);
    for (int round = 0; round < 30; ++round) assert_int_equal(run_main(rt, sends_off, &flags), 77);
    assert_in_range(stats_of(rt).stacks_mapped, 1, WORKERS * 64); /* mapped by 64 */
    end_runtime(rt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(started_tasks_move_where_both_sides_agree),
        cmocka_unit_test(others_find_them),
        cmocka_unit_test(stacks_come_back),
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
