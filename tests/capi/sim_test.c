/* SPDX-License-Identifier: MIT */
/* The simulated backend as a user meets it: an ordinary program, replayed from a seed.
 *
 * Called with the word `program` this file is that program: a server, five clients and timers. As a
 * test it runs itself under ZIO_BACKEND=sim, again and again, and compares what it printed and the
 * line that the library leaves on standard error. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zio.h>

#include "test.h"

enum { client_count = 5, message_count = 20, message_size = 48 };

static zio_listener_t *listener;
static zio_addr_t address;
static unsigned long long echoed;

static zio_err_t serve(void *ud) {
    zio_stream_t *stream = ud;
    char buffer[32];
    for (;;) {
        zio_ssize_t n = zio_stream_read(stream, buffer, sizeof buffer, ZIO_NEVER);
        if (n <= 0) break;
        echoed += (unsigned long long)n;
        if (zio_stream_write_all(stream, buffer, (size_t)n, NULL, ZIO_NEVER) != 0) break;
    }
    return zio_stream_close(stream);
}

static zio_err_t accept_all(void *ud) {
    zio_stream_t *stream;
    (void)ud;
    while (zio_accept(listener, &stream, NULL, ZIO_NEVER) == 0) {
        if (zio_spawn(NULL, NULL, serve, stream, NULL) != 0) return zio_stream_close(stream);
    }
    return 0;
}

static zio_err_t client(void *ud) {
    int number = *(int *)ud;
    zio_stream_t *stream;
    zio_err_t status = zio_connect(&stream, &address, NULL, zio_after_ms(60000));
    if (status != 0) return status;
    for (int i = 0; i < message_count && status == 0; i++) {
        char sent[message_size], got[message_size];
        memset(sent, 'a' + (number * 7 + i) % 26, sizeof sent);
        status = zio_stream_write_all(stream, sent, sizeof sent, NULL, ZIO_NEVER);
        if (status == 0) status = zio_stream_read_exact(stream, got, sizeof got, NULL, ZIO_NEVER);
        if (status == 0 && memcmp(sent, got, sizeof got) != 0) status = ZIO_EPROTO;
        if (status == 0) status = zio_sleep_until(zio_after_ms(number + 1));
    }
    zio_stream_close(stream);
    return status;
}

static zio_err_t sleep_an_hour(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(3600000));
}

static zio_err_t program(void *ud) {
    static int numbers[client_count];
    zio_task_t *acceptor, *sleeper;
    zio_group_t *clients;
    zio_err_t status;
    int64_t begun = zio_now();
    (void)ud;
    status = zio_addr_parse(&address, "127.0.0.1", (size_t)-1, 0);
    if (status == 0) status = zio_listen(&listener, &address, NULL);
    if (status == 0) status = zio_listener_addr(listener, &address);
    if (status == 0) status = zio_spawn(NULL, &acceptor, accept_all, NULL, NULL);
    if (status == 0) status = zio_spawn(NULL, &sleeper, sleep_an_hour, NULL, NULL);
    if (status == 0) status = zio_group_create(NULL, &clients, ZIO_GROUP_FAIL_FAST);
    if (status != 0) return status;
    for (int i = 0; i < client_count; i++) {
        numbers[i] = i;
        status = zio_group_spawn(clients, client, &numbers[i], NULL);
        if (status != 0) return status;
    }
    status = zio_group_wait(clients, ZIO_NEVER);
    zio_group_destroy(clients);
    if (status == 0) status = zio_task_join(sleeper, NULL, ZIO_NEVER);
    zio_task_unref(sleeper);
    zio_listener_close(listener);
    zio_task_cancel(acceptor, NULL);
    zio_task_unref(acceptor);
    printf("echoed %llu, %lld ms\n", echoed, (long long)((zio_now() - begun) / 1000000));
    return status;
}

static int run_program(void) {
    zio_rt_t *rt;
    if (zio_rt_create(&rt, NULL) != 0) return 3;
    zio_err_t status = zio_rt_run(rt, program, NULL);
    if (zio_rt_shutdown(rt, ZIO_NEVER) != 0 || zio_rt_destroy(rt) != 0) return 4;
    return status == 0 ? 0 : 5;
}

/* --- the test --------------------------------------------------------------------------------- */

static const char *own_path;

static int test_scale(void) {
    const char *scale = getenv("ZIO_TEST_SCALE");
    return scale != NULL && atoi(scale) > 0 ? atoi(scale) : 1;
}

static void replay(unsigned seed, char *text, size_t size) {
    char command[600];
    snprintf(command, sizeof command, "ZIO_BACKEND=sim ZIO_SEED=%u '%s' program 2>&1", seed,
             own_path);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    size_t length = fread(text, 1, size - 1, output);
    text[length] = '\0';
    assert_int_equal(pclose(output), 0);
}

static void the_same_seed_gives_the_same_run(void **state) {
    int runs = 20 * test_scale();
    char first[1024], again[1024];
    (void)state;
    replay(42, first, sizeof first);
    assert_non_null(strstr(first, "zio-sim: seed=42 events="));
    assert_non_null(strstr(first, " hash="));
    for (int i = 1; i < runs; i++) {
        replay(42, again, sizeof again);
        assert_string_equal(first, again);
    }
}

static void another_seed_gives_another_run(void **state) {
    char first[1024], second[1024];
    (void)state;
    replay(1, first, sizeof first);
    replay(2, second, sizeof second);
    assert_string_not_equal(strstr(first, " hash="), strstr(second, " hash="));
}

static void every_byte_comes_back_and_an_hour_passes_in_no_time(void **state) {
    char text[1024];
    (void)state;
    int64_t begun = zio_now();
    replay(7, text, sizeof text);
    unsigned long long bytes = 0, ms = 0;
    const char *printed = strstr(text, "echoed ");
    assert_non_null(printed);
    assert_int_equal(sscanf(printed, "echoed %llu, %llu ms", &bytes, &ms), 2);
    assert_int_equal(bytes, client_count * message_count * message_size);
    assert_true(ms >= 3600000);
    assert_true(zio_now() - begun < 600 * (int64_t)1000000000);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "program") == 0) return run_program();
    own_path = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(another_seed_gives_another_run),
        cmocka_unit_test(every_byte_comes_back_and_an_hour_passes_in_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
