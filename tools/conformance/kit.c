/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outcome.h"

bool is_simulated;
zio_rt_t *the_runtime;

zio_deadline_t soon(void) {
    return zio_after_ms(20000);
}

/* In several steps, each a turn of the loop: a process may be kept from running for a while.
 * Simulated packets may be under way for longer, and it costs nothing there. */
void settle(void) {
    for (int step = 0; step < 4; step++) {
        MUST(zio_sleep_until(zio_after_ms(is_simulated ? 75 : 2)) == 0);
    }
}

/* --- connected streams ---------------------------------------------------------------------- */

const char *link_name(enum link_kind kind) {
    static const char *const names[LINK_KINDS] = {"tcp4", "tcp6", "path", "abstract", "pair"};
    return names[kind];
}

bool has_link(enum link_kind kind) {
    zio_listener_t *listener = NULL;
    if (kind == LINK_PAIR) return true;
    const zio_addr_t address = fresh_address(kind);
    if (zio_listen(&listener, &address, NULL) != 0) return false;
    MUST(zio_listener_close(listener) == 0);
    return true;
}

void make_link(struct link *link, enum link_kind kind) {
    link->kind = kind;
    if (kind == LINK_PAIR) {
        MUST(zio_stream_pair(&link->a, &link->b) == 0);
        return;
    }
    const zio_addr_t asked = fresh_address(kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    link->a = connect_to(&address);
    link->b = accept_from(listener);
    MUST(zio_listener_close(listener) == 0);
}

void close_a(struct link *link) {
    zio_stream_t *stream = link->a;
    link->a = NULL;
    MUST(zio_stream_close(stream) == 0);
}

void close_b(struct link *link) {
    zio_stream_t *stream = link->b;
    link->b = NULL;
    MUST(zio_stream_close(stream) == 0);
}

void close_link(struct link *link) {
    close_a(link);
    close_b(link);
}

bool is_tcp(const struct link *link) {
    return link->kind == LINK_TCP4 || link->kind == LINK_TCP6;
}

bool has_firm_room(const struct link *link) {
    return !is_tcp(link);
}

/* --- addresses ------------------------------------------------------------------------------ */

zio_addr_t address_of(const char *text) {
    zio_addr_t address;
    MUST(zio_addr_parse(&address, text, (size_t)-1, 0) == 0);
    return address;
}

zio_addr_t fresh_address(enum link_kind kind) {
    static unsigned serial = 0;
    char text[80];
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || strlen(folder) > 40) folder = "/tmp";
    switch (kind) {
        case LINK_TCP4:
            return address_of("127.0.0.1:0");
        case LINK_TCP6:
            return address_of("[::1]:0");
        case LINK_ABSTRACT:
            (void)snprintf(text, sizeof text, "unix:@zio-conformance-%ld-%u", (long)getpid(),
                           serial++);
            return address_of(text);
        default:
            (void)snprintf(text, sizeof text, "unix:%s/zio-conf-%ld-%u", folder, (long)getpid(),
                           serial++);
            return address_of(text);
    }
}

zio_addr_t bound_to(zio_listener_t *listener) {
    zio_addr_t address;
    MUST(zio_listener_addr(listener, &address) == 0);
    return address;
}

zio_listener_t *listen_at(const zio_addr_t *address) {
    zio_listener_t *listener = NULL;
    MUST(zio_listen(&listener, address, NULL) == 0);
    return listener;
}

zio_stream_t *connect_to(const zio_addr_t *address) {
    zio_stream_t *stream = NULL;
    MUST(zio_connect(&stream, address, NULL, soon()) == 0);
    return stream;
}

zio_stream_t *accept_from(zio_listener_t *listener) {
    zio_stream_t *stream = NULL;
    MUST(zio_accept(listener, &stream, NULL, soon()) == 0);
    return stream;
}

