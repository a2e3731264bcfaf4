/* SPDX-License-Identifier: MIT */
/* The limits of the process and of the system, as they are. What follows from them for many tasks
 * stands in the sections about those. */
#define _GNU_SOURCE

#include <inttypes.h>
#include <sys/resource.h>

#include "doctor.h"
#include "system.h"

static const struct {
    const char *name;
    int resource;
    bool is_bytes;
} limits[] = {
    {"nofile", RLIMIT_NOFILE, false}, {"as", RLIMIT_AS, true},
    {"data", RLIMIT_DATA, true},      {"nproc", RLIMIT_NPROC, false},
    {"core", RLIMIT_CORE, true},      {"memlock", RLIMIT_MEMLOCK, true},
};

struct limit_text {
    char text[32];
};

static struct limit_text limit_text(rlim_t limit, bool is_bytes) {
    struct limit_text text;
    if (limit == RLIM_INFINITY) {
        (void)snprintf(text.text, sizeof text.text, "unlimited");
    } else if (is_bytes) {
        (void)snprintf(text.text, sizeof text.text, "%s", size_text(limit).text);
    } else {
        (void)snprintf(text.text, sizeof text.text, "%" PRIu64, (uint64_t)limit);
    }
    return text;
}

static void report_resources(struct report *report) {
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct rlimit limit;
        if (getrlimit(limits[i].resource, &limit) != 0) continue;
        const struct limit_text now = limit_text(limit.rlim_cur, limits[i].is_bytes);
        const struct limit_text most = limit_text(limit.rlim_max, limits[i].is_bytes);
        const bool is_most = limit.rlim_cur == limit.rlim_max;
        struct finding *finding =
            report_add(report, limits[i].name, VERDICT_OK, "%s%s%s", now.text,
                       is_most ? "" : ", can be raised to ", is_most ? "" : most.text);
        if (limit.rlim_cur != RLIM_INFINITY) finding_value(finding, limit.rlim_cur);
    }
}

static void report_overcommit(struct report *report) {
    uint64_t mode, ratio = 0;
    if (!read_number("/proc/sys/vm/overcommit_memory", &mode)) return;
    (void)read_number("/proc/sys/vm/overcommit_ratio", &ratio);
    struct finding *finding =
        mode == 2 ? report_add(report, "overcommit", VERDICT_WARN,
                               "vm.overcommit_memory is 2, vm.overcommit_ratio %" PRIu64
                               ": the whole of every stack counts as memory",
                               ratio)
                  : report_add(report, "overcommit", VERDICT_OK,
                               "vm.overcommit_memory is %" PRIu64
                               ": of a stack only what is touched counts",
                               mode);
    finding_value(finding, mode);
    if (mode == 2) finding_fix(finding, "sysctl -w vm.overcommit_memory=0");
}

static void report_number(struct report *report, const char *name, const char *setting,
                          const char *path) {
    uint64_t number;
    if (!read_number(path, &number)) return;
    finding_value(report_add(report, name, VERDICT_OK, "%s is %" PRIu64, setting, number), number);
}

static void report_backlog(struct report *report) {
    const uint64_t least = 1024;
    uint64_t backlog;
    if (!read_number("/proc/sys/net/core/somaxconn", &backlog)) return;
    const bool is_small = backlog < least;
    struct finding *finding =
        report_add(report, "somaxconn", is_small ? VERDICT_WARN : VERDICT_OK,
                   "net.core.somaxconn is %" PRIu64 "%s", backlog,
                   is_small ? ": of more clients that come at once, some are turned away" : "");
    finding_value(finding, backlog);
    if (is_small) finding_fix(finding, "sysctl -w net.core.somaxconn=4096");
}

void doctor_limits(struct report *report) {
    report_section(report, "limits", "limits");
    report_resources(report);
    report_number(report, "max_map_count", "vm.max_map_count", "/proc/sys/vm/max_map_count");
    report_overcommit(report);
    report_number(report, "pid_max", "kernel.pid_max", "/proc/sys/kernel/pid_max");
    report_number(report, "threads_max", "kernel.threads-max", "/proc/sys/kernel/threads-max");
    report_backlog(report);
}
