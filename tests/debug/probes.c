/* SPDX-License-Identifier: MIT */
/* What probes_test.sh and bpftrace_test.sh trace: one worker, and tasks whose steps are known.
 * `probes N` does it N times over. */
#include <stdlib.h>

#include "zio/cancel.h"
#include "zio/stream.h"
#include "zio/task.h"

static zio_stream_t *ends[2];

static zio_err_t sleeps(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(300));
}
static zio_err_t parks(void *ud) {
    (void)ud;
    return zio_task_park(ZIO_NEVER);
}
static zio_err_t receives(void *ud) {
    char bytes[16];
    (void)ud;
    return zio_stream_read(ends[0], bytes, sizeof bytes, ZIO_NEVER) == 5 ? 0 : -1;
}
static zio_err_t is_canceled(void *ud) {
    (void)ud;
    return zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED ? 0 : -1;
}

static zio_err_t plays(void *ud) {
    static const zio_task_fn functions[] = {sleeps, parks, receives, is_canceled};
    zio_task_t *tasks[4];
    zio_err_t sum = 0;
    (void)ud;
    if (zio_stream_pair(&ends[0], &ends[1]) != 0) return -1;
    for (int i = 0; i < 4; ++i) {
        if (zio_spawn(NULL, &tasks[i], functions[i], NULL, NULL) != 0) return -1;
    }
    if (zio_sleep_until(zio_after_ms(5)) != 0) return -1;
    if (zio_task_unpark(tasks[1]) != 0 || zio_task_request_cancel(tasks[3]) != 0) return -1;
    if (zio_stream_write_all(ends[1], "hello", 5, NULL, ZIO_NEVER) != 0) return -1;
    for (int i = 0; i < 4; ++i) {
        zio_err_t result = -1;
        sum |= zio_task_join(tasks[i], &result, ZIO_NEVER);
        sum |= result;
        zio_task_unref(tasks[i]);
    }
    zio_stream_close(ends[0]);
    zio_stream_close(ends[1]);
    return sum;
}

int main(int argc, char **argv) {
    zio_rt_t *rt = NULL;
    zio_err_t status = zio_rt_create(&rt, NULL);
    if (status != 0) return 1;
    for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 0 && status == 0; --i) {
        status = zio_rt_run(rt, plays, NULL);
    }
    return status == 0 && zio_rt_destroy(rt) == 0 ? 0 : 2;
}
