/* SPDX-License-Identifier: MIT */
/* What gdb_tasks_test.sh looks at: two workers, and a task in each state that a debugger shows.
 * Each waits in a function of its own, so that its stack can be told from all others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zio/cancel.h"
#include "zio/stream.h"
#include "zio/task.h"

zio_task_t *sleeper, *parker, *receiver, *joiner, *yielder, *runner, *other_runner, *unstarted;
static zio_stream_t *ends[2];
static int begun, released;

static void begin(void) {
    __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
}
static int is_released(void) {
    return __atomic_load_n(&released, __ATOMIC_SEQ_CST);
}

/* A backtrace must show these, and the value that was given along. */
static int wait_asleep(int depth) {
    if (depth == 0) return zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED ? 0 : -1;
    return wait_asleep(depth - 1) == depth - 1 ? depth : -1;
}
static zio_err_t sleeps(void *ud) {
    (void)ud;
    begin();
    return wait_asleep(3) == 3 ? 0 : -1;
}
static zio_err_t parks(void *ud) {
    (void)ud;
    begin();
    const zio_err_t status = zio_task_park(ZIO_NEVER);
    return status != 0 ? -1 : 0; /* a call that is not the last thing keeps its caller's frame */
}
static long receive_into(char *bytes, size_t size) {
    return (long)zio_stream_read(ends[0], bytes, size, ZIO_NEVER);
}
static zio_err_t receives(void *ud) {
    char bytes[16];
    (void)ud;
    begin();
    return receive_into(bytes, sizeof bytes) == 5 ? 0 : -1;
}
static zio_err_t joins(void *ud) {
    zio_err_t result = -1;
    (void)ud;
    begin();
    const zio_err_t status = zio_task_join(sleeper, &result, ZIO_NEVER);
    return status != 0 ? status : result;
}
static zio_err_t yields(void *ud) {
    zio_err_t status = 0;
    (void)ud;
    begin();
    while (status == 0 && !is_released()) status = zio_yield();
    return status;
}
/* Holds its worker, as a program does that computes or hangs. */
static void compute(const char *what) {
    begin();
    while (__atomic_load_n(&released, __ATOMIC_SEQ_CST) == 0) {
        if (what == NULL) break;
    }
}
static zio_err_t runs(void *ud) {
    compute(ud);
    return 0;
}
static zio_err_t starts_late(void *ud) {
    (void)ud;
    return is_released() ? 0 : -1;
}

/* Here the debugger stops, or the process ends and leaves a core. */
void everybody_is_there(int ends);
void everybody_is_there(int ends) {
    if (ends) abort();
}

static zio_rt_t *rt;

static zio_task_t *spawn(const char *name, zio_task_fn entry) {
    zio_spawn_options_t options;
    zio_task_t *task = NULL;
    if (zio_spawn_options_init(&options, sizeof options) != 0) return NULL;
    options.name = name;
    return zio_spawn(rt, &task, entry, (void *)name, &options) == 0 ? task : NULL;
}
static void await_begun(int count) {
    while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) < count) zio_sleep_until(zio_after_ms(1));
}
static zio_err_t end_of(zio_task_t *task) {
    zio_err_t result = -1;
    const zio_err_t status = zio_task_join(task, &result, zio_after_ms(20000));
    zio_task_unref(task);
    return status != 0 ? status : result;
}

int main(int argc, char **argv) {
    zio_rt_options_t options;
    zio_err_t sum = 0;
    if (zio_rt_options_init(&options, sizeof options) != 0) return 1;
    options.workers = 2;
    if (zio_rt_create(&rt, &options) != 0) return 1;
    if (zio_rt_start(rt) != 0 || zio_stream_pair(&ends[0], &ends[1]) != 0) return 2;
    sleeper = spawn("sleeper", sleeps);
    parker = spawn("parker", parks);
    receiver = spawn("receiver", receives);
    await_begun(3);
    joiner = spawn("joiner", joins);
    yielder = spawn("yielder", yields);
    await_begun(5);
    zio_sleep_until(zio_after_ms(20)); /* who has begun to wait waits */
    runner = spawn("runner", runs);
    other_runner = spawn("other runner", runs);
    await_begun(7);
    unstarted = spawn("unstarted", starts_late);
    everybody_is_there(argc > 1 && strcmp(argv[1], "abort") == 0);
    __atomic_store_n(&released, 1, __ATOMIC_SEQ_CST);
    if (zio_task_unpark(parker) != 0 || zio_task_request_cancel(sleeper) != 0) return 3;
    if (zio_stream_write_all(ends[1], "hello", 5, NULL, ZIO_NEVER) != 0) return 4;
    zio_task_t *const all[] = {joiner, sleeper,      parker,  receiver,
                               runner, other_runner, yielder, unstarted};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; ++i) sum |= end_of(all[i]);
    zio_stream_close(ends[0]);
    zio_stream_close(ends[1]);
    if (zio_rt_shutdown(rt, ZIO_NEVER) != 0 || zio_rt_destroy(rt) != 0) return 5;
    if (sum == 0) puts("all ended well");
    return sum == 0 ? 0 : 6;
}
