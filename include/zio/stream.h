/* SPDX-License-Identifier: MIT */
/**
 * @file zio/stream.h
 * Streams: connected sockets, TCP and Unix alike. Connecting, reading, writing, closing.
 *
 * A stream belongs to no runtime; any task and any thread may use it, several at once. At most one
 * read and one write are active; others wait their turn, first come first served, each under its
 * own deadline. zio_stream_write_all() and zio_stream_writev() keep their turn to the end, so that
 * whole messages never mix.
 *
 * A buffer belongs to the call until it returns; after that nobody touches it. A length of 0 gives
 * 0 once the handle and a pending cancel were looked at, with no system call.
 */
#ifndef ZIO_STREAM_H
#define ZIO_STREAM_H

#include "zio/socket.h"

ZIO_BEGIN_DECLS

/* --- making --------------------------------------------------------------------------------- */

/**
 * Connects to an address.
 *
 * A call that is canceled or late leaves no descriptor, though the other side may have seen a
 * connection come and go.
 * @param out receives the stream; the caller ends it with zio_stream_close().
 * @param a where to, read during the call.
 * @param o options, read during the call; NULL = defaults.
 * @param dl how long to wait.
 * @return 0, or an error; zio_last_os_error() has the system's code.
 * @par Errors
 * ZIO_EINVAL: `out` or `a` is NULL, an option or a reserved field has a value without meaning,
 * `struct_size` is less than in version 0.1, `a` is an unnamed Unix address, or `dl`. ZIO_E2BIG:
 * `struct_size` is larger than this version's and the rest is not zero. ZIO_ENOTSUP: an option that
 * the system does not have. ZIO_EAFNOSUPPORT: the family. ZIO_ECONNREFUSED: nobody listens.
 * ZIO_ECONNRESET: the other side broke it off. ZIO_ECONNABORTED: it ended before it was there and
 * nobody says why. ZIO_ENETTIMEOUT: no answer, the system gave up.
 * ZIO_EHOSTUNREACH, ZIO_EHOSTDOWN, ZIO_ENETUNREACH, ZIO_ENETDOWN: no way there. ZIO_EADDRNOTAVAIL:
 * no free port, or not this machine's source address. ZIO_EADDRINUSE: the source address is taken.
 * ZIO_EACCES, ZIO_EPERM: not allowed. ZIO_ENOENT, ZIO_ENOTDIR, ZIO_ELOOP, ZIO_ENAMETOOLONG: the
 * path. ZIO_EPROTOTYPE: the path is a socket of another kind. ZIO_EMFILE, ZIO_ENFILE, ZIO_ENOBUFS:
 * no descriptor or memory in the system. ZIO_ENOMEM: no memory, or no handle left. ZIO_ECANCELED:
 * the task was canceled. ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: it would take time
 * and `dl` is ZIO_IMMEDIATE. ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_EUNKNOWN: the
 * system gave a code without a POSIX name.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/listener_system_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_connect(zio_stream_t **out, const zio_addr_t *a,
                                                     const zio_sock_options_t *o,
                                                     zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Makes two streams that are connected with each other.
 * @param a receives one; the caller ends it with zio_stream_close().
 * @param b receives the other, likewise.
 * @return 0, or an error; then neither was made.
 * @par Errors
 * ZIO_EINVAL: `a` or `b` is NULL. ZIO_EMFILE, ZIO_ENFILE, ZIO_ENOBUFS: no descriptor or memory in
 * the system. ZIO_ENOMEM: no memory, or no handle left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_stream_pair(zio_stream_t **a,
                                                         zio_stream_t **b) ZIO_NOEXCEPT;

/**
 * Makes a stream of a connected stream socket.
 * @param out receives the stream; the caller ends it with zio_stream_close().
 * @param fd the socket. On success it is the stream's and becomes non-blocking and close-on-exec;
 *        on failure it is still the caller's.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `out` is NULL. ZIO_EBADF: no descriptor, or no socket. ZIO_EPROTOTYPE: not a stream
 * socket. ZIO_ENOTCONN: not connected. ZIO_EAFNOSUPPORT: neither TCP nor Unix. ZIO_ENOMEM: no
 * memory, or no handle left. ZIO_ENOBUFS: no memory in the system. ZIO_EPERM, ZIO_EACCES: not
 * allowed.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/stream_system_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_stream_from_fd(zio_stream_t **out,
                                                            zio_fd_t fd) ZIO_NOEXCEPT;

/* --- reading -------------------------------------------------------------------------------- */

