/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "runner.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASE_SECONDS = 60 };

/* What the two processes share. A case on links has an outcome for each kind. */
struct shared {
    struct outcome parts[LINK_KINDS];
    bool has_begun[LINK_KINDS];
    const struct test_case *one;
    zio_task_fn work;
    void *ud;
    struct backend backend;
    unsigned descriptors_before;
    unsigned descriptors_after;
    bool has_ended;
};

struct backend all_backends[] = {
    {.name = "sim", .number = ZIO_BACKEND_SIM},
    {.name = "io_uring", .number = ZIO_BACKEND_IO_URING},
    {.name = "epoll", .number = ZIO_BACKEND_EPOLL},
    {.name = "kqueue", .number = ZIO_BACKEND_KQUEUE},
    {.name = "iocp", .number = ZIO_BACKEND_IOCP},
    {.name = "poll", .number = ZIO_BACKEND_POLL},
    {.name = "uv", .number = ZIO_BACKEND_UV},
    {.name = "auto", .number = ZIO_BACKEND_AUTO},
    {.name = NULL},
};

struct backend *find_backend(const char *name) {
    for (struct backend *backend = all_backends; backend->name != NULL; backend++) {
        if (strcmp(backend->name, name) == 0) return backend;
    }
    return NULL;
}

/* --- in the process of the case --------------------------------------------------------------- */

static zio_err_t ZIO_CALL in_task(void *ud) {
    struct shared *shared = ud;
    const struct test_case *one = shared->one;
    if (shared->work != NULL) return shared->work(shared->ud);
    if (one->on_link == NULL) {
        one->body();
        return 0;
    }
    for (int kind = 0; kind < LINK_KINDS; kind++) {
        struct link link = {LINK_PAIR, NULL, NULL};
        if ((one->kinds & (1u << kind)) == 0 || !has_link((enum link_kind)kind)) continue;
        shared->has_begun[kind] = true;
        outcome_begin(&shared->parts[kind]);
        make_link(&link, (enum link_kind)kind);
        one->on_link(&link);
        close_link(&link);
    }
    return 0;
}

static void *on_plain_thread(void *ud) {
    ((struct shared *)ud)->one->body();
    return NULL;
}

static void prepare_to_die(unsigned seconds) {
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(seconds);
}

static zio_err_t make_runtime(struct backend *backend) {
    zio_rt_options_t options;
    zio_err_t error = zio_rt_options_init(&options, sizeof options);
    options.backend = backend->number;
    if (error == 0) error = zio_rt_create(&the_runtime, &options);
    backend->is_usable = error == 0;
    backend->is_in_build = error != ZIO_ENOTSUP;
    if (error != 0) {
        (void)snprintf(backend->words, sizeof backend->words, "%s, %s", zio_err_name(error),
                       zio_last_error_detail());
        return error;
    }
    (void)snprintf(backend->words, sizeof backend->words, "%s", zio_rt_backend_reason(the_runtime));
    (void)snprintf(backend->in_use, sizeof backend->in_use, "%s", zio_rt_backend_name(the_runtime));
    is_simulated = backend->is_simulated = strcmp(backend->in_use, "sim") == 0;
    return 0;
}

/* What a case leaves open shows in the count; the runtime's own are gone by then. */
static void run_in_child(struct shared *shared) {
    outcome_begin(&shared->parts[0]);
    shared->descriptors_before = descriptor_count();
    const zio_err_t made = make_runtime(&shared->backend);
    if (shared->one == NULL && shared->work == NULL) {
        if (made == 0) MUST(zio_rt_destroy(the_runtime) == 0);
        return;
    }
    MUST(made == 0);
    if (shared->one != NULL && (shared->one->flags & PLAIN) != 0) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, on_plain_thread, shared) == 0);
        MUST(pthread_join(thread, NULL) == 0);
    } else {
        MUST(zio_rt_run(the_runtime, in_task, shared) == 0);
    }
    MUST(zio_rt_shutdown(the_runtime, soon()) == 0);
    MUST(zio_rt_destroy(the_runtime) == 0);
    shared->descriptors_after = descriptor_count();
    shared->has_ended = true;
}

/* --- in that which compares ------------------------------------------------------------------- */

