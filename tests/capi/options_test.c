/* SPDX-License-Identifier: MIT */
/* The structs that later versions extend: how a caller prepares them. */
#include <stddef.h>
#include <string.h>

#include "test.h"
#include "zio.h"

typedef zio_err_t (*init_fn)(void *s, size_t size);

/* A pointer to a function that takes another pointer type may not be called; these may. */
#define PREPARE(name, function, type)             \
    static zio_err_t name(void *s, size_t size) { \
        return function((type *)s, size);         \
    }
PREPARE(prepare_allocator, zio_allocator_init, zio_allocator_t)
PREPARE(prepare_task_hooks, zio_task_hooks_init, zio_task_hooks_t)
PREPARE(prepare_worker_hooks, zio_worker_hooks_init, zio_worker_hooks_t)
PREPARE(prepare_rt_options, zio_rt_options_init, zio_rt_options_t)
PREPARE(prepare_rt_stats, zio_rt_stats_init, zio_rt_stats_t)
PREPARE(prepare_spawn_options, zio_spawn_options_init, zio_spawn_options_t)
PREPARE(prepare_sock_options, zio_sock_options_init, zio_sock_options_t)

static const struct {
    const char *name;
    init_fn init;
    size_t size;
} structs[] = {
    {"zio_allocator_t", prepare_allocator, sizeof(zio_allocator_t)},
    {"zio_task_hooks_t", prepare_task_hooks, sizeof(zio_task_hooks_t)},
    {"zio_worker_hooks_t", prepare_worker_hooks, sizeof(zio_worker_hooks_t)},
    {"zio_rt_options_t", prepare_rt_options, sizeof(zio_rt_options_t)},
    {"zio_rt_stats_t", prepare_rt_stats, sizeof(zio_rt_stats_t)},
    {"zio_spawn_options_t", prepare_spawn_options, sizeof(zio_spawn_options_t)},
    {"zio_sock_options_t", prepare_sock_options, sizeof(zio_sock_options_t)},
};
enum { struct_count = sizeof structs / sizeof structs[0], most = 4096 };

/* Bytes of 64-bit alignment, all set, so that what init leaves alone is seen. */
static uint64_t memory[(most + 64) / sizeof(uint64_t)];

static uint32_t size_in_memory(void) {
    uint32_t size;
    memcpy(&size, memory, sizeof size);
    return size;
}

static void every_struct_is_prepared_by_its_function(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < struct_count; ++i) {
        const unsigned char *const bytes = (const unsigned char *)memory;
        memset(memory, 0xff, sizeof memory);
        assert_int_equal(structs[i].init(memory, structs[i].size), 0);
        assert_int_equal(size_in_memory(), structs[i].size);
        assert_int_equal(bytes[structs[i].size], 0xff); /* no byte beyond */
        assert_int_equal(structs[i].init(NULL, structs[i].size), ZIO_EINVAL);
    }
}

static void the_defaults_are_zero_but_for_one_worker(void **state) {
    static const uint64_t zeros[most / sizeof(uint64_t)];
    size_t i;
    (void)state;
    for (i = 0; i < struct_count; ++i) {
        assert_int_equal(structs[i].init(memory, structs[i].size), 0);
        if (structs[i].init == prepare_rt_options) {
            zio_rt_options_t *const o = (zio_rt_options_t *)memory;
            assert_int_equal(o->workers, 1);
            o->workers = 0;
        }
        assert_memory_equal((const char *)memory + 4, zeros, structs[i].size - 4);
    }
}

/* A program built with later headers has larger structs: all of it is prepared. */
static void a_larger_struct_is_prepared_whole(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < struct_count; ++i) {
        const unsigned char *const bytes = (const unsigned char *)memory;
        size_t j;
        memset(memory, 0xff, sizeof memory);
        assert_int_equal(structs[i].init(memory, most), 0);
        assert_int_equal(size_in_memory(), most);
        for (j = structs[i].size; j < most; ++j) assert_int_equal(bytes[j], 0);
        assert_int_equal(bytes[most], 0xff);
    }
}

static void sizes_that_no_version_has_are_refused(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < struct_count; ++i) {
        memset(memory, 0xff, sizeof memory);
        assert_int_equal(structs[i].init(memory, 0), ZIO_EINVAL);
        assert_int_equal(structs[i].init(memory, 4), ZIO_EINVAL);
        assert_int_equal(structs[i].init(memory, structs[i].size - 1), ZIO_EINVAL);
        assert_int_equal(structs[i].init(memory, most + 1), ZIO_E2BIG);
        assert_int_equal(structs[i].init(memory, SIZE_MAX), ZIO_E2BIG);
        assert_int_equal(size_in_memory(), UINT32_MAX); /* untouched */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_struct_is_prepared_by_its_function),
        cmocka_unit_test(the_defaults_are_zero_but_for_one_worker),
        cmocka_unit_test(a_larger_struct_is_prepared_whole),
        cmocka_unit_test(sizes_that_no_version_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
