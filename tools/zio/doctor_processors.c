/* SPDX-License-Identifier: MIT */
/* How many processors there are, how many of them this process may use, and how many workers a
 * runtime gets that leaves it to the library. */
#define _GNU_SOURCE

#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroup.h"
#include "child.h"
#include "doctor.h"

enum { SECONDS = 20, PROCESSORS_MOST = 65536, WORKERS_MOST = 256 };

struct crew {
    zio_err_t error;
    uint32_t workers;
    int killed_by;
    char detail[256];
};

static zio_err_t ZIO_CALL do_nothing(void *ud) {
    (void)ud;
    return 0;
}

/* The threads come with the first run. */
static void hire(void *shared) {
    struct crew *crew = shared;
    zio_rt_t *runtime = NULL;
    zio_rt_options_t options;
    zio_rt_stats_t stats;
    crew->error = zio_rt_options_init(&options, sizeof options);
    options.workers = 0;
    if (crew->error == 0) crew->error = zio_rt_create(&runtime, &options);
    if (crew->error == 0) crew->error = zio_rt_stats_init(&stats, sizeof stats);
    if (crew->error == 0) crew->error = zio_rt_stats(runtime, &stats);
    if (crew->error == 0) {
        crew->workers = stats.workers;
        crew->error = zio_rt_run(runtime, do_nothing, NULL);
    }
    if (crew->error != 0) {
        (void)snprintf(crew->detail, sizeof crew->detail, "%s", zio_last_error_detail());
    }
    if (runtime != NULL && zio_rt_shutdown(runtime, zio_after_ms(5000)) == 0) {
        (void)zio_rt_destroy(runtime);
    }
}

static uint64_t allowed_processors(void) {
    cpu_set_t *set = CPU_ALLOC(PROCESSORS_MOST);
    const size_t size = CPU_ALLOC_SIZE(PROCESSORS_MOST);
    if (set == NULL) return 0;
    const int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    return (uint64_t)count;
}

/* No thread could be had. */
static void advise(struct finding *finding) {
    const struct cgroup_limit pids = cgroup_pids();
    if (getenv("ZIO_WORKERS") != NULL) {
        finding_fix(finding, "unset ZIO_WORKERS");
    } else if (pids.found && pids.left < WORKERS_MOST) {
        finding_fix(finding, "echo %" PRIu64 " >%s", pids.limit + WORKERS_MOST, pids.file);
    } else {
        finding_fix(finding, "ulimit -u unlimited");
    }
}

static void report_workers(struct report *report, uint64_t usable) {
    struct crew *crew = share(sizeof *crew);
    if (crew == NULL) return;
    crew->error = ZIO_EIO;
    crew->killed_by = run_in_child(hire, crew, SECONDS);
    if (crew->killed_by != 0) {
        report_add(report, "workers", VERDICT_FAIL, "a runtime with `workers` = 0: %s",
                   signal_text(crew->killed_by).text);
    } else if (crew->error != 0) {
        struct finding *finding =
            report_add(report, "workers", VERDICT_FAIL, "a runtime with `workers` = 0: %s, %s%s%s",
                       zio_err_name(crew->error), zio_strerror(crew->error),
                       crew->detail[0] != '\0' ? ": " : "", crew->detail);
        if (crew->error == ZIO_EAGAIN) advise(finding);
    } else {
        const bool is_much = usable != 0 && crew->workers > usable;
        struct finding *finding = report_add(
            report, "workers", is_much ? VERDICT_WARN : VERDICT_OK,
            "a runtime with `workers` = 0 has %" PRIu32 "%s", crew->workers,
            is_much ? ", more than there are processors for: they get in each other's way" : "");
        finding_value(finding, crew->workers);
        if (is_much) finding_fix(finding, "unset ZIO_WORKERS");
    }
}

void doctor_processors(struct report *report) {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const uint64_t allowed = allowed_processors();
    const struct cgroup_limit quota = cgroup_processors();
    uint64_t usable = allowed;
    report_section(report, "processors", "processors");
    struct finding *finding = report_add(report, "online", VERDICT_OK, "%ld", online);
    finding_value(finding, (uint64_t)online);
    finding = report_add(report, "affinity", VERDICT_OK, "%" PRIu64 " may be used by this process",
                         allowed);
    finding_value(finding, allowed);
    if (quota.found) {
        const uint64_t rounded = (quota.limit + 999) / 1000;
        finding = report_add(report, "quota", VERDICT_OK, "time for %" PRIu64 ".%03" PRIu64,
                             quota.limit / 1000, quota.limit % 1000);
        finding_value(finding, rounded);
        if (rounded < usable) usable = rounded;
    } else {
        report_add(report, "quota", VERDICT_OK, "none");
    }
    report_workers(report, usable);
}
