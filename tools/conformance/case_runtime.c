/* SPDX-License-Identifier: MIT */
/* The runtime around the tasks: runs, shutdown, threads of its own, signals, fork. */
#define _DEFAULT_SOURCE

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

static void tells_its_backend(void) {
    const char *name = zio_rt_backend_name(the_runtime);
    const char *reason = zio_rt_backend_reason(the_runtime);
    tell_truth("name", name != NULL && name[0] != '\0');
    tell_truth("reason", reason != NULL && reason[0] != '\0');
    tell_truth("current", zio_rt_current() == the_runtime);
    tell_truth("none", zio_rt_backend_name(NULL) != NULL);
}

struct waiter {
    struct link link;
    zio_listener_t *listener;
    zio_err_t results[6];
    int started;
};

static zio_err_t waits_somehow(void *ud) {
    struct waiter *waiter = ud;
    const int mine = waiter->started++;
    zio_err_t result = 0;
    zio_stream_t *stream = NULL;
    char byte = 0;
    switch (mine) {
        case 0:
            result = (zio_err_t)zio_stream_read(waiter->link.b, &byte, 1, ZIO_NEVER);
            break;
        case 1:
            result = zio_stream_read_exact(waiter->link.b, &byte, 1, NULL, ZIO_NEVER);
            break;
        case 2:
            result = (zio_err_t)zio_stream_write(waiter->link.b, &byte, 1, ZIO_NEVER);
            break;
        case 3:
            result = zio_accept(waiter->listener, &stream, NULL, ZIO_NEVER);
            break;
        case 4:
            result = zio_sleep_until(ZIO_NEVER);
            break;
        default:
            result = zio_task_park(ZIO_NEVER);
            break;
    }
    waiter->results[mine] = result;
    return result;
}

static zio_err_t starts_waiters(void *ud) {
    struct waiter *waiter = ud;
    const zio_addr_t asked = fresh_address(LINK_ABSTRACT);
    make_link(&waiter->link, LINK_PAIR);
    waiter->listener = listen_at(&asked);
    (void)fill(waiter->link.b);
    for (int i = 0; i < 6; i++) {
        MUST(zio_spawn(NULL, NULL, waits_somehow, waiter, NULL) == 0);
    }
    settle();
    return -77;
}

/* Every kind of wait ends; what the tasks had open is still open. */
static void shutdown_cancels(void) {
    struct waiter waiter;
    zio_err_t error = 0;
    memset(&waiter, 0, sizeof waiter);
    error = zio_rt_run(the_runtime, starts_waiters, &waiter);
    say("run=%d", (int)error);
    tell("destroy", zio_rt_destroy(the_runtime));
    tell("shutdown", zio_rt_shutdown(the_runtime, soon()));
    for (int i = 0; i < 6; i++) tell("wait", waiter.results[i]);
    tell("again", zio_rt_shutdown(the_runtime, soon()));
    tell("run", zio_rt_run(the_runtime, sleeps_for_ever, NULL));
    tell("spawn", zio_spawn(the_runtime, NULL, sleeps_for_ever, NULL, NULL));
    close_link(&waiter.link);
    MUST(zio_listener_close(waiter.listener) == 0);
}

static zio_err_t insists(void *ud) {
    const bool *const is_over = ud;
    MUST(zio_shield_begin() == 0);
    while (!*is_over) MUST(zio_sleep_until(zio_after_ms(1)) == 0);
    return 0;
}

static zio_err_t starts_insisting(void *ud) {
    MUST(zio_spawn(NULL, NULL, insists, ud, NULL) == 0);
    settle();
    return 0;
}

static void shutdown_waits(void) {
    bool is_over = false;
    tell("run", zio_rt_run(the_runtime, starts_insisting, &is_over));
    tell("immediate", zio_rt_shutdown(the_runtime, ZIO_IMMEDIATE));
    tell("future", zio_rt_shutdown(the_runtime, zio_after_ms(5)));
    tell("destroy", zio_rt_destroy(the_runtime));
    is_over = true;
    tell("then", zio_rt_shutdown(the_runtime, soon()));
}

struct twice {
    struct link link;
    zio_task_t *task;
    struct calling calling;
};

