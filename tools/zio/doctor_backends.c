/* SPDX-License-Identifier: MIT */
/* The ways to the kernel: each is asked for by its number and has to carry a letter from one end of
 * a stream to the other. */
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "doctor.h"
#include "system.h"

enum { SECONDS = 20 };

struct trial {
    uint32_t backend;
    zio_err_t error;
    int killed_by;
    char step[32];
    char name[32];
    char words[256]; /* the reason, or the detail of the error */
};

static zio_err_t ZIO_CALL carry_letter(void *ud) {
    struct trial *trial = ud;
    zio_stream_t *ends[2] = {NULL, NULL};
    char letter = 0;
    zio_ssize_t count = 0;
    (void)snprintf(trial->step, sizeof trial->step, "zio_stream_pair");
    zio_err_t error = zio_stream_pair(&ends[0], &ends[1]);
    if (error != 0) return error;
    (void)snprintf(trial->step, sizeof trial->step, "zio_stream_write");
    count = zio_stream_write(ends[0], "z", 1, zio_after_ms(5000));
    if (count == 1) {
        (void)snprintf(trial->step, sizeof trial->step, "zio_stream_read");
        count = zio_stream_read(ends[1], &letter, 1, zio_after_ms(5000));
    }
    error = count < 0 ? (zio_err_t)count : count == 1 && letter == 'z' ? 0 : ZIO_EIO;
    (void)zio_stream_close(ends[0]);
    (void)zio_stream_close(ends[1]);
    return error;
}

static void try_backend(void *shared) {
    struct trial *trial = shared;
    zio_rt_t *runtime = NULL;
    zio_rt_options_t options;
    if (trial->backend == ZIO_BACKEND_SIM && !is_in_child()) {
        /* It would stay: the whole process becomes a simulated one. */
        trial->error = ZIO_EAGAIN;
        (void)snprintf(trial->step, sizeof trial->step, "fork");
        return;
    }
    trial->error = zio_rt_options_init(&options, sizeof options);
    options.backend = trial->backend;
    (void)snprintf(trial->step, sizeof trial->step, "zio_rt_create");
    if (trial->error == 0) trial->error = zio_rt_create(&runtime, &options);
    if (trial->error == 0) {
        (void)snprintf(trial->name, sizeof trial->name, "%s", zio_rt_backend_name(runtime));
        (void)snprintf(trial->words, sizeof trial->words, "%s", zio_rt_backend_reason(runtime));
        (void)snprintf(trial->step, sizeof trial->step, "zio_rt_run");
        trial->error = zio_rt_run(runtime, carry_letter, trial);
    }
    if (trial->error != 0) {
        (void)snprintf(trial->words, sizeof trial->words, "%s", zio_last_error_detail());
    }
    if (runtime != NULL && zio_rt_shutdown(runtime, zio_after_ms(5000)) == 0) {
        (void)zio_rt_destroy(runtime);
    }
}

static const struct trial *run_trial(uint32_t backend) {
    struct trial *trial = share(sizeof *trial);
    if (trial == NULL) return NULL;
    trial->backend = backend;
    trial->error = ZIO_EIO;
    trial->killed_by = run_in_child(try_backend, trial, SECONDS);
    return trial;
}

/* Why a trial failed, in words. */
static void describe(const struct trial *trial, char *text, size_t size) {
    if (trial == NULL) {
        (void)snprintf(text, size, "no memory to try it");
    } else if (trial->killed_by != 0) {
        (void)snprintf(text, size, "refused in %s: %s", trial->step,
                       signal_text(trial->killed_by).text);
    } else {
        (void)snprintf(text, size, "refused: %s gives %s, %s%s%s", trial->step,
                       zio_err_name(trial->error), zio_strerror(trial->error),
                       trial->words[0] != '\0' ? ": " : "", trial->words);
    }
}

static bool has_passed(const struct trial *trial) {
    return trial != NULL && trial->killed_by == 0 && trial->error == 0;
}

