/* SPDX-License-Identifier: MIT */
/* Sends back what it is sent. One task per client, written as if it were alone in the world: reads
 * and writes look blocking, and suspend only the task. */
#include "server.h"

static void echo(zio_stream_t *stream, void *ud) {
    char bytes[16 * 1024];
    (void)ud;
    for (;;) {
        const zio_ssize_t length = zio_stream_read(stream, bytes, sizeof bytes, ZIO_NEVER);
        if (length <= 0) return; /* the client has finished, is gone, or the server stops */
        if (zio_stream_write_all(stream, bytes, (size_t)length, NULL, ZIO_NEVER) != 0) return;
    }
}

int main(int argc, char **argv) {
    static const struct server_program program = {
        .purpose = "sends back what it is sent",
        .default_port = 7007,
        .serve = echo,
    };
    return server_main(argc, argv, &program);
}
