/* SPDX-License-Identifier: MIT */
/* Runs one case on one backend, in a process of its own: what it leaves behind, a crash and a wait
 * without end included, is an outcome and not the end. */
#ifndef TOOLS_CONFORMANCE_RUNNER_H
#define TOOLS_CONFORMANCE_RUNNER_H

#include "suite.h"

enum { BACKENDS_MOST = 8, WORDS_SIZE = 256 };

struct backend {
    const char *name; /* as it was asked for: `auto` or a name */
    uint32_t number;  /* ZIO_BACKEND_* */
    bool is_usable;
    bool is_in_build;
    bool is_simulated;
    char in_use[32];        /* the name of what came of it */
    char words[WORDS_SIZE]; /* the library's reason, or why it cannot be had */
};

/* All that have a name; `auto` last. The list ends with one that has none. */
extern struct backend all_backends[];
struct backend *find_backend(const char *name);

/* Makes a runtime on it and fills in the rest. */
void examine_backend(struct backend *backend);

enum verdict {
    AGREES,
    DIFFERS,
    NOT_HERE /* the case makes no sense on this backend, or the machine lacks what it needs */
};

struct result {
    enum verdict verdict;
    char text[OUTCOME_SIZE];
};

/* `turn` becomes part of the seed, where there is one. */
void run_case(const struct test_case *one, const struct backend *backend, unsigned turn,
              struct result *result);

/* Calls `work(ud)` as the main task of a runtime in a process of its own and gives what it told. */
void run_alone(zio_task_fn work, void *ud, const struct backend *backend, unsigned turn,
               unsigned seconds, struct result *result);

#endif
