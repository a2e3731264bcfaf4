/* SPDX-License-Identifier: MIT */
/* Where a call may come from: each public function is called from each place, with good arguments
 * and with each argument spoiled in each way, and gives what its own comment documents; in most
 * places one exact result. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capi/net_kit.h"
#include "objects.h"

/* --- the places ----------------------------------------------------------------------------- */

struct place {
    const char *name;
    bool in_task;
    bool on_worker;
    bool nosuspend;
    bool is_canceled;
};
static const struct place in_task = {"a task", true, true, false, false};
static const struct place in_other = {"a task of another runtime", true, true, false, false};
static const struct place canceled = {"a canceled task", true, true, false, true};
static const struct place in_region = {"a no-suspend region", true, true, true, false};
static const struct place in_native = {"the native stack", true, true, true, false};
static const struct place in_hook = {"a task's hook", true, true, true, false};
static const struct place in_free = {"ud_free", true, true, true, false};
static const struct place in_destructor = {"a local's destructor", true, true, true, false};
static const struct place in_worker_hook = {"a worker's hook", false, true, true, false};
static const struct place on_thread = {"a plain thread", false, false, false, false};
static const struct place alone = {"a thread without a runtime", false, false, false, false};
static const struct place stopped = {"after shutdown", false, false, false, false};
static const struct place in_child = {"a forked child", false, false, false, false};

static struct scene scene;
static struct call call;
static int call_count, refused_count, fine_count;

