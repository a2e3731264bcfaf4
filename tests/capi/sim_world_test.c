/* SPDX-License-Identifier: MIT */
/* zio/sim.h: what befalls the hosts of a simulated world, and what a run shall show. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <zio.h>

#include "task_kit.h"

static zio_addr_t client_host, server_host, server_address;
static zio_listener_t *listener;

static zio_addr_t address_of(const char *text) {
    zio_addr_t address;
    REQUIRE(zio_addr_parse(&address, text, strlen(text), 0) == 0);
    return address;
}

/* ---- outside of a simulation --------------------------------------------------------------- */

static void nothing_happens_outside(void **state) {
    const zio_addr_t host = address_of("127.0.0.1"), other = address_of("127.0.0.2");
    (void)state;
    assert_int_equal(zio_sim_is_active(), 0);
    assert_int_equal(zio_sim_seed(), 0);
    assert_int_equal(zio_sim_random(), 0);
    assert_int_equal(zio_sim_advance(1), ZIO_ENOTSUP);
    assert_int_equal(zio_sim_partition(&host, &other), ZIO_ENOTSUP);
    assert_int_equal(zio_sim_heal(&host, &other), ZIO_ENOTSUP);
    assert_int_equal(zio_sim_heal(NULL, NULL), ZIO_ENOTSUP);
    assert_int_equal(zio_sim_crash(&host), ZIO_ENOTSUP);
    assert_int_equal(zio_sim_restart(&host), ZIO_ENOTSUP);
    assert_int_equal(zio_sim_always(0, "never mind"), 0);
    assert_int_equal(zio_sim_always(3, "never mind"), 3);
    assert_int_equal(zio_sim_sometimes(0, NULL), 0);
    assert_int_equal(zio_sim_sometimes(7, "never mind"), 7);
}

/* ---- a server at one host, clients at another ---------------------------------------------- */

static zio_err_t echoes(void *ud) {
    zio_stream_t *const stream = ud;
    char buffer[64];
    zio_ssize_t got;
    zio_err_t status = 0;
    while (status == 0 && (got = zio_stream_read(stream, buffer, sizeof buffer, ZIO_NEVER)) > 0) {
        status = zio_stream_write_all(stream, buffer, (size_t)got, NULL, ZIO_NEVER);
    }
    if (status == 0) status = (zio_err_t)got;
    REQUIRE(zio_stream_close(stream) == 0);
    return status;
}
/* Gives what ended it. */
static zio_err_t accepts(void *ud) {
    zio_stream_t *stream;
    zio_err_t status;
    (void)ud;
    while ((status = zio_accept(listener, &stream, NULL, ZIO_NEVER)) == 0) {
        REQUIRE(zio_spawn(NULL, NULL, echoes, stream, NULL) == 0);
    }
    return status;
}
static zio_task_t *begin_server(void) {
    REQUIRE(zio_listen(&listener, &server_address, NULL) == 0);
    REQUIRE(zio_listener_addr(listener, &server_address) == 0);
    return start(accepts, NULL);
}
static void begin_world(void) {
    client_host = address_of("127.0.0.1");
    server_host = server_address = address_of("127.0.0.2");
}
static zio_stream_t *reach_server(zio_deadline_t deadline) {
    zio_stream_t *stream = NULL;
    return zio_connect(&stream, &server_address, NULL, deadline) == 0 ? stream : NULL;
}
static void say(zio_stream_t *stream, const char *word) {
    REQUIRE(zio_stream_write_all(stream, word, strlen(word), NULL, zio_after_ms(1000)) == 0);
}
static zio_err_t hear(zio_stream_t *stream, const char *word, zio_deadline_t deadline) {
    char buffer[64] = {0};
    const zio_err_t status = zio_stream_read_exact(stream, buffer, strlen(word), NULL, deadline);
    return status == 0 && strcmp(buffer, word) != 0 ? ZIO_EPROTO : status;
}

