/* SPDX-License-Identifier: MIT */
/* Several workers in a simulated world: they take turns, so that a seed repeats a run with them,
 * too.
 *
 * Called with the word `program` this file is such a program. What its tasks write down needs no
 * lock, because no two of them ever run at the same time; which of them came when is the run. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zio.h>

#include "test.h"

enum { most_workers = 4, task_count = 48, partner_count = 6, round_count = 10 };

static pthread_t threads[most_workers];
static unsigned thread_count;
static unsigned long long order = 1469598103934665603u;
static zio_listener_t *listener;
static zio_addr_t address;
static zio_task_t *partners[partner_count];
static unsigned parked_count, served_count;

static unsigned own_thread(void) {
    for (unsigned i = 0; i < thread_count; i++) {
        if (pthread_equal(threads[i], pthread_self())) return i;
    }
    if (thread_count == most_workers) abort();
    threads[thread_count] = pthread_self();
    return thread_count++;
}

static void note(unsigned what) {
    order = (order ^ (what * 8u + own_thread())) * 1099511628211u;
}

static zio_err_t serve(void *ud) {
    zio_stream_t *stream = ud;
    char buffer[64];
    zio_ssize_t n;
    while ((n = zio_stream_read(stream, buffer, sizeof buffer, ZIO_NEVER)) > 0) {
        note(1000);
        if (zio_stream_write_all(stream, buffer, (size_t)n, NULL, ZIO_NEVER) != 0) break;
    }
    served_count++;
    return zio_stream_close(stream);
}

static zio_err_t accept_all(void *ud) {
    zio_stream_t *stream;
    (void)ud;
    while (zio_accept(listener, &stream, NULL, ZIO_NEVER) == 0) {
        if (zio_spawn(NULL, NULL, serve, stream, NULL) != 0) return zio_stream_close(stream);
    }
    return 0;
}

static zio_err_t talk(void *ud) {
    unsigned number = *(unsigned *)ud;
    zio_stream_t *stream;
    zio_err_t status = zio_connect(&stream, &address, NULL, ZIO_NEVER);
    if (status != 0) return status;
    for (int i = 0; i < 4 && status == 0; i++) {
        char sent[100], got[100];
        memset(sent, (int)('a' + number % 26), sizeof sent);
        note(number);
        status = zio_stream_write_all(stream, sent, sizeof sent, NULL, ZIO_NEVER);
        if (status == 0) status = zio_stream_read_exact(stream, got, sizeof got, NULL, ZIO_NEVER);
        if (status == 0 && memcmp(sent, got, sizeof got) != 0) status = ZIO_EPROTO;
        if (status == 0) status = zio_sleep_until(zio_after_ms(number % 5));
    }
    zio_stream_close(stream);
    return status;
}

/* Each wakes the next, which may be on another worker. */
static zio_err_t take_part(void *ud) {
    unsigned number = *(unsigned *)ud;
    for (int i = 0; i < round_count; i++) {
        if (number != 0 || i != 0) {
            zio_err_t status = zio_task_park(ZIO_NEVER);
            if (status != 0) return status;
        }
        parked_count++;
        note(2000 + number);
        zio_err_t status = zio_task_unpark(partners[(number + 1) % partner_count]);
        if (status != 0) return status;
    }
    return 0;
}

static zio_err_t program(void *ud) {
    static unsigned numbers[task_count];
    zio_task_t *acceptor;
    zio_group_t *talkers;
    zio_err_t status;
    (void)ud;
    for (unsigned i = 0; i < task_count; i++) numbers[i] = i;
    status = zio_addr_parse(&address, "127.0.0.1", (size_t)-1, 0);
    if (status == 0) status = zio_listen(&listener, &address, NULL);
    if (status == 0) status = zio_listener_addr(listener, &address);
    if (status == 0) status = zio_spawn(NULL, &acceptor, accept_all, NULL, NULL);
    if (status == 0) status = zio_group_create(NULL, &talkers, ZIO_GROUP_FAIL_FAST);
    if (status != 0) return status;
    for (unsigned i = partner_count; i-- > 0;) {
        status = zio_spawn(NULL, &partners[i], take_part, &numbers[i], NULL);
        if (status != 0) return status;
    }
    for (unsigned i = 0; i < task_count; i++) {
        status = zio_group_spawn(talkers, talk, &numbers[i], NULL);
        if (status != 0) return status;
    }
    status = zio_group_wait(talkers, ZIO_NEVER);
    for (unsigned i = 0; i < partner_count; i++) {
        zio_err_t end = zio_task_join(partners[i], NULL, ZIO_NEVER);
        if (status == 0) status = end;
        zio_task_unref(partners[i]);
    }
    zio_group_destroy(talkers);
    zio_listener_close(listener);
    zio_task_cancel(acceptor, NULL);
    zio_task_unref(acceptor);
    return status;
}

