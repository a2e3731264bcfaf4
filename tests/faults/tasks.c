/* SPDX-License-Identifier: MIT */
/* Scenarios of tasks: spawn and join, groups, time. */
#include <string.h>

#include "scenarios.h"

/* --- spawn and join ------------------------------------------------------------------------- */

enum { MANY = 20 };

static zio_err_t returns_number(void *ud) {
    return *(int *)ud;
}

static uint32_t inherited_key;
static uint32_t own_key;
static int freed_count;
static void count_free(void *ud) {
    (void)ud;
    ++freed_count;
}

static zio_err_t sets_locals(void *ud) {
    int *value = ud;
    int own = 0;
    freed_count = 0;
    if (CALL(zio_task_set_local, (own_key, &own)) == 0) {
        if (zio_task_get_local(own_key) != &own) broken("a local was lost");
        MUST(zio_task_set_local, (own_key, NULL));
    }
    if (CALL(zio_task_set_local, (inherited_key, value)) == 0) finish(start(returns_number, value));
    return 0;
}

static void spawn_with_options(void) {
    static int number = 3;
    zio_spawn_options_t options;
    MUST(zio_spawn_options_init, (&options, sizeof options));
    options.name = "named";
    options.stack_size = 1 << 20;
    zio_task_t *task = NULL;
    if (CALL(zio_spawn, (NULL, &task, sets_locals, &number, &options)) == 0) finish(task);
    options.stack_size = 0;
    options.priority = ZIO_PRIORITY_URGENT;
    task = NULL;
    if (CALL(zio_spawn, (NULL, &task, sets_locals, &number, &options)) == 0) {
        (void)CALL(zio_task_set_name, (task, "renamed", 7));
        finish(task);
    }
}

static zio_err_t adds(void *ud) {
    int *numbers = ud;
    numbers[2] = numbers[0] + numbers[1];
    return 0;
}

static void prepare(size_t size, bool launches) {
    zio_task_t *task = NULL;
    void *closure = NULL;
    void *result = NULL;
    if (CALL(zio_task_prepare, (NULL, &task, adds, size, 64, 16, 0, NULL, &closure, &result)) !=
        0) {
        return;
    }
    int *numbers = closure;
    numbers[0] = 2;
    numbers[1] = 3;
    if (!launches) {
        MUST(zio_task_discard, (task));
        return;
    }
    zio_task_t *other = zio_task_ref(task);
    MUST(zio_task_launch, (task));
    zio_err_t status = (zio_err_t)CALL(zio_task_join, (task, NULL, soon()));
    if (status == 0 && numbers[2] != 5) broken("a prepared task did not run");
    finish(task);
    if (other != NULL) MUST(zio_task_unref, (other));
}

static zio_err_t spawns(void *ud) {
    (void)ud;
    static int numbers[MANY];
    zio_task_t *tasks[MANY] = {NULL};
    for (int i = 0; i < MANY; ++i) {
        numbers[i] = i;
        tasks[i] = start(returns_number, &numbers[i]);
    }
    for (int i = 0; i < MANY; ++i) {
        zio_err_t result = i;
        if (tasks[i] == NULL) continue;
        (void)CALL(zio_task_join, (tasks[i], &result, soon()));
        if (result != i) broken("a task has another's result");
        finish(tasks[i]);
    }
    spawn_with_options();
    prepare(64, true);
    prepare(100000, true);
    prepare(64, false);
    return 0;
}

void scenario_spawn(void) {
    static bool has_keys = false;
    if (!has_keys) {
        MUST(zio_task_key_create, (&inherited_key, ZIO_KEY_INHERIT, NULL));
        MUST(zio_task_key_create, (&own_key, 0, count_free));
        has_keys = true;
    }
    run_alone(spawns, NULL);
}

/* --- groups --------------------------------------------------------------------------------- */

static zio_err_t sleeps(void *ud) {
    (void)ud;
    const zio_err_t status = zio_sleep_until(ZIO_NEVER);
    return status == ZIO_ECANCELED ? 0 : (zio_err_t)ended("zio_sleep_until", status);
}

static zio_err_t reads(void *ud) {
    char letter;
    const zio_ssize_t got = zio_stream_read(ud, &letter, 1, ZIO_NEVER);
    return got == ZIO_ECANCELED ? 0 : (zio_err_t)ended("zio_stream_read", got < 0 ? got : 0);
}