/* For who is called by a signal: what is going on. */
static char story[200];
static void tell(int number) {
    const ssize_t written = write(STDERR_FILENO, story, strlen(story));
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

/* --- what must come ------------------------------------------------------------------------- */

static bool documents(const struct function *function, int64_t result) {
    for (int i = 0; function->errors[i] != 0; ++i) {
        if (function->errors[i] == result) return true;
    }
    return false;
}

/* What the place says of a call with good arguments; 0 where it says nothing. */
static zio_err_t ruled(const struct place *place, const struct function *function) {
    const bool is_suspending = function->flags & SUSPENDS;
    const bool delivers = is_suspending || function->parameter_count == 0;
    if (place->nosuspend && is_suspending) return ZIO_ENOSUSPEND;
    if ((function->flags & NEEDS_TASK) && !place->in_task) return ZIO_ENOTASK;
    if (place->is_canceled && delivers && documents(function, ZIO_ECANCELED)) return ZIO_ECANCELED;
    if (scene.is_stopped && documents(function, ZIO_ESTOPPING)) return ZIO_ESTOPPING;
    if (scene.is_child && documents(function, ZIO_EFORKED)) return ZIO_EFORKED;
    return 0;
}

static bool is_outcome(const struct place *place, const struct function *function, int64_t result) {
    if (!place->on_worker && strcmp(function->name, "zio_rt_run") == 0) return result == 0;
    if (place == &in_region && strcmp(function->name, "zio_nosuspend_end") == 0) {
        return result == 0 && zio_nosuspend_begin() == 0; /* it was begun */
    }
    for (int i = 0; function->outcomes[i] != 1; ++i) {
        if (function->outcomes[i] == result) return true;
    }
    return function->outcomes[0] == 1 && result >= 0;
}

static bool is_good_value(const struct function *function, int64_t result) {
    const bool is_bad = (function->flags & ZERO_IF_BAD)    ? result == 0
                        : (function->flags & MINUS_IF_BAD) ? result == -1
                                                           : scene.is_child;
    return is_bad == scene.is_child;
}

static bool is_right(const struct place *place, const struct function *function,
                     enum quality quality, int64_t expected, int64_t result) {
    const zio_err_t rule = ruled(place, function);
    const bool is_handle_value = function->flags & (ZERO_IF_BAD | MINUS_IF_BAD);
    if (!(function->flags & GIVES_STATUS)) {
        if (!is_handle_value) return true;
        if (quality == GOOD) return is_good_value(function, result);
        return result == (function->flags & ZERO_IF_BAD ? 0 : -1);
    }
    if (result < 0 && !documents(function, result)) return false;
    if (quality == GOOD) return rule != 0 ? result == rule : is_outcome(place, function, result);
    if (quality == AT_ONCE) {
        return result != ZIO_ENOSUSPEND && result != ZIO_ECANCELED && result != ZIO_ETIMEDOUT;
    }
    if (rule != 0 && result == rule) return true;
    if (expected == NULL_OF_CURRENT) {
        return place->on_worker ? is_outcome(place, function, result) : result == ZIO_ENOTASK;
    }
    if (expected == ANY_RESULT || result == expected) return true;
    /* With more than one thing wrong any of the errors; a child knows no handle of its parent's. */
    if (scene.is_child && expected == ZIO_EBADF) return result == ZIO_EFORKED;
    return function->outcomes[0] != 1 && is_outcome(place, function, result);
}

static void check(const struct place *place, int parameter, enum quality quality,
                  int64_t expected) {
    const struct function *function = call.function;
    const char *name = parameter < 0 ? "all" : function->parameters[parameter].name;
    snprintf(story, sizeof story, "misuse: %s from %s, %s %s\n", function->name, place->name, name,
             quality_names[quality]);
    if (place->is_canceled) REQUIRE(zio_task_request_cancel(zio_task_self()) == 0);
    const int64_t result = function->call(call.values);
    if (place->is_canceled) (void)zio_check_cancel();
    ++call_count;
    ++*(result < 0 ? &refused_count : &fine_count);
    if (!is_right(place, function, quality, expected, result)) {
        const bool is_status = function->flags & GIVES_STATUS;
        fprintf(stderr, "%.*s: gave %lld (%s; %s)\n", (int)strlen(story) - 1, story,
                (long long)result, is_status && result < 0 ? zio_err_name((zio_err_t)result) : "",
                zio_last_error_detail());
        if (getenv("ZIO_MISUSE_ALL") == NULL) abort();
    }
    finish_call(&scene, &call, result);
}

static void check_function(const struct place *place, const struct function *function) {
    prepare_call(&scene, &call, function);
    if (call.lacking < 0) {
        check(place, -1, GOOD, 0);
    } else {
        finish_call(&scene, &call, -1);
    }
    for (int i = 0; i < function->parameter_count; ++i) {
        for (int quality = GOOD + 1; quality < quality_count; ++quality) {
            int64_t expected = 0;
            prepare_call(&scene, &call, function);
            const bool is_possible = call.lacking < 0 || call.lacking == i;
            if (is_possible && spoil(&scene, &call, i, (enum quality)quality, &expected)) {
                check(place, i, (enum quality)quality, expected);
            } else {
                finish_call(&scene, &call, -1);
            }
        }
    }
    if (!place->nosuspend && !scene.is_child) end_kept(&scene);
}

static void check_all(const struct place *place) {
    alarm(100);
    for (int i = 0; i < function_count; ++i) check_function(place, &functions[i]);
    alarm(0);
}

/* --- how to get there ----------------------------------------------------------------------- */

/* Where a hook is to check from, once. Hooks of other workers look at it, too. */
static const struct place *hook_place;
static const struct place *wanted_place(void) {
    return __atomic_load_n(&hook_place, __ATOMIC_RELAXED);
}
static void want_place(const struct place *place) {
    __atomic_store_n(&hook_place, place, __ATOMIC_RELAXED);
}

static void check_once(void) {
    const struct place *place = wanted_place();
    want_place(NULL);
    if (place != NULL) check_all(place);
}
static void on_task(zio_task_t *task, void *ud) {
    (void)task, (void)ud;
    if (wanted_place() == &in_hook) check_once();
}
static void on_worker(uint32_t worker, void *ud) {
    (void)worker, (void)ud;
    if (wanted_place() == &in_worker_hook) check_once();
}
static void on_end(void *ud) {
    (void)ud;
    check_once();
}
static zio_err_t on_native(void *ud) {
    (void)ud;
    check_once();
    return 0;
}

static zio_rt_t *open_runtime(void) {
    zio_rt_options_t options;
    zio_task_hooks_t hooks;
    zio_worker_hooks_t worker_hooks;
    zio_rt_t *rt = NULL;
    assert_int_equal(zio_rt_options_init(&options, sizeof options), 0);
    assert_int_equal(zio_task_hooks_init(&hooks, sizeof hooks), 0);
    assert_int_equal(zio_worker_hooks_init(&worker_hooks, sizeof worker_hooks), 0);
    hooks.on_start = on_task;
    worker_hooks.before_block = on_worker;
    options.flags = ZIO_RT_HEARTBEAT;
    options.hooks = &hooks;
    options.worker_hooks = &worker_hooks;
    assert_int_equal(zio_rt_create(&rt, &options), 0);
    return rt;
}

static zio_err_t sets_local(void *ud) {
    return zio_task_set_local(*(uint32_t *)ud, ud);
}

static void enter(const struct place *place) {
    static uint32_t key;
    zio_spawn_options_t options = spawn_options();
    want_place(place);
    if (place == &in_region) {
        REQUIRE(zio_nosuspend_begin() == 0);
        check_once();
        REQUIRE(zio_nosuspend_end() == 0);
    } else if (place == &in_native) {
        REQUIRE(zio_on_native_stack(on_native, NULL) == 0);
    } else if (place == &in_hook) {
        REQUIRE(finish(start(returns_number, &(int){0})) == 0);
    } else if (place == &in_free) {
        options.ud_free = on_end;
        REQUIRE(finish(start_with(returns_number, &(int){0}, &options)) == 0);
    } else if (place == &in_destructor) {
        REQUIRE(zio_task_key_create(&key, 0, on_end) == 0);
        REQUIRE(finish(start(sets_local, &key)) == 0);
    } else if (place == &in_worker_hook) {
        REQUIRE(zio_sleep_until(zio_after_ms(5)) == 0);
    } else {
        check_once();
    }
    REQUIRE(wanted_place() == NULL);
}

static zio_err_t visit(void *ud) {
    bury(&scene);
    enter(ud);
    end_kept(&scene);
    return 0;
}

/* --- the tests ------------------------------------------------------------------------------ */

static unsigned descriptors_before;

static void begin(void) {
    signal(SIGABRT, tell);
    signal(SIGSEGV, tell);
    signal(SIGALRM, tell);
    assert_int_equal(zio_sleep_until(zio_after_ms(1)), 0); /* what a thread needs for its waits */
    descriptors_before = descriptor_count();
    call_count = refused_count = fine_count = 0;
    open_scene(&scene);
}

static void end(const struct place *place) {
    if (scene.foreign_rt != NULL) end_runtime(scene.foreign_rt);
    close_scene(&scene);
    assert_int_equal(descriptor_count(), descriptors_before);
    print_message("from %s: %d calls, %d refused, %d fine\n", place->name, call_count,
                  refused_count, fine_count);
    assert_true(call_count > 3 * function_count);
    assert_true(refused_count > function_count && fine_count > function_count / 2);
}

static void from(const struct place *place) {
    begin();
    scene.foreign_rt = make_runtime();
    zio_rt_t *rt = scene.rt = open_runtime();
    assert_int_equal(zio_rt_run(rt, visit, (void *)place), 0);
    end_runtime(rt);
    end(place);
}

#define FROM(place)                          \
    static void from_##place(void **state) { \
        (void)state;                         \
        from(&place);                        \
    }
