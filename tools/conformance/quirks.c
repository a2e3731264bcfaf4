/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "quirks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

struct quirk {
    const char *name;
    const char *since;
    const char *until;
    const char *what;
    const char *shown_by;
    enum answer (*probe)(void);
};

static const struct quirk quirks[] = {
#define QUIRK(name, since, until, what, shown_by) \
    {#name, since, until, what, shown_by, probe_##name},
#include "quirks.inc"
#undef QUIRK
};
enum { COUNT = sizeof quirks / sizeof quirks[0], PROBE_SECONDS = 20 };

static enum answer ask_kernel(const struct quirk *quirk) {
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0) return CANNOT_TELL;
    if (child == 0) {
        (void)alarm(PROBE_SECONDS);
        _exit((int)quirk->probe());
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    const bool is_answer = WIFEXITED(status) && WEXITSTATUS(status) <= CANNOT_TELL;
    return is_answer ? (enum answer)WEXITSTATUS(status) : CANNOT_TELL;
}

/* 6.13 is more than 6.2; other systems have no such versions. */
static bool is_at_least(const char *version) {
    struct utsname system;
    unsigned own[2] = {0, 0}, wanted[2] = {0, 0};
    memset(&system, 0, sizeof system);
    if (uname(&system) != 0 || strcmp(system.sysname, "Linux") != 0) return false;
    (void)sscanf(system.release, "%u.%u", &own[0], &own[1]);
    (void)sscanf(version, "%u.%u", &wanted[0], &wanted[1]);
    return own[0] != wanted[0] ? own[0] > wanted[0] : own[1] >= wanted[1];
}

static enum answer answer_of_table(const struct quirk *quirk) {
    if (quirk->since[0] != '-' && !is_at_least(quirk->since)) return NO;
    if (quirk->until[0] != '-' && is_at_least(quirk->until)) return NO;
    return YES;
}

/* How many backends see it in what a program gets. */
static unsigned count_differences(const struct quirk *quirk, const struct table *table) {
    static struct result result;
    const struct test_case *one = find_case(quirk->shown_by);
    unsigned count = 0;
    if (one == NULL) {
        printf("    there is no case %s\n", quirk->shown_by);
        return 1;
    }
    for (size_t i = 0; i < table->backend_count; i++) {
        run_case(one, table->backends[i], 0, &result);
        if (result.verdict != DIFFERS) continue;
        printf("    %s on %s: %s\n", one->name, table->backends[i]->name, result.text);
        count++;
    }
    return count;
}

static bool check_one(const struct quirk *quirk, const struct table *table, enum answer *kernel) {
    const enum answer expected = answer_of_table(quirk);
    *kernel = ask_kernel(quirk);
    /* Distributions bring new things to old kernels, but take nothing away. */
    const bool is_early = expected == NO && *kernel == YES && quirk->since[0] != '-';
    const bool is_right = *kernel == CANNOT_TELL || *kernel == expected || is_early;
    printf("%-32s %-7s %s\n", quirk->name,
           *kernel == YES  ? "yes"
           : *kernel == NO ? "no"
                           : "?",
           quirk->what);
    if (!is_right) {
        printf("    DIFFERS: since %s, until %s, so this kernel should%s\n", quirk->since,
               quirk->until, expected == YES ? "" : " not");
    }
    if (is_early) printf("    (in Linux since %s)\n", quirk->since);
    return count_differences(quirk, table) == 0 && is_right;
}

int check_quirks(const char *name, const struct table *table) {
    bool is_good = true;
    int found = 0, tried = 0;
    for (int i = 0; i < COUNT; i++) {
        enum answer kernel;
        if (name != NULL && strcmp(quirks[i].name, name) != 0) continue;
        found++;
        if (!check_one(&quirks[i], table, &kernel)) is_good = false;
        tried += kernel != CANNOT_TELL;
        fflush(stdout);
    }
    return found == 0 ? -1 : !is_good ? 0 : tried == 0 ? -2 : 1;
}
