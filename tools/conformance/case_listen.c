/* SPDX-License-Identifier: MIT */
/* Listening: which addresses can be had, and when again. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

static zio_sock_options_t options_with(uint32_t flags) {
    zio_sock_options_t options;
    MUST(zio_sock_options_init(&options, sizeof options) == 0);
    options.flags = flags;
    return options;
}

static void tell_listen(const char *what, const zio_addr_t *address, uint32_t flags) {
    const zio_sock_options_t options = options_with(flags);
    zio_listener_t *listener = NULL;
    tell(what, zio_listen(&listener, address, &options));
    MUST(zio_listener_close(listener) == 0);
}

/* The wildcard of IPv6, at any port. */
static zio_listener_t *listen_wide(uint32_t flags) {
    const zio_addr_t any = address_of("[::]:0");
    const zio_sock_options_t options = options_with(flags);
    zio_listener_t *listener = NULL;
    if (!has_link(LINK_TCP6)) is_absent("no IPv6");
    MUST(zio_listen(&listener, &any, &options) == 0);
    return listener;
}

static zio_addr_t with_port(const char *text, uint16_t port) {
    zio_addr_t address = address_of(text);
    address.port = port;
    return address;
}

static void free_port(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t bound = bound_to(listener);
    tell_truth("family", bound.family == asked.family);
    tell_truth("ip", memcmp(bound.ip, asked.ip, sizeof asked.ip) == 0);
    tell_truth("port", bound.port != 0);
    MUST(zio_listener_close(listener) == 0);
}

static void own_name(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t bound = bound_to(listener);
    tell_truth("same", same_address(&asked, &bound));
    MUST(zio_listener_close(listener) == 0);
}

static void in_use(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *first = listen_at(&asked), *second = NULL;
    const zio_addr_t bound = bound_to(first);
    tell("second", zio_listen(&second, &bound, NULL));
    tell("os", zio_last_os_error());
    tell_truth("untouched", second == NULL);
    tell("close", zio_listener_close(first));
    tell_listen("again", &bound, 0);
}

static void lingering(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t bound = bound_to(listener);
    zio_stream_t *client = connect_to(&bound), *server = accept_from(listener);
    MUST(zio_listener_close(listener) == 0);
    MUST(zio_stream_close(server) == 0); /* first, so that the port lingers on this side */
    settle();
    tell_listen("again", &bound, 0);
    MUST(zio_stream_close(client) == 0);
}

static void not_here(void) {
    const zio_addr_t foreign4 = address_of("192.0.2.1:0"), foreign6 = address_of("[2001:db8::1]:0");
    if (!has_link(LINK_TCP6)) is_absent("no IPv6");
    tell_listen("ipv4", &foreign4, 0);
    tell_listen("ipv6", &foreign6, 0);
}

static void arguments(void) {
    const zio_addr_t any = address_of("127.0.0.1:0");
    zio_addr_t odd = any;
    zio_listener_t *listener = NULL;
    tell("no_out", zio_listen(NULL, &any, NULL));
    tell("no_address", zio_listen(&listener, NULL, NULL));
    odd.family = ZIO_AF_NONE;
    tell("no_family", zio_listen(&listener, &odd, NULL));
    odd.family = 77;
    tell("odd_family", zio_listen(&listener, &odd, NULL));
    tell_listen("odd_flag", &any, 1u << 20);
    tell("close", zio_listener_close(NULL));
}

static void path_removed(void) {
    const zio_addr_t name = fresh_address(LINK_PATH);
    zio_listener_t *listener = listen_at(&name);
    zio_stream_t *stream = NULL;
    zio_stream_t *client = connect_to(&name);
    MUST(zio_listener_close(listener) == 0);
    tell("connect", zio_connect(&stream, &name, NULL, soon()));
    tell_listen("again", &name, 0);
    MUST(zio_stream_close(client) == 0);
}

static void path_in_nowhere(void) {
    const zio_addr_t absent = address_of("unix:/no-such-folder-of-zio/x");
    const zio_addr_t in_file = address_of("unix:/dev/null/x");
    tell_listen("absent", &absent, 0);
    tell_listen("in_file", &in_file, 0);
}

