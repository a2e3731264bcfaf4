/* SPDX-License-Identifier: MIT */
/* What the tests of streams and listeners share: connected streams of each kind and their bytes. */
#ifndef ZIO_TESTS_CAPI_NET_KIT_H
#define ZIO_TESTS_CAPI_NET_KIT_H

#include "task_kit.h"
#include "zio/net.h"

/* --- connected streams ---------------------------------------------------------------------- */

enum link_kind { LINK_TCP, LINK_TCP6, LINK_UNIX, LINK_PAIR, LINK_KINDS };
struct link {
    zio_stream_t *a; /* that connected */
    zio_stream_t *b; /* that was accepted */
};
struct link make_link(enum link_kind kind);
/* Both ends, those that are still open. */
void close_link(struct link *link);

zio_addr_t address_of(const char *text);
/* An abstract Unix address that nobody else has. */
zio_addr_t fresh_name(void);
zio_addr_t bound_to(zio_listener_t *listener);
/* A listener on a free port of 127.0.0.1. */
zio_listener_t *listen_tcp(void);

/* Whether a stream that is full stays so until the other side reads. TCP finds room when it likes.
 */
bool has_firm_room(enum link_kind kind);
/* Writes until there is no room for a byte; the bytes written. */
size_t fill(zio_stream_t *stream);
/* Reads until `count` bytes have come. */
void drain(zio_stream_t *stream, size_t count);

/* Byte `at` of a stream of bytes in which each place can be told from its neighbours. */
unsigned char byte_at(uint64_t at);

#endif
