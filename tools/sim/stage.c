/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stage.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_PROGRAMS = 32, MAGIC = 0x7a696f31, FAILURE = 125 };

/* The beginning of the memory that the programs share; the library has the same in
 * core/loop/backends/simulated/stage.hpp. Pages of it cost something only when they are touched. */
struct stage {
    uint32_t magic;
    uint32_t program_count;
    uint8_t arrived[MOST_PROGRAMS];
    uint8_t left[MOST_PROGRAMS];
};
static const off_t stage_size = (off_t)1 << 32;

struct cast {
    struct stage *stage;
    int file;
    unsigned count;
    char **programs[MOST_PROGRAMS];
    pid_t processes[MOST_PROGRAMS]; /* 0: it has ended */
};

bool are_several(char *const *words) {
    for (; *words != NULL; words++) {
        if (strcmp(*words, "--") == 0) return true;
    }
    return false;
}

static bool complain(const char *what) {
    fprintf(stderr, "zio-sim: %s: %s\n", what, strerror(errno));
    return false;
}

static bool split(char **words, struct cast *cast) {
    char **word = words;
    cast->programs[cast->count++] = word;
    for (; *word != NULL; word++) {
        if (strcmp(*word, "--") != 0) continue;
        *word = NULL;
        if (word[1] == NULL || strcmp(word[1], "--") == 0 || cast->count == MOST_PROGRAMS) {
            fprintf(stderr, "zio-sim: a program is missing after --, or there are more than %d\n",
                    MOST_PROGRAMS);
            return false;
        }
        cast->programs[cast->count++] = word + 1;
    }
    return true;
}

static bool build_stage(struct cast *cast) {
    cast->file = memfd_create("zio-sim-world", MFD_CLOEXEC);
    if (cast->file < 0 || ftruncate(cast->file, stage_size) != 0) return complain("a world");
    cast->stage =
        mmap(NULL, sizeof *cast->stage, PROT_READ | PROT_WRITE, MAP_SHARED, cast->file, 0);
    if (cast->stage == MAP_FAILED) return complain("a world");
    cast->stage->magic = MAGIC;
    cast->stage->program_count = cast->count;
    return true;
}

static bool start(struct cast *cast, unsigned number) {
    char place[80];
    const pid_t manager = getpid();
    snprintf(place, sizeof place, "/proc/%ld/fd/%d:%u", (long)manager, cast->file, number);
    const pid_t process = fork();
    if (process < 0) return complain("a process");
    cast->processes[number] = process;
    if (process > 0) return true;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != manager) _exit(FAILURE);
    setenv("ZIO_SIM_WORLD", place, 1);
    execvp(cast->programs[number][0], cast->programs[number]);
    fprintf(stderr, "zio-sim: %s: %s\n", cast->programs[number][0], strerror(errno));
    _exit(127);
}

static void end_others(struct cast *cast) {
    for (unsigned i = 0; i < cast->count; i++) {
        if (cast->processes[i] == 0) continue;
        kill(cast->processes[i], SIGKILL);
        waitpid(cast->processes[i], NULL, 0);
        cast->processes[i] = 0;
    }
}

/* What is wrong with an end; NULL: nothing. */
static const char *judge(const struct cast *cast, unsigned number, int status) {
    if (cast->stage->left[number] != 0) {
        const bool was_asked = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
        return status == 0 || was_asked ? NULL : "failed";
    }
    if (status != 0) return "failed";
    return cast->stage->arrived[number] == 0 ? "ended and made no simulated runtime"
                                             : "ended without its exit handlers";
}

/* The next end; the status of this process if that decides it, else -1. */
static int await_one(struct cast *cast) {
    int status;
    const pid_t process = waitpid(-1, &status, 0);
    unsigned number = 0;
    if (process < 0) return errno == EINTR ? -1 : FAILURE;
    while (number < cast->count && cast->processes[number] != process) number++;
    if (number == cast->count) return -1;
    cast->processes[number] = 0;
    const char *const wrong = judge(cast, number, status);
    if (wrong == NULL) return -1;
    fprintf(stderr, "zio-sim: %s %s\n", cast->programs[number][0], wrong);
    end_others(cast);
    if (!WIFSIGNALED(status)) return status != 0 ? WEXITSTATUS(status) : FAILURE;
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    return FAILURE;
}

int play(char **words) {
    struct cast cast;
    memset(&cast, 0, sizeof cast);
    if (!split(words, &cast) || !build_stage(&cast)) return FAILURE;
    for (unsigned i = 0; i < cast.count; i++) {
        if (start(&cast, i)) continue;
        end_others(&cast);
        return FAILURE;
    }
    for (unsigned ended = 0; ended < cast.count; ended++) {
        const int status = await_one(&cast);
        if (status >= 0) return status;
    }
    return 0;
}
