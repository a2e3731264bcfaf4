/* SPDX-License-Identifier: MIT */
/* zio/spawn.h and the rest of zio/task.h: options of a task, two-phase spawn, locals. */
#include "zio/spawn.h"

#include <fenv.h>
#include <stdio.h>
#include <string.h>

#include "task_kit.h"

/* What happened, in order. */
static char story[512];
static void tell(const char *what) {
    REQUIRE(strlen(story) + strlen(what) < sizeof story);
    strcat(story, what);
}

/* --- options -------------------------------------------------------------------------------- */

static void frees(void *ud) {
    REQUIRE(zio_yield() == ZIO_ENOSUSPEND);
    REQUIRE(zio_task_self() != NULL);
    tell(ud);
}
static zio_err_t tells_function(void *ud) {
    (void)ud;
    tell("function ");
    return 0;
}
static uint32_t told_key;
static void destroys(void *value) {
    REQUIRE(zio_sleep_until(zio_after_ms(1)) == ZIO_ENOSUSPEND);
    tell(value);
}
static zio_err_t tells_with_local(void *ud) {
    REQUIRE(zio_task_set_local(told_key, "local ") == 0);
    return tells_function(ud);
}
static zio_err_t joins_and_tells(void *ud) {
    REQUIRE(zio_task_join(ud, NULL, ZIO_NEVER) == 0);
    tell("joiner ");
    return 0;
}
/* After the function and the destructors of its locals, before anyone who waits. */
IN_TASK(data_is_freed_before_joiners_wake) {
    zio_spawn_options_t options = spawn_options();
    options.ud_free = frees;
    assert_int_equal(zio_task_key_create(&told_key, 0, destroys), 0);
    story[0] = '\0';
    zio_task_t *task = start_with(tells_with_local, "free ", &options);
    zio_task_t *joiner = start(joins_and_tells, task);
    assert_int_equal(finish(joiner), 0);
    assert_string_equal(story, "function local free joiner ");
    assert_int_equal(zio_task_unref(task), 0);
    story[0] = '\0'; /* canceled before its start: once all the same */
    task = start_with(tells_function, "free ", &options);
    assert_int_equal(zio_task_cancel(task, NULL), 0);
    assert_string_equal(story, "function free ");
    assert_int_equal(zio_task_unref(task), 0);
}

IN_TASK(a_refused_spawn_frees_nothing) {
    zio_spawn_options_t good = spawn_options();
    good.ud_free = frees;
    zio_task_t *task = (zio_task_t *)8;
    story[0] = '\0';
    zio_spawn_options_t o = good;
    o.flags = 1u << 20;
    assert_int_equal(zio_spawn(NULL, &task, tells_function, "x", &o), ZIO_EINVAL);
    o = good;
    o.flags = ZIO_TASK_SHARED_STACK;
    assert_int_equal(zio_spawn(NULL, &task, tells_function, "x", &o), ZIO_ENOTSUP);
    o = good;
    o.priority = 3;
    assert_int_equal(zio_spawn(NULL, &task, tells_function, "x", &o), ZIO_EINVAL);
    o = good;
    o.reserved[2] = 1;
    assert_int_equal(zio_spawn(NULL, &task, tells_function, "x", &o), ZIO_EINVAL);
    o = good;
    o.struct_size = 8;
    assert_int_equal(zio_spawn(NULL, &task, tells_function, "x", &o), ZIO_EINVAL);
    o = good;
    o.stack_size = UINT64_C(1) << 50;
    const zio_err_t status = zio_spawn(NULL, &task, tells_function, "x", &o);
    assert_true(status == ZIO_ESTACK || status == ZIO_EINVAL);
    assert_ptr_equal(task, (zio_task_t *)8);
    assert_string_equal(story, "");
    struct {
        zio_spawn_options_t known;
        uint64_t more;
    } later = {good, 0};
    later.known.struct_size = sizeof later;
    assert_int_equal(zio_spawn(NULL, &task, tells_function, "free ", &later.known), 0);
    assert_int_equal(finish(task), 0);
    later.more = 1;
    assert_int_equal(zio_spawn(NULL, &task, tells_function, "x", &later.known), ZIO_E2BIG);
    assert_string_equal(story, "function free ");
}