static zio_err_t fails(void *ud) {
    (void)ud;
    return ZIO_EPROTO;
}

static void end_group(zio_group_t *group) {
    if (CALL(zio_group_destroy, (group)) == 0) return;
    faults_stop();
    MUST(zio_group_destroy, (group));
}

static void cancel_group(zio_stream_t *stream) {
    zio_group_t *group = NULL;
    if (CALL(zio_group_create, (NULL, &group, 0)) != 0) return;
    for (int i = 0; i < 3; ++i) (void)CALL(zio_group_spawn, (group, sleeps, NULL, NULL));
    if (stream != NULL) (void)CALL(zio_group_spawn, (group, reads, stream, NULL));
    (void)CALL(zio_sleep_until, (zio_after_ns(100000)));
    MUST(zio_group_cancel, (group));
    (void)CALL(zio_group_wait, (group, soon()));
    end_group(group);
}

static void fail_group(void) {
    zio_group_t *group = NULL;
    if (CALL(zio_group_create, (NULL, &group, ZIO_GROUP_FAIL_FAST)) != 0) return;
    (void)CALL(zio_group_spawn, (group, sleeps, NULL, NULL));
    const bool failed = CALL(zio_group_spawn, (group, fails, NULL, NULL)) == 0;
    const zio_err_t result = zio_group_wait(group, soon());
    if (failed && result != ZIO_EPROTO) (void)ended("zio_group_wait", result);
    if (result >= 0 && failed) broken("a member's failure was lost");
    end_group(group);
}

static zio_err_t groups(void *ud) {
    (void)ud;
    zio_stream_t *ends[2] = {NULL, NULL};
    (void)CALL(zio_stream_pair, (&ends[0], &ends[1]));
    cancel_group(ends[0]);
    fail_group();
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    return 0;
}

void scenario_group(void) {
    run_alone(groups, NULL);
}

/* --- time ----------------------------------------------------------------------------------- */

static zio_err_t naps(void *ud) {
    (void)CALL(zio_sleep_until, (zio_after_ns(*(int64_t *)ud)));
    return 0;
}

/* Its deadline is what ends it. */
static void expect_timeout(const char *call, zio_ssize_t result) {
    if (result >= 0) broken("a wait for nothing came back");
    if (result != ZIO_ETIMEDOUT) (void)ended(call, result);
}

static zio_err_t waits_in_scopes(void *ud) {
    (void)ud;
    enum { DEPTH = 6 };
    uint64_t tokens[DEPTH];
    int depth = 0;
    while (depth < DEPTH) {
        const zio_deadline_t until = depth < DEPTH - 1 ? ZIO_NEVER : zio_after_ns(300000);
        if (CALL(zio_timeout_push, (&tokens[depth], until)) != 0) break;
        ++depth;
    }
    if (depth == DEPTH) expect_timeout("zio_sleep_until", zio_sleep_until(ZIO_NEVER));
    while (depth > 0) zio_timeout_pop(tokens[--depth]);
    return 0;
}

static zio_err_t keeps_time(void *ud) {
    (void)ud;
    static int64_t spans[4] = {400000, 100000, 300000, 200000};
    zio_task_t *tasks[5] = {NULL};
    for (int i = 0; i < 4; ++i) tasks[i] = start(naps, &spans[i]);
    tasks[4] = start(waits_in_scopes, NULL);
    zio_stream_t *ends[2] = {NULL, NULL};
    if (CALL(zio_stream_pair, (&ends[0], &ends[1])) == 0) {
        char letter;
        expect_timeout("zio_stream_read",
                       zio_stream_read(ends[0], &letter, 1, zio_after_ns(200000)));
        uint32_t got = 0;
        expect_timeout("zio_fd_wait", zio_fd_wait(zio_stream_fd(ends[1]), ZIO_READABLE, &got,
                                                  zio_after_ns(200000)));
    }
    for (int i = 0; i < 5; ++i) finish(tasks[i]);
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    return 0;
}

void scenario_timers(void) {
    run_alone(keeps_time, NULL);
    /* The same without a runtime. */
    (void)CALL(zio_sleep_until, (zio_after_ns(100000)));
    (void)waits_in_scopes(NULL);
}