static zio_err_t first_run(void *ud) {
    struct twice *twice = ud;
    make_link(&twice->link, LINK_PAIR);
    twice->calling = (struct calling){twice->link.a, CALL_READ, 1, ZIO_NEVER, 0};
    twice->task = start(make_call, &twice->calling);
    settle();
    return 0;
}

static zio_err_t second_run(void *ud) {
    struct twice *twice = ud;
    tell_truth("waits", !has_ended(twice->task));
    send_text(twice->link.b, "x");
    tell("read", finish(twice->task));
    close_link(&twice->link);
    return 0;
}

/* A wait outlives the run in which it began. */
static void runs_again(void) {
    struct twice twice;
    tell("first", zio_rt_run(the_runtime, first_run, &twice));
    tell("second", zio_rt_run(the_runtime, second_run, &twice));
}

/* --- what is not simulated ------------------------------------------------------------------ */

static zio_rt_t *another_runtime(uint32_t workers) {
    static const char *const names[] = {"",     "io_uring", "epoll", "kqueue",
                                        "iocp", "poll",     "uv",    "sim"};
    zio_rt_options_t options;
    zio_rt_t *runtime = NULL;
    MUST(zio_rt_options_init(&options, sizeof options) == 0);
    options.workers = workers;
    for (uint32_t i = 1; i < 8; i++) {
        if (strcmp(names[i], zio_rt_backend_name(the_runtime)) == 0) options.backend = i;
    }
    MUST(options.backend != 0 && zio_rt_create(&runtime, &options) == 0);
    return runtime;
}

static void end_runtime(zio_rt_t *runtime) {
    MUST(zio_rt_shutdown(runtime, soon()) == 0);
    MUST(zio_rt_destroy(runtime) == 0);
}

static zio_err_t echo(void *ud) {
    zio_stream_t *stream = ud;
    char bytes[64];
    zio_ssize_t got;
    while ((got = zio_stream_read(stream, bytes, sizeof bytes, soon())) > 0) {
        const zio_err_t error = zio_stream_write_all(stream, bytes, (size_t)got, NULL, soon());
        if (error != 0) return error;
    }
    return (zio_err_t)got;
}

static int ask_all(struct link *links, int count) {
    int good = 0;
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < count; i++) send_text(links[i].a, "question");
        for (int i = 0; i < count; i++) {
            char bytes[8];
            MUST(zio_stream_read_exact(links[i].a, bytes, 8, NULL, soon()) == 0);
            good += memcmp(bytes, "question", 8) == 0;
        }
    }
    return good;
}

/* Here in one runtime, there in another with three threads of its own. */
static void in_the_background(struct link *link) {
    enum { COUNT = 12 };
    struct link links[COUNT];
    zio_task_t *tasks[COUNT];
    zio_rt_t *mine = the_runtime, *other = another_runtime(3);
    tell("start", zio_rt_start(other));
    tell("again", zio_rt_start(other));
    the_runtime = other; /* where start() spawns */
    for (int i = 0; i < COUNT; i++) {
        make_link(&links[i], link->kind);
        tasks[i] = start(echo, links[i].b);
    }
    the_runtime = mine;
    tell("good", ask_all(links, COUNT));
    for (int i = 0; i < COUNT; i++) close_a(&links[i]);
    for (int i = 0; i < COUNT; i++) MUST(finish(tasks[i]) == 0);
    for (int i = 0; i < COUNT; i++) close_link(&links[i]);
    end_runtime(other);
}

static void nothing(int signal_number) {
    (void)signal_number;
}

/* A signal that comes in the middle of a wait is nobody's business. */
static void signals(struct link *link) {
    const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    struct sigaction action;
    struct calling reads = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    char byte;
    memset(&action, 0, sizeof action);
    action.sa_handler = nothing; /* and no SA_RESTART */
    MUST(sigaction(SIGUSR1, &action, NULL) == 0);
    MUST(sigaction(SIGPROF, &action, NULL) == 0);
    MUST(setitimer(ITIMER_PROF, &often, NULL) == 0);
    const zio_deadline_t future = zio_after_ms(20);
    tell("late", zio_stream_read(link->b, &byte, 1, future));
    tell_truth("early", zio_now() < future);
    zio_task_t *task = start(make_call, &reads);
    for (int i = 0; i < 50; i++) {
        MUST(kill(getpid(), SIGUSR1) == 0);
        MUST(zio_sleep_until(zio_after_ns(100000)) == 0);
    }
    tell_truth("waits", !has_ended(task));
    send_text(link->a, "x");
    tell("read", finish(task));
    MUST(setitimer(ITIMER_PROF, &never, NULL) == 0);
}