static void set_seed(const struct backend *backend, unsigned turn) {
    static unsigned long first = 0;
    char text[32];
    if (!backend->is_simulated) return;
    if (first == 0) {
        const char *given = getenv("ZIO_SEED");
        first = given != NULL ? strtoul(given, NULL, 10) : 1;
    }
    (void)snprintf(text, sizeof text, "%lu", first + turn);
    (void)setenv("ZIO_SEED", text, 1);
}

/* 0, or what ended it, as text behind the outcome so far. */
static void append_end(struct shared *shared, int status, struct result *result) {
    char text[160] = "";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        (void)snprintf(text, sizeof text, " (it did not come to an end)");
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(text, sizeof text, " (killed by signal %d, %s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        (void)snprintf(text, sizeof text, " (it ended with status %d)", WEXITSTATUS(status));
    } else if (shared->has_ended && shared->descriptors_after != shared->descriptors_before) {
        (void)snprintf(text, sizeof text, " (open descriptors: %+d)",
                       (int)shared->descriptors_after - (int)shared->descriptors_before);
    }
    strncat(result->text, text, sizeof result->text - strlen(result->text) - 1);
}

static void append_part(struct result *result, const char *separator, const char *kind,
                        const char *text) {
    const size_t used = strlen(result->text);
    (void)snprintf(result->text + used, sizeof result->text - used, "%s%s%s%s", separator, kind,
                   kind[0] != '\0' ? ": " : "", text);
}

/* One text when all kinds have the same. */
static void gather(const struct shared *shared, struct result *result) {
    const struct outcome *first = NULL;
    bool are_same = true;
    for (int kind = 0; kind < LINK_KINDS; kind++) {
        if (!shared->has_begun[kind]) continue;
        if (first == NULL) first = &shared->parts[kind];
        are_same = are_same && strcmp(first->text, shared->parts[kind].text) == 0;
    }
    result->text[0] = '\0';
    if (first == NULL) first = &shared->parts[0];
    if (are_same) {
        append_part(result, "", "", first->text);
        return;
    }
    for (int kind = 0; kind < LINK_KINDS; kind++) {
        if (!shared->has_begun[kind]) continue;
        append_part(result, result->text[0] != '\0' ? " | " : "", link_name((enum link_kind)kind),
                    shared->parts[kind].text);
    }
}

static struct shared *share(void) {
    void *memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) return memory;
    perror("zio-conformance");
    exit(2);
}

/* The status of the process in which it ran. */
static int in_child(struct shared *shared, unsigned seconds) {
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0) {
        perror("zio-conformance");
        exit(2);
    }
    if (child == 0) {
        prepare_to_die(seconds);
        run_in_child(shared);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

void examine_backend(struct backend *backend) {
    struct shared *shared = share();
    shared->backend = *backend;
    const int status = in_child(shared, CASE_SECONDS);
    *backend = shared->backend;
    if (WIFSIGNALED(status)) {
        backend->is_usable = false;
        backend->is_in_build = true;
        (void)snprintf(backend->words, sizeof backend->words, "killed by signal %d, %s",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    (void)munmap(shared, sizeof *shared);
}

void run_alone(zio_task_fn work, void *ud, const struct backend *backend, unsigned turn,
               unsigned seconds, struct result *result) {
    struct shared *shared = share();
    shared->backend = *backend;
    shared->work = work;
    shared->ud = ud;
    set_seed(backend, turn);
    const int status = in_child(shared, seconds);
    gather(shared, result);
    append_end(shared, status, result);
    (void)munmap(shared, sizeof *shared);
}

void run_case(const struct test_case *one, const struct backend *backend, unsigned turn,
              struct result *result) {
    if (backend->is_simulated && (one->flags & REAL) != 0) {
        result->verdict = NOT_HERE;
        (void)snprintf(result->text, sizeof result->text, "not simulated");
        return;
    }
    struct shared *shared = share();
    shared->backend = *backend;
    shared->one = one;
    set_seed(backend, turn);
    const int status = in_child(shared, CASE_SECONDS);
    bool has_links = one->on_link == NULL;
    for (int kind = 0; kind < LINK_KINDS; kind++) has_links |= shared->has_begun[kind];
    gather(shared, result);
    append_end(shared, status, result);
    if (shared->parts[0].is_absent || (!has_links && shared->has_ended)) {
        if (!has_links) (void)snprintf(result->text, sizeof result->text, "no such address here");
        result->verdict = NOT_HERE;
    } else {
        result->verdict = strcmp(result->text, one->expected) == 0 ? AGREES : DIFFERS;
    }
    (void)munmap(shared, sizeof *shared);
}
