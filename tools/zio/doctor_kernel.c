/* SPDX-License-Identifier: MIT */
/* The kernel, and what stands between it and this process. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cgroup.h"
#include "doctor.h"
#include "system.h"

/* The kernel itself is asked to read from the guard: some emulators take the advice and drop it. */
bool has_guard_advice(void) {
    const int guard_install = 102; /* newer than the headers this must build with */
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    int ends[2];
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    bool works = madvise(page, size, guard_install) == 0;
    if (works && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
        works = write(ends[1], page, 1) < 0 && errno == EFAULT;
        close(ends[0]);
        close(ends[1]);
    }
    (void)munmap(page, size);
    return works;
}

static void report_release(struct report *report) {
    struct utsname name;
    if (uname(&name) != 0) return;
    struct finding *finding = report_add(report, "release", VERDICT_OK, "%s %s on %s", name.sysname,
                                         name.release, name.machine);
    finding_word(finding, name.release);
}

static void report_io_uring(struct report *report) {
    static const char *const meanings[] = {
        "for everybody", "for the members of kernel.io_uring_group only", "for nobody"};
    uint64_t disabled;
    if (!read_number("/proc/sys/kernel/io_uring_disabled", &disabled)) {
        report_add(report, "io_uring", VERDICT_OK,
                   "there is no kernel.io_uring_disabled to forbid it");
        return;
    }
    struct finding *finding =
        report_add(report, "io_uring", disabled == 0 ? VERDICT_OK : VERDICT_WARN,
                   "kernel.io_uring_disabled is %" PRIu64 ": %s", disabled,
                   meanings[disabled < 2 ? disabled : 2]);
    finding_value(finding, disabled);
    if (disabled != 0) finding_fix(finding, "sysctl -w kernel.io_uring_disabled=0");
}

static void report_guards(struct report *report) {
    const bool works = has_guard_advice();
    struct finding *finding =
        works ? report_add(report, "stack_guards", VERDICT_OK,
                           "MADV_GUARD_INSTALL works: a guard costs no mapping")
              : report_add(report, "stack_guards", VERDICT_WARN,
                           "no MADV_GUARD_INSTALL (Linux 6.13): a guard costs two mappings");
    finding_word(finding, works ? "advice" : "rights");
}

static void report_seccomp(struct report *report) {
    static const char *const modes[] = {"none", "strict", "filter"};
    uint64_t mode, no_new = 0;
    if (!read_named_number("/proc/self/status", "Seccomp", &mode)) return;
    (void)read_named_number("/proc/self/status", "NoNewPrivs", &no_new);
    const char *word = modes[mode < 2 ? mode : 2];
    struct finding *finding =
        report_add(report, "seccomp", VERDICT_OK, "%s%s", mode == 0 ? "no filter" : word,
                   no_new != 0 ? ", no new privileges" : "");
    finding_word(finding, word);
}

static void report_container(struct report *report) {
    static const char *const marks[][2] = {
        {"/.dockerenv", "docker"},
        {"/run/.containerenv", "podman"},
        {"/run/systemd/container", "systemd"},
    };
    const char *kind = getenv("container");
    for (size_t i = 0; kind == NULL && i < sizeof marks / sizeof marks[0]; i++) {
        if (access(marks[i][0], F_OK) == 0) kind = marks[i][1];
    }
    if (kind == NULL && getenv("KUBERNETES_SERVICE_HOST") != NULL) kind = "kubernetes";
    struct finding *finding =
        report_add(report, "container", VERDICT_OK, "%s", kind != NULL ? kind : "no sign of one");
    finding_word(finding, kind != NULL ? kind : "none");
}

static void report_groups(struct report *report) {
    const struct cgroup_limit processors = cgroup_processors();
    const struct cgroup_limit memory = cgroup_memory();
    const struct cgroup_limit pids = cgroup_pids();
    struct finding *finding;
    if (processors.found) {
        finding = report_add(report, "cgroup_cpu", VERDICT_OK,
                             "%" PRIu64 ".%03" PRIu64 " processors (%s)", processors.limit / 1000,
                             processors.limit % 1000, processors.file);
        finding_value(finding, processors.limit);
    } else {
        report_add(report, "cgroup_cpu", VERDICT_OK, "no limit");
    }
    if (memory.found) {
        finding =
            report_add(report, "cgroup_memory", VERDICT_OK, "%s, %s left (%s)",
                       size_text(memory.limit).text, size_text(memory.left).text, memory.file);
        finding_value(finding, memory.limit);
    } else {
        report_add(report, "cgroup_memory", VERDICT_OK, "no limit");
    }
    if (pids.found) {
        finding = report_add(report, "cgroup_pids", VERDICT_OK,
                             "%" PRIu64 " threads, %" PRIu64 " left (%s)", pids.limit, pids.left,
                             pids.file);
        finding_value(finding, pids.limit);
    } else {
        report_add(report, "cgroup_pids", VERDICT_OK, "no limit");
    }
}

void doctor_kernel(struct report *report) {
    report_section(report, "kernel", "kernel");
    report_release(report);
    report_io_uring(report);
    report_guards(report);
    report_seccomp(report);
    report_container(report);
    report_groups(report);
}
