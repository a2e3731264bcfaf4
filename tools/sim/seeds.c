/* SPDX-License-Identifier: MIT */
/* `zio-sim run`: many seeds, several at a time. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "hopes.h"
#include "run.h"

struct campaign {
    const struct options *options;
    struct run *runs; /* one for each job; process 0: free */
    char (*hopes)[100];
    uint64_t next, ended, failed, events;
    double virtual_seconds, began, shown_at;
    bool is_over; /* no more are started */
    bool is_broken;
    struct hopes seen;
};

static void show_progress(struct campaign *c) {
    enum { WIDTH = 30 };
    const double now = seconds_now();
    if (c->options->is_quiet || !isatty(STDERR_FILENO) || now < c->shown_at + 0.1) return;
    c->shown_at = now;
    const double part = (double)c->ended / (double)c->options->seeds;
    const int full = (int)(part * WIDTH);
    fprintf(stderr, "\r[%.*s%.*s] %" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed, %.0f/s ", full,
            "##############################", WIDTH - full, "..............................",
            c->ended, c->options->seeds, c->failed, (double)c->ended / (now - c->began));
}

static void clear_progress(const struct campaign *c) {
    if (!c->options->is_quiet && isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
}

static void tell_failure(struct campaign *c, const struct run *run) {
    clear_progress(c);
    printf("seed %" PRIu64 " %s\n", run->seed, describe_run(run));
    show_output(run);
    print_command(c->options, run->seed, c->options->only);
    fflush(stdout);
}

/* A program that is not simulated would pass all seeds and show nothing. */
static void tell_not_simulated(struct campaign *c) {
    clear_progress(c);
    fprintf(stderr,
            "zio-sim: the program made no simulated runtime: it left no line with a seed. "
            "(Does it ask for a backend by number?)\n");
    c->is_broken = c->is_over = true;
}

static void end_of(struct campaign *c, struct run *run) {
    read_run(run);
    read_hopes(&c->seen, c->hopes[run - c->runs]);
    c->ended++;
    c->events += run->events;
    c->virtual_seconds += (double)run->virtual_ns / 1e9;
    if (has_failed(run)) {
        c->failed++;
        if (c->failed <= 10) tell_failure(c, run);
        if (!c->options->goes_on) c->is_over = true;
    } else if (!run->has_line && !c->is_broken) {
        tell_not_simulated(c);
    }
    close_run(run);
    run->process = 0;
}

static bool start_more(struct campaign *c) {
    bool is_any = false;
    for (unsigned i = 0; i < c->options->jobs; i++) {
        struct run *const run = &c->runs[i];
        if (run->process == 0 && !c->is_over && c->next < c->options->seeds) {
            if (!start_run(run, c->options, c->options->seed + c->next, false, NULL, c->hopes[i])) {
                run->process = 0;
                c->is_broken = c->is_over = true;
                continue;
            }
            c->next++;
        }
        is_any |= run->process != 0;
    }
    return is_any;
}

/* Until a child ends, or a tenth of a second. */
static void wait_for_some(struct campaign *c) {
    const struct timespec moment = {0, 100000000};
    sigset_t ends;
    int status;
    pid_t ended;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigtimedwait(&ends, NULL, &moment);
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < c->options->jobs; i++) {
            if (c->runs[i].process != ended) continue;
            c->runs[i].status = status;
            end_of(c, &c->runs[i]);
        }
    }
    for (unsigned i = 0; i < c->options->jobs; i++) {
        struct run *const run = &c->runs[i];
        if (run->process == 0 || run->took_too_long || seconds_now() < run->end) continue;
        run->took_too_long = true;
        kill(run->process, SIGKILL);
    }
}

int run_seeds(const struct options *options) {
    struct campaign c = {.options = options, .began = seconds_now()};
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    c.runs = calloc(options->jobs, sizeof *c.runs);
    c.hopes = calloc(options->jobs, sizeof *c.hopes);
    if (c.runs == NULL || c.hopes == NULL) {
        fprintf(stderr, "zio-sim: out of memory\n");
        return 2;
    }
    for (unsigned i = 0; i < options->jobs; i++) {
        if (!make_file(c.hopes[i], sizeof *c.hopes)) return 2;
    }
    while (start_more(&c)) {
        wait_for_some(&c);
        show_progress(&c);
    }
    clear_progress(&c);
    const double span = seconds_now() - c.began;
    printf("%" PRIu64 " seeds from %" PRIu64 ": %" PRIu64 " failed; %" PRIu64
           " events, %.0f virtual seconds in %.1f s\n",
           c.ended, options->seed, c.failed, c.events, c.virtual_seconds, span);
    print_hopes(&c.seen);
    free(c.runs);
    free(c.hopes);
    free_hopes(&c.seen);
    return c.is_broken ? 2 : c.failed != 0;
}
