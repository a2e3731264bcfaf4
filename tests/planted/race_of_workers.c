// SPDX-License-Identifier: MIT
// Planted: two tasks on two workers write the same variable, and nothing orders them.
#include <stdlib.h>
#include <zio.h>

static long shared;
static int began;

// Neither writes before both run, so that they are on two workers. The counter orders nothing.
static zio_err_t write_beside_other(void *ud) {
    __atomic_fetch_add(&began, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&began, __ATOMIC_RELAXED) < 2) continue;
    for (int i = 0; i < 100000; i++) *(volatile long *)&shared += 1;
    (void)ud;
    return ZIO_OK;
}

// What comes from outside goes to the workers in turn.
int main(void) {
    zio_rt_t *rt = NULL;
    zio_task_t *tasks[2] = {NULL, NULL};
    zio_rt_options_t options;
    if (zio_rt_options_init(&options, sizeof options) != ZIO_OK) return EXIT_FAILURE;
    options.workers = 2;
    if (zio_rt_create(&rt, &options) != ZIO_OK) return EXIT_FAILURE;
    if (zio_rt_start(rt) != ZIO_OK) return EXIT_FAILURE;
    for (int i = 0; i < 2; i++) {
        if (zio_spawn(rt, &tasks[i], write_beside_other, NULL, NULL) != ZIO_OK) return EXIT_FAILURE;
    }
    for (int i = 0; i < 2; i++) {
        if (zio_task_join(tasks[i], NULL, ZIO_NEVER) != ZIO_OK) return EXIT_FAILURE;
        zio_task_unref(tasks[i]);
    }
    zio_rt_shutdown(rt, ZIO_NEVER);
    zio_rt_destroy(rt);
    return EXIT_SUCCESS;
}