static void advise(struct finding *finding) {
    uint64_t disabled;
    if (read_number("/proc/sys/kernel/io_uring_disabled", &disabled) && disabled != 0) {
        finding_fix(finding, "sysctl -w kernel.io_uring_disabled=0");
    } else if (strstr(finding->text, "policy") != NULL || strstr(finding->text, "killed") != NULL ||
               strstr(finding->text, "sandbox") != NULL) {
        finding_fix(finding,
                    "let io_uring_setup, io_uring_enter and io_uring_register through the "
                    "seccomp profile or security policy");
    }
}

/* The variable because of which there is no runtime, as far as can be told. */
static const char *culprit(const char *text) {
    static const char *const names[] = {"ZIO_SEED",     "ZIO_SIM_OFF",   "ZIO_SIM_FAULTS",
                                        "ZIO_SIM_CALM", "ZIO_SIM_LIMIT", "ZIO_SIM_TRACE",
                                        "ZIO_SIM_ONLY", "ZIO_BACKEND"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strstr(text, names[i]) != NULL && getenv(names[i]) != NULL) return names[i];
    }
    if (strstr(text, "advice") != NULL && getenv("ZIO_STACK_GUARD") != NULL) {
        return "ZIO_STACK_GUARD";
    }
    return getenv("ZIO_BACKEND") != NULL ? "ZIO_BACKEND" : NULL;
}

static void report_chosen(struct report *report, const struct trial *chosen,
                          const struct trial *best) {
    char text[TEXT_SIZE];
    const char *asked = getenv("ZIO_BACKEND");
    if (!has_passed(chosen)) {
        describe(chosen, text, sizeof text);
        const char *name = chosen != NULL && chosen->name[0] != '\0' ? chosen->name : "none";
        struct finding *finding = report_add(report, "chosen", VERDICT_FAIL, "%s, %s", name, text);
        const char *variable = culprit(text);
        if (variable != NULL) {
            finding_fix(finding, "unset %s", variable);
        } else if (chosen != NULL && chosen->killed_by != 0) {
            finding_fix(finding, "export ZIO_BACKEND=epoll");
        }
        report->is_unusable = chosen == NULL || strncmp(chosen->step, "zio_rt_", 7) == 0;
        return;
    }
    const bool is_best = asked != NULL || has_passed(best);
    struct finding *finding = report_add(report, "chosen", is_best ? VERDICT_OK : VERDICT_WARN,
                                         "%s: %s", chosen->name, chosen->words);
    finding_word(finding, chosen->name);
}

void doctor_backends(struct report *report) {
    static const struct {
        const char *name;
        uint32_t number;
    } backends[] = {
        {"io_uring", ZIO_BACKEND_IO_URING},
        {"epoll", ZIO_BACKEND_EPOLL},
        {"poll", ZIO_BACKEND_POLL},
        {"sim", ZIO_BACKEND_SIM},
        {"kqueue", ZIO_BACKEND_KQUEUE},
        {"iocp", ZIO_BACKEND_IOCP},
        {"uv", ZIO_BACKEND_UV},
    };
    enum { COUNT = sizeof backends / sizeof backends[0] };
    const struct trial *trials[COUNT];
    for (size_t i = 0; i < COUNT; i++) trials[i] = run_trial(backends[i].number);
    report_section(report, "backend", "backend");
    report_chosen(report, run_trial(ZIO_BACKEND_AUTO), trials[0]);
    for (size_t i = 0; i < COUNT; i++) {
        const struct trial *trial = trials[i];
        char text[TEXT_SIZE];
        if (has_passed(trial)) {
            struct finding *finding = report_add(report, backends[i].name, VERDICT_OK, "works");
            finding_word(finding, "works");
        } else if (trial != NULL && trial->killed_by == 0 && trial->error == ZIO_ENOTSUP && i > 0 &&
                   strstr(trial->words, "this build") != NULL) {
            struct finding *finding =
                report_add(report, backends[i].name, VERDICT_OK, "not in this build (%s)",
                           zio_err_name(trial->error));
            finding_word(finding, "absent");
        } else {
            describe(trial, text, sizeof text);
            struct finding *finding =
                report_add(report, backends[i].name, VERDICT_WARN, "%s", text);
            finding_word(finding, "refused");
            if (i == 0) advise(finding);
        }
    }
}
