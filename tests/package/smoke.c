// SPDX-License-Identifier: MIT
// What an installed library must do for a program outside the tree: tasks, a timer, and bytes over
// a TCP connection to itself. Also run by an emulator, so it needs no more than the public headers.
#include <stdio.h>
#include <string.h>
#include <zio.h>

enum { pieces = 100, piece = 1000 };

static zio_listener_t *listener;

static zio_err_t echo(void *ud) {
    zio_stream_t *stream = NULL;
    char buffer[300];
    zio_ssize_t count;
    zio_err_t err = zio_accept(listener, &stream, NULL, zio_after_ms(20000));
    (void)ud;
    if (err != ZIO_OK) return err;
    while ((count = zio_stream_read(stream, buffer, sizeof buffer, ZIO_NEVER)) > 0) {
        size_t done = 0;
        err = zio_stream_write_all(stream, buffer, (size_t)count, &done, ZIO_NEVER);
        if (err != ZIO_OK) break;
    }
    zio_stream_close(stream);
    return count < 0 ? (zio_err_t)count : err;
}

static zio_err_t exchange(zio_stream_t *stream) {
    char sent[piece], received[piece];
    size_t done = 0;
    int i;
    for (i = 0; i < pieces; i++) {
        zio_err_t err;
        memset(sent, i, sizeof sent);
        err = zio_stream_write_all(stream, sent, sizeof sent, &done, ZIO_NEVER);
        if (err == ZIO_OK) {
            err = zio_stream_read_exact(stream, received, sizeof received, &done, ZIO_NEVER);
        }
        if (err != ZIO_OK) return err;
        if (memcmp(sent, received, sizeof sent) != 0) return ZIO_EIO;
    }
    return ZIO_OK;
}

static zio_err_t run(void *ud) {
    zio_addr_t address;
    zio_task_t *server = NULL;
    zio_stream_t *stream = NULL;
    zio_err_t result = ZIO_EIO;
    int64_t before = zio_now();
    zio_err_t err = zio_sleep_until(zio_after_ms(5));
    (void)ud;
    if (err == ZIO_OK && zio_now() - before < 5000000) err = ZIO_EIO;
    if (err == ZIO_OK) err = zio_addr_parse(&address, "127.0.0.1:0", 11, 0);
    if (err == ZIO_OK) err = zio_listen(&listener, &address, NULL);
    if (err == ZIO_OK) err = zio_listener_addr(listener, &address);
    if (err == ZIO_OK) err = zio_spawn(NULL, &server, echo, NULL, NULL);
    if (err == ZIO_OK) err = zio_connect(&stream, &address, NULL, zio_after_ms(20000));
    if (err == ZIO_OK) err = exchange(stream);
    zio_stream_close(stream);
    if (err == ZIO_OK) err = zio_task_join(server, &result, zio_after_ms(20000));
    zio_task_unref(server);
    zio_listener_close(listener);
    return err != ZIO_OK ? err : result;
}

int main(void) {
    zio_rt_t *rt = NULL;
    zio_err_t err = zio_rt_create(&rt, NULL);
    const char *backend = err == ZIO_OK ? zio_rt_backend_name(rt) : "none";
    if (zio_version() != ZIO_VERSION_NUMBER) {
        fprintf(stderr, "smoke: library %s is not that of the header\n", zio_version_string());
        return 1;
    }
    if (err == ZIO_OK) err = zio_rt_run(rt, run, NULL);
    if (err == ZIO_OK) {
        printf("smoke: %d bytes echoed by %s, libzio %s\n", pieces * piece, backend,
               zio_version_string());
        err = zio_rt_shutdown(rt, ZIO_NEVER);
    }
    if (err == ZIO_OK) err = zio_rt_destroy(rt);
    if (err != ZIO_OK) fprintf(stderr, "smoke: %s (%s)\n", zio_err_name(err), zio_strerror(err));
    return err != ZIO_OK;
}
