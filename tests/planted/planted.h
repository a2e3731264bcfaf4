// SPDX-License-Identifier: MIT
// Runs a faulty function as a task that has been suspended before, so that the sanitizer must have
// followed the switches. The program ends well unless the sanitizer stops it.
#ifndef ZIO_TESTS_PLANTED_H
#define ZIO_TESTS_PLANTED_H

#include <stdlib.h>
#include <zio.h>

typedef void (*planted_fault_fn)(void);

static zio_err_t planted_task(void *ud) {
    planted_fault_fn *fault = ud;
    zio_err_t err = zio_sleep_until(zio_after_ms(1));
    if (err == ZIO_OK) (*fault)();
    return err;
}

static zio_err_t planted_main(void *ud) {
    zio_task_t *task = NULL;
    zio_err_t result = ZIO_OK;
    zio_err_t err = zio_spawn(NULL, &task, planted_task, ud, NULL);
    if (err == ZIO_OK) err = zio_task_join(task, &result, ZIO_NEVER);
    zio_task_unref(task);
    return err != ZIO_OK ? err : result;
}

static int planted_run(planted_fault_fn fault) {
    zio_rt_t *rt = NULL;
    if (zio_rt_create(&rt, NULL) != ZIO_OK) return EXIT_FAILURE;
    if (zio_rt_run(rt, planted_main, &fault) != ZIO_OK) return EXIT_FAILURE;
    zio_rt_shutdown(rt, ZIO_NEVER);
    zio_rt_destroy(rt);
    return EXIT_SUCCESS;
}

#endif
