/* SPDX-License-Identifier: MIT */
/**
 * @file zio/socket.h
 * Options that listeners and connections share.
 */
#ifndef ZIO_SOCKET_H
#define ZIO_SOCKET_H

#include "zio/address.h"

ZIO_BEGIN_DECLS

/** Bits of zio_sock_options_t::flags. */
enum zio_sock_flag {
    ZIO_SO_REUSEPORT = 1 << 0, /**< Several sockets share one port. */
    ZIO_SO_V6ONLY = 1 << 1,    /**< An IPv6 socket that takes no IPv4. Without it: both. */
    ZIO_SO_NODELAY = 1 << 2,   /**< Small writes are sent at once. */
    ZIO_SO_KEEPALIVE = 1 << 3, /**< Idle connections are probed. */
    ZIO_SO_FASTOPEN = 1 << 4,  /**< Data in the first packet. */
    ZIO_SO_ZEROCOPY = 1 << 5   /**< Large sends are not copied where the backend can. */
};

/** Options of a socket. Those of a listener also hold for the streams it accepts. */
typedef struct zio_sock_options {
    uint32_t struct_size; /**< Set by zio_sock_options_init(). */
    uint32_t flags;       /**< ZIO_SO_*. What makes no sense for a Unix socket is ignored there. */
    uint32_t backlog; /**< Listeners: connections waiting to be accepted, 0 = the system's most. */
    uint32_t rcvbuf;  /**< Bytes of receive buffer, 0 = the system's choice. */
    uint32_t sndbuf;  /**< Bytes of send buffer, 0 = the system's choice. */
    uint32_t keepalive_s; /**< Seconds idle before the first probe, 0 = the system's choice; needs
                               ZIO_SO_KEEPALIVE. */
    const zio_addr_t
        *bind_addr;       /**< Connections: the source address, NULL = the system's choice. */
    uint64_t reserved[3]; /**< Must be 0. */
} zio_sock_options_t;

/**
 * Fills socket options with their defaults, which are all 0.
 * @param o written; the caller's.
 * @param size `sizeof(zio_sock_options_t)` as the caller knows it, in bytes.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `o` is NULL, or `size` is less than in version 0.1. ZIO_E2BIG: `size` is over 4096.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/options_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_sock_options_init(zio_sock_options_t *o, size_t size) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
