/* SPDX-License-Identifier: MIT */
/* Scenarios of runtimes: their life, plain threads beside them, which backend, fork, dumps. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scenarios.h"

static zio_err_t yields(void *ud) {
    (void)ud;
    return (zio_err_t)CALL(zio_yield, ());
}

/* --- life ----------------------------------------------------------------------------------- */

static void expect_no_handler(void) {
    struct sigaction action;
    const bool is_known = sigaction(SIGSEGV, NULL, &action) == 0;
    static struct sigaction first;
    static bool has_first = false;
    if (!has_first) {
        first = action;
        has_first = true;
    }
    if (!is_known || action.sa_handler != first.sa_handler) broken("a signal handler stays behind");
}

void scenario_life(void) {
    expect_no_handler();
    zio_rt_t *rt = open_runtime(2, ZIO_RT_REPORT_OVERFLOW | ZIO_RT_HEARTBEAT | ZIO_RT_PIN_WORKERS);
    if (rt != NULL) {
        (void)CALL(zio_rt_on_hold, (rt, NULL, NULL));
        (void)CALL(zio_rt_start, (rt));
        close_runtime(rt);
    }
    expect_no_handler();
    rt = open_runtime(0, ZIO_RT_GIVE_WAY | ZIO_RT_REPORT_OVERFLOW);
    if (rt != NULL) {
        (void)CALL(zio_rt_run, (rt, yields, NULL));
        (void)CALL(zio_rt_run, (rt, yields, NULL));
        close_runtime(rt);
    }
    expect_no_handler();
}

/* --- plain threads -------------------------------------------------------------------------- */

struct outsider {
    zio_rt_t *rt;
    zio_stream_t *stream;
};

static zio_err_t waits_for_unpark(void *ud) {
    (void)ud;
    return (zio_err_t)CALL(zio_task_park, (soon()));
}

static zio_err_t answers_one(void *ud) {
    char letter;
    if (CALL(zio_stream_read, (ud, &letter, 1, soon())) != 1) return 0;
    (void)CALL(zio_stream_write, (ud, &letter, 1, soon()));
    return 0;
}

static void *visits(void *ud) {
    struct outsider *outsider = ud;
    zio_task_t *parked = NULL;
    if (CALL(zio_spawn, (outsider->rt, &parked, waits_for_unpark, NULL, NULL)) == 0) {
        (void)CALL(zio_task_unpark, (parked));
        finish(parked);
    }
    zio_stream_t *ends[2] = {NULL, NULL};
    if (CALL(zio_stream_pair, (&ends[0], &ends[1])) != 0) return NULL;
    zio_task_t *server = NULL;
    if (CALL(zio_spawn, (outsider->rt, &server, answers_one, ends[1], NULL)) == 0) {
        char answer = 0;
        if (CALL(zio_stream_write, (ends[0], "!", 1, soon())) == 1 &&
            CALL(zio_stream_read, (ends[0], &answer, 1, soon())) == 1 && answer != '!') {
            broken("another answer");
        }
        finish(server);
    }
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    return NULL;
}

static zio_err_t sleeps_for_ever(void *ud) {
    (void)ud;
    const zio_err_t status = zio_sleep_until(ZIO_NEVER);
    return status == ZIO_ECANCELED ? 0 : (zio_err_t)ended("zio_sleep_until", status);
}

/* More tasks than the workers have room for at first. */
static void send_crowd(zio_rt_t *rt) {
    enum { CROWD = 150 };
    zio_group_t *group = NULL;
    if (CALL(zio_group_create, (rt, &group, 0)) != 0) return;
    for (int i = 0; i < CROWD; ++i) {
        if (CALL(zio_group_spawn, (group, sleeps_for_ever, NULL, NULL)) != 0) break;
    }
    MUST(zio_group_cancel, (group));
    (void)CALL(zio_group_wait, (group, soon()));
    if (CALL(zio_group_destroy, (group)) == 0) return;
    faults_stop();
    MUST(zio_group_destroy, (group));
}

void scenario_threads(void) {
    struct outsider outsider = {open_runtime(2, 0), NULL};
    if (outsider.rt == NULL) return;
    if (CALL(zio_rt_start, (outsider.rt)) == 0) {
        pthread_t threads[2];
        int count = 0;
        while (count < 2 && pthread_create(&threads[count], NULL, visits, &outsider) == 0) ++count;
        if (count < 2) broken("no thread");
        while (count > 0) pthread_join(threads[--count], NULL);
        (void)visits(&outsider);
        send_crowd(outsider.rt);
    }
    close_runtime(outsider.rt);
}

/* --- a stream that all workers know -------------------------------------------------------- */

static zio_err_t reads_one(void *ud) {
    char letter = 0;
    if (CALL(zio_stream_read, (ud, &letter, 1, soon())) == 1 && letter != 'x') {
        broken("another letter");
    }
    return 0;
}

void scenario_crew(void) {
    enum { CREW = 8 };
    zio_rt_t *rt = open_runtime(CREW, 0);
    if (rt == NULL) return;
    zio_stream_t *ends[2] = {NULL, NULL};
    if (CALL(zio_rt_start, (rt)) == 0 && CALL(zio_stream_pair, (&ends[0], &ends[1])) == 0) {
        zio_task_t *readers[CREW] = {NULL};
        for (int i = 0; i < CREW; ++i) {
            (void)CALL(zio_spawn, (rt, &readers[i], reads_one, ends[1], NULL));
        }
        for (int i = 0; i < CREW; ++i) {
            (void)CALL(zio_sleep_until, (zio_after_ns(100000)));
            (void)CALL(zio_stream_write, (ends[0], "x", 1, soon()));
        }
        for (int i = 0; i < CREW; ++i) finish(readers[i]);
    }
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    close_runtime(rt);
}