IN_TASK(a_cut_is_silence_and_no_loss) {
    begin_world();
    zio_task_t *const server = begin_server();
    zio_stream_t *const stream = reach_server(ZIO_NEVER);
    assert_non_null(stream);
    say(stream, "before");
    assert_int_equal(hear(stream, "before", ZIO_NEVER), 0);
    assert_int_equal(zio_sim_partition(&client_host, &server_host), 0);
    say(stream, "meanwhile");
    assert_int_equal(hear(stream, "meanwhile", zio_after_ms(600000)), ZIO_ETIMEDOUT);
    assert_null(reach_server(zio_after_ms(20000)));
    const int64_t healed = zio_now();
    assert_int_equal(zio_sim_heal(&server_host, &client_host), 0); /* the order does not matter */
    assert_int_equal(hear(stream, "meanwhile", ZIO_NEVER), 0);
    assert_true(zio_now() - healed < 60 * SECOND);
    zio_stream_t *const another = reach_server(zio_after_ms(60000));
    assert_non_null(another);
    assert_int_equal(zio_stream_close(another), 0);
    assert_int_equal(zio_stream_close(stream), 0);
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(finish(server), ZIO_ECLOSED);
}

static zio_err_t heals_later(void *ud) {
    (void)ud;
    REQUIRE(zio_sleep_until(zio_after_ms(2500)) == 0);
    return zio_sim_heal(NULL, NULL);
}
IN_TASK(a_request_is_sent_again) {
    begin_world();
    zio_task_t *const server = begin_server();
    assert_int_equal(zio_sim_partition(&server_host, &client_host), 0);
    const int64_t began = zio_now();
    zio_task_t *const healer = start(heals_later, NULL);
    zio_stream_t *const stream = reach_server(zio_after_ms(60000));
    assert_non_null(stream);
    assert_true(zio_now() - began >= 2500 * MS);
    assert_int_equal(finish(healer), 0);
    /* A host that nobody cut off is not concerned. */
    const zio_addr_t third = address_of("127.0.0.3");
    assert_int_equal(zio_sim_partition(&third, &server_host), 0);
    say(stream, "word");
    assert_int_equal(hear(stream, "word", zio_after_ms(60000)), 0);
    assert_int_equal(zio_stream_close(stream), 0);
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(finish(server), ZIO_ECLOSED);
}

/* With nobody to heal it, a request is given up after two minutes, as Linux does. */
IN_TASK(a_cut_for_ever_ends_a_request) {
    zio_stream_t *stream = NULL;
    begin_world();
    zio_task_t *const server = begin_server();
    assert_int_equal(zio_sim_partition(&server_host, &client_host), 0);
    const int64_t began = zio_now();
    assert_int_equal(zio_connect(&stream, &server_address, NULL, ZIO_NEVER), ZIO_ENETTIMEOUT);
    assert_in_range(zio_now() - began, 30 * SECOND, 300 * SECOND);
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(finish(server), ZIO_ECLOSED);
}

