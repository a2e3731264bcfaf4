/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net_kit.h"

#include <stdio.h>
#include <unistd.h>

zio_addr_t address_of(const char *text) {
    zio_addr_t address;
    assert_int_equal(zio_addr_parse(&address, text, (size_t)-1, 0), 0);
    return address;
}

zio_addr_t fresh_name(void) {
    static unsigned serial = 0;
    char text[64];
    snprintf(text, sizeof text, "unix:@zio-test-%ld-%u", (long)getpid(),
             __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
    return address_of(text);
}

zio_addr_t bound_to(zio_listener_t *listener) {
    zio_addr_t address;
    assert_int_equal(zio_listener_addr(listener, &address), 0);
    return address;
}

static zio_listener_t *listen_at(const zio_addr_t *address) {
    zio_listener_t *listener = NULL;
    assert_int_equal(zio_listen(&listener, address, NULL), 0);
    return listener;
}

zio_listener_t *listen_tcp(void) {
    const zio_addr_t any = address_of("127.0.0.1:0");
    return listen_at(&any);
}

struct link make_link(enum link_kind kind) {
    struct link link = {NULL, NULL};
    if (kind == LINK_PAIR) {
        assert_int_equal(zio_stream_pair(&link.a, &link.b), 0);
        return link;
    }
    const zio_addr_t asked = kind == LINK_TCP    ? address_of("127.0.0.1:0")
                             : kind == LINK_TCP6 ? address_of("[::1]:0")
                                                 : fresh_name();
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    assert_int_equal(zio_connect(&link.a, &address, NULL, zio_after_ns(5000000000)), 0);
    assert_int_equal(zio_accept(listener, &link.b, NULL, zio_after_ns(5000000000)), 0);
    assert_int_equal(zio_listener_close(listener), 0);
    return link;
}

void close_link(struct link *link) {
    if (link->a != NULL) assert_int_equal(zio_stream_close(link->a), 0);
    if (link->b != NULL) assert_int_equal(zio_stream_close(link->b), 0);
    link->a = link->b = NULL;
}

bool has_firm_room(enum link_kind kind) {
    return is_simulated() || kind == LINK_UNIX || kind == LINK_PAIR;
}

size_t fill(zio_stream_t *stream) {
    static const char bytes[4096];
    size_t total = 0;
    for (size_t size = sizeof bytes; size >= 1; size /= 64) {
        zio_ssize_t count;
        while ((count = zio_stream_write(stream, bytes, size, ZIO_IMMEDIATE)) > 0) {
            total += (size_t)count;
        }
        assert_int_equal(count, ZIO_EAGAIN);
    }
    return total;
}

void drain(zio_stream_t *stream, size_t count) {
    static char bytes[65536];
    while (count > 0) {
        const size_t wanted = count < sizeof bytes ? count : sizeof bytes;
        const zio_ssize_t got = zio_stream_read(stream, bytes, wanted, zio_after_ns(5000000000));
        assert_true(got > 0);
        count -= (size_t)got;
    }
}

unsigned char byte_at(uint64_t at) {
    return (unsigned char)((at * 0x9e3779b97f4a7c15u) >> 53);
}
