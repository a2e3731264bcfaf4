/* SPDX-License-Identifier: MIT */
/* One command for all programs. A run of one, as `zio-sim` starts it:
 *   ZIO_BACKEND=sim ZIO_SEED=42 seeds PROGRAM [--bug]
 * And many, each in a process forked from one that is ready, which takes a fraction of the time:
 *   seeds --run PROGRAM FIRST COUNT [--bug]    a line of results; failures on standard error
 *   seeds --find PROGRAM FIRST COUNT [--bug]   until one fails
 *   seeds --replay PROGRAM SEED COUNT          one seed again and again: one hash
 *   seeds --hashes PROGRAM FIRST COUNT         a line for each seed
 *   seeds --list */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>

#include "forks.h"
#include "kit.h"

extern const struct program accept_storm, cancel_chain, close_races, connect_cancel, echo_crowd,
    exactly_once, group_tree, line_protocol, numbered_bytes, park_permits, relay_chat, scopes,
    spawn_join, unix_pairs;
const struct program *const programs[] = {
    &accept_storm, &cancel_chain, &close_races,   &connect_cancel, &echo_crowd,
    &exactly_once, &group_tree,   &line_protocol, &numbered_bytes, &park_permits,
    &relay_chat,   &scopes,       &spawn_join,    &unix_pairs};
const unsigned program_count = sizeof programs / sizeof *programs;

static int complain(void) {
    fprintf(stderr,
            "usage: seeds PROGRAM [--bug]\n"
            "       seeds --run|--find|--replay|--hashes PROGRAM FIRST COUNT [--bug]\n"
            "       seeds --list\n");
    return 2;
}

static const struct program *find_program(const char *name) {
    for (unsigned i = 0; i < program_count; i++) {
        if (strcmp(programs[i]->name, name) == 0) return programs[i];
    }
    return NULL;
}

static bool read_number(const char *text, uint64_t *out) {
    char *end;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

/* As its own process, like any program. */
static int run_once(const struct program *program) {
    const char *const text = getenv("ZIO_SEED");
    uint64_t seed = 1;
    if (text != NULL && !read_number(text, &seed)) return complain();
    setenv("ZIO_SEED", "1", 0);
    setenv("ZIO_BACKEND", "sim", 0);
    choose_weather(program, seed);
    return run_program(program);
}

int main(int argc, char **argv) {
    uint64_t first, count;
    if (argc > 1 && strcmp(argv[argc - 1], "--bug") == 0) {
        is_planted = true;
        argc--;
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (unsigned i = 0; i < program_count; i++) puts(programs[i]->name);
        return 0;
    }
    const struct program *const program = find_program(argc > 2   ? argv[2]
                                                       : argc > 1 ? argv[1]
                                                                  : "");
    if (program == NULL) return complain();
    if (argc == 2) return run_once(program);
    if (argc != 5 || !read_number(argv[3], &first) || !read_number(argv[4], &count)) {
        return complain();
    }
    if (strcmp(argv[1], "--run") == 0) return run_seeds(program, first, count, argv[0]);
    if (strcmp(argv[1], "--find") == 0) return find_failure(program, first, count);
    if (strcmp(argv[1], "--replay") == 0) return replay_seed(program, first, count);
    if (strcmp(argv[1], "--hashes") == 0) return print_hashes(program, first, count);
    return complain();
}
