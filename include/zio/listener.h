/* SPDX-License-Identifier: MIT */
/**
 * @file zio/listener.h
 * Listeners: sockets that accept streams, over TCP and Unix addresses alike. A listener belongs to
 * no runtime; any task and any thread may use it, several at once.
 */
#ifndef ZIO_LISTENER_H
#define ZIO_LISTENER_H

#include "zio/socket.h"

ZIO_BEGIN_DECLS

/**
 * Makes a socket that listens at an address.
 *
 * A TCP port that connections of an earlier listener still linger on can be taken again at once.
 * A Unix path must not exist; zio_listener_close() removes the one made here.
 * @param out receives the listener; the caller ends it with zio_listener_close().
 * @param a the address, read during the call; port 0 = any free one (see zio_listener_addr()).
 * @param o options, read during the call; NULL = defaults.
 * @return 0, or an error; zio_last_os_error() has the system's code.
 * @par Errors
 * ZIO_EINVAL: `out` or `a` is NULL, an option or a reserved field has a value without meaning, or
 * `struct_size` is less than in version 0.1. ZIO_E2BIG: `struct_size` is larger than this version's
 * and the rest is not zero. ZIO_ENOTSUP: an option that the system does not have. ZIO_EAFNOSUPPORT:
 * the family. ZIO_EADDRINUSE: the port is taken, or the path exists. ZIO_EADDRNOTAVAIL: the address
 * is not this machine's. ZIO_EACCES, ZIO_EPERM: not allowed. ZIO_ENOENT, ZIO_ENOTDIR, ZIO_ELOOP,
 * ZIO_EROFS, ZIO_ENAMETOOLONG, ZIO_ENOSPC, ZIO_EIO: the path. ZIO_EMFILE, ZIO_ENFILE, ZIO_ENOBUFS:
 * no descriptor or memory in the system. ZIO_ENOMEM: no memory, or no handle left. ZIO_EUNKNOWN:
 * the system gave a code without a POSIX name.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/listener_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_listen(zio_listener_t **out, const zio_addr_t *a,
                                                    const zio_sock_options_t *o) ZIO_NOEXCEPT;

/**
 * Makes a listener of a socket that listens already.
 * @param out receives the listener; the caller ends it with zio_listener_close().
 * @param fd the socket. On success it is the listener's and becomes non-blocking and
 *        close-on-exec; on failure it is still the caller's. A Unix path is not removed at close.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `out` is NULL, or the socket does not listen. ZIO_EBADF: no descriptor, or no socket.
 * ZIO_EPROTOTYPE: not a stream socket. ZIO_EAFNOSUPPORT: neither TCP nor Unix. ZIO_ENOMEM: no
 * memory, or no handle left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/listener_system_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_listener_from_fd(zio_listener_t **out,
                                                              zio_fd_t fd) ZIO_NOEXCEPT;

/**
 * Waits for a connection and takes it.
 *
 * When the process or the system is out of descriptors or memory it tries again after a while by
 * itself (counted in zio_rt_stats_t::accept_backoffs); only its deadline, a cancel or the
 * listener's close ends it. A call that is canceled leaves no descriptor behind.
 * @param l the listener.
 * @param out receives the stream; the caller ends it with zio_stream_close().
 * @param peer receives the other side's address; one without a name has the family ZIO_AF_UNIX and
 *        a `path_len` of 0. May be NULL.
 * @param dl how long to wait.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `l`. ZIO_EINVAL: `out` is NULL, or `dl`. ZIO_ECLOSED: the listener was
 * closed meanwhile. ZIO_ECANCELED: the task was canceled. ZIO_ETIMEDOUT: `dl` or a scoped timeout.
 * ZIO_EAGAIN: no connection and `dl` is ZIO_IMMEDIATE. ZIO_ENOSUSPEND: called where nothing may
 * suspend. ZIO_ENOBUFS: more than 65 000 calls on the listener at once. ZIO_ENOMEM: the wait could
 * not be prepared. ZIO_EPERM: a firewall forbids it.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/listener_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_accept(zio_listener_t *l, zio_stream_t **out,
                                                    zio_addr_t *peer,
                                                    zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Gives the address the listener is bound to, with the port the system chose.
 * @param l the listener.
 * @param out receives the address.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `l`. ZIO_EINVAL: `out` is NULL. ZIO_ENOBUFS: more than 65 000 calls on
 * the listener at once, or no memory in the system.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/listener_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_listener_addr(zio_listener_t *l, zio_addr_t *out) ZIO_NOEXCEPT;

/**
 * Closes the listener: calls under way end with ::ZIO_ECLOSED, later ones get ::ZIO_EBADF, a Unix
 * path that zio_listen() made is removed. Streams it accepted live on.
 * @param l the listener; NULL is 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `l`.
 * @par Suspends
 * no; any thread, also in destructors. The descriptor's number is free when the last call under
 * way has ended.
 * @since 0.1
 * @test tests/capi/listener_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_listener_close(zio_listener_t *l) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
