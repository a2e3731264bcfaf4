/* SPDX-License-Identifier: MIT */
#include "doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, SAMPLED_TASKS = 2048 };

struct options {
    uint64_t tasks;
    uint64_t connections;
    bool tries;
    bool is_json;
    bool wants_help;
};

static void print_usage(FILE *to) {
    fprintf(to,
            "usage: zio doctor [OPTION]...\n"
            "What this machine offers libzio, and what would fail.\n"
            "  --tasks N        judge for so many tasks (1000000)\n"
            "  --connections N  and for so many connections (as many as tasks)\n"
            "  --try            really park so many tasks\n"
            "  --json           the same for scripts\n"
            "  --help           this text\n"
            "Status: 0 all well, 1 something would fail, 2 wrong usage or the library\n"
            "cannot run at all.\n");
}

static bool take_number(const char *text, uint64_t *value) {
    const uint64_t most = 1000000000;
    char *end;
    if (text == NULL || *text < '0' || *text > '9') return false;
    *value = strtoull(text, &end, 10);
    return *end == '\0' && *value <= most;
}

/* Both `--tasks 10` and `--tasks=10` are understood. */
static bool take_options(struct options *options, int argc, char **argv) {
    bool has_connections = false;
    for (int i = 1; i < argc; i++) {
        char name[32] = "";
        const char *value = strchr(argv[i], '=');
        const size_t length = value != NULL ? (size_t)(value - argv[i]) : strlen(argv[i]);
        if (length < sizeof name) memcpy(name, argv[i], length);
        bool *const flag = strcmp(name, "--try") == 0    ? &options->tries
                           : strcmp(name, "--json") == 0 ? &options->is_json
                           : strcmp(name, "--help") == 0 ? &options->wants_help
                                                         : NULL;
        bool taken = flag != NULL && value == NULL;
        if (taken) *flag = true;
        const bool is_tasks = strcmp(name, "--tasks") == 0;
        if (is_tasks || strcmp(name, "--connections") == 0) {
            value = value != NULL ? value + 1 : i + 1 < argc ? argv[++i] : NULL;
            taken = take_number(value, is_tasks ? &options->tasks : &options->connections);
            has_connections = has_connections || !is_tasks;
        }
        if (!taken) {
            fprintf(stderr, "zio doctor: cannot make sense of '%s'\n", argv[i]);
            return false;
        }
    }
    if (!has_connections) options->connections = options->tasks;
    return true;
}

static void examine(struct report *report, const struct options *options) {
    report->tasks = options->tasks;
    report->connections = options->connections;
    doctor_backends(report);
    doctor_kernel(report);
    doctor_processors(report);
    doctor_limits(report);
    doctor_environment(report);
    if (report->is_unusable) return;
    const struct parking *sample = park_tasks(SAMPLED_TASKS);
    doctor_tasks(report, sample);
    doctor_connections(report, sample);
    if (options->tries) doctor_try(report);
}

int doctor_main(int argc, char **argv) {
    static struct report report;
    struct options options = {.tasks = 1000000};
    if (!take_options(&options, argc, argv)) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (options.wants_help) {
        print_usage(stdout);
        return 0;
    }
    examine(&report, &options);
    if (options.is_json) {
        report_print_json(&report, stdout);
    } else {
        report_print_text(&report, stdout);
    }
    return report_status(&report);
}