/* --- which backend -------------------------------------------------------------------------- */

static zio_err_t sends_to_itself(void *ud) {
    (void)ud;
    zio_stream_t *ends[2] = {NULL, NULL};
    if (CALL(zio_stream_pair, (&ends[0], &ends[1])) != 0) return 0;
    char letter = 0;
    zio_task_t *server = start(answers_one, ends[1]);
    if (server != NULL && CALL(zio_stream_write, (ends[0], "?", 1, soon())) == 1) {
        (void)CALL(zio_stream_read, (ends[0], &letter, 1, soon()));
    }
    finish(server);
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    return 0;
}

/* The best backend that works here: one that is refused is no error. */
void scenario_fallback(void) {
    zio_rt_t *rt = open_runtime(2, 0);
    if (rt == NULL) return;
    if (zio_rt_backend_name(rt) == NULL || zio_rt_backend_reason(rt) == NULL) {
        broken("a runtime without a backend");
    }
    (void)CALL(zio_rt_run, (rt, sends_to_itself, NULL));
    close_runtime(rt);
}

/* --- fork ----------------------------------------------------------------------------------- */

enum { CHILD_WORKED, CHILD_GAVE_UP, CHILD_BROKE };

static int live_in_child(zio_rt_t *rt, zio_stream_t *stream) {
    zio_err_t status = (zio_err_t)CALL(zio_rt_after_fork, (rt));
    if (zio_stream_read(stream, NULL, 0, ZIO_IMMEDIATE) != ZIO_EFORKED) return CHILD_BROKE;
    if (status == 0) (void)CALL(zio_rt_run, (rt, sends_to_itself, NULL));
    if (status != 0) {
        faults_stop();
        if (zio_rt_after_fork(rt) != 0) return CHILD_BROKE;
        if (zio_rt_run(rt, sends_to_itself, NULL) != 0) return CHILD_BROKE;
    }
    close_runtime(rt);
    if (trial.broken[0] != '\0') return CHILD_BROKE;
    return trial.error[0] != '\0' ? CHILD_GAVE_UP : CHILD_WORKED;
}

/* The child's end within ten seconds, else it is ended. */
static void await_child(pid_t child) {
    int status = 0;
    for (int i = 0; waitpid(child, &status, WNOHANG) == 0; ++i) {
        const struct timespec pause = {0, i < 100 ? 200000 : 5000000};
        if (i == 2000) {
            kill(child, SIGKILL);
            broken("the child hangs");
        }
        nanosleep(&pause, NULL);
    }
    if (WIFSIGNALED(status) || WEXITSTATUS(status) == CHILD_BROKE) broken("the child broke");
    if (WEXITSTATUS(status) == CHILD_GAVE_UP) (void)ended("child", ZIO_ECHILD);
}

void scenario_fork(void) {
    zio_rt_t *rt = open_runtime(2, 0);
    if (rt == NULL) return;
    (void)CALL(zio_rt_run, (rt, yields, NULL));
    zio_stream_t *ends[2] = {NULL, NULL};
    if (CALL(zio_stream_pair, (&ends[0], &ends[1])) == 0) {
        const pid_t child = fork();
        if (child == 0) _exit(live_in_child(rt, ends[0]));
        if (child < 0) broken("no process");
        if (child > 0) await_child(child);
    }
    (void)CALL(zio_rt_run, (rt, sends_to_itself, NULL));
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    close_runtime(rt);
}

/* --- dumps ---------------------------------------------------------------------------------- */

static zio_err_t parks_named(void *ud) {
    (void)ud;
    (void)zio_task_set_name(zio_task_self(), "sleeper", 7);
    return zio_task_park(ZIO_NEVER) == ZIO_ECANCELED ? 0 : ZIO_EPROTO;
}

static void dump(zio_rt_t *rt) {
    char text[4096];
    zio_rt_stats_t stats;
    const zio_ssize_t size = CALL(zio_rt_dump, (rt, text, sizeof text));
    if (size >= 0 && strlen(text) != (size_t)size && size < (zio_ssize_t)sizeof text) {
        broken("a dump of another length");
    }
    MUST(zio_rt_stats_init, (&stats, sizeof stats));
    MUST(zio_rt_stats, (rt, &stats));
}

static zio_err_t dumps(void *ud) {
    dump(ud);
    return 0;
}

void scenario_dump(void) {
    zio_rt_t *rt = open_runtime(2, 0);
    if (rt == NULL) return;
    if (CALL(zio_rt_start, (rt)) == 0) {
        zio_task_t *sleepers[3] = {NULL};
        for (int i = 0; i < 3; ++i) {
            (void)CALL(zio_spawn, (rt, &sleepers[i], parks_named, NULL, NULL));
        }
        dump(rt);
        zio_task_t *dumper = NULL;
        if (CALL(zio_spawn, (rt, &dumper, dumps, rt, NULL)) == 0) finish(dumper);
        for (int i = 0; i < 3; ++i) {
            if (sleepers[i] == NULL) continue;
            MUST(zio_task_request_cancel, (sleepers[i]));
            finish(sleepers[i]);
        }
    }
    close_runtime(rt);
}
