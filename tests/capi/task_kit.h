/* SPDX-License-Identifier: MIT */
/* What the tests of tasks share: a runtime around a test, tasks to start and to wait for, threads.
 */
#ifndef ZIO_TESTS_CAPI_TASK_KIT_H
#define ZIO_TESTS_CAPI_TASK_KIT_H

#include <pthread.h>

#include "test.h"
#include "zio/task.h"

#define MS INT64_C(1000000) /* nanoseconds */
#define SECOND (1000 * MS)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif
#if defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif
#ifndef UNDER_THREAD_SANITIZER
#define UNDER_THREAD_SANITIZER 0
#endif

/* What cmocka's assertions are where those must not jump: on other threads, in hooks. */
#define REQUIRE(condition) ((condition) ? (void)0 : require_failed(__FILE__, __LINE__, #condition))
void require_failed(const char *file, int line, const char *condition);

/* The backend of this run is the simulated one: there is no real time. */
bool is_simulated(void);
/* How much a test does, by ZIO_TEST_SCALE. */
uint64_t scaled(uint64_t count);
/* A generator of its own for each seed. */
uint64_t next_random(uint64_t *state);

zio_rt_t *make_runtime(void);
zio_rt_t *make_crew(uint32_t workers);
zio_rt_stats_t stats_of(zio_rt_t *rt);
/* Ends it and all of its tasks. */
void end_runtime(zio_rt_t *rt);
zio_err_t run_main(zio_rt_t *rt, zio_task_fn entry, void *ud);
/* Runs `body` as the main task of a runtime. IN_TASK defines a test that does. */
void run_in_task(void (*body)(void));
#define IN_TASK(name)                 \
    static void name##_in_task(void); \
    static void name(void **state) {  \
        (void)state;                  \
        run_in_task(name##_in_task);  \
    }                                 \
    static void name##_in_task(void)

zio_task_t *start(zio_task_fn entry, void *ud);
zio_task_t *start_with(zio_task_fn entry, void *ud, const zio_spawn_options_t *options);
zio_spawn_options_t spawn_options(void);
/* Waits for it, gives its result and the reference back. */
zio_err_t finish(zio_task_t *task);
/* A handle of another kind, one that no call gave out, a dead one, and none. */
extern zio_task_t *bad_handles[4];
void make_bad_handles(void);
/* Keeps the processor busy. */
void work_for(int64_t span_ns);
/* Lets the others run until they wait. */
void settle(void);

/* Tasks that many tests need. Each gives what ended its wait. */
zio_err_t sleeps_for_ever(void *ud);
zio_err_t parks(void *ud);
zio_err_t returns_number(void *ud); /* of the int at `ud` */

/* A plain thread. */
pthread_t start_thread(void *(*entry)(void *ud), void *ud);
void finish_thread(pthread_t thread);

/* --- the process ---------------------------------------------------------------------------- */

unsigned descriptor_count(void);
unsigned mapping_count(void);
/* The threads of a program that has only its first one: 1, or 2 where a sanitizer has its own. */
unsigned own_threads(void);
/* Until that many threads are there, or the test fails. A thread that was joined may be listed a
 * moment longer: the system tells who joins it before it has taken it off its list. */
void wait_for_threads(unsigned wanted);
/* A number of /proc/self/status or smaps_rollup, in KiB; 0 when there is no such line. */
uint64_t memory_kib(const char *path, const char *field);

#endif