/**
 * Waits until there are bytes and reads what is there, at most `len`.
 * @param s the stream.
 * @param buf where to read to.
 * @param len bytes at `buf`.
 * @param dl how long to wait.
 * @return bytes read; 0 at the end of the stream (or for a `len` of 0); or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_EINVAL: `buf` is NULL and `len` is not 0, or `dl`. ZIO_ECLOSED:
 * the stream was closed meanwhile. ZIO_ECONNRESET: the other side broke the connection off.
 * ZIO_ENETTIMEOUT: the other side no longer answers. ZIO_EHOSTUNREACH, ZIO_ENETUNREACH,
 * ZIO_ENETDOWN: no way there any more. ZIO_ECANCELED: the task was canceled. ZIO_ETIMEDOUT: `dl` or
 * a scoped timeout. ZIO_EAGAIN: nothing there (or another's turn) and `dl` is ZIO_IMMEDIATE.
 * ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_ENOBUFS: more than 65 000 calls on the
 * stream at once, or no memory in the system. ZIO_ENOMEM: the wait could not be prepared.
 * ZIO_EUNKNOWN: the system gave a code without a POSIX name.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_stream_read(zio_stream_t *s, void *buf, size_t len,
                                                           zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * As zio_stream_read(), into several pieces of memory, filled in order.
 * @param s the stream.
 * @param bufs the pieces, read during the call.
 * @param n how many pieces.
 * @param dl how long to wait.
 * @return bytes read; 0 at the end of the stream (or when all pieces are empty); or an error.
 * @par Errors
 * Those of zio_stream_read(): ZIO_EBADF, ZIO_EFORKED, ZIO_EINVAL (also `bufs` NULL with `n` not 0,
 * a NULL piece with a length, more than INT64_MAX bytes), ZIO_ECLOSED, ZIO_ECONNRESET,
 * ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED, ZIO_ETIMEDOUT,
 * ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_stream_readv(zio_stream_t *s, const zio_buf_t *bufs,
                                                            size_t n,
                                                            zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Reads exactly `len` bytes, keeping its turn to the end.
 * @param s the stream.
 * @param buf where to read to.
 * @param len bytes to read.
 * @param done receives the bytes read, also when an error ends the call; may be NULL.
 * @param dl how long to wait for all of them.
 * @return 0 when all were read, or an error.
 * @par Errors
 * ZIO_EEOF: the stream ended before. Those of zio_stream_read(): ZIO_EBADF, ZIO_EFORKED,
 * ZIO_EINVAL, ZIO_ECLOSED, ZIO_ECONNRESET, ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH,
 * ZIO_ENETDOWN, ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM,
 * ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_stream_read_exact(zio_stream_t *s, void *buf,
                                                               size_t len, size_t *done,
                                                               zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * As zio_stream_read(), but leaves the bytes for the next read.
 * @param s the stream.
 * @param buf where to copy them to.
 * @param len bytes at `buf`.
 * @param dl how long to wait for the first byte.
 * @return bytes copied; 0 at the end of the stream (or for a `len` of 0); or an error.
 * @par Errors
 * Those of zio_stream_read(): ZIO_EBADF, ZIO_EFORKED, ZIO_EINVAL, ZIO_ECLOSED, ZIO_ECONNRESET,
 * ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED, ZIO_ETIMEDOUT,
 * ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_stream_peek(zio_stream_t *s, void *buf, size_t len,
                                                           zio_deadline_t dl) ZIO_NOEXCEPT;

/* --- writing -------------------------------------------------------------------------------- */

/**
 * Waits until there is room and writes what fits, at most `len` bytes. No signal is raised.
 * @param s the stream.
 * @param buf the bytes.
 * @param len how many.
 * @param dl how long to wait.
 * @return bytes written, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_EINVAL: `buf` is NULL and `len` is not 0, or `dl`. ZIO_ECLOSED:
 * the stream was closed meanwhile. ZIO_EPIPE: the write side was shut down, or the other side is
 * gone. ZIO_ECONNRESET: the other side broke the connection off. ZIO_ENETTIMEOUT: the other side no
 * longer answers. ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN: no way there any more.
 * ZIO_ECANCELED: the task was canceled. ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: no
 * room (or another's turn) and `dl` is ZIO_IMMEDIATE. ZIO_ENOSUSPEND: called where nothing may
 * suspend. ZIO_ENOBUFS: more than 65 000 calls on the stream at once, or no memory in the system.
 * ZIO_ENOMEM: the wait could not be prepared. ZIO_EUNKNOWN: the system gave a code without a POSIX
 * name.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_stream_write(zio_stream_t *s, const void *buf,
                                                            size_t len,
                                                            zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * As zio_stream_write(), from several pieces of memory, taken in order.
 * @param s the stream.
 * @param bufs the pieces, read during the call.
 * @param n how many pieces.
 * @param dl how long to wait.
 * @return bytes written, or an error.
 * @par Errors
 * Those of zio_stream_write(): ZIO_EBADF, ZIO_EFORKED, ZIO_EINVAL (also `bufs` NULL with `n` not 0,
 * a NULL piece with a length, more than INT64_MAX bytes), ZIO_ECLOSED, ZIO_EPIPE, ZIO_ECONNRESET,
 * ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED, ZIO_ETIMEDOUT,
 * ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_stream_writev(zio_stream_t *s,
                                                             const zio_cbuf_t *bufs, size_t n,
                                                             zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Writes all `len` bytes, keeping its turn to the end.
 * @param s the stream.
 * @param buf the bytes.
 * @param len how many.
 * @param done receives the bytes written, also when an error ends the call; may be NULL.
 * @param dl how long to wait for all of them.
 * @return 0 when all were written, or an error.
 * @par Errors
 * Those of zio_stream_write(): ZIO_EBADF, ZIO_EFORKED, ZIO_EINVAL, ZIO_ECLOSED, ZIO_EPIPE,
 * ZIO_ECONNRESET, ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED,
 * ZIO_ETIMEDOUT, ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_stream_write_all(zio_stream_t *s, const void *buf,
                                                              size_t len, size_t *done,
                                                              zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Ends the write side, after the writes that came before: the other side reads the end of the
 * stream. Reading goes on; a later write gives ::ZIO_EPIPE, a second shutdown 0.
 * @param s the stream.
 * @param dl how long to wait for the writes before.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_EINVAL: `dl`. ZIO_ECLOSED: the stream was closed meanwhile.
 * ZIO_ENOTCONN: the connection is gone. ZIO_ECANCELED: the task was canceled. ZIO_ETIMEDOUT: `dl`
 * or a scoped timeout. ZIO_EAGAIN: another's turn and `dl` is ZIO_IMMEDIATE. ZIO_ENOSUSPEND: called
 * where nothing may suspend. ZIO_ENOBUFS: more than 65 000 calls on the stream at once. ZIO_ENOMEM:
 * the wait could not be prepared.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_stream_shutdown(zio_stream_t *s,
                                                             zio_deadline_t dl) ZIO_NOEXCEPT;

/* --- closing -------------------------------------------------------------------------------- */

