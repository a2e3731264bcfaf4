/* SPDX-License-Identifier: MIT */
/* The echo server on libuv at its best: one buffer for all reads, a direct write that falls back to
 * a queued one, no allocation for a request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "server/kit.h"

struct client {
    uv_tcp_t socket;
    uv_write_t write;
    char rest[BUFFER_BYTES];
};

static char bytes[BUFFER_BYTES];

static void check(int status, const char *what) {
    if (status >= 0) return;
    fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
    exit(1);
}

static void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
    (void)handle;
    (void)size;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void closed(uv_handle_t *handle) {
    free(handle->data);
}

static void received(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

static void written(uv_write_t *write, int status) {
    if (status < 0) return;
    check(uv_read_start(write->handle, give_buffer, received), "uv_read_start");
}

static void received(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
    struct client *client = stream->data;
    if (length < 0) {
        uv_close((uv_handle_t *)stream, closed);
        return;
    }
    if (length == 0) return;
    kit_work((size_t)length);
    uv_buf_t answer = uv_buf_init(buffer->base, (unsigned)length);
    int sent = uv_try_write(stream, &answer, 1);
    if (sent == length) return;
    if (sent < 0) sent = 0;
    memcpy(client->rest, bytes + sent, (size_t)(length - sent));
    answer = uv_buf_init(client->rest, (unsigned)(length - sent));
    uv_read_stop(stream);
    check(uv_write(&client->write, stream, &answer, 1, written), "uv_write");
}

static void connected(uv_stream_t *listener, int status) {
    check(status, "accept");
    struct client *client = malloc(sizeof *client);
    if (client == NULL) kit_fail("malloc");
    check(uv_tcp_init(listener->loop, &client->socket), "uv_tcp_init");
    client->socket.data = client;
    check(uv_accept(listener, (uv_stream_t *)&client->socket), "uv_accept");
    check(uv_tcp_nodelay(&client->socket, 1), "uv_tcp_nodelay");
    check(uv_read_start((uv_stream_t *)&client->socket, give_buffer, received), "uv_read_start");
}

int main(void) {
    uv_tcp_t listener;
    const int socket = kit_listen();
    check(uv_tcp_init(uv_default_loop(), &listener), "uv_tcp_init");
    check(uv_tcp_open(&listener, socket), "uv_tcp_open");
    check(uv_listen((uv_stream_t *)&listener, 4096, connected), "uv_listen");
    kit_ready(socket, "libuv");
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
