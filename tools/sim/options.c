/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload_path.h"

static bool complain(const char *command, const char *what, const char *which) {
    fprintf(stderr, "zio-sim %s: %s%s\n", command, what, which);
    return false;
}

static bool read_count(const char *text, uint64_t least, uint64_t *out) {
    char *end;
    if (text == NULL || *text < '0' || *text > '9') return false;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < least) return false;
    *out = number;
    return true;
}

static bool read_patience(const char *text, double *out) {
    char *end;
    if (text == NULL) return false;
    *out = strtod(text, &end);
    return *end == '\0' && end != text && *out > 0 && *out < 1e6;
}

static bool read_jobs(const char *text, unsigned *out) {
    uint64_t jobs;
    if (!read_count(text, 1, &jobs) || jobs > 1024) return false;
    *out = (unsigned)jobs;
    return true;
}

/* 2: it took the value, too. 1: a word alone. 0: unknown. -1: not with this value. */
static int take(const char *word, char *value, struct options *out) {
    const struct {
        const char *word;
        const char **place;
    } texts[] = {{"--faults", &out->faults}, {"--off", &out->off},   {"--calm", &out->calm},
                 {"--limit", &out->limit},   {"--only", &out->only}, {"--trace", &out->trace}};
    if (strcmp(word, "--keep-going") == 0) return out->goes_on = true, 1;
    if (strcmp(word, "--quiet") == 0) return out->is_quiet = true, 1;
    if (strcmp(word, "--preload") == 0) return out->wants_preload = true, 1;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(word, texts[i].word) != 0) continue;
        *texts[i].place = value;
        return value != NULL ? 2 : -1;
    }
    if (strcmp(word, "--seeds") == 0) return read_count(value, 1, &out->seeds) ? 2 : -1;
    if (strcmp(word, "--first") == 0) return read_count(value, 0, &out->seed) ? 2 : -1;
    if (strcmp(word, "--jobs") == 0) return read_jobs(value, &out->jobs) ? 2 : -1;
    if (strcmp(word, "--timeout") == 0) return read_patience(value, &out->patience) ? 2 : -1;
    return 0;
}

bool read_options(int argc, char **argv, bool seed_first, struct options *out) {
    const char *const command = argv[0];
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int at = 1;
    memset(out, 0, sizeof *out);
    out->seed = 1;
    out->seeds = 100;
    out->jobs = processors > 0 ? (unsigned)processors : 1;
    out->patience = 60;
    if (seed_first && (argc < 2 || !read_count(argv[at++], 0, &out->seed))) {
        return complain(command, "a seed is missing", "");
    }
    while (at < argc && strcmp(argv[at], "--") != 0) {
        const int taken = take(argv[at], at + 1 < argc ? argv[at + 1] : NULL, out);
        if (taken == 0) return complain(command, "unknown option ", argv[at]);
        if (taken < 0) return complain(command, "not a value for ", argv[at]);
        at += taken;
    }
    if (at + 1 >= argc) return complain(command, "a program is missing, after --", "");
    out->program = argv + at + 1;
    if (out->wants_preload) out->preload = find_preload();
    return !out->wants_preload || out->preload != NULL;
}
