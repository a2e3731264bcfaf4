/* SPDX-License-Identifier: MIT */
/* What both sides of a stream know about where they are. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

static void ip_addresses(struct link *link) {
    zio_addr_t local_a, peer_a, local_b, peer_b;
    tell("a", zio_stream_addr(link->a, &local_a, &peer_a));
    tell("b", zio_stream_addr(link->b, &local_b, &peer_b));
    tell_truth("a_sees_b", same_address(&peer_a, &local_b));
    tell_truth("b_sees_a", same_address(&peer_b, &local_a));
    tell_truth("ports", local_a.port != 0 && local_b.port != 0 && local_a.port != local_b.port);
    tell("half", zio_stream_addr(link->a, NULL, &peer_a));
    tell("other_half", zio_stream_addr(link->a, &local_a, NULL));
    tell("nothing", zio_stream_addr(link->a, NULL, NULL));
}

static void tell_name(const char *what, const zio_addr_t *address) {
    const bool is_name = address->family == ZIO_AF_UNIX;
    say("%s=%s", what, !is_name ? "odd" : address->path_len == 0 ? "unnamed" : "named");
}

static void unix_names(struct link *link) {
    zio_addr_t local_a, peer_a, local_b, peer_b;
    MUST(zio_stream_addr(link->a, &local_a, &peer_a) == 0);
    MUST(zio_stream_addr(link->b, &local_b, &peer_b) == 0);
    tell_name("local_a", &local_a);
    tell_name("peer_a", &peer_a);
    tell_name("local_b", &local_b);
    tell_name("peer_b", &peer_b);
    tell_truth("same", same_address(&peer_a, &local_b));
}

static void peer_of_accept(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    zio_stream_t *client = connect_to(&address), *server = NULL;
    zio_addr_t peer, local;
    memset(&peer, 0xff, sizeof peer);
    MUST(zio_accept(listener, &server, &peer, soon()) == 0);
    MUST(zio_stream_addr(client, &local, NULL) == 0);
    tell_truth("same", same_address(&peer, &local));
    MUST(zio_stream_close(client) == 0);
    MUST(zio_stream_close(server) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static void after_the_end(struct link *link) {
    zio_addr_t local, peer;
    close_a(link);
    settle();
    tell("local", zio_stream_addr(link->b, &local, NULL));
    tell("peer", zio_stream_addr(link->b, NULL, &peer));
}

static void after_a_reset(struct link *link) {
    zio_addr_t local, peer;
    char byte;
    zio_stream_t *stream = link->a;
    link->a = NULL;
    MUST(zio_stream_abort(stream) == 0);
    tell("read", zio_stream_read(link->b, &byte, 1, soon()));
    tell("local", zio_stream_addr(link->b, &local, NULL));
    tell("peer", zio_stream_addr(link->b, NULL, &peer));
}

static void of_dead_handles(struct link *link) {
    zio_addr_t local;
    zio_stream_t *stream = link->a;
    tell_truth("fd", zio_stream_fd(stream) >= 0);
    close_a(link);
    tell("closed", zio_stream_addr(stream, &local, NULL));
    tell("none", zio_stream_addr(NULL, &local, NULL));
    say("fd=%d", (int)zio_stream_fd(stream));
    say("fd=%d", (int)zio_stream_fd(NULL));
}

const struct test_case address_cases[] = {
    {"address.of_ip_streams",
     "a=0 b=0 a_sees_b=yes b_sees_a=yes ports=yes half=0 other_half=0 nothing=0", NULL,
     ip_addresses, TCP, 0},
    {"address.of_unix_streams",
     "local_a=unnamed peer_a=named local_b=named peer_b=unnamed same=yes", NULL, unix_names,
     PATH | ABSTRACT, 0},
    {"address.of_a_pair", "local_a=unnamed peer_a=unnamed local_b=unnamed peer_b=unnamed same=yes",
     NULL, unix_names, PAIR, 0},
    {"address.that_accept_gives", "same=yes", NULL, peer_of_accept, TCP | PATH | ABSTRACT, 0},
    {"address.when_the_peer_has_closed", "local=0 peer=0", NULL, after_the_end, ALL, 0},
    {"address.when_the_peer_broke_off", "read=ECONNRESET local=0 peer=ENOTCONN", NULL,
     after_a_reset, TCP, 0},
    {"address.of_dead_handles", "fd=yes closed=EBADF none=EBADF fd=-1 fd=-1", NULL, of_dead_handles,
     ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
