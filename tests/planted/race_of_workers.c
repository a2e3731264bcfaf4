// SPDX-License-Identifier: MIT
// Planted: two tasks on two workers write the same variable, and nothing orders them.
#include <pthread.h>

#include "planted.h"

static long shared;
static pthread_t writers[2];
static int began;

// Neither writes before both run: so they are on two threads. The counter orders nothing.
static zio_err_t write_beside_other(void *ud) {
    *(pthread_t *)ud = pthread_self();
    __atomic_fetch_add(&began, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&began, __ATOMIC_RELAXED) < 2) continue;
    for (int i = 0; i < 100000; i++) *(volatile long *)&shared += 1;
    return ZIO_OK;
}

static void race(void) {
    zio_task_t *task = NULL;
    if (zio_spawn(NULL, &task, write_beside_other, &writers[0], NULL) != ZIO_OK) abort();
    write_beside_other(&writers[1]);
    if (zio_task_join(task, NULL, ZIO_NEVER) != ZIO_OK) abort();
    zio_task_unref(task);
    if (pthread_equal(writers[0], writers[1])) abort();
}

int main(void) {
    return planted_run_with(race, 2);
}