static zio_err_t adds_depth(void *ud);
static volatile char *keep;
static __attribute__((noinline)) size_t use_stack(size_t bytes) {
    volatile char block[4096];
    block[0] = block[4095] = 1;
    keep = block;
    return bytes <= sizeof block ? 1 : use_stack(bytes - sizeof block) + block[0];
}
static zio_err_t adds_depth(void *ud) {
    const size_t wanted = *(size_t *)ud;
    void *low;
    size_t size;
    REQUIRE(zio_task_stack(zio_task_self(), &low, &size) == 0);
    REQUIRE(size >= wanted);
    REQUIRE(zio_stack_remaining() > wanted - wanted / 4);
    return use_stack(wanted / 2) > 0 ? zio_yield() : -1;
}
IN_TASK(each_task_may_have_a_stack_of_its_own_size) {
    static size_t sizes[] = {16 << 10, 20 << 10, 64 << 10, 256 << 10, 1 << 20, 8 << 20, 100 << 20};
    for (int round = 0; round < 3; ++round) {
        zio_task_t *tasks[7];
        for (int i = 0; i < 7; ++i) {
            zio_spawn_options_t options = spawn_options();
            options.stack_size = sizes[i];
            tasks[i] = start_with(adds_depth, &sizes[i], &options);
        }
        for (int i = 0; i < 7; ++i) assert_int_equal(finish(tasks[i]), 0);
    }
}

static zio_err_t tells_name(void *ud) {
    return (zio_err_t)zio_rt_dump(zio_rt_current(), ud, 4096) > 0 ? 0 : -1;
}
IN_TASK(a_task_may_be_born_with_a_name) {
    char text[4096], name[] = "worker-bee";
    zio_spawn_options_t options = spawn_options();
    options.name = name;
    zio_task_t *task = start_with(tells_name, text, &options);
    memset(name, 'x', sizeof name - 1); /* it was copied */
    assert_int_equal(finish(task), 0);
    assert_non_null(strstr(text, "\"worker-bee\""));
}

static zio_err_t keeps_rounding(void *ud) {
    const int mode = *(int *)ud;
    REQUIRE(fegetround() == FE_TONEAREST || fegetround() == FE_UPWARD);
    fesetround(mode);
    for (int i = 0; i < 20; ++i) {
        REQUIRE(i % 5 != 0 ? zio_yield() == 0 : zio_sleep_until(zio_after_ns(1000)) == 0);
        REQUIRE(fegetround() == mode);
    }
    return 0;
}
static zio_err_t rounds_as_the_thread_does(void *ud) {
    (void)ud;
    for (int i = 0; i < 20; ++i) {
        REQUIRE(zio_yield() == 0);
        REQUIRE(fegetround() == FE_TONEAREST);
    }
    return 0;
}
IN_TASK(rounding_modes_travel_when_asked_for) {
    static int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    zio_spawn_options_t options = spawn_options();
    zio_task_t *tasks[6];
    options.flags = ZIO_TASK_KEEP_FP;
    for (int i = 0; i < 6; ++i)
        tasks[i] = i % 2 == 0 ? start_with(keeps_rounding, &modes[i / 2], &options)
                              : start(rounds_as_the_thread_does, NULL);
    for (int i = 0; i < 6; ++i) assert_int_equal(finish(tasks[i]), 0);
    assert_int_equal(fegetround(), FE_TONEAREST);
}

