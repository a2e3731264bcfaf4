/* SPDX-License-Identifier: MIT */
#include "workers/kit.h"

enum { LIVES = 200 };

static zio_err_t ZIO_CALL does_nothing(void *ud) {
    (void)ud;
    return 0;
}

int64_t measure_life(uint32_t workers) {
    static int64_t all[LIVES];
    for (int i = 0; i < LIVES; i++) {
        const int64_t began = now_ns();
        zio_rt_t *const runtime = make_runtime(workers);
        MUST(zio_rt_run(runtime, does_nothing, NULL) == 0);
        MUST(zio_rt_destroy(runtime) == 0);
        all[i] = now_ns() - began;
    }
    return median_of(all, LIVES);
}
