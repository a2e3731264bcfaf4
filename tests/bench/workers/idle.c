/* SPDX-License-Identifier: MIT */
/* Tasks that all wait for what does not come: nothing is to run meanwhile. */
#define _GNU_SOURCE

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "workers/kit.h"

enum { COUNT = 1000 };

struct scene {
    int waiting;
};

static zio_err_t ZIO_CALL sleeps_long(void *ud) {
    struct scene *const scene = ud;
    __atomic_fetch_add(&scene->waiting, 1, __ATOMIC_RELAXED);
    return zio_sleep_until(zio_after_ms(3600 * 1000));
}

struct client {
    struct scene *scene;
    zio_stream_t *server, *client;
};

static zio_err_t ZIO_CALL listens_long(void *ud) {
    struct client *const client = ud;
    char byte;
    __atomic_fetch_add(&client->scene->waiting, 1, __ATOMIC_RELAXED);
    const zio_ssize_t length = zio_stream_read(client->server, &byte, 1, ZIO_NEVER);
    (void)zio_stream_close(client->server);
    (void)zio_stream_close(client->client);
    return (zio_err_t)length;
}

static zio_err_t ZIO_CALL sets_up(void *ud) {
    static struct client clients[COUNT];
    struct scene *const scene = ud;
    zio_listener_t *listener;
    zio_addr_t address;
    MUST(zio_addr_parse(&address, "127.0.0.1", (size_t)-1, 0) == 0);
    MUST(zio_listen(&listener, &address, NULL) == 0);
    MUST(zio_listener_addr(listener, &address) == 0);
    for (int i = 0; i < COUNT; i++) {
        clients[i].scene = scene;
        MUST(zio_connect(&clients[i].client, &address, NULL, ZIO_NEVER) == 0);
        MUST(zio_accept(listener, &clients[i].server, NULL, ZIO_NEVER) == 0);
        MUST(zio_spawn(NULL, NULL, listens_long, &clients[i], NULL) == 0);
        MUST(zio_spawn(NULL, NULL, sleeps_long, scene, NULL) == 0);
    }
    MUST(zio_listener_close(listener) == 0);
    return 0;
}

static uint64_t polls_of(zio_rt_t *runtime) {
    zio_rt_stats_t stats;
    MUST(zio_rt_stats_init(&stats, sizeof stats) == 0);
    MUST(zio_rt_stats(runtime, &stats) == 0);
    MUST(stats.tasks_live == 2 * COUNT && stats.timers_armed >= COUNT);
    return stats.loop_polls;
}

static void wait_s(int64_t seconds) {
    const struct timespec span = {.tv_sec = seconds};
    (void)nanosleep(&span, NULL);
}

void stay_idle(int64_t seconds) {
    struct scene scene = {0};
    zio_task_t *task;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    zio_rt_t *const runtime = make_runtime(2);
    MUST(zio_rt_start(runtime) == 0);
    MUST(zio_spawn(runtime, &task, sets_up, &scene, NULL) == 0);
    MUST(zio_task_join(task, NULL, ZIO_NEVER) == 0);
    MUST(zio_task_unref(task) == 0);
    while (__atomic_load_n(&scene.waiting, __ATOMIC_RELAXED) < 2 * COUNT) wait_s(1);
    wait_s(1); /* the last ones are through with falling asleep */
    const uint64_t before = polls_of(runtime);
    printf("ready\n");
    fflush(stdout);
    wait_s(seconds);
    printf("%" PRIu64 "\n", polls_of(runtime) - before);
    end_runtime(runtime);
}
