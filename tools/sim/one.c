/* SPDX-License-Identifier: MIT */
/* `zio-sim replay` and `zio-sim timeline`: one seed, shown. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "commands.h"
#include "run.h"

int replay_seed(const struct options *options) {
    struct run run;
    if (!whole_run(&run, options, options->seed, true, options->trace)) return 2;
    if (run.status == 0) return 0;
    fprintf(stderr, "zio-sim: seed %" PRIu64 " %s\n", run.seed, describe_run(&run));
    return 1;
}

/* An instant, a word and the rest of the line become columns; a fault stands out. */
static void print_event(const char *line) {
    char when[32], what[32];
    int used = 0;
    if (sscanf(line, "%31s %31s %n", when, what, &used) != 2 || when[0] == '?') return;
    if (strcmp(what, "!") == 0) {
        printf("%16s  !! %s\n", when, line + used);
        return;
    }
    uint64_t who = 0;
    int64_t value = 0;
    if (sscanf(line + used, "%" SCNu64 " %" SCNd64, &who, &value) == 2) {
        printf("%16s  %-11s #%-6" PRIu64 " %" PRId64 "\n", when, what, who, value);
    }
}

int show_timeline(const struct options *options) {
    char path[100], line[300];
    struct run run;
    if (!make_file(path, sizeof path)) return 2;
    if (!whole_run(&run, options, options->seed, false, path)) return 2;
    FILE *const file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "zio-sim: the program left no trace: it made no simulated runtime\n");
        show_output(&run);
        return 2;
    }
    printf("%16s  %-11s %-7s %s\n", "virtual seconds", "event", "who", "result or size");
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        print_event(line);
    }
    fclose(file);
    printf("%" PRIu64 " events, seed %" PRIu64 " %s\n", run.events, run.seed, describe_run(&run));
    const int failed = has_failed(&run);
    close_run(&run);
    return failed;
}
