/* SPDX-License-Identifier: MIT */
/* A task that does not suspend: the heartbeat finds and names it, a dump does not wait for it, and
 * while everybody sleeps nobody watches. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task_kit.h"

struct seen {
    uint64_t calls;
    uint32_t worker;
    uint64_t task;
    uint64_t span_ns;
};
static struct seen seen;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static void on_held(uint32_t worker, zio_task_t *task, uint64_t held_ns, void *ud) {
    REQUIRE(ud == &seen && zio_task_self() == NULL);
    pthread_mutex_lock(&seen_lock);
    seen.worker = worker;
    seen.span_ns = held_ns;
    seen.task = zio_task_id(task);
    ++seen.calls;
    pthread_mutex_unlock(&seen_lock);
}
static struct seen what_was_seen(void) {
    pthread_mutex_lock(&seen_lock);
    const struct seen now = seen;
    pthread_mutex_unlock(&seen_lock);
    return now;
}
static zio_rt_t *make_watched(uint32_t workers, bool with_hook) {
    zio_rt_options_t options;
    zio_rt_t *rt = NULL;
    assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
    options.workers = workers;
    options.flags = ZIO_RT_HEARTBEAT;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    if (with_hook) assert_int_equal(zio_rt_on_hold(rt, on_held, &seen), 0);
    return rt;
}

/* The directory of a thread of this process by its name, or an empty text. */
static void find_thread(const char *name, char (*path)[300]) {
    DIR *const threads = opendir("/proc/self/task");
    REQUIRE(threads != NULL);
    (*path)[0] = '\0';
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        char file[300], text[32] = "";
        snprintf(file, sizeof file, "/proc/self/task/%.200s/comm", entry->d_name);
        FILE *const comm = fopen(file, "r");
        if (comm == NULL) continue;
        if (fgets(text, sizeof text, comm) != NULL && strncmp(text, name, strlen(name)) == 0) {
            snprintf(*path, sizeof *path, "/proc/self/task/%.200s/status", entry->d_name);
        }
        fclose(comm);
    }
    closedir(threads);
}

/* ---- who holds a worker -------------------------------------------------------------------- */

/* Others may be held up by the machine at any moment, so the hog itself looks for itself. */
static zio_err_t holds_until_seen(void *ud) {
    zio_rt_t *const rt = zio_rt_current();
    const uint64_t id = zio_task_id(zio_task_self());
    char text[8192], expected[100];
    snprintf(expected, sizeof expected, "by task %llu \"the hog\" for", (unsigned long long)id);
    for (int i = 0; i < 200; ++i) {
        work_for(30 * MS);
        const zio_rt_stats_t stats = stats_of(rt);
        const struct seen now = what_was_seen();
        if (stats.holds == 0 || (ud != NULL && now.task != id)) continue;
        REQUIRE(stats.longest_hold_ns >= 10 * MS);
        REQUIRE(ud == NULL || (now.worker == 0 && now.span_ns >= 10 * MS && now.calls > 0));
        REQUIRE(zio_rt_dump(rt, text, sizeof text) > 0);
        REQUIRE(strstr(text, "worker 0 held ") != NULL);
        if (strstr(text, expected) != NULL) return 3;
    }
    return 4;
}
static zio_err_t has_a_hog(void *ud) {
    zio_spawn_options_t options = spawn_options();
    options.name = "the hog";
    for (int round = 0; round < 3; ++round) {
        REQUIRE(finish(start_with(holds_until_seen, ud, &options)) == 3);
    }
    return (zio_err_t)what_was_seen().calls;
}
static void a_hog_is_named(void **state) {
    (void)state;
    zio_rt_t *rt = make_watched(1, false);
    assert_int_equal(zio_rt_run(rt, has_a_hog, NULL), 0);
    end_runtime(rt);
    rt = make_watched(1, true);
    assert_in_range(zio_rt_run(rt, has_a_hog, &seen), 3, 1000);
    assert_int_equal(zio_rt_on_hold(rt, NULL, NULL), 0);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(zio_rt_run(rt, has_a_hog, NULL), 0);
    end_runtime(rt);
    assert_int_equal(zio_rt_on_hold(rt, on_held, &seen), ZIO_EBADF);
    rt = make_crew(1);
    assert_int_equal(zio_rt_on_hold(rt, on_held, &seen), ZIO_ENOTSUP); /* nobody watches */
    end_runtime(rt);
}

/* ---- the watching thread ------------------------------------------------------------------- */

static zio_err_t sleeps_half_a_second(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(500));
}
static void *counts_switches(void *ud) {
    char path[300];
    usleep(100000);
    find_thread("zio-heartbeat", &path);
    REQUIRE(path[0] != '\0');
    const uint64_t before = memory_kib(path, "voluntary_ctxt_switches:");
    usleep(300000);
    *(uint64_t *)ud = memory_kib(path, "voluntary_ctxt_switches:") - before;
    return NULL;
}
static void nobody_watches_sleepers(void **state) {
    uint64_t switches = 100;
    char path[300];
    (void)state;
    zio_rt_t *rt = make_watched(2, false);
    const pthread_t counter = start_thread(counts_switches, &switches);
    assert_int_equal(zio_rt_run(rt, sleeps_half_a_second, NULL), 0);
    finish_thread(counter);
    assert_int_equal(switches, 0);
    zio_rt_t *const other = make_watched(1, false);
    end_runtime(rt);
    find_thread("zio-heartbeat", &path);
    assert_string_not_equal(path, ""); /* the other one is watched still */
    end_runtime(other);
    find_thread("zio-heartbeat", &path);
    assert_string_equal(path, "");
}

/* ---- a dump of a worker that does not answer ----------------------------------------------- */

static bool holding, let_go;
static zio_err_t holds_until_told(void *ud) {
    (void)ud;
    __atomic_store_n(&holding, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&let_go, __ATOMIC_ACQUIRE)) work_for(MS);
    return 0;
}
static zio_err_t is_held(void *ud) {
    zio_spawn_options_t options = spawn_options();
    (void)ud;
    zio_task_t *const other = start(parks, NULL);
    options.name = "holder";
    zio_task_t *const holder = start_with(holds_until_told, NULL, &options);
    REQUIRE(zio_yield() == 0);
    REQUIRE(finish(holder) == 0);
    REQUIRE(zio_task_unpark(other) == 0);
    return finish(other);
}
static void *dumps_a_held_runtime(void *ud) {
    char text[8192];
    while (!__atomic_load_n(&holding, __ATOMIC_ACQUIRE)) usleep(1000);
    for (int i = 0; i < 3; ++i) {
        const zio_ssize_t length = zio_rt_dump(ud, text, sizeof text);
        REQUIRE(length > 0 && (size_t)length == strlen(text));
        REQUIRE(strstr(text, "\"holder\" ready, running and holding worker 0, which") != NULL);
        int lines = 0;
        for (const char *c = text; *c != '\0'; ++c) lines += *c == '\n';
        REQUIRE(lines == 3);
    }
    __atomic_store_n(&let_go, true, __ATOMIC_RELEASE);
    return NULL;
}
static void a_dump_does_not_wait_for_ever(void **state) {
    (void)state;
    zio_rt_t *rt = make_crew(1);
    holding = let_go = false;
    const pthread_t thread = start_thread(dumps_a_held_runtime, rt);
    assert_int_equal(zio_rt_run(rt, is_held, NULL), 0);
    finish_thread(thread);
    end_runtime(rt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hog_is_named),
        cmocka_unit_test(nobody_watches_sleepers),
        cmocka_unit_test(a_dump_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests_name("rt_heartbeat", tests, NULL, NULL);
}
