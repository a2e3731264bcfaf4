/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "kit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct trial trial;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

zio_ssize_t ended(const char *call, zio_ssize_t result) {
    if (result >= 0) return result;
    pthread_mutex_lock(&lock);
    if (trial.error[0] == '\0') {
        snprintf(trial.error, sizeof trial.error, "%s %s", call, zio_err_name((zio_err_t)result));
    }
    pthread_mutex_unlock(&lock);
    return result;
}

void broken(const char *what) {
    pthread_mutex_lock(&lock);
    if (trial.broken[0] == '\0') snprintf(trial.broken, sizeof trial.broken, "%s", what);
    pthread_mutex_unlock(&lock);
}

void must_succeed(const char *call, zio_ssize_t result) {
    if (result >= 0) return;
    char text[96];
    snprintf(text, sizeof text, "%s gives %s", call, zio_err_name((zio_err_t)result));
    broken(text);
}

zio_deadline_t soon(void) {
    const int64_t span_ms = __lsan_do_recoverable_leak_check != NULL ? 150 : 30;
    return zio_after_ms(trial.patient ? 20000 : span_ms);
}

zio_rt_t *open_runtime(uint32_t workers, uint64_t flags) {
    zio_rt_options_t options;
    MUST(zio_rt_options_init, (&options, sizeof options));
    options.workers = workers;
    options.flags = flags;
    zio_rt_t *rt = NULL;
    return CALL(zio_rt_create, (&rt, &options)) == 0 ? rt : NULL;
}

void close_runtime(zio_rt_t *rt) {
    if (rt == NULL) return;
    if (CALL(zio_rt_shutdown, (rt, soon())) == 0 && CALL(zio_rt_destroy, (rt)) == 0) return;
    /* Whatever kept it from ending, it does not outlast its cause. */
    faults_stop();
    MUST(zio_rt_shutdown, (rt, zio_after_ms(20000)));
    MUST(zio_rt_destroy, (rt));
}

void run_alone(zio_task_fn entry, void *ud) {
    zio_rt_t *rt = open_runtime(1, 0);
    if (rt == NULL) return;
    (void)CALL(zio_rt_run, (rt, entry, ud));
    close_runtime(rt);
}

zio_task_t *start(zio_task_fn entry, void *ud) {
    zio_task_t *task = NULL;
    return CALL(zio_spawn, (NULL, &task, entry, ud, NULL)) == 0 ? task : NULL;
}

void finish(zio_task_t *task) {
    if (task == NULL) return;
    if (CALL(zio_task_join, (task, NULL, soon())) != 0 &&
        CALL(zio_task_cancel, (task, NULL)) != 0) {
        faults_stop();
        MUST(zio_task_cancel, (task, NULL));
    }
    MUST(zio_task_unref, (task));
}

bool fresh_name(zio_addr_t *out) {
    static unsigned serial = 0;
    char text[64];
    snprintf(text, sizeof text, "unix:@zio-faults-%ld-%u", (long)getpid(), ++serial);
    return CALL(zio_addr_parse, (out, text, (size_t)-1, 0)) == 0;
}