IN_TASK(a_crash_and_a_restart) {
    zio_listener_t *refused = NULL;
    begin_world();
    zio_task_t *const server = begin_server();
    zio_stream_t *const stream = reach_server(ZIO_NEVER);
    assert_non_null(stream);
    say(stream, "before");
    assert_int_equal(hear(stream, "before", ZIO_NEVER), 0);
    assert_int_equal(zio_sim_crash(&server_host), 0);
    assert_int_equal(zio_sim_crash(&server_host), ZIO_EALREADY);
    /* The host's own tasks notice; the client does not. */
    assert_int_equal(finish(server), ZIO_EINVAL);
    assert_int_equal(zio_listener_close(listener), 0);
    say(stream, "lost");
    assert_int_equal(hear(stream, "lost", zio_after_ms(3600000)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_listen(&refused, &server_address, NULL), ZIO_EADDRNOTAVAIL);
    assert_int_equal(zio_sim_restart(&server_host), 0);
    assert_int_equal(hear(stream, "lost", zio_after_ms(3600000)), ZIO_ECONNRESET);
    assert_int_equal(zio_stream_close(stream), 0);
    zio_task_t *const again = begin_server();
    zio_stream_t *const another = reach_server(ZIO_NEVER);
    assert_non_null(another);
    say(another, "after");
    assert_int_equal(hear(another, "after", ZIO_NEVER), 0);
    assert_int_equal(zio_stream_close(another), 0);
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(finish(again), ZIO_ECLOSED);
}

IN_TASK(time_passes_on_request) {
    const int64_t began = zio_now();
    assert_int_equal(zio_sim_is_active(), 1);
    assert_int_equal(zio_sim_advance(90 * SECOND), 0);
    assert_in_range(zio_now() - began, 90 * SECOND, 91 * SECOND);
    assert_int_equal(zio_sim_advance(-1), ZIO_EINVAL);
    assert_int_equal(zio_sim_advance(INT64_MAX), ZIO_EINVAL);
}

IN_TASK(bad_hosts_are_refused) {
    const zio_addr_t host = address_of("127.0.0.1"), wild = address_of("0.0.0.0");
    const zio_addr_t far = address_of("192.0.2.1"), path = address_of("unix:/tmp/zio-sim");
    assert_int_equal(zio_sim_partition(NULL, &host), ZIO_EINVAL);
    assert_int_equal(zio_sim_partition(&host, NULL), ZIO_EINVAL);
    assert_int_equal(zio_sim_partition(&host, &wild), ZIO_EINVAL);
    assert_int_equal(zio_sim_partition(&host, &path), ZIO_EINVAL);
    assert_int_equal(zio_sim_partition(&host, &far), ZIO_EADDRNOTAVAIL);
    assert_int_equal(zio_sim_heal(&host, NULL), ZIO_EINVAL);
    assert_int_equal(zio_sim_heal(NULL, &path), ZIO_EINVAL);
    assert_int_equal(zio_sim_crash(NULL), ZIO_EINVAL);
    assert_int_equal(zio_sim_crash(&wild), ZIO_EINVAL);
    assert_int_equal(zio_sim_crash(&far), ZIO_EADDRNOTAVAIL);
    assert_int_equal(zio_sim_restart(NULL), ZIO_EINVAL);
    assert_int_equal(zio_sim_restart(&host), 0); /* it is up */
}

/* ---- chance -------------------------------------------------------------------------------- */

static zio_err_t draws(void *ud) {
    uint64_t *const numbers = ud;
    for (int i = 0; i < 4; ++i) numbers[i] = zio_sim_random();
    numbers[4] = zio_sim_seed();
    return 0;
}
static void draw_with(const char *seed, uint64_t numbers[5]) {
    assert_int_equal(setenv("ZIO_SEED", seed, 1), 0);
    zio_rt_t *const rt = make_runtime();
    assert_int_equal(run_main(rt, draws, numbers), 0);
    end_runtime(rt);
    assert_int_equal(unsetenv("ZIO_SEED"), 0);
}
static void chance_is_the_seeds(void **state) {
    uint64_t first[5], again[5], other[5];
    (void)state;
    draw_with("5", first);
    draw_with("5", again);
    draw_with("6", other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    assert_int_equal(first[4], 5);
    assert_int_not_equal(first[0], first[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_outside), cmocka_unit_test(a_cut_is_silence_and_no_loss),
        cmocka_unit_test(a_request_is_sent_again), cmocka_unit_test(a_cut_for_ever_ends_a_request),
        cmocka_unit_test(a_crash_and_a_restart),   cmocka_unit_test(time_passes_on_request),
        cmocka_unit_test(bad_hosts_are_refused),   cmocka_unit_test(chance_is_the_seeds),
    };
    return cmocka_run_group_tests_name("sim_world", tests, NULL, NULL);
}