/* Of all priorities none waits for ever. */
static zio_err_t counts(void *ud) {
    ++*(int *)ud;
    return zio_yield();
}
IN_TASK(every_priority_and_flag_runs) {
    int count = 0;
    for (uint32_t priority = 0; priority < 3; ++priority) {
        for (uint32_t flag = 1; flag <= ZIO_TASK_KEEP_FP; flag <<= 1) {
            zio_spawn_options_t options = spawn_options();
            if (flag == ZIO_TASK_SHARED_STACK) continue;
            options.priority = priority;
            options.flags = flag;
            assert_int_equal(finish(start_with(counts, &count, &options)), 0);
        }
    }
    assert_int_equal(count, 12);
}

/* --- two-phase spawn ------------------------------------------------------------------------ */

struct closure {
    int a, b;
    zio_task_t *self;
};
static zio_err_t adds(void *ctx) {
    struct closure *c = ctx;
    *(int64_t *)zio_task_result(c->self) = c->a + c->b;
    return 3;
}
IN_TASK(a_binding_stores_closure_and_result_in_the_task) {
    zio_task_t *task = NULL;
    void *ctx = NULL, *result = NULL;
    assert_int_equal(zio_task_prepare(NULL, &task, adds, sizeof(struct closure), 0, sizeof(int64_t),
                                      0, NULL, &ctx, &result),
                     0);
    assert_int_equal((uintptr_t)ctx % 16, 0);
    assert_int_equal((uintptr_t)result % 16, 0);
    assert_ptr_equal(zio_task_result(task), result);
    assert_int_equal(*(int64_t *)result, 0);
    *(struct closure *)ctx = (struct closure){30, 12, task};
    assert_int_equal(zio_task_join(task, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_task_launch(task), 0);
    assert_int_equal(zio_task_launch(task), ZIO_EALREADY);
    assert_int_equal(zio_task_discard(task), ZIO_EALREADY);
    zio_err_t status = 0;
    assert_int_equal(zio_task_join(task, &status, ZIO_NEVER), 0);
    assert_int_equal(status, 3);
    assert_int_equal(*(int64_t *)result, 42);
    assert_int_equal(zio_task_launch(task), ZIO_EALREADY);
    assert_int_equal(zio_task_discard(task), ZIO_EALREADY);
    assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(zio_task_launch(task), ZIO_EBADF);
    assert_int_equal(zio_task_discard(task), ZIO_EBADF);
    assert_null(zio_task_result(task));
}

static zio_err_t checks_storage(void *ctx) {
    unsigned char *bytes = ctx;
    for (int i = 0; i < 40; ++i) REQUIRE(bytes[i] == (unsigned char)i);
    return 0;
}
/* Whatever the sizes and alignments: zeroed, apart from each other, not shared with others. */
IN_TASK(storage_has_the_alignment_asked_for) {
    static const size_t aligns[] = {0, 1, 8, 16, 64, 256, 4096};
    static const size_t sizes[] = {40, 64, 321, 5000, 100000};
    for (int round = 0; round < 2; ++round) {
        zio_task_t *tasks[35];
        for (int i = 0; i < 35; ++i) {
            const size_t align = aligns[i % 7], size = sizes[i / 7];
            void *ctx = NULL, *result = NULL;
            assert_int_equal(zio_task_prepare(NULL, &tasks[i], checks_storage, size, align, size,
                                              aligns[6 - i % 7], NULL, &ctx, &result),
                             0);
            if (align != 0) assert_int_equal((uintptr_t)ctx % align, 0);
            if (aligns[6 - i % 7] != 0) assert_int_equal((uintptr_t)result % aligns[6 - i % 7], 0);
            for (size_t k = 0; k < size; ++k) {
                assert_int_equal(((char *)ctx)[k], 0);
                assert_int_equal(((char *)result)[k], 0);
            }
            for (int k = 0; k < 40; ++k) ((char *)ctx)[k] = (char)k;
            memset(result, 0xee, size);
        }
        for (int i = 0; i < 35; ++i) assert_int_equal(zio_task_launch(tasks[i]), 0);
        for (int i = 0; i < 35; ++i) assert_int_equal(finish(tasks[i]), 0);
    }
}

static void frees_context(void *ctx) {
    REQUIRE(strcmp(ctx, "still mine") == 0);
    memset(ctx, 0xdd, 11);
    tell("free ");
}
/* Discarding runs `ud_free` on the closure, which is still there, and never the function. */
IN_TASK(a_discarded_task_frees_its_closure) {
    static const size_t sizes[] = {16, 300, 4000};
    for (int i = 0; i < 3; ++i) {
        zio_spawn_options_t options = spawn_options();
        zio_task_t *task = NULL;
        void *ctx = NULL, *result = NULL;
        options.ud_free = frees_context;
        story[0] = '\0';
        assert_int_equal(zio_task_prepare(NULL, &task, tells_function, sizes[i], 0, 0, 0, &options,
                                          &ctx, &result),
                         0);
        strcpy(ctx, "still mine");
        assert_int_equal(zio_task_discard(task), 0);
        assert_string_equal(story, "free ");
        assert_int_equal(zio_task_discard(task), ZIO_EBADF);
        assert_int_equal(zio_task_unref(task), ZIO_EBADF);
    }
    assert_int_equal(zio_task_discard(NULL), 0);
}
/* Somebody else's reference keeps the task: it ended without having run. */
IN_TASK(a_discarded_task_has_ended) {
    zio_task_t *task = NULL;
    void *ctx, *result;
    zio_err_t status = 0;
    assert_int_equal(zio_task_prepare(NULL, &task, tells_function, 8, 0, 8, 0, NULL, &ctx, &result),
                     0);
    zio_task_t *joiner = NULL;
    assert_ptr_equal(zio_task_ref(task), task);
    joiner = start(joins_and_tells, task);
    settle();
    story[0] = '\0';
    assert_int_equal(zio_task_discard(task), 0);
    assert_int_equal(finish(joiner), 0);
    assert_string_equal(story, "joiner ");
    assert_int_equal(zio_task_join(task, &status, ZIO_NEVER), 0);
    assert_int_equal(status, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(task), 0);
}

IN_TASK(prepare_says_what_is_wrong) {
    zio_task_t *task = (zio_task_t *)8;
    void *ctx = &task, *result = &task;
    assert_int_equal(zio_task_prepare(NULL, NULL, adds, 8, 0, 8, 0, NULL, &ctx, &result),
                     ZIO_EINVAL);
    assert_int_equal(zio_task_prepare(NULL, &task, NULL, 8, 0, 8, 0, NULL, &ctx, &result),
                     ZIO_EINVAL);
    assert_int_equal(zio_task_prepare(NULL, &task, adds, 8, 0, 8, 0, NULL, NULL, &result),
                     ZIO_EINVAL);
    assert_int_equal(zio_task_prepare(NULL, &task, adds, 8, 0, 8, 0, NULL, &ctx, NULL), ZIO_EINVAL);
    assert_int_equal(zio_task_prepare(NULL, &task, adds, 8, 3, 8, 0, NULL, &ctx, &result),
                     ZIO_EINVAL);
    assert_int_equal(zio_task_prepare(NULL, &task, adds, 8, 0, 8, 8192, NULL, &ctx, &result),
                     ZIO_EINVAL);
    const zio_err_t status =
        zio_task_prepare(NULL, &task, adds, SIZE_MAX - 8, 0, SIZE_MAX, 0, NULL, &ctx, &result);
    assert_int_equal(status, ZIO_E2BIG);
    assert_int_equal(
        zio_task_prepare((zio_rt_t *)zio_task_self(), &task, adds, 8, 0, 8, 0, NULL, &ctx, &result),
        ZIO_EBADF);
    assert_ptr_equal(task, (zio_task_t *)8);
    assert_ptr_equal(ctx, &task);
    assert_ptr_equal(result, &task);
    assert_int_equal(zio_task_launch(NULL), ZIO_EBADF);
    assert_int_equal(zio_task_launch(zio_task_self()), ZIO_EALREADY);
    assert_null(zio_task_result(zio_task_self()));
    assert_null(zio_task_result(NULL));
}

/* Canceled before its launch: it still runs, once. */
IN_TASK(a_launched_task_runs_once_also_when_canceled_before) {
    zio_spawn_options_t options = spawn_options();
    zio_task_t *task = NULL;
    void *ctx, *result;
    options.ud_free = frees;
    story[0] = '\0';
    assert_int_equal(
        zio_task_prepare(NULL, &task, tells_function, 8, 0, 0, 0, &options, &ctx, &result), 0);
    strcpy(ctx, "free ");
    assert_int_equal(zio_task_request_cancel(task), 0);
    assert_int_equal(zio_task_launch(task), 0);
    assert_int_equal(finish(task), 0);
    assert_string_equal(story, "function free ");
}

/* --- locals --------------------------------------------------------------------------------- */

static uint32_t plain_key, inherited_key;
static int destroyed;
static void counts_destroyed(void *value) {
    REQUIRE(value != NULL);
    ++destroyed;
}
static zio_err_t has_locals_of_its_own(void *ud) {
    REQUIRE(zio_task_get_local(plain_key) == NULL);
    REQUIRE(zio_task_set_local(plain_key, ud) == 0);
    REQUIRE(zio_yield() == 0);
    REQUIRE(zio_task_get_local(plain_key) == ud);
    return 0;
}
IN_TASK(locals_are_each_tasks_own) {
    zio_task_t *tasks[20];
    assert_int_equal(zio_task_key_create(&plain_key, 0, counts_destroyed), 0);
    destroyed = 0;
    for (int i = 0; i < 20; ++i) tasks[i] = start(has_locals_of_its_own, &tasks[i]);
    for (int i = 0; i < 20; ++i) assert_int_equal(finish(tasks[i]), 0);
    assert_int_equal(destroyed, 20);
    assert_null(zio_task_get_local(plain_key));
    assert_int_equal(zio_task_set_local(plain_key, &destroyed), 0);
    assert_int_equal(zio_task_set_local(plain_key, tasks), 0); /* forgotten, without destructor */
    assert_int_equal(destroyed, 20);
    assert_int_equal(zio_task_set_local(plain_key, NULL), 0); /* of NULL there is none */
    assert_int_equal(zio_task_set_local(100000, tasks), ZIO_EINVAL);
    assert_null(zio_task_get_local(100000));
    assert_int_equal(zio_task_key_create(NULL, 0, NULL), ZIO_EINVAL);
    assert_int_equal(zio_task_key_create(&plain_key, 2, NULL), ZIO_EINVAL);
}

static zio_err_t inherits(void *ud) {
    REQUIRE(zio_task_get_local(inherited_key) == ud);
    REQUIRE(zio_task_get_local(plain_key) == NULL);
    return finish(start(returns_number, &(int){0}));
}
static zio_err_t inherits_and_changes(void *ud) {
    REQUIRE(zio_task_get_local(inherited_key) == ud);
    REQUIRE(zio_task_set_local(inherited_key, &destroyed) == 0);
    REQUIRE(finish(start(inherits, &destroyed)) == 0); /* its own children see that */
    return 0;
}
IN_TASK(some_locals_are_inherited) {
    int value = 0;
    zio_task_t *task = NULL;
    void *ctx, *result;
    assert_int_equal(zio_task_key_create(&plain_key, 0, NULL), 0);
    assert_int_equal(zio_task_key_create(&inherited_key, ZIO_KEY_INHERIT, counts_destroyed), 0);
    destroyed = 0;
    assert_int_equal(zio_task_set_local(plain_key, &value), 0);
    assert_int_equal(zio_task_set_local(inherited_key, &value), 0);
    assert_int_equal(finish(start(inherits, &value)), 0);
    assert_int_equal(destroyed, 0); /* of an inherited value there is no destructor */
    assert_int_equal(finish(start(inherits_and_changes, &value)), 0);
    assert_int_equal(destroyed, 1);
    assert_ptr_equal(zio_task_get_local(inherited_key), &value);
    zio_group_t *group = NULL;
    assert_int_equal(zio_group_create(NULL, &group, 0), 0);
    assert_int_equal(zio_group_spawn(group, inherits, &value, NULL), 0);
    assert_int_equal(zio_group_wait(group, ZIO_NEVER), 0);
    assert_int_equal(zio_group_destroy(group), 0);
    assert_int_equal(zio_task_prepare(NULL, &task, inherits, 0, 0, 0, 0, NULL, &ctx, &result), 0);
    assert_int_equal(zio_task_discard(task), 0);
    assert_int_equal(zio_task_set_local(inherited_key, NULL), 0);
    assert_int_equal(finish(start(inherits, NULL)), 0);
}

/* A destructor may set values again; that comes to an end. */
static void sets_again(void *value) {
    ++destroyed;
    REQUIRE(zio_task_set_local(plain_key, value) == 0);
}
static zio_err_t sets_one(void *ud) {
    return zio_task_set_local(plain_key, ud);
}
IN_TASK(destructors_that_set_values_end) {
    assert_int_equal(zio_task_key_create(&plain_key, 0, sets_again), 0);
    destroyed = 0;
    assert_int_equal(finish(start(sets_one, &destroyed)), 0);
    assert_in_range(destroyed, 1, 100);
}

static zio_err_t uses_all_keys(void *ud) {
    const uint32_t *keys = ud;
    for (uint32_t i = 1; i <= keys[0]; ++i)
        REQUIRE(zio_task_set_local(keys[i], (void *)(uintptr_t)i) == 0);
    REQUIRE(zio_yield() == 0);
    for (uint32_t i = 1; i <= keys[0]; ++i)
        REQUIRE(zio_task_get_local(keys[i]) == (void *)(uintptr_t)i);
    return 0;
}
/* The last test of this file, since keys are never given back. */
static void there_are_at_least_1024_keys(void **state) {
    static uint32_t keys[70000];
    uint32_t made = 0, key;
    zio_rt_t *rt = make_runtime();
    (void)state;
    assert_int_equal(zio_task_set_local(0, &made), ZIO_ENOTASK);
    assert_null(zio_task_get_local(0));
    while (made < 69999 && zio_task_key_create(&key, 0, counts_destroyed) == 0) keys[++made] = key;
    assert_int_equal(zio_task_key_create(&key, 0, NULL), ZIO_EAGAIN);
    assert_true(made + 10 >= 1024);
    keys[0] = made;
    destroyed = 0;
    assert_int_equal(run_main(rt, uses_all_keys, keys), 0);
    assert_int_equal(destroyed, made);
    end_runtime(rt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_freed_before_joiners_wake),
        cmocka_unit_test(a_refused_spawn_frees_nothing),
        cmocka_unit_test(each_task_may_have_a_stack_of_its_own_size),
        cmocka_unit_test(a_task_may_be_born_with_a_name),
        cmocka_unit_test(rounding_modes_travel_when_asked_for),
        cmocka_unit_test(every_priority_and_flag_runs),
        cmocka_unit_test(a_binding_stores_closure_and_result_in_the_task),
        cmocka_unit_test(storage_has_the_alignment_asked_for),
        cmocka_unit_test(a_discarded_task_frees_its_closure),
        cmocka_unit_test(a_discarded_task_has_ended),
        cmocka_unit_test(prepare_says_what_is_wrong),
        cmocka_unit_test(a_launched_task_runs_once_also_when_canceled_before),
        cmocka_unit_test(locals_are_each_tasks_own),
        cmocka_unit_test(some_locals_are_inherited),
        cmocka_unit_test(destructors_that_set_values_end),
        cmocka_unit_test(there_are_at_least_1024_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