FROM(in_task)
FROM(canceled)
FROM(in_region)
FROM(in_native)
FROM(in_hook)
FROM(in_free)
FROM(in_destructor)
FROM(in_worker_hook)

static void from_alone(void **state) {
    (void)state;
    begin();
    scene.is_alone = true;
    check_all(&alone);
    end_kept(&scene);
    end(&alone);
}

static void from_in_other(void **state) {
    (void)state;
    begin();
    scene.foreign_rt = make_runtime();
    scene.rt = open_runtime();
    zio_rt_t *here = make_runtime();
    assert_int_equal(zio_rt_start(scene.rt), 0);
    assert_int_equal(zio_rt_run(here, visit, (void *)&in_other), 0);
    end_runtime(here);
    end_runtime(scene.rt);
    end(&in_other);
}

static void from_on_thread(void **state) {
    (void)state;
    begin();
    scene.foreign_rt = make_runtime();
    scene.rt = open_runtime();
    assert_int_equal(zio_rt_start(scene.rt), 0);
    REQUIRE(visit((void *)&on_thread) == 0);
    end_runtime(scene.rt);
    end(&on_thread);
}

static void from_stopped(void **state) {
    (void)state;
    begin();
    scene.foreign_rt = make_runtime();
    scene.is_stopped = true;
    check_all(&stopped);
    end_kept(&scene);
    end(&stopped);
}

/* What is good was the parent's; what a function needs beside handles is the child's own. */
static void from_in_child(void **state) {
    int status = 0;
    (void)state;
    begin();
    scene.foreign_rt = make_runtime();
    scene.rt = open_runtime();
    assert_int_equal(zio_rt_start(scene.rt), 0);
    bury(&scene);
    make_before(&scene);
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        scene.is_child = true;
        check_all(&in_child);
        printf("from %s: %d calls, %d refused, %d fine\n", in_child.name, call_count, refused_count,
               fine_count);
        fflush(NULL);
        _exit(call_count > 3 * function_count && refused_count > function_count ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    end_before(&scene);
    end_kept(&scene);
    end_runtime(scene.rt);
    end_runtime(scene.foreign_rt);
    close_scene(&scene);
    assert_int_equal(descriptor_count(), descriptors_before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_alone),          cmocka_unit_test(from_in_task),
        cmocka_unit_test(from_canceled),       cmocka_unit_test(from_in_region),
        cmocka_unit_test(from_in_native),      cmocka_unit_test(from_in_hook),
        cmocka_unit_test(from_in_free),        cmocka_unit_test(from_in_destructor),
        cmocka_unit_test(from_in_worker_hook), cmocka_unit_test(from_in_other),
        cmocka_unit_test(from_on_thread),      cmocka_unit_test(from_stopped),
        cmocka_unit_test(from_in_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
