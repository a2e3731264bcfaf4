/* SPDX-License-Identifier: MIT */
/* What as many tasks as asked for need: stacks, mappings and memory. How much one task needs was
 * seen in a sample, which the library itself ran. */
#define _GNU_SOURCE

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "cgroup.h"
#include "child.h"
#include "doctor.h"
#include "system.h"

/* The library keeps a fifth of the mappings for others, and the main task has a stack, too. */
static uint64_t tasks_of_mappings(uint64_t mappings) {
    const uint64_t stacks = mappings / 2 * 8 / 10;
    return stacks > 0 ? stacks - 1 : 0;
}
static uint64_t mappings_of_tasks(uint64_t tasks) {
    return ((tasks + 1) * 10 + 7) / 8 * 2;
}

static bool has_limit(int resource) {
    struct rlimit limit;
    return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* What keeps the address space for stacks small, and the line that changes it. */
static void fix_stacks(struct finding *finding, uint64_t stacks, uint64_t wanted) {
    uint64_t overcommit = 0;
    (void)read_number("/proc/sys/vm/overcommit_memory", &overcommit);
    if (has_limit(RLIMIT_AS)) {
        finding_fix(finding, "ulimit -v unlimited");
    } else if (has_limit(RLIMIT_DATA)) {
        finding_fix(finding, "ulimit -d unlimited");
    } else if (overcommit == 2) {
        finding_fix(finding, "sysctl -w vm.overcommit_memory=0");
    } else if (stacks != 0) {
        finding_fix(finding, "in the program: zio_rt_options_t.workers = %" PRIu64 ", or more",
                    (wanted + stacks - 1) / stacks);
    }
}

static bool is_by_rights(const struct parking *sample) {
    return sample->parked > 0 && sample->mappings >= sample->parked;
}

static bool has_ended(const struct parking *parking) {
    return parking->killed_by != 0 || parking->error != 0 || parking->is_stopped;
}
static bool met_mappings(const struct parking *parking) {
    return parking->error == ZIO_ESTACK && strstr(parking->detail, "mapping limit") != NULL;
}
static bool met_stacks(const struct parking *parking) {
    return parking->error == ZIO_ESTACK && !met_mappings(parking);
}

static void fix_mappings(struct finding *finding, uint64_t tasks) {
    if (has_guard_advice()) {
        finding_fix(finding, "unset ZIO_STACK_GUARD");
    } else {
        finding_fix(finding, "sysctl -w vm.max_map_count=%" PRIu64, mappings_of_tasks(tasks));
    }
}

/* What the parked tasks met themselves. */
static void report_end(struct report *report, const struct parking *parking, const char *name) {
    const bool enough = parking->parked >= report->tasks && parking->parked > 0;
    const enum verdict enough_verdict = parking->error == ZIO_ESTACK ? VERDICT_OK : VERDICT_WARN;
    const enum verdict verdict = enough ? enough_verdict : VERDICT_FAIL;
    struct finding *finding;
    if (parking->killed_by != 0) {
        finding = report_add(report, name, verdict, "after %" PRIu64 " tasks: %s", parking->parked,
                             signal_text(parking->killed_by).text);
    } else if (parking->is_stopped) {
        finding = report_add(report, name, verdict,
                             "stopped after %" PRIu64 " tasks: memory is almost used up",
                             parking->parked);
    } else {
        const char *detail = parking->detail;
        finding = report_add(report, name, verdict, "after %" PRIu64 " tasks %s gives %s%s%s",
                             parking->parked, parking->step, zio_err_name(parking->error),
                             detail[0] != '\0' ? ": " : "", detail);
    }
    finding_value(finding, parking->parked);
    finding_fails_at(finding, parking->parked);
    if (enough) return;
    if (met_mappings(parking)) fix_mappings(finding, report->tasks);
    if (met_stacks(parking)) fix_stacks(finding, parking->parked, report->tasks);
}

static void report_sample(struct report *report, const struct parking *sample) {
    if (has_ended(sample) && sample->error != ZIO_ESTACK) {
        report_end(report, sample, "sample");
        return;
    }
    finding_value(report_add(report, "sample", VERDICT_OK,
                             "%" PRIu64 " tasks were parked to see what one takes", sample->parked),
                  sample->parked);
}

static void report_stacks(struct report *report, const struct parking *sample) {
    uint64_t limit = 0;
    if (met_stacks(sample)) {
        report_end(report, sample, "stacks");
        return;
    }
    if (sample->stacks == 0) {
        report_add(report, "stacks", VERDICT_WARN,
                   "how many are reserved cannot be seen (is there a /proc?)");
        return;
    }
    const uint64_t tasks = sample->stacks - 1;
    /* Then no more are reserved than there may be mappings for. */
    const bool is_even = is_by_rights(sample) &&
                         read_number("/proc/sys/vm/max_map_count", &limit) &&
                         tasks >= tasks_of_mappings(limit);
    const bool enough = is_even || tasks >= report->tasks;
    struct finding *finding =
        report_add(report, "stacks", enough ? VERDICT_OK : VERDICT_FAIL,
                   "a worker reserves address space for %s%" PRIu64 " stacks of %s: %s",
                   enough ? "" : "only ", sample->stacks, size_text(sample->slot_bytes).text,
                   size_text(sample->stacks * sample->slot_bytes).text);
    finding_value(finding, sample->stacks);
    if (is_even) return;
    finding_fails_at(finding, tasks);
    if (!enough) fix_stacks(finding, tasks, report->tasks);
}

static void report_mappings(struct report *report, const struct parking *sample) {
    uint64_t limit;
    if (met_mappings(sample)) {
        report_end(report, sample, "mappings");
        return;
    }
    if (!read_number("/proc/sys/vm/max_map_count", &limit)) return;
    const uint64_t needed = mappings_of_tasks(report->tasks);
    if (!is_by_rights(sample)) {
        struct finding *finding =
            report_add(report, "mappings", VERDICT_OK,
                       "a stack's guard costs none (MADV_GUARD_INSTALL); by mprotect %" PRIu64
                       " tasks would need a vm.max_map_count of %" PRIu64 " (now %" PRIu64 ")",
                       report->tasks, needed, limit);
        finding_value(finding, limit);
        return;
    }
    const uint64_t tasks = tasks_of_mappings(limit);
    const bool enough = tasks >= report->tasks;
    struct finding *finding =
        report_add(report, "mappings", enough ? VERDICT_OK : VERDICT_FAIL,
                   "a stack's guard costs two: %" PRIu64
                   " tasks need a vm.max_map_count of %" PRIu64 ", and it is %" PRIu64,
                   report->tasks, needed, limit);
    finding_value(finding, limit);
    finding_fails_at(finding, tasks);
    if (!enough) fix_mappings(finding, report->tasks);
}

static void report_memory(struct report *report, const struct parking *sample) {
    const uint64_t available = available_memory();
    const struct cgroup_limit group = cgroup_memory();
    if (sample->bytes == 0 || sample->parked == 0 || available == 0) {
        report_add(report, "memory", VERDICT_WARN, "what a task takes cannot be seen");
        return;
    }
    const uint64_t each = sample->bytes / sample->parked;
    const uint64_t needed = each * report->tasks;
    const uint64_t tasks = available / each;
    const bool enough = tasks >= report->tasks;
    struct finding *finding =
        report_add(report, "memory", enough ? VERDICT_OK : VERDICT_FAIL,
                   "%" PRIu64 " bytes for each task that waits, %s for all; %s are available", each,
                   size_text(needed).text, size_text(available).text);
    finding_value(finding, each);
    finding_fails_at(finding, tasks);
    if (enough) return;
    if (group.found && group.left == available) {
        finding_fix(finding, "echo %" PRIu64 " >%s", group.limit - group.left + needed, group.file);
    } else {
        finding_fix(finding, "%s more memory or swap", size_text(needed - available).text);
    }
}

void doctor_tasks(struct report *report, const struct parking *sample) {
    report_section(report, "tasks", "at %" PRIu64 " tasks, in a runtime of one worker",
                   report->tasks);
    if (sample == NULL) {
        report_add(report, "sample", VERDICT_FAIL, "no memory to run one");
        return;
    }
    report_sample(report, sample);
    report_stacks(report, sample);
    report_mappings(report, sample);
    report_memory(report, sample);
}

void doctor_try(struct report *report) {
    report_section(report, "try", "%" PRIu64 " tasks, really parked", report->tasks);
    const struct parking *parking = park_tasks(report->tasks);
    if (parking == NULL) {
        report_add(report, "parked", VERDICT_FAIL, "no memory to try it");
        return;
    }
    if (has_ended(parking) || parking->parked < report->tasks) {
        report_end(report, parking, "parked");
    } else {
        const uint64_t tasks = parking->parked != 0 ? parking->parked : 1;
        finding_value(
            report_add(report, "parked", VERDICT_OK,
                       "all %" PRIu64 " waited, were canceled and ended; made in %" PRId64 " ms",
                       parking->parked, parking->filling_ns / 1000000),
            parking->parked);
        if (parking->bytes == 0) {
            report_add(report, "bytes_per_task", VERDICT_WARN, "what a task takes cannot be seen");
            return;
        }
        finding_value(report_add(report, "bytes_per_task", VERDICT_OK, "%" PRIu64 ", %s in all",
                                 parking->bytes / tasks, size_text(parking->bytes).text),
                      parking->bytes / tasks);
    }
}
