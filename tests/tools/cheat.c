/* SPDX-License-Identifier: MIT */
/* Cheats determinism: its process number says how long it sleeps or, with a word, how much it
 * sends.
 */
#include <unistd.h>
#include <zio.h>

static zio_err_t cheats(void *ud) {
    char bytes[256] = {0};
    zio_stream_t *first, *second;
    const unsigned chance = (unsigned)getpid() % 251;
    if (ud == NULL) return zio_sleep_until(zio_after_ns(chance * INT64_C(1000)));
    zio_err_t err = zio_stream_pair(&first, &second);
    if (err != ZIO_OK) return err;
    err = zio_stream_write_all(first, bytes, chance + 1, NULL, ZIO_NEVER);
    zio_stream_close(first);
    zio_stream_close(second);
    return err;
}

int main(int argc, char **argv) {
    zio_rt_t *rt;
    if (zio_rt_create(&rt, NULL) != ZIO_OK) return 2;
    return zio_rt_run(rt, cheats, argc > 1 ? argv[1] : NULL) != ZIO_OK;
}
