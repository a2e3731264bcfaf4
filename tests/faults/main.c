/* SPDX-License-Identifier: MIT */
/* The scenarios as one program:
 *   faults sites              what can fail, and with which errors
 *   faults list               the scenarios
 *   faults run NAME [PLAN]    one of them, in this process
 *   faults serve              one line "LIMIT_MS NAME PLAN" in, one line about it out, each in a
 *                             process of its own
 * A line about a run has the verdict and what belongs to it, separated by tabs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scenarios.h"

const struct scenario scenarios[] = {
    {"life", scenario_life, false},       {"spawn", scenario_spawn, false},
    {"group", scenario_group, false},     {"tcp", scenario_tcp, false},
    {"unix", scenario_unix, false},       {"timers", scenario_timers, false},
    {"threads", scenario_threads, false}, {"fallback", scenario_fallback, true},
    {"fork", scenario_fork, false},       {"buffered", scenario_buffered, false},
    {"storm", scenario_storm, false},     {"dump", scenario_dump, false},
    {"crew", scenario_crew, false},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];

static unsigned entries_of(const char *path) {
    DIR *folder = opendir(path);
    unsigned count = 0;
    if (folder == NULL) return 0;
    while (readdir(folder) != NULL) ++count;
    closedir(folder);
    return count;
}

static unsigned thread_count(void) {
    return entries_of("/proc/self/task") - 2;
}

/* A thread that was joined may be listed a moment longer. */
static unsigned settled_thread_count(unsigned wanted) {
    unsigned count = thread_count();
    for (int i = 0; count > wanted && i < 200; ++i) {
        const struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
        count = thread_count();
    }
    return count;
}

static void print_counts(FILE *out) {
    const char *between = "";
    for (size_t i = 0; i < faults_site_count(); ++i) {
        if (faults_calls(i) == 0) continue;
        fprintf(out, "%s%s=%llu", between, faults_site_name(i),
                (unsigned long long)faults_calls(i));
        between = ",";
    }
}

/* Once with the plan, once without, and what is left then. */
static void run(const struct scenario *scenario, const char *plan, FILE *out) {
    const unsigned threads = thread_count();
    const bool only_counts = strcmp(plan, "count") == 0;
    if (!faults_begin(plan)) {
        fprintf(out, "error\tno plan: %s\n", plan);
        return;
    }
    trial.patient = only_counts;
    scenario->run();
    faults_stop();
    const unsigned long long failed = faults_failed();
    char first[sizeof trial.error];
    memcpy(first, trial.error, sizeof first);
    trial.error[0] = '\0';
    trial.patient = true;
    scenario->run();
    /* Tables that are made when they are first needed, and stay: some runs need more of them. */
    scenario_spawn();
    const unsigned threads_after = settled_thread_count(threads);
    const int leaks =
        __lsan_do_recoverable_leak_check != NULL ? __lsan_do_recoverable_leak_check() : 0;
    if (trial.broken[0] != '\0') {
        fprintf(out, "broken\t%s\n", trial.broken);
    } else if (trial.error[0] != '\0') {
        fprintf(out, "again\t%s\n", trial.error);
    } else if (leaks != 0) {
        fprintf(out, "leak\tmemory\n");
    } else {
        fprintf(out, "%s\t%s\t%llu\tdescriptors=%u blocks=%lld mappings=%lld threads=%d\t",
                first[0] != '\0' ? "error" : "success", first, failed, entries_of("/proc/self/fd"),
                (long long)faults_blocks(), (long long)faults_mappings(),
                (int)(threads_after - threads));
        print_counts(out);
        fprintf(out, "\n");
    }
}

static const struct scenario *scenario_of(const char *name) {
    for (size_t i = 0; i < scenario_count; ++i) {
        if (strcmp(scenarios[i].name, name) == 0) return &scenarios[i];
    }
    return NULL;
}

/* --- the server ----------------------------------------------------------------------------- */

/* What the child said last, for whoever reads about its end. */
static void print_last_words(int said) {
    char text[2048];
    const ssize_t size = pread(said, text, sizeof text - 1, 0);
    if (size <= 0) return;
    text[size] = '\0';
    const char *at = strstr(text, "zio: ");
    if (at == NULL) at = strstr(text, "ERROR: ");
    if (at == NULL) at = text;
    for (; *at != '\0' && *at != '\n'; ++at) putchar(*at == '\t' ? ' ' : *at);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The child's line, if it comes in time. */
static bool read_line(int from, int64_t until, char *line, size_t size) {
    size_t length = 0;
    while (length < size - 1) {
        const int64_t rest = until - now_ms();
        struct pollfd waiting = {from, POLLIN, 0};
        if (rest <= 0 || poll(&waiting, 1, (int)rest) <= 0) return false;
        const ssize_t got = read(from, line + length, size - 1 - length);
        if (got <= 0) break;
        length += (size_t)got;
    }
    line[length] = '\0';
    return true;
}

static void serve_one(const struct scenario *scenario, const char *plan, long limit_ms, int said) {
    int ends[2];
    int status = 0;
    static char line[8192];
    if (ftruncate(said, 0) != 0 || pipe2(ends, O_CLOEXEC) != 0) exit(2);
    const pid_t child = fork();
    if (child < 0) exit(2);
    if (child == 0) {
        setpgid(0, 0); /* what it forks ends with it */
        const int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(nowhere, 0);
        dup2(said, 2);
        lseek(2, 0, SEEK_SET);
        FILE *out = fdopen(ends[1], "w");
        run(scenario, plan, out);
        fclose(out);
        _exit(0);
    }
    close(ends[1]);
    setpgid(child, child);
    const bool is_over = read_line(ends[0], now_ms() + limit_ms, line, sizeof line);
    close(ends[0]);
    if (!is_over) kill(-child, SIGKILL);
    while (waitpid(child, &status, 0) < 0) {
    }
    kill(-child, SIGKILL); /* what it forked and left behind */
    if (!is_over) {
        printf("hang\t");
    } else if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0 || line[0] == '\0') {
        printf("crash\t%d ", WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status));
    } else {
        fputs(line, stdout);
        fflush(stdout);
        return;
    }
    print_last_words(said);
    printf("\n");
    fflush(stdout);
}

static int serve(void) {
    char line[512];
    const int said = memfd_create("said", MFD_CLOEXEC);
    if (said < 0) return 2;
    while (fgets(line, sizeof line, stdin) != NULL) {
        char name[32];
        char plan[256];
        long limit_ms;
        if (sscanf(line, "%ld %31s %255s", &limit_ms, name, plan) != 3) return 2;
        const struct scenario *scenario = scenario_of(name);
        if (scenario == NULL) return 2;
        serve_one(scenario, plan, limit_ms, said);
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "sites") == 0) {
        faults_print_sites();
        return 0;
    }
    if (strcmp(what, "list") == 0) {
        for (size_t i = 0; i < scenario_count; ++i) {
            printf("%s %d\n", scenarios[i].name, scenarios[i].any_backend);
        }
        return 0;
    }
    if (strcmp(what, "serve") == 0) return serve();
    const struct scenario *scenario = argc > 2 ? scenario_of(argv[2]) : NULL;
    if (strcmp(what, "run") == 0 && scenario != NULL) {
        run(scenario, argc > 3 ? argv[3] : "count", stdout);
        return 0;
    }
    fprintf(stderr, "usage: faults sites | list | run NAME [PLAN] | serve\n");
    return 2;
}
