/* SPDX-License-Identifier: MIT */
/* The variables of the environment that the library reads. */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

extern char **environ;

enum { WORKERS_MOST = 256 };

/* What a value means; NULL when it means nothing. */
typedef const char *(*meaning_fn)(const char *value);

static const char *mean_backend(const char *value) {
    static const char *const names[] = {"io_uring", "epoll", "kqueue", "iocp", "poll", "uv", "sim"};
    if (value[0] == '\0') return "the best that works";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(value, names[i]) == 0) return "this backend or none";
    }
    return NULL;
}

static const char *mean_workers(const char *value) {
    char *end;
    if (value[0] == '\0') return "one for each usable processor";
    if (value[0] < '0' || value[0] > '9') return NULL;
    const unsigned long long count = strtoull(value, &end, 10);
    if (*end != '\0' || count > WORKERS_MOST) return NULL;
    return count == 0 ? "one for each usable processor" : "so many workers where `workers` is 0";
}

static const char *mean_guard(const char *value) {
    if (strcmp(value, "mprotect") == 0) return "stack guards by access rights, two mappings each";
    if (strcmp(value, "madvise") == 0) return "stack guards by advice, or no stack";
    return strcmp(value, "auto") == 0 ? "the guards that work best" : NULL;
}

static const char *mean_ring(const char *value) {
    if (strcmp(value, "coop") == 0) return "completions run at the loop's system calls";
    return strcmp(value, "plain") == 0 ? "io_uring in its plainest form" : NULL;
}

static const char *mean_clock(const char *value) {
    if (value[0] == '\0' || strcmp(value, "real") == 0) return "the real clock";
    return strcmp(value, "auto") == 0 ? "a test clock that jumps" : NULL;
}

static const char *mean_order(const char *value) {
    if (value[0] == '\0' || strcmp(value, "real") == 0) return "the order in which things come";
    return strcmp(value, "seeded") == 0 ? "an order that ZIO_SEED decides" : NULL;
}

static const struct {
    const char *name;
    meaning_fn meaning;     /* NULL: the library itself is asked, by way of the simulated backend */
    enum verdict otherwise; /* what a value without a meaning comes to */
    const char *allowed;
} variables[] = {
    {"ZIO_BACKEND", mean_backend, VERDICT_FAIL, "names no backend; every runtime is refused"},
    {"ZIO_WORKERS", mean_workers, VERDICT_WARN, "is no number from 0 to 256"},
    {"ZIO_STACK_GUARD", mean_guard, VERDICT_WARN, "is none of mprotect, madvise, auto"},
    {"ZIO_IO_URING_FLAGS", mean_ring, VERDICT_WARN, "is none of coop, plain: ignored"},
    {"ZIO_CLOCK", mean_clock, VERDICT_FAIL, "is none of auto, real; every runtime is refused"},
    {"ZIO_ORDER", mean_order, VERDICT_FAIL, "is none of seeded, real; every runtime is refused"},
    {"ZIO_SEED", NULL, VERDICT_WARN, "is no number"},
    {"ZIO_SIM_OFF", NULL, VERDICT_WARN, "names an unknown class of faults"},
    {"ZIO_SIM_FAULTS", NULL, VERDICT_WARN, "names an unknown class of faults, or no rate"},
    {"ZIO_SIM_CALM", NULL, VERDICT_WARN, "is no number of seconds"},
    {"ZIO_SIM_LIMIT", NULL, VERDICT_WARN, "is no number of seconds"},
    {"ZIO_SIM_TRACE", NULL, VERDICT_WARN, "names no file that can be written"},
    {"ZIO_SIM_HOPES", NULL, VERDICT_OK, ""},
    {"ZIO_SIM_WORLD", NULL, VERDICT_OK, ""},
    {"ZIO_SIM_ONLY", NULL, VERDICT_WARN, "names no file that can be read"},
};
enum { VARIABLES = sizeof variables / sizeof variables[0] };

/* Whether the simulated backend was refused because of this variable. */
static bool is_refused(const struct report *report, const char *name) {
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];
        if (strcmp(finding->section, "backend") == 0 && strcmp(finding->name, "sim") == 0) {
            return strstr(finding->text, name) != NULL;
        }
    }
    return false;
}

static void report_variable(struct report *report, size_t index) {
    const char *name = variables[index].name;
    const char *value = getenv(name);
    if (value == NULL) {
        report_add(report, name, VERDICT_OK, "not set");
        return;
    }
    const char *meaning = "for the simulated backend";
    if (variables[index].meaning != NULL) {
        meaning = variables[index].meaning(value);
    } else if (is_refused(report, name)) {
        meaning = NULL;
    }
    const enum verdict verdict = meaning != NULL ? VERDICT_OK : variables[index].otherwise;
    struct finding *finding =
        report_add(report, name, verdict, "'%.200s'%s %s", value, meaning != NULL ? ":" : "",
                   meaning != NULL ? meaning : variables[index].allowed);
    finding_word(finding, value);
    if (meaning == NULL) finding_fix(finding, "unset %s", name);
}

/* A misspelt variable does nothing, without a word. */
static void report_unknown(struct report *report) {
    for (char **entry = environ; *entry != NULL; entry++) {
        char name[40] = "";
        const size_t length = strcspn(*entry, "=");
        bool is_known = false;
        if (strncmp(*entry, "ZIO_", 4) != 0 || length >= sizeof name) continue;
        memcpy(name, *entry, length);
        for (size_t i = 0; i < VARIABLES; i++) {
            is_known = is_known || strcmp(name, variables[i].name) == 0;
        }
        if (is_known || report->count + 32 > FINDINGS_MOST) continue;
        report_add(report, name, VERDICT_WARN, "the library reads no such variable");
    }
}

void doctor_environment(struct report *report) {
    report_section(report, "environment", "environment");
    for (size_t i = 0; i < VARIABLES; i++) report_variable(report, i);
    report_unknown(report);
}
