/* SPDX-License-Identifier: MIT */
/* Options of streams. */
#define _DEFAULT_SOURCE

#include "suite.h"

static void tell_option(const char *what, zio_stream_t *stream, uint32_t option) {
    int64_t value = -77;
    const zio_err_t error = zio_stream_get_option(stream, option, &value);
    tell(what, error != 0 ? error : value >= 0 ? value : 0);
    if (error != 0) tell_truth("untouched", value == -77);
}

static void set_and_tell(const char *what, zio_stream_t *stream, uint32_t option, int64_t value) {
    const zio_err_t error = zio_stream_set_option(stream, option, value);
    if (error != 0) {
        tell(what, error);
    } else {
        tell_option(what, stream, option);
    }
}

static void no_delay(struct link *link) {
    set_and_tell("on", link->a, ZIO_OPT_NODELAY, 1);
    set_and_tell("off", link->a, ZIO_OPT_NODELAY, 0);
    set_and_tell("two", link->a, ZIO_OPT_NODELAY, 2);
    tell("quick", zio_stream_set_option(link->a, ZIO_OPT_QUICKACK, 1));
}

static void keep_alive(struct link *link) {
    set_and_tell("none", link->a, ZIO_OPT_KEEPALIVE_S, 0);
    set_and_tell("thirty", link->a, ZIO_OPT_KEEPALIVE_S, 30);
    set_and_tell("one", link->a, ZIO_OPT_KEEPALIVE_S, 1);
    set_and_tell("none", link->a, ZIO_OPT_KEEPALIVE_S, 0);
    set_and_tell("minus", link->a, ZIO_OPT_KEEPALIVE_S, -1);
    set_and_tell("much", link->a, ZIO_OPT_KEEPALIVE_S, 100000);
}

/* The system rounds as it likes, but never down. */
static void buffers(struct link *link) {
    static const uint32_t options[] = {ZIO_OPT_RCVBUF, ZIO_OPT_SNDBUF};
    for (int i = 0; i < 2; i++) {
        int64_t value = 0;
        tell("set", zio_stream_set_option(link->a, options[i], 20000));
        tell("get", zio_stream_get_option(link->a, options[i], &value));
        tell_truth("enough", value >= 20000);
        tell("little", zio_stream_set_option(link->a, options[i], 0));
        tell("minus", zio_stream_set_option(link->a, options[i], -1));
    }
}

static void linger(struct link *link) {
    int64_t value = 0;
    tell("get", zio_stream_get_option(link->a, ZIO_OPT_LINGER_MS, &value));
    say("%lld", (long long)value);
    set_and_tell("none", link->a, ZIO_OPT_LINGER_MS, 0);
    set_and_tell("seconds", link->a, ZIO_OPT_LINGER_MS, 1001);
    tell("minus", zio_stream_set_option(link->a, ZIO_OPT_LINGER_MS, -2));
    tell("off", zio_stream_set_option(link->a, ZIO_OPT_LINGER_MS, -1));
    tell("get", zio_stream_get_option(link->a, ZIO_OPT_LINGER_MS, &value));
    say("%lld", (long long)value);
}

static void unknown(struct link *link) {
    int64_t value = 0;
    tell("set", zio_stream_set_option(link->a, 0, 1));
    tell("get", zio_stream_get_option(link->a, 99, &value));
    tell("null", zio_stream_get_option(link->a, ZIO_OPT_RCVBUF, NULL));
}

static zio_listener_t *listen_with(struct link *link, uint32_t flags, zio_addr_t *bound) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_sock_options_t options;
    zio_listener_t *listener = NULL;
    MUST(zio_sock_options_init(&options, sizeof options) == 0);
    options.flags = flags;
    options.rcvbuf = 30000;
    if ((flags & ZIO_SO_KEEPALIVE) != 0) options.keepalive_s = 44;
    MUST(zio_listen(&listener, &asked, &options) == 0);
    *bound = bound_to(listener);
    return listener;
}

static void of_listeners(struct link *link) {
    zio_addr_t address;
    int64_t value = 0;
    zio_listener_t *listener = listen_with(link, ZIO_SO_NODELAY | ZIO_SO_KEEPALIVE, &address);
    zio_stream_t *client = connect_to(&address), *server = accept_from(listener);
    tell_option("nodelay", server, ZIO_OPT_NODELAY);
    tell_option("keepalive", server, ZIO_OPT_KEEPALIVE_S);
    MUST(zio_stream_get_option(server, ZIO_OPT_RCVBUF, &value) == 0);
    tell_truth("buffer", value >= 30000);
    MUST(zio_stream_close(client) == 0);
    MUST(zio_stream_close(server) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static void of_connects(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    zio_sock_options_t options;
    zio_stream_t *client = NULL;
    MUST(zio_sock_options_init(&options, sizeof options) == 0);
    options.flags = ZIO_SO_NODELAY | ZIO_SO_KEEPALIVE;
    options.keepalive_s = 55;
    tell("connect", zio_connect(&client, &address, &options, soon()));
    tell_option("nodelay", client, ZIO_OPT_NODELAY);
    tell_option("keepalive", client, ZIO_OPT_KEEPALIVE_S);
    MUST(zio_stream_close(client) == 0);
    options.flags = 1u << 20;
    tell("odd_flag", zio_connect(&client, &address, &options, soon()));
    options.flags = 0;
    options.reserved[1] = 1;
    tell("reserved", zio_connect(&client, &address, &options, soon()));
    MUST(zio_listener_close(listener) == 0);
}

const struct test_case option_cases[] = {
    {"option.no_delay", "on=1 off=0 two=EINVAL quick=0", NULL, no_delay, TCP, 0},
    {"option.no_delay_within_the_system", "on=ENOTSUP off=ENOTSUP two=EINVAL quick=ENOTSUP", NULL,
     no_delay, LOCAL, 0},
    {"option.keep_alive", "none=0 thirty=30 one=1 none=0 minus=EINVAL much=EINVAL", NULL,
     keep_alive, TCP, 0},
    {"option.keep_alive_within_the_system",
     "none=0 thirty=ENOTSUP one=ENOTSUP none=0 minus=EINVAL much=EINVAL", NULL, keep_alive, LOCAL,
     0},
    {"option.buffers",
     "set=0 get=0 enough=yes little=0 minus=EINVAL set=0 get=0 enough=yes little=0 minus=EINVAL",
     NULL, buffers, ALL, 0},
    {"option.linger", "get=0 -1 none=0 seconds=2000 minus=EINVAL off=0 get=0 -1", NULL, linger, ALL,
     0},
    {"option.unknown", "set=EINVAL get=EINVAL null=EINVAL", NULL, unknown, ALL, 0},
    {"option.from_the_listener", "nodelay=1 keepalive=44 buffer=yes", NULL, of_listeners, TCP, 0},
    {"option.of_a_connect", "connect=0 nodelay=1 keepalive=55 odd_flag=EINVAL reserved=EINVAL",
     NULL, of_connects, TCP, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
