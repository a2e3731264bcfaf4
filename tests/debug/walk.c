/* SPDX-License-Identifier: MIT */
/* What gdb_walk_test.sh stops in: a user's function that reads from a stream. */
#include <stdio.h>

#include "zio/stream.h"
#include "zio/task.h"

static zio_stream_t *ends[2];

static zio_err_t answer_client(void *ud) {
    char bytes[16];
    (void)ud;
    /* Nothing is there yet: the read goes all the way down to the backend and waits. */
    const zio_ssize_t length = zio_stream_read(ends[0], bytes, sizeof bytes, ZIO_NEVER);
    printf("read %ld\n", (long)length);
    return length == 5 ? 0 : -1;
}

static zio_err_t serve(void *ud) {
    zio_task_t *task = NULL;
    zio_err_t result = -1;
    zio_err_t status = zio_stream_pair(&ends[0], &ends[1]);
    if (status != 0) return status;
    if ((status = zio_spawn(NULL, &task, answer_client, ud, NULL)) != 0) return status;
    if ((status = zio_sleep_until(zio_after_ms(20))) != 0) return status;
    if ((status = zio_stream_write_all(ends[1], "hello", 5, NULL, ZIO_NEVER)) != 0) return status;
    status = zio_task_join(task, &result, ZIO_NEVER);
    zio_task_unref(task);
    zio_stream_close(ends[0]);
    zio_stream_close(ends[1]);
    return status != 0 ? status : result;
}

int main(void) {
    zio_rt_t *rt = NULL;
    if (zio_rt_create(&rt, NULL) != 0) return 1;
    const zio_err_t status = zio_rt_run(rt, serve, NULL);
    return zio_rt_destroy(rt) == 0 && status == 0 ? 0 : 1;
}