static zio_err_t wait_for_nobody(void *ud) {
    (void)ud;
    for (int i = 0; i < 20; i++) (void)zio_sleep_until(zio_after_ms(1));
    return zio_task_park(ZIO_NEVER);
}

static zio_err_t wait_together(void *ud) {
    zio_task_t *tasks[6];
    (void)ud;
    for (int i = 0; i < 6; i++) {
        if (zio_spawn(NULL, &tasks[i], wait_for_nobody, NULL, NULL) != 0) return ZIO_EPROTO;
    }
    return zio_task_join(tasks[0], NULL, ZIO_NEVER);
}

static int run_program(zio_task_fn entry, zio_err_t expected) {
    zio_rt_options_t options;
    zio_rt_t *rt;
    zio_rt_options_init(&options, sizeof options);
    options.workers = 3;
    if (zio_rt_create(&rt, &options) != 0) return 3;
    zio_err_t status = zio_rt_run(rt, entry, NULL);
    if (status != expected) return 5;
    if (status == ZIO_EDEADLK) {
        printf("%s\n", zio_last_error_detail());
        return 0;
    }
    if (zio_rt_shutdown(rt, ZIO_NEVER) != 0 || zio_rt_destroy(rt) != 0) return 4;
    printf("threads %u, parked %u, served %u, order %016llx\n", thread_count, parked_count,
           served_count, order);
    return 0;
}

/* --- the test --------------------------------------------------------------------------------- */

static const char *own_path;

static int test_scale(void) {
    const char *scale = getenv("ZIO_TEST_SCALE");
    return scale != NULL && atoi(scale) > 0 ? atoi(scale) : 1;
}

static void replay(const char *word, unsigned seed, char *text, size_t size) {
    char command[600];
    snprintf(command, sizeof command, "ZIO_BACKEND=sim ZIO_SEED=%u '%s' %s 2>&1", seed, own_path,
             word);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    size_t length = fread(text, 1, size - 1, output);
    text[length] = '\0';
    int status = pclose(output);
    if (status != 0) print_error("seed %u, status %x: %s\n", seed, (unsigned)status, text);
    assert_int_equal(status, 0);
}

static void the_same_seed_gives_the_same_run(void **state) {
    int runs = 10 * test_scale();
    char first[1024], again[1024];
    (void)state;
    for (unsigned seed = 1; seed <= 3; seed++) {
        replay("program", seed, first, sizeof first);
        for (int i = 1; i < runs; i++) {
            replay("program", seed, again, sizeof again);
            assert_string_equal(first, again);
        }
    }
}

static void every_seed_ends_well_and_all_workers_take_part(void **state) {
    unsigned seeds = 20 * (unsigned)test_scale(), most_threads = 0, different = 0;
    char before[1024] = "", text[1024];
    (void)state;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        unsigned workers = 0, parked = 0, served = 0;
        replay("program", seed, text, sizeof text);
        const char *line = strstr(text, "threads ");
        assert_non_null(line);
        assert_int_equal(
            sscanf(line, "threads %u, parked %u, served %u", &workers, &parked, &served), 3);
        assert_int_equal(parked, partner_count * round_count);
        assert_int_equal(served, task_count);
        if (workers > most_threads) most_threads = workers;
        different += strcmp(before, text) != 0;
        memcpy(before, text, sizeof text);
    }
    assert_int_equal(most_threads, 3);
    assert_int_equal(different, seeds);
}

static void a_deadlock_of_tasks_on_several_workers_is_told(void **state) {
    char text[1024];
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) replay("deadlock", seed, text, sizeof text);
    assert_non_null(strstr(text, "zio-sim: seed=5 events="));
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "program") == 0) return run_program(program, 0);
    if (argc > 1 && strcmp(argv[1], "deadlock") == 0) {
        return run_program(wait_together, ZIO_EDEADLK);
    }
    own_path = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(every_seed_ends_well_and_all_workers_take_part),
        cmocka_unit_test(a_deadlock_of_tasks_on_several_workers_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
