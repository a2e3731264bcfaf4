/* SPDX-License-Identifier: MIT */
/* Real I/O in an order that a seed decides: what it shows, and that it shows it again. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "task_kit.h"
#include "zio/net.h"

static zio_rt_t *make_seeded(uint64_t seed, uint32_t workers) {
    zio_rt_options_t options;
    zio_rt_t *rt = NULL;
    REQUIRE(zio_rt_options_init(&options, sizeof options) == 0);
    options.order = ZIO_ORDER_SEEDED;
    options.seed = seed;
    options.workers = workers;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    return rt;
}

/* --- ready tasks ---------------------------------------------------------------------------- */

enum { tasks_in_log = 6, entries_each = 5, log_size = tasks_in_log * entries_each };
struct log {
    char text[log_size + 1];
    unsigned length;
};
struct writer {
    struct log *log;
    char letter;
};
static zio_err_t writes_its_letter(void *ud) {
    const struct writer *const writer = ud;
    for (unsigned i = 0; i < entries_each; ++i) {
        writer->log->text[writer->log->length++] = writer->letter;
        REQUIRE(zio_yield() == 0);
    }
    return 0;
}
static zio_err_t lets_them_write(void *ud) {
    struct writer writers[tasks_in_log];
    zio_task_t *tasks[tasks_in_log];
    for (unsigned i = 0; i < tasks_in_log; ++i) {
        writers[i] = (struct writer){ud, (char)('a' + i)};
        tasks[i] = start(writes_its_letter, &writers[i]);
    }
    for (unsigned i = 0; i < tasks_in_log; ++i) REQUIRE(finish(tasks[i]) == 0);
    return 0;
}
static struct log log_of(zio_rt_t *rt) {
    struct log log;
    memset(&log, 0, sizeof log);
    assert_int_equal(zio_rt_run(rt, lets_them_write, &log), 0);
    assert_int_equal(log.length, log_size);
    end_runtime(rt);
    return log;
}
static void a_seed_orders_the_tasks_and_does_so_again(void **state) {
    enum { seeds = 20 };
    struct log logs[seeds];
    (void)state;
    for (unsigned i = 0; i < seeds; ++i) {
        logs[i] = log_of(make_seeded(i + 1, 1));
        assert_string_equal(logs[i].text, log_of(make_seeded(i + 1, 1)).text);
        for (unsigned j = 0; j < i; ++j) assert_string_not_equal(logs[i].text, logs[j].text);
    }
}

/* --- completions ---------------------------------------------------------------------------- */

/* Uses what another task frees. It begins first, and each waits for one byte that is there: as
 * things come the use is always first. */
struct hazard {
    zio_stream_t *streams[2][2];
    bool is_freed;
    bool was_wrong;
};
static void await_byte(zio_stream_t *stream) {
    char byte = 0;
    REQUIRE(zio_stream_read(stream, &byte, 1, ZIO_NEVER) == 1);
    REQUIRE(byte == 'b');
}
static zio_err_t uses(void *ud) {
    struct hazard *const hazard = ud;
    await_byte(hazard->streams[0][1]);
    hazard->was_wrong = hazard->is_freed;
    return 0;
}
static zio_err_t frees(void *ud) {
    struct hazard *const hazard = ud;
    await_byte(hazard->streams[1][1]);
    hazard->is_freed = true;
    return 0;
}
static zio_err_t has_a_race(void *ud) {
    struct hazard *const hazard = ud;
    for (unsigned i = 0; i < 2; ++i) {
        zio_stream_t **const ends = hazard->streams[i];
        REQUIRE(zio_stream_pair(&ends[0], &ends[1]) == 0);
        REQUIRE(zio_stream_write(ends[0], "b", 1, ZIO_NEVER) == 1);
    }
    zio_task_t *const user = start(uses, hazard);
    zio_task_t *const owner = start(frees, hazard);
    REQUIRE(finish(user) == 0 && finish(owner) == 0);
    for (unsigned i = 0; i < 4; ++i) REQUIRE(zio_stream_close(hazard->streams[i / 2][i % 2]) == 0);
    return 0;
}
static bool is_wrong(zio_rt_t *rt) {
    struct hazard hazard;
    memset(&hazard, 0, sizeof hazard);
    assert_int_equal(zio_rt_run(rt, has_a_race, &hazard), 0);
    end_runtime(rt);
    return hazard.was_wrong;
}
static void a_rare_race_is_found_and_found_again(void **state) {
    enum { seeds = 100 };
    unsigned found = 0, again = 0;
    (void)state;
    for (unsigned i = 1; i <= seeds; ++i) {
        const bool wrong = is_wrong(make_seeded(i, 1));
        found += wrong;
        again += wrong == is_wrong(make_seeded(i, 1));
    }
    assert_in_range(found, 10, seeds - 10);
    assert_in_range(again, seeds - 5, seeds);
    print_message("wrong with %u of %u seeds, the same again with %u\n", found, (unsigned)seeds,
                  again);
}

