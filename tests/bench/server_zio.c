/* SPDX-License-Identifier: MIT */
/* The echo server of the examples, but that each request costs some work: for the runs in which the
 * client must never be the limit. */
#include "server.h"
#include "server/kit.h"

static void echo(zio_stream_t *stream, void *ud) {
    char bytes[BUFFER_BYTES];
    (void)ud;
    for (;;) {
        const zio_ssize_t length = zio_stream_read(stream, bytes, sizeof bytes, ZIO_NEVER);
        if (length <= 0) return;
        kit_work((size_t)length);
        if (zio_stream_write_all(stream, bytes, (size_t)length, NULL, ZIO_NEVER) != 0) return;
    }
}

int main(int argc, char **argv) {
    static const struct server_program program = {
        .purpose = "sends back what it is sent, after some work",
        .default_port = 7007,
        .serve = echo,
    };
    return server_main(argc, argv, &program);
}