/**
 * Closes the stream: calls under way end with ::ZIO_ECLOSED or the result they already had, later
 * ones get ::ZIO_EBADF. What was written is still delivered.
 * @param s the stream; NULL is 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`.
 * @par Suspends
 * no; any thread, also in destructors. The descriptor's number is free when the last call under
 * way has ended.
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_stream_close(zio_stream_t *s) ZIO_NOEXCEPT;

/**
 * As zio_stream_close(), but breaks a TCP connection off: what was not yet sent is dropped, and
 * the other side gets ::ZIO_ECONNRESET.
 * @param s the stream; NULL is 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`.
 * @par Suspends
 * no; any thread, also in destructors
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_stream_abort(zio_stream_t *s) ZIO_NOEXCEPT;

/* --- about a stream ------------------------------------------------------------------------- */

/**
 * Gives both addresses of a stream. A side without a name has the family ZIO_AF_UNIX and a
 * `path_len` of 0.
 * @param s the stream.
 * @param local receives this side's; may be NULL.
 * @param peer receives the other side's; may be NULL.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_ENOTCONN: the connection is gone and `peer` was asked for.
 * ZIO_ENOBUFS: more than 65 000 calls on the stream at once, or no memory in the system.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_stream_addr(zio_stream_t *s, zio_addr_t *local,
                                           zio_addr_t *peer) ZIO_NOEXCEPT;

/**
 * Gives the stream's descriptor, for options this library does not know.
 * @param s the stream.
 * @return the descriptor, which stays the stream's and must not be closed; -1 for a bad handle.
 * @par Errors
 * none but the value -1
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_API zio_fd_t ZIO_CALL zio_stream_fd(zio_stream_t *s) ZIO_NOEXCEPT;

/** Options of zio_stream_set_option() and zio_stream_get_option(). */
enum zio_stream_option {
    ZIO_OPT_NODELAY = 1,     /**< 1: small writes are sent at once; 0: they may wait for more. */
    ZIO_OPT_KEEPALIVE_S = 2, /**< Seconds idle before the first probe; 0 = no probes. */
    ZIO_OPT_RCVBUF = 3,      /**< Bytes of receive buffer; the system may give more. */
    ZIO_OPT_SNDBUF = 4,      /**< Bytes of send buffer; the system may give more. */
    ZIO_OPT_LINGER_MS = 5,   /**< -1: close delivers in the background; 0: close breaks off; more:
                                  milliseconds after which the system gives up, in whole seconds. */
    ZIO_OPT_QUICKACK = 6     /**< 1: acknowledge at once; 0: wait a little. May not last. */
};

/**
 * Sets one option of a stream.
 * @param s the stream.
 * @param option ZIO_OPT_*.
 * @param value in the unit of the option.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_EINVAL: an unknown option, or a value out of its range.
 * ZIO_ENOTSUP: not for this kind of stream, or not on this system. ZIO_ENOBUFS: more than 65 000
 * calls on the stream at once, or no memory in the system. ZIO_EPERM, ZIO_EACCES: not allowed.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_stream_set_option(zio_stream_t *s, uint32_t option,
                                                               int64_t value) ZIO_NOEXCEPT;

/**
 * Reads one option of a stream.
 * @param s the stream.
 * @param option ZIO_OPT_*.
 * @param value receives what the system says, in the unit of the option.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_EINVAL: `value` is NULL, or an unknown option. ZIO_ENOTSUP: not
 * for this kind of stream, or not on this system. ZIO_ENOBUFS: more than 65 000 calls on the stream
 * at once, or no memory in the system. ZIO_EPERM, ZIO_EACCES: not allowed.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/stream_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_stream_get_option(zio_stream_t *s, uint32_t option,
                                                               int64_t *value) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