/* --- with threads and clocks ---------------------------------------------------------------- */

static atomic_uint ended;
static zio_err_t passes_bytes_on(void *ud) {
    zio_stream_t *ends[2];
    (void)ud;
    REQUIRE(zio_stream_pair(&ends[0], &ends[1]) == 0);
    for (unsigned i = 0; i < 50; ++i) {
        char byte = 'b';
        REQUIRE(zio_stream_write(ends[i % 2], &byte, 1, ZIO_NEVER) == 1);
        await_byte(ends[(i + 1) % 2]);
    }
    REQUIRE(zio_stream_close(ends[0]) == 0 && zio_stream_close(ends[1]) == 0);
    atomic_fetch_add(&ended, 1);
    return 0;
}
static void several_workers_have_an_order_each(void **state) {
    enum { count = 30 };
    zio_task_t *tasks[count];
    zio_rt_t *const rt = make_seeded(9, 3);
    (void)state;
    atomic_store(&ended, 0);
    assert_int_equal(zio_rt_start(rt), 0);
    assert_int_equal(stats_of(rt).workers, 3);
    for (unsigned i = 0; i < count; ++i) {
        assert_int_equal(zio_spawn(rt, &tasks[i], passes_bytes_on, NULL, NULL), 0);
    }
    for (unsigned i = 0; i < count; ++i) assert_int_equal(finish(tasks[i]), 0);
    assert_int_equal(atomic_load(&ended), count);
    end_runtime(rt);
}

static zio_err_t sleeps_long(void *ud) {
    const int64_t due = zio_after_ms(3600 * 1000);
    REQUIRE(zio_sleep_until(due) == 0);
    REQUIRE(zio_now() >= due);
    return passes_bytes_on(ud);
}
static void it_goes_with_a_test_clock(void **state) {
    zio_rt_options_t options;
    (void)state;
    for (uint32_t workers = 1; workers <= 2; ++workers) {
        zio_rt_t *rt = NULL;
        assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
        options.order = ZIO_ORDER_SEEDED;
        options.clock = ZIO_CLOCK_AUTO;
        options.workers = workers;
        assert_int_equal(zio_rt_create(&rt, &options), 0);
        assert_int_equal(zio_rt_run(rt, sleeps_long, NULL), 0);
        end_runtime(rt);
    }
}

/* --- how it is asked for -------------------------------------------------------------------- */

static void the_environment_decides_where_the_options_do_not(void **state) {
    zio_rt_t *rt = NULL;
    (void)state;
    assert_int_equal(setenv("ZIO_ORDER", "seeded", 1), 0);
    assert_int_equal(setenv("ZIO_SEED", "17", 1), 0);
    const struct log log = log_of(make_runtime());
    assert_string_equal(log.text, log_of(make_seeded(17, 1)).text);
    assert_int_equal(setenv("ZIO_SEED", "1x", 1), 0);
    assert_int_equal(zio_rt_create(&rt, NULL), ZIO_EINVAL);
    assert_non_null(strstr(zio_last_error_detail(), "ZIO_SEED"));
    assert_string_equal(log.text, log_of(make_seeded(17, 1)).text);
    assert_int_equal(unsetenv("ZIO_SEED"), 0);
    assert_string_equal(log_of(make_runtime()).text, log_of(make_seeded(1, 1)).text);
    assert_int_equal(setenv("ZIO_ORDER", "random", 1), 0);
    assert_int_equal(zio_rt_create(&rt, NULL), ZIO_EINVAL);
    assert_non_null(strstr(zio_last_error_detail(), "ZIO_ORDER"));
    assert_int_equal(unsetenv("ZIO_ORDER"), 0);
    zio_rt_options_t options;
    assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
    options.order = ZIO_ORDER_SEEDED + 1;
    assert_int_equal(zio_rt_create(&rt, &options), ZIO_EINVAL);
}

static void a_simulated_world_has_an_order_of_its_own(void **state) {
    zio_rt_options_t options;
    struct log logs[2];
    (void)state;
    for (unsigned i = 0; i < 2; ++i) {
        zio_rt_t *rt = NULL;
        assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
        options.backend = ZIO_BACKEND_SIM;
        options.order = i == 0 ? ZIO_ORDER_REAL : ZIO_ORDER_SEEDED;
        options.seed = 23;
        assert_int_equal(zio_rt_create(&rt, &options), 0);
        logs[i] = log_of(rt);
    }
    assert_string_equal(logs[0].text, logs[1].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_orders_the_tasks_and_does_so_again),
        cmocka_unit_test(a_rare_race_is_found_and_found_again),
        cmocka_unit_test(several_workers_have_an_order_each),
        cmocka_unit_test(it_goes_with_a_test_clock),
        cmocka_unit_test(the_environment_decides_where_the_options_do_not),
        cmocka_unit_test(a_simulated_world_has_an_order_of_its_own),
    };
    return cmocka_run_group_tests_name("rt_order", tests, NULL, NULL);
}
