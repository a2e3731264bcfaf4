/* SPDX-License-Identifier: MIT */
/* Opens streams until the system gives no more, and prints how many there were and why it ended:
 * what `zio doctor` says about descriptors is held against this. */
#include <stdio.h>

#include "zio.h"

enum { PAIRS_MOST = 4096 };

static zio_stream_t *streams[2 * PAIRS_MOST];

static zio_err_t ZIO_CALL fill(void *ud) {
    unsigned *count = ud;
    while (*count < 2 * PAIRS_MOST) {
        const zio_err_t error = zio_stream_pair(&streams[*count], &streams[*count + 1]);
        if (error != 0) return error;
        *count += 2;
    }
    return 0;
}

int main(void) {
    unsigned count = 0;
    zio_rt_t *runtime;
    zio_err_t error = zio_rt_create(&runtime, NULL);
    if (error != 0) {
        printf("no runtime: %s\n", zio_err_name(error));
        return 1;
    }
    error = zio_rt_run(runtime, fill, &count);
    printf("%u streams, then %s\n", count, zio_err_name(error));
    for (unsigned i = 0; i < count; i++) (void)zio_stream_close(streams[i]);
    return zio_rt_destroy(runtime) == 0 ? 0 : 1;
}
