/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "forks.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/sim/hopes.h"
#include "tools/sim/run.h"

/* Fewer seeds than these need not reach every place. */
enum { PATIENCE_S = 60, ENOUGH_SEEDS = 2000, MOST_TOLD = 10 };

/* In the child. */
static void become_run(const struct program *program, const struct run *run, const char *hopes) {
    const struct rlimit none = {0, 0};
    char number[32];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    alarm(PATIENCE_S);
    dup2(run->output, STDOUT_FILENO);
    dup2(run->output, STDERR_FILENO);
    snprintf(number, sizeof number, "%" PRIu64, run->seed);
    setenv("ZIO_SEED", number, 1);
    setenv("ZIO_BACKEND", "sim", 1);
    if (hopes != NULL) setenv("ZIO_SIM_HOPES", hopes, 1);
    choose_weather(program, run->seed);
    exit(run_program(program));
}

/* False: there is no process, and it was said. `run` is to be closed otherwise. */
static bool fork_run(const struct program *program, uint64_t seed, const char *hopes,
                     struct run *run) {
    memset(run, 0, sizeof *run);
    run->seed = seed;
    run->output = memfd_create("output", MFD_CLOEXEC);
    fflush(NULL);
    run->process = run->output >= 0 ? fork() : -1;
    if (run->process == 0) become_run(program, run, hopes);
    if (run->process < 0 || waitpid(run->process, &run->status, 0) != run->process) {
        perror("seeds");
        close_run(run);
        return false;
    }
    read_run(run);
    return true;
}

static void tell_failure(const struct program *program, const struct run *run, const char *self) {
    fflush(stdout);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* where show_output() prints */
    printf("%s: seed %" PRIu64 " %s\n", program->name, run->seed, describe_run(run));
    show_output(run);
    printf("  ZIO_BACKEND=sim ZIO_SEED=%" PRIu64 " %s %s%s\n", run->seed, self, program->name,
           is_planted ? " --bug" : "");
    fflush(stdout);
}

static unsigned tell_hopes(const struct program *program, const struct hopes *hopes) {
    unsigned never = 0;
    for (unsigned i = 0; i < hopes->count; i++) {
        if (hopes->all[i].true_count > 0) continue;
        fprintf(stderr, "%s: never true: %s\n", program->name, hopes->all[i].text);
        never++;
    }
    return never;
}

int run_seeds(const struct program *program, uint64_t first, uint64_t count, const char *self) {
    const double began = seconds_now();
    const int out = dup(STDOUT_FILENO);
    uint64_t events = 0, failed = 0;
    struct hopes seen = {0};
    char hopes[100];
    struct run run;
    if (out < 0 || !make_file(hopes, sizeof hopes)) return 2;
    for (uint64_t i = 0; i < count; i++) {
        if (!fork_run(program, first + i, hopes, &run)) return 2;
        read_hopes(&seen, hopes);
        events += run.events;
        if (has_failed(&run) || !run.has_line) {
            if (failed++ < MOST_TOLD) tell_failure(program, &run, self);
        }
        close_run(&run);
    }
    if (count >= ENOUGH_SEEDS) failed += tell_hopes(program, &seen);
    dprintf(out, "%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.1f\n", program->name, count, events,
            failed, seconds_now() - began);
    close(out);
    free_hopes(&seen);
    drop_files();
    return failed != 0;
}

int find_failure(const struct program *program, uint64_t first, uint64_t count) {
    struct run run;
    for (uint64_t i = 0; i < count; i++) {
        if (!fork_run(program, first + i, NULL, &run)) return 2;
        close_run(&run);
        if (!has_failed(&run)) continue;
        printf("%s: seed %" PRIu64 " %s\n", program->name, run.seed, describe_run(&run));
        return 0;
    }
    printf("%s: none of %" PRIu64 " seeds fails\n", program->name, count);
    return 1;
}

int replay_seed(const struct program *program, uint64_t seed, uint64_t count) {
    struct run run;
    uint64_t hash = 0, events = 0, same = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!fork_run(program, seed, NULL, &run)) return 2;
        if (i == 0) {
            hash = run.hash;
            events = run.events;
        }
        same += run.has_line && !has_failed(&run) && run.hash == hash && run.events == events;
        close_run(&run);
    }
    printf("%s: %" PRIu64 " of %" PRIu64 " replays of seed %" PRIu64 " have the hash %016" PRIx64
           "\n",
           program->name, same, count, seed, hash);
    return same != count || count == 0;
}

int print_hashes(const struct program *program, uint64_t first, uint64_t count) {
    struct run run;
    int status = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!fork_run(program, first + i, NULL, &run)) return 2;
        printf("%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%016" PRIx64 "\n", program->name, run.seed,
               run.events, run.virtual_ns, run.hash);
        status |= has_failed(&run) || !run.has_line;
        close_run(&run);
    }
    return status;
}
