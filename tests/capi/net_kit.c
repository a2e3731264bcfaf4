/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "net_kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool is_simulated(void) {
    const char *name = getenv("ZIO_BACKEND");
    return name != NULL && strcmp(name, "sim") == 0;
}

uint64_t scaled(uint64_t count) {
    const char *text = getenv("ZIO_TEST_SCALE");
    const double scale = text != NULL ? atof(text) : 1.0;
    const double wanted = (double)count * scale;
    return wanted < 1.0 ? 1 : (uint64_t)wanted;
}

static zio_err_t call_body(void *ud) {
    void (*body)(void) = *(void (**)(void))ud;
    body();
    return 0;
}

void run_in_task(void (*body)(void)) {
    zio_rt_t *rt = NULL;
    assert_int_equal(zio_rt_create(&rt, NULL), 0);
    assert_int_equal(zio_rt_run(rt, call_body, &body), 0);
    assert_int_equal(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    assert_int_equal(zio_rt_destroy(rt), 0);
}

zio_task_t *start(zio_task_fn entry, void *ud) {
    zio_task_t *task = NULL;
    assert_int_equal(zio_spawn(NULL, &task, entry, ud, NULL), 0);
    return task;
}

zio_err_t finish(zio_task_t *task) {
    zio_err_t result = 1;
    assert_int_equal(zio_task_join(task, &result, ZIO_NEVER), 0);
    assert_int_equal(zio_task_unref(task), 0);
    return result;
}

void settle(void) {
    assert_int_equal(zio_sleep_until(zio_after_ns(3000000)), 0);
}

zio_addr_t address_of(const char *text) {
    zio_addr_t address;
    assert_int_equal(zio_addr_parse(&address, text, (size_t)-1, 0), 0);
    return address;
}

zio_addr_t fresh_name(void) {
    static unsigned serial = 0;
    char text[64];
    snprintf(text, sizeof text, "unix:@zio-test-%ld-%u", (long)getpid(), ++serial);
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

static unsigned entry_count(const char *path) {
    DIR *folder = opendir(path);
    unsigned count = 0;
    assert_non_null(folder);
    while (readdir(folder) != NULL) ++count;
    closedir(folder);
    return count - 2; /* . and .. */
}

/* Without the one that does the counting. */
unsigned descriptor_count(void) {
    return entry_count("/proc/self/fd") - 1;
}
unsigned thread_count(void) {
    return entry_count("/proc/self/task");
}

unsigned char byte_at(uint64_t at) {
    return (unsigned char)((at * 0x9e3779b97f4a7c15u) >> 53);
}

uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