static void tell_connect(const char *what, const zio_addr_t *address) {
    zio_stream_t *stream = NULL;
    tell(what, zio_connect(&stream, address, NULL, soon()));
    MUST(zio_stream_close(stream) == 0);
}

static void wide_takes_both(void) {
    zio_listener_t *listener = listen_wide(0);
    const zio_addr_t bound = bound_to(listener);
    const zio_addr_t four = with_port("127.0.0.1:0", bound.port);
    const zio_addr_t six = with_port("[::1]:0", bound.port);
    zio_stream_t *client, *server = NULL;
    zio_addr_t peer;
    char text[128];
    for (int i = 0; i < 2; i++) {
        client = connect_to(i == 0 ? &four : &six);
        MUST(zio_accept(listener, &server, &peer, soon()) == 0);
        peer.port = 7;
        MUST(zio_addr_format(&peer, text, sizeof text) > 0);
        say("%s", text);
        MUST(zio_stream_close(client) == 0);
        MUST(zio_stream_close(server) == 0);
    }
    MUST(zio_listener_close(listener) == 0);
}

static void wide_is_in_the_way(void) {
    zio_listener_t *listener = listen_wide(0);
    const zio_addr_t four = with_port("127.0.0.1:0", bound_to(listener).port);
    tell_listen("ipv4", &four, 0);
    MUST(zio_listener_close(listener) == 0);
}

static void only_six(void) {
    zio_listener_t *listener = listen_wide(ZIO_SO_V6ONLY), *second = NULL;
    const uint16_t port = bound_to(listener).port;
    const zio_addr_t four = with_port("127.0.0.1:0", port), six = with_port("[::1]:0", port);
    tell_connect("ipv4", &four);
    tell_connect("ipv6", &six);
    tell("beside", zio_listen(&second, &four, NULL));
    tell_connect("ipv4", &four);
    MUST(zio_listener_close(second) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static void shared_port(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    const zio_sock_options_t sharing = options_with(ZIO_SO_REUSEPORT);
    zio_listener_t *first = NULL;
    tell("first", zio_listen(&first, &asked, &sharing));
    const zio_addr_t bound = bound_to(first);
    tell_listen("second", &bound, ZIO_SO_REUSEPORT);
    tell_listen("stranger", &bound, 0);
    MUST(zio_listener_close(first) == 0);
}

const struct test_case listen_cases[] = {
    {"listen.chooses_a_port", "family=yes ip=yes port=yes", NULL, free_port, TCP, 0},
    {"listen.has_the_name_it_was_given", "same=yes", NULL, own_name, PATH | ABSTRACT, 0},
    {"listen.address_is_taken_until_closed",
     "second=EADDRINUSE os=98 untouched=yes close=0 again=0", NULL, in_use, TCP | PATH | ABSTRACT,
     0},
    {"listen.where_connections_linger", "again=0", NULL, lingering, TCP, 0},
    {"listen.at_a_foreign_address", "ipv4=EADDRNOTAVAIL ipv6=EADDRNOTAVAIL", not_here, NULL, 0, 0},
    {"listen.wrong_arguments",
     "no_out=EINVAL no_address=EINVAL no_family=EAFNOSUPPORT odd_family=EAFNOSUPPORT "
     "odd_flag=EINVAL close=0",
     arguments, NULL, 0, 0},
    {"listen.path_goes_with_the_listener", "connect=ENOENT again=0", path_removed, NULL, 0, 0},
    {"listen.path_without_a_folder", "absent=ENOENT in_file=ENOTDIR", path_in_nowhere, NULL, 0,
     REAL},
    {"listen.wildcard_takes_both_versions", "[::ffff:127.0.0.1]:7 [::1]:7", wide_takes_both, NULL,
     0, 0},
    {"listen.wildcard_is_in_the_way", "ipv4=EADDRINUSE", wide_is_in_the_way, NULL, 0, 0},
    {"listen.only_version_6", "ipv4=ECONNREFUSED ipv6=0 beside=0 ipv4=0", only_six, NULL, 0, 0},
    {"listen.shared_port", "first=0 second=0 stranger=EADDRINUSE", NULL, shared_port, TCP, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