static zio_err_t in_the_child(void *ud) {
    struct link link;
    (void)ud;
    make_link(&link, LINK_PAIR);
    send_text(link.a, "text");
    tell_text("read", link.b, 4);
    close_link(&link);
    return 0;
}

#if defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif

/* Handles end at a fork, and the runtime begins anew; the parent does not notice. */
static void forks(void) {
    struct link link;
    char byte;
    int status = 0;
#if defined(UNDER_THREAD_SANITIZER)
    is_absent("a sanitizer that knows one stack after a fork");
#endif
    make_link(&link, LINK_PAIR);
    struct calling reads = {link.a, CALL_READ, 1, ZIO_NEVER, 0};
    zio_task_t *task = start(make_call, &reads);
    settle();
    const pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        tell("stream", zio_stream_read(link.b, &byte, 1, ZIO_NEVER));
        tell("close", zio_stream_close(link.b));
        tell("task", zio_task_request_cancel(task));
        tell("run", zio_rt_run(the_runtime, in_the_child, NULL));
        tell("anew", zio_rt_after_fork(the_runtime));
        tell("run", zio_rt_run(the_runtime, in_the_child, NULL));
        tell("shutdown", zio_rt_shutdown(the_runtime, soon()));
        tell("destroy", zio_rt_destroy(the_runtime));
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child);
    tell("status", status);
    send_text(link.b, "x");
    tell("parent", finish(task));
    close_link(&link);
}

/* A task's stack has memory only where it was touched, and the system writes to it all the same. */
static zio_err_t reads_deep_down(void *ud) {
    char bytes[180000];
    zio_stream_t *stream = ud;
    const zio_ssize_t got = zio_stream_read(stream, bytes, sizeof bytes, soon());
    return got == 5 && memcmp(bytes, "depth", 5) == 0 ? 5 : (zio_err_t)got;
}

static void cold_stacks(struct link *link) {
    zio_task_t *task = start(reads_deep_down, link->b);
    settle();
    send_text(link->a, "depth");
    const zio_err_t got = finish(task);
    tell_truth("got", got >= 1 && got <= 5);
}

const struct test_case runtime_cases[] = {
    {"runtime.tells_its_backend", "name=yes reason=yes current=yes none=no", tells_its_backend,
     NULL, 0, 0},
    {"runtime.shutdown_ends_all_waits",
     "run=-77 destroy=EBUSY shutdown=0 wait=ECANCELED wait=ECANCELED wait=ECANCELED wait=ECANCELED "
     "wait=ECANCELED wait=ECANCELED again=0 run=ESTOPPING spawn=ESTOPPING",
     shutdown_cancels, NULL, 0, PLAIN},
    {"runtime.shutdown_waits_for_tasks", "run=0 immediate=EBUSY future=EBUSY destroy=EBUSY then=0",
     shutdown_waits, NULL, 0, PLAIN},
    {"runtime.waits_outlive_a_run", "first=0 waits=yes read=1 second=0", runs_again, NULL, 0,
     PLAIN},
    {"runtime.in_the_background", "start=0 again=EBUSY good=240", NULL, in_the_background, ALL,
     REAL},
    {"runtime.signals_end_no_wait", "late=ETIMEDOUT early=no waits=yes read=1", NULL, signals, ALL,
     REAL},
    {"runtime.forked_child",
     "stream=EFORKED close=EFORKED task=EFORKED run=EFORKED anew=0 read=text run=0 shutdown=0 "
     "destroy=0 status=0 parent=1",
     forks, NULL, 0, 0},
    {"runtime.stacks_without_memory", "got=yes", NULL, cold_stacks, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
