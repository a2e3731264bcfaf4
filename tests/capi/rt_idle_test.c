/* SPDX-License-Identifier: MIT */
/* A runtime in which all wait costs nothing: no worker wakes up while nothing is due. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "task_kit.h"
#include "zio/stream.h"

enum { WORKERS = 2, SLEEPERS = 1000, PAIRS = 100, TRIES = 20 };

struct crowd {
    zio_stream_t *ends[2 * PAIRS];
    zio_task_t *readers[2 * PAIRS];
    zio_task_t *sleepers[SLEEPERS];
    uint64_t there;
};
static struct crowd crowd;

static zio_err_t sleeps_for_an_hour(void *ud) {
    (void)ud;
    __atomic_fetch_add(&crowd.there, 1, __ATOMIC_RELAXED);
    return zio_sleep_until(zio_after_ms(3600 * 1000));
}

static zio_err_t reads_a_byte(void *ud) {
    char byte;
    __atomic_fetch_add(&crowd.there, 1, __ATOMIC_RELAXED);
    return (zio_err_t)zio_stream_read(ud, &byte, 1, ZIO_NEVER);
}

/* What the kernel says of the threads of workers. */
struct quiet {
    uint64_t threads;
    uint64_t sleeps; /* times one went to sleep */
    uint64_t polls, switches, wakes;
};

static struct quiet look(zio_rt_t *rt) {
    struct quiet seen = {0, 0, 0, 0, 0};
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char path[300], name[64] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue; /* . and .. */
        const bool is_read = fgets(name, sizeof name, file) != NULL;
        fclose(file);
        if (!is_read || strncmp(name, "zio-worker", 10) != 0) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        seen.sleeps += memory_kib(path, "voluntary_ctxt_switches:");
        ++seen.threads;
    }
    closedir(folder);
    const zio_rt_stats_t stats = stats_of(rt);
    seen.polls = stats.loop_polls;
    seen.switches = stats.switches;
    seen.wakes = stats.wakes_sent;
    return seen;
}

static void nobody_wakes_up_in_vain(void **state) {
    zio_rt_t *rt = make_crew(WORKERS);
    (void)state;
    assert_int_equal(zio_rt_start(rt), 0);
    for (int i = 0; i < SLEEPERS; ++i) {
        assert_int_equal(zio_spawn(rt, &crowd.sleepers[i], sleeps_for_an_hour, NULL, NULL), 0);
    }
    for (int i = 0; i < PAIRS; ++i) {
        assert_int_equal(zio_stream_pair(&crowd.ends[2 * i], &crowd.ends[2 * i + 1]), 0);
    }
    for (int i = 0; i < 2 * PAIRS; ++i) {
        assert_int_equal(zio_spawn(rt, &crowd.readers[i], reads_a_byte, crowd.ends[i], NULL), 0);
    }
    while (__atomic_load_n(&crowd.there, __ATOMIC_RELAXED) < SLEEPERS + 2 * PAIRS) usleep(1000);

    bool is_quiet = false;
    for (int i = 0; i < TRIES && !is_quiet; ++i) {
        const struct quiet before = look(rt);
        usleep(300000);
        const struct quiet after = look(rt);
        assert_int_equal(after.threads, WORKERS);
        print_message("in 300 ms: %lu sleeps, %lu polls, %lu switches, %lu wakes\n",
                      (unsigned long)(after.sleeps - before.sleeps),
                      (unsigned long)(after.polls - before.polls),
                      (unsigned long)(after.switches - before.switches),
                      (unsigned long)(after.wakes - before.wakes));
        is_quiet = memcmp(&before, &after, sizeof before) == 0;
    }
    assert_true(is_quiet);
    assert_in_range(stats_of(rt).timers_armed, SLEEPERS, SLEEPERS + WORKERS);

    /* They slept, no more: every one of them can still be reached. */
    for (int i = 0; i < PAIRS; ++i) {
        assert_int_equal(zio_stream_write(crowd.ends[2 * i], "x", 1, ZIO_NEVER), 1);
        assert_int_equal(finish(crowd.readers[2 * i + 1]), 1);
        assert_int_equal(zio_stream_close(crowd.ends[2 * i]), 0);
        assert_int_equal(finish(crowd.readers[2 * i]), ZIO_ECLOSED);
        assert_int_equal(zio_stream_close(crowd.ends[2 * i + 1]), 0);
    }
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    for (int i = 0; i < SLEEPERS; ++i) {
        assert_int_equal(finish(crowd.sleepers[i]), ZIO_ECANCELED);
    }
    assert_int_equal(zio_rt_destroy(rt), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_wakes_up_in_vain)};
    return cmocka_run_group_tests_name("rt_idle", tests, NULL, NULL);
}
