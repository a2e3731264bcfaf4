/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "task_kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void require_failed(const char *file, int line, const char *condition) {
    fprintf(stderr, "%s:%d: %s does not hold (%s)\n", file, line, condition,
            zio_last_error_detail());
    abort();
}

bool is_simulated(void) {
    const char *name = getenv("ZIO_BACKEND");
    return name != NULL && strcmp(name, "sim") == 0;
}

uint64_t scaled(uint64_t count) {
    const char *text = getenv("ZIO_TEST_SCALE");
    const double wanted = (double)count * (text != NULL ? atof(text) : 1.0);
    return wanted < 1.0 ? 1 : (uint64_t)wanted;
}

uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

zio_rt_t *make_runtime(void) {
    zio_rt_t *rt = NULL;
    assert_int_equal(zio_rt_create(&rt, NULL), 0);
    return rt;
}

zio_rt_t *make_crew(uint32_t workers) {
    zio_rt_options_t options;
    zio_rt_t *rt = NULL;
    assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
    options.workers = workers;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    return rt;
}

zio_rt_stats_t stats_of(zio_rt_t *rt) {
    zio_rt_stats_t stats;
    REQUIRE(zio_rt_stats_init(&stats, sizeof stats) == 0);
    REQUIRE(zio_rt_stats(rt, &stats) == 0);
    return stats;
}

zio_task_t *bad_handles[4];
void make_bad_handles(void) {
    zio_task_t *dead = start(returns_number, &(int){0});
    assert_int_equal(finish(dead), 0);
    bad_handles[0] = NULL;
    bad_handles[1] = (zio_task_t *)zio_rt_current();
    bad_handles[2] = (zio_task_t *)(uintptr_t)0x123456789abcdef0u;
    bad_handles[3] = dead;
}

void work_for(int64_t span_ns) {
    const int64_t until = zio_now() + span_ns;
    while (zio_now() < until) {
    }
}

void end_runtime(zio_rt_t *rt) {
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    assert_int_equal(zio_rt_destroy(rt), 0);
}

zio_err_t run_main(zio_rt_t *rt, zio_task_fn entry, void *ud) {
    return zio_rt_run(rt, entry, ud);
}

static zio_err_t call_body(void *ud) {
    void (*body)(void) = *(void (**)(void))ud;
    body();
    return 0;
}

void run_in_task(void (*body)(void)) {
    zio_rt_t *rt = make_runtime();
    assert_int_equal(zio_rt_run(rt, call_body, &body), 0);
    end_runtime(rt);
}

zio_task_t *start(zio_task_fn entry, void *ud) {
    return start_with(entry, ud, NULL);
}

zio_task_t *start_with(zio_task_fn entry, void *ud, const zio_spawn_options_t *options) {
    zio_task_t *task = NULL;
    assert_int_equal(zio_spawn(NULL, &task, entry, ud, options), 0);
    return task;
}

zio_spawn_options_t spawn_options(void) {
    zio_spawn_options_t options;
    assert_int_equal(zio_spawn_options_init(&options, sizeof options), 0);
    return options;
}

zio_err_t finish(zio_task_t *task) {
    zio_err_t result = 1;
    assert_int_equal(zio_task_join(task, &result, ZIO_NEVER), 0);
    assert_int_equal(zio_task_unref(task), 0);
    return result;
}

void settle(void) {
    assert_int_equal(zio_sleep_until(zio_after_ms(3)), 0);
}

zio_err_t sleeps_for_ever(void *ud) {
    (void)ud;
    return zio_sleep_until(ZIO_NEVER);
}

zio_err_t parks(void *ud) {
    (void)ud;
    return zio_task_park(ZIO_NEVER);
}

zio_err_t returns_number(void *ud) {
    return *(int *)ud;
}

pthread_t start_thread(void *(*entry)(void *ud), void *ud) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, entry, ud) == 0);
    return thread;
}

void finish_thread(pthread_t thread) {
    REQUIRE(pthread_join(thread, NULL) == 0);
}

unsigned descriptor_count(void) {
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;
    REQUIRE(folder != NULL);
    while (readdir(folder) != NULL) ++count;
    closedir(folder);
    return count - 3; /* . and .. and the one that does the counting */
}

static unsigned thread_count(void) {
    return (unsigned)memory_kib("/proc/self/status", "Threads:");
}

static void *note_id(void *ud) {
    *(pid_t *)ud = gettid();
    return NULL;
}

unsigned own_threads(void) {
    char path[64];
    pid_t id = 0;
    finish_thread(start_thread(note_id, &id)); /* with the first one a sanitizer starts its own */
    snprintf(path, sizeof path, "/proc/self/task/%d", (int)id);
    for (int tries = 0; tries < 10000 && access(path, F_OK) == 0; ++tries) usleep(1000);
    return thread_count();
}

void wait_for_threads(unsigned wanted) {
    unsigned count = thread_count();
    for (int tries = 0; tries < 10000 && count != wanted; ++tries) {
        usleep(1000);
        count = thread_count();
    }
    assert_int_equal(count, wanted);
}

unsigned mapping_count(void) {
    FILE *file = fopen("/proc/self/maps", "r");
    unsigned count = 0;
    int letter;
    REQUIRE(file != NULL);
    while ((letter = fgetc(file)) != EOF) count += letter == '\n';
    fclose(file);
    return count;
}

uint64_t memory_kib(const char *path, const char *field) {
    FILE *file = fopen(path, "r");
    char line[256];
    uint64_t number = 0;
    REQUIRE(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            number = strtoull(line + strlen(field), NULL, 10);
            break;
        }
    }
    fclose(file);
    return number;
}
