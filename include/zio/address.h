/* SPDX-License-Identifier: MIT */
/**
 * @file zio/address.h
 * Socket addresses: IPv4, IPv6 and Unix, with the same bytes on every system, their text form, and
 * the way to and from the system's `struct sockaddr`.
 *
 * The text form:
 *
 *     192.0.2.1:80            IPv4, exactly as inet_pton takes it, and a port
 *     [2001:db8::1]:80        IPv6, exactly as inet_pton takes it, and a port
 *     [fe80::1%eth0]:80       with a scope: the interface's name, or its number
 *     192.0.2.1  2001:db8::1  a bare address, without brackets, takes the caller's default port
 *     unix:/run/server        the path of a Unix socket
 *     unix:@name              an abstract Unix socket (Linux)
 *
 * Ports are decimal, 0 to 65535, with no sign and no leading zero; scope numbers likewise, up to
 * the largest of 32 bits. Nothing else is allowed, blanks included.
 */
#ifndef ZIO_ADDRESS_H
#define ZIO_ADDRESS_H

#include "zio/base.h"

ZIO_BEGIN_DECLS

/** Values of zio_addr_t::family. */
enum zio_family { ZIO_AF_NONE = 0, ZIO_AF_INET = 1, ZIO_AF_INET6 = 2, ZIO_AF_UNIX = 3 };

/** An address. Fields that its family does not use are 0. */
typedef struct zio_addr {
    uint16_t family;    /**< ZIO_AF_*. */
    uint16_t port;      /**< In the machine's order. */
    uint32_t scope_id;  /**< IPv6: the interface, 0 = none. */
    uint8_t ip[16];     /**< Network order, 4 or 16 used. */
    char path[112];     /**< Unix: a path, or path[0] == 0 and an abstract name. On Linux a path has
                             at most 107 bytes, an abstract name 108 with its leading 0. */
    uint16_t path_len;  /**< Bytes used, an abstract name's leading 0 counted, a path's final one
                             not. 0 = unnamed. */
    uint16_t reserved0; /**< Must be 0. */
    uint32_t flow;      /**< IPv6: traffic class and flow label, in the machine's order. */
} zio_addr_t;

/**
 * Reads an address from text, in the form shown above and no other.
 * @param out written whole; the caller's.
 * @param s the text. Abstract names may contain NULs when `len` counts them.
 * @param len bytes at `s`; (size_t)-1 = it ends with a NUL.
 * @param default_port the port of an IP address that comes without one.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `out` or `s` is NULL; the text is no address; there is no interface of that name.
 * ZIO_ENAMETOOLONG: a Unix path or name is longer than the system allows. ZIO_ENOTSUP: an abstract
 * name on a system that has none.
 * @par Suspends
 * no; any thread. An interface's name is looked up in the system, a number is taken as it is.
 * @since 0.1
 * @test tests/capi/address_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_addr_parse(zio_addr_t *out, const char *s, size_t len,
                                                        uint16_t default_port) ZIO_NOEXCEPT;

/**
 * Writes an address as text, for IPv6 as RFC 5952 recommends, always with the port; a scope is
 * written as its number, which stays right when interfaces are renamed.
 *
 * Like snprintf: when `len` is not 0 the text is cut to fit and ends with a NUL. zio_addr_parse()
 * makes the same address from it, given the returned length: an abstract name is written byte by
 * byte, so that NULs in it stand in the text too. Four things have no text that is read back: the
 * flow label, which is left out; an unnamed Unix address ("unix:"); and, when the system or the
 * caller made them, a relative path and one that fills the system's buffer to its last byte.
 * @param a the address.
 * @param buf where to write; may be NULL when `len` is 0.
 * @param len bytes at `buf`; 128 are always enough.
 * @return the length of the whole text without its NUL, or an error.
 * @par Errors
 * ZIO_EINVAL: `a` is NULL, `buf` is NULL and `len` is not 0, `reserved0` is not 0, or a path
 * contains a NUL. ZIO_EAFNOSUPPORT: the family is none of ZIO_AF_INET, ZIO_AF_INET6, ZIO_AF_UNIX.
 * ZIO_ENAMETOOLONG: `path_len` is larger than the system allows. ZIO_ENOTSUP: an abstract name on a
 * system that has none.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/address_test.c
 */
ZIO_API zio_ssize_t ZIO_CALL zio_addr_format(const zio_addr_t *a, char *buf,
                                             size_t len) ZIO_NOEXCEPT;

/**
 * Makes an address from a `struct sockaddr` of this system.
 * @param out written whole; the caller's.
 * @param sa a `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un`; need not be aligned.
 * @param sa_len its length in bytes, as the system gave it. For IP addresses and for paths that
 *        end with a NUL it may also be the size of a larger buffer.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `out` or `sa` is NULL, `sa_len` is too short for the family, or longer than any Unix
 * address although no NUL ends the name. ZIO_EAFNOSUPPORT: another family.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/address_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_addr_from_sockaddr(zio_addr_t *out, const void *sa,
                                                  uint32_t sa_len) ZIO_NOEXCEPT;

/**
 * Makes a `struct sockaddr` of this system from an address.
 * @param a the address.
 * @param sa where to write; need not be aligned. `sizeof(struct sockaddr_storage)` bytes are always
 *        enough.
 * @param sa_cap bytes at `sa`.
 * @return the length to give to the system, in bytes, or an error.
 * @par Errors
 * ZIO_EINVAL: `a` or `sa` is NULL, `sa_cap` is too small, `reserved0` is not 0, or a path contains
 * a NUL. ZIO_EAFNOSUPPORT: the family is none of ZIO_AF_INET, ZIO_AF_INET6, ZIO_AF_UNIX.
 * ZIO_ENAMETOOLONG: `path_len` is larger than the system allows. ZIO_ENOTSUP: an abstract name on a
 * system that has none.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/address_test.c
 */
ZIO_API zio_ssize_t ZIO_CALL zio_addr_to_sockaddr(const zio_addr_t *a, void *sa,
                                                  uint32_t sa_cap) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
