/* SPDX-License-Identifier: MIT */
/* Many connections at once that always have something to do: each is served, and none much less
 * than the others. (How evenly, under load, the benchmarks measure.) */
#include <string.h>

#include "net_kit.h"
#include "zio/listener.h"
#include "zio/stream.h"

enum { CROWD = 200, SIZE = 64 };

struct crowd {
    zio_listener_t *listener;
    zio_addr_t address;
    uint64_t served[CROWD];
    uint64_t total, enough;
    unsigned accepted, wrong;
};

struct client {
    struct crowd *crowd;
    unsigned number;
};

static zio_err_t echo(void *ud) {
    zio_stream_t *stream = ud;
    char bytes[SIZE];
    zio_ssize_t got;
    zio_err_t status = 0;
    while (status == 0 && (got = zio_stream_read(stream, bytes, SIZE, ZIO_NEVER)) > 0) {
        status = zio_stream_write_all(stream, bytes, (size_t)got, NULL, ZIO_NEVER);
    }
    const zio_err_t closed = zio_stream_close(stream);
    return status != 0 ? status : closed;
}

/* Accepts as long as anybody comes; each stream gets a task that nobody waits for. */
static zio_err_t serve(void *ud) {
    struct crowd *crowd = ud;
    for (;;) {
        zio_stream_t *stream = NULL;
        const zio_err_t status = zio_accept(crowd->listener, &stream, NULL, ZIO_NEVER);
        if (status != 0) return status;
        ++crowd->accepted;
        if (zio_spawn(NULL, NULL, echo, stream, NULL) != 0) return ZIO_EINTERNAL;
    }
}

static zio_err_t ask(void *ud) {
    const struct client *client = ud;
    struct crowd *crowd = client->crowd;
    zio_stream_t *stream = NULL;
    zio_err_t status = zio_connect(&stream, &crowd->address, NULL, ZIO_NEVER);
    if (status != 0) return status;
    while (status == 0 && crowd->total < crowd->enough) {
        unsigned char sent[SIZE], got[SIZE];
        const uint64_t at = (uint64_t)client->number * 1000003 + crowd->served[client->number];
        for (unsigned i = 0; i < SIZE; ++i) sent[i] = byte_at(at + i);
        status = zio_stream_write_all(stream, sent, SIZE, NULL, ZIO_NEVER);
        if (status == 0) status = zio_stream_read_exact(stream, got, SIZE, NULL, ZIO_NEVER);
        if (status == 0 && memcmp(sent, got, SIZE) != 0) ++crowd->wrong;
        ++crowd->served[client->number];
        ++crowd->total;
    }
    const zio_err_t closed = zio_stream_close(stream);
    return status != 0 ? status : closed;
}

IN_TASK(everyone_in_a_crowd_is_served) {
    static struct crowd crowd;
    static struct client clients[CROWD];
    static zio_task_t *tasks[CROWD];
    settle();
    const unsigned before = descriptor_count();
    for (int kind = 0; kind < 2; ++kind) {
        const zio_addr_t asked = kind == 0 ? address_of("127.0.0.1:0") : fresh_name();
        memset(&crowd, 0, sizeof crowd);
        crowd.enough = scaled(100) * CROWD;
        assert_int_equal(zio_listen(&crowd.listener, &asked, NULL), 0);
        crowd.address = bound_to(crowd.listener);
        zio_task_t *server = start(serve, &crowd);
        for (unsigned i = 0; i < CROWD; ++i) {
            clients[i] = (struct client){&crowd, i};
            tasks[i] = start(ask, &clients[i]);
        }
        for (unsigned i = 0; i < CROWD; ++i) assert_int_equal(finish(tasks[i]), 0);
        assert_int_equal(crowd.accepted, CROWD);
        assert_int_equal(crowd.wrong, 0);
        uint64_t least = UINT64_MAX, most = 0;
        for (unsigned i = 0; i < CROWD; ++i) {
            if (crowd.served[i] < least) least = crowd.served[i];
            if (crowd.served[i] > most) most = crowd.served[i];
        }
        print_message("%lu requests: least %lu, most %lu\n", (unsigned long)crowd.total,
                      (unsigned long)least, (unsigned long)most);
        assert_true(least >= crowd.enough / CROWD / 4);
        zio_err_t result = 0;
        assert_int_equal(zio_listener_close(crowd.listener), 0);
        assert_int_equal(zio_task_join(server, &result, ZIO_NEVER), 0);
        assert_int_equal(result, ZIO_ECLOSED);
        assert_int_equal(zio_task_unref(server), 0);
    }
    for (int i = 0; i < 100 && descriptor_count() != before; ++i) settle();
    assert_int_equal(descriptor_count(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(everyone_in_a_crowd_is_served)};
    return cmocka_run_group_tests_name("net_crowd", tests, NULL, NULL);
}
