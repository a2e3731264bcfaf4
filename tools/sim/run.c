/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[64];
static unsigned file_count;

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool make_file(char *path, unsigned long size) {
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "/tmp/zio-sim-XXXXXX");
        if (mkdtemp(folder) == NULL) {
            perror("zio-sim: /tmp");
            folder[0] = '\0';
            return false;
        }
    }
    snprintf(path, size, "%s/%u", folder, file_count++);
    return true;
}

void drop_files(void) {
    char path[100];
    for (; file_count > 0; file_count--) {
        snprintf(path, sizeof path, "%s/%u", folder, file_count - 1);
        unlink(path);
    }
    if (folder[0] != '\0') rmdir(folder);
    folder[0] = '\0';
}

static void set_variable(const char *name, const char *value) {
    if (value != NULL) setenv(name, value, 1);
}

/* Ours comes first: what stands in front of it would hide who asks. */
static void set_preload(const char *path) {
    const char *const others = getenv("LD_PRELOAD");
    char all[8192];
    if (path == NULL) return;
    const bool is_alone = others == NULL || *others == '\0';
    snprintf(all, sizeof all, "%s%s%s", path, is_alone ? "" : ":", is_alone ? "" : others);
    setenv("LD_PRELOAD", all, 1);
}

/* In the child. */
static void become_program(const struct options *options, uint64_t seed, const char *trace,
                           const char *hopes) {
    char number[32];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(number, sizeof number, "%" PRIu64, seed);
    setenv("ZIO_BACKEND", "sim", 1);
    setenv("ZIO_SEED", number, 1);
    set_variable("ZIO_SIM_FAULTS", options->faults);
    set_variable("ZIO_SIM_OFF", options->off);
    set_variable("ZIO_SIM_CALM", options->calm);
    set_variable("ZIO_SIM_LIMIT", options->limit);
    set_variable("ZIO_SIM_ONLY", options->only);
    set_variable("ZIO_SIM_TRACE", trace);
    set_variable("ZIO_SIM_HOPES", hopes);
    set_preload(options->preload);
    execvp(options->program[0], options->program);
    fprintf(stderr, "zio-sim: %s: %s\n", options->program[0], strerror(errno));
    _exit(127);
}

bool start_run(struct run *run, const struct options *options, uint64_t seed, bool shown,
               const char *trace, const char *hopes) {
    memset(run, 0, sizeof *run);
    run->seed = seed;
    run->output = shown ? -1 : memfd_create("output", MFD_CLOEXEC);
    run->end = seconds_now() + options->patience;
    fflush(NULL);
    run->process = shown || run->output >= 0 ? fork() : -1;
    if (run->process < 0) {
        perror("zio-sim");
        close_run(run);
        return false;
    }
    if (run->process > 0) return true;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!shown) {
        dup2(run->output, STDOUT_FILENO);
        dup2(run->output, STDERR_FILENO);
        const int nothing = open("/dev/null", O_RDONLY);
        if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    }
    become_program(options, seed, trace, hopes);
    return false;
}

void close_run(struct run *run) {
    if (run->output >= 0) close(run->output);
    run->output = -1;
}

/* The last line of the library, if the file ends with one or has one near its end. */
static void read_line_of_library(struct run *run, const char *text) {
    const char *line = NULL, *at = text;
    while ((at = strstr(at, "zio-sim: seed=")) != NULL) line = at++;
    if (line == NULL) return;
    uint64_t seed;
    int used = 0;
    if (sscanf(line,
               "zio-sim: seed=%" SCNu64 " events=%" SCNu64 " virtual_ns=%" SCNu64 " hash=%" SCNx64
               "%n",
               &seed, &run->events, &run->virtual_ns, &run->hash, &used) != 4) {
        return;
    }
    run->has_line = true;
    if (strncmp(line + used, " stopped=", 9) != 0) return;
    line += used + 9;
    snprintf(run->verdict, sizeof run->verdict, "%.*s", (int)strcspn(line, "\n"), line);
}

void read_run(struct run *run) {
    static char text[1 << 16];
    const off_t size = run->output >= 0 ? lseek(run->output, 0, SEEK_END) : 0;
    if (size <= 0) return;
    const off_t from = size < (off_t)sizeof text ? 0 : size - (off_t)sizeof text + 1;
    const ssize_t got = pread(run->output, text, sizeof text - 1, from);
    text[got > 0 ? got : 0] = '\0';
    read_line_of_library(run, text);
}

bool whole_run(struct run *run, const struct options *options, uint64_t seed, bool shown,
               const char *trace) {
    if (!start_run(run, options, seed, shown, trace, NULL)) return false;
    while (waitpid(run->process, &run->status, WNOHANG) == 0) {
        const struct timespec moment = {0, 1000000};
        nanosleep(&moment, NULL);
        if (shown || run->took_too_long || seconds_now() < run->end) continue;
        run->took_too_long = true;
        kill(run->process, SIGKILL);
    }
    read_run(run);
    return true;
}

bool has_failed(const struct run *run) {
    return run->took_too_long || run->status != 0 || run->verdict[0] != '\0';
}

const char *describe_run(const struct run *run) {
    static char text[300];
    if (run->took_too_long) return "took too long, in real time (see --timeout)";
    if (strcmp(run->verdict, "limit") == 0) return "had not ended in time (see --limit)";
    if (run->verdict[0] != '\0') {
        snprintf(text, sizeof text, "does not hold: %s",
                 run->verdict + (strncmp(run->verdict, "always ", 7) == 0 ? 7 : 0));
    } else if (WIFSIGNALED(run->status)) {
        snprintf(text, sizeof text, "ended by signal %d (%s)", WTERMSIG(run->status),
                 strsignal(WTERMSIG(run->status)));
    } else {
        snprintf(text, sizeof text, "ended with status %d", WEXITSTATUS(run->status));
    }
    return text;
}

void show_output(const struct run *run) {
    char line[4096];
    const int copy = run->output >= 0 ? dup(run->output) : -1;
    FILE *file = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (file == NULL) return;
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "zio-sim: seed=", 14) == 0) continue;
        printf("  | %s%s", line, strchr(line, '\n') != NULL ? "" : "\n");
    }
    fclose(file);
}

static void print_variable(const char *name, const char *value) {
    if (value != NULL) printf("%s='%s' ", name, value);
}

void print_command(const struct options *options, uint64_t seed, const char *only) {
    printf("  ZIO_BACKEND=sim ZIO_SEED=%" PRIu64 " ", seed);
    print_variable("ZIO_SIM_FAULTS", options->faults);
    print_variable("ZIO_SIM_OFF", options->off);
    print_variable("ZIO_SIM_CALM", options->calm);
    print_variable("ZIO_SIM_LIMIT", options->limit);
    print_variable("ZIO_SIM_ONLY", only);
    print_variable("LD_PRELOAD", options->preload);
    for (char **word = options->program; *word != NULL; word++) {
        const bool is_plain = (*word)[strcspn(*word, " \t'\"$&|;<>()*?\\`")] == '\0';
        printf(is_plain ? "%s%s" : "'%s'%s", *word, word[1] != NULL ? " " : "\n");
    }
}