zio_addr_t nobodys_address(enum link_kind kind) {
    const zio_addr_t asked = fresh_address(kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    MUST(zio_listener_close(listener) == 0);
    return address;
}

bool same_address(const zio_addr_t *a, const zio_addr_t *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* --- bytes ---------------------------------------------------------------------------------- */

unsigned char byte_at(uint64_t at) {
    return (unsigned char)((at * 0x9e3779b97f4a7c15u) >> 53);
}

void fill_bytes(void *to, size_t size, uint64_t at) {
    unsigned char *bytes = to;
    for (size_t i = 0; i < size; i++) bytes[i] = byte_at(at + i);
}

bool are_bytes(const void *bytes, size_t size, uint64_t at) {
    const unsigned char *from = bytes;
    for (size_t i = 0; i < size; i++) {
        if (from[i] != byte_at(at + i)) return false;
    }
    return true;
}

void send_text(zio_stream_t *stream, const char *text) {
    MUST(zio_stream_write_all(stream, text, strlen(text), NULL, soon()) == 0);
}

void tell_text(const char *what, zio_stream_t *stream, size_t size) {
    char bytes[128];
    size_t done = 0;
    MUST(size <= sizeof bytes);
    const zio_err_t error = zio_stream_read_exact(stream, bytes, size, &done, soon());
    if (error != 0) {
        tell(what, error);
    } else {
        tell_bytes(what, bytes, size);
    }
}

/* Little by little at the end, so that there is no room even for little. */
size_t fill(zio_stream_t *stream) {
    static const char bytes[4096];
    size_t total = 0;
    for (size_t size = sizeof bytes; size >= 1; size /= 64) {
        zio_ssize_t count;
        while ((count = zio_stream_write(stream, bytes, size, ZIO_IMMEDIATE)) > 0) {
            total += (size_t)count;
        }
        MUST(count == ZIO_EAGAIN);
    }
    return total;
}

void drain(zio_stream_t *stream, size_t size) {
    static char bytes[65536];
    while (size > 0) {
        const size_t wanted = size < sizeof bytes ? size : sizeof bytes;
        const zio_ssize_t got = zio_stream_read(stream, bytes, wanted, soon());
        MUST(got > 0);
        size -= (size_t)got;
    }
}

/* --- tasks ---------------------------------------------------------------------------------- */

zio_task_t *start(zio_task_fn entry, void *ud) {
    zio_task_t *task = NULL;
    MUST(zio_spawn(the_runtime, &task, entry, ud, NULL) == 0);
    return task;
}

zio_err_t finish(zio_task_t *task) {
    zio_err_t result = 0;
    MUST(zio_task_join(task, &result, soon()) == 0);
    MUST(zio_task_unref(task) == 0);
    return result;
}

zio_err_t cancel(zio_task_t *task) {
    MUST(zio_task_request_cancel(task) == 0);
    return finish(task);
}

bool has_ended(zio_task_t *task) {
    const zio_err_t error = zio_task_join(task, NULL, ZIO_IMMEDIATE);
    MUST(error == 0 || error == ZIO_EAGAIN);
    return error == 0;
}

const char *call_name(enum call call) {
    static const char *const names[CALLS] = {"read",  "readv",  "read_exact", "peek",
                                             "write", "writev", "write_all",  "shutdown"};
    return names[call];
}

zio_err_t make_call(void *ud) {
    struct calling *calling = ud;
    char *const bytes = calloc(1, calling->size + 1);
    MUST(bytes != NULL);
    const zio_buf_t to = {bytes, calling->size};
    const zio_cbuf_t from = {bytes, calling->size};
    zio_stream_t *const stream = calling->stream;
    const zio_deadline_t deadline = calling->deadline;
    zio_ssize_t result = 0;
    calling->done = SIZE_MAX;
    switch (calling->call) {
        case CALL_READ:
            result = zio_stream_read(stream, bytes, calling->size, deadline);
            break;
        case CALL_READV:
            result = zio_stream_readv(stream, &to, 1, deadline);
            break;
        case CALL_READ_EXACT:
            result = zio_stream_read_exact(stream, bytes, calling->size, &calling->done, deadline);
            break;
        case CALL_PEEK:
            result = zio_stream_peek(stream, bytes, calling->size, deadline);
            break;
        case CALL_WRITE:
            result = zio_stream_write(stream, bytes, calling->size, deadline);
            break;
        case CALL_WRITEV:
            result = zio_stream_writev(stream, &from, 1, deadline);
            break;
        case CALL_WRITE_ALL:
            result = zio_stream_write_all(stream, bytes, calling->size, &calling->done, deadline);
            break;
        default:
            result = zio_stream_shutdown(stream, deadline);
            break;
    }
    free(bytes);
    return (zio_err_t)result;
}

zio_err_t sleeps_for_ever(void *ud) {
    (void)ud;
    return zio_sleep_until(ZIO_NEVER);
}

unsigned descriptor_count(void) {
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;
    if (folder == NULL) return 0;
    while (readdir(folder) != NULL) count++;
    (void)closedir(folder);
    return count;
}
