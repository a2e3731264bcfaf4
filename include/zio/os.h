/* SPDX-License-Identifier: MIT */
/**
 * @file zio/os.h
 * Plain descriptors of the operating system: for bindings, and to run existing libraries that do
 * their own system calls.
 *
 * The descriptor stays the caller's and must stay open until the call returns. It should be
 * non-blocking: on a blocking one a call may hold up its thread when somebody else takes the bytes
 * or the room between the wait and the attempt. Nothing is left registered after a call.
 */
#ifndef ZIO_OS_H
#define ZIO_OS_H

#include "zio/base.h"

ZIO_BEGIN_DECLS

/** What a descriptor can be ready for. */
enum zio_ready {
    ZIO_READABLE = 1, /**< A read would not wait; also at the end of the stream. */
    ZIO_WRITABLE = 2, /**< A write would not wait. */
    ZIO_HANGUP = 4,   /**< The other side is gone. */
    ZIO_ERROR = 8     /**< An error is pending. */
};

/**
 * Waits until there are bytes and reads what is there, at most `len`.
 * @param fd any descriptor that can be read: socket, pipe, terminal, regular file.
 * @param buf where to read to.
 * @param len bytes at `buf`; 0 gives 0 with no system call.
 * @param dl how long to wait.
 * @return bytes read; 0 at the end; or an error.
 * @par Errors
 * ZIO_EBADF: no descriptor, or not open for reading. ZIO_EINVAL: `buf` is NULL and `len` is not 0,
 * `dl`, or a descriptor that cannot be read. ZIO_EISDIR: a directory. ZIO_EIO, ZIO_ENXIO: the
 * device. ZIO_ENOTCONN, ZIO_ECONNRESET, ZIO_ECONNREFUSED, ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH,
 * ZIO_ENETUNREACH, ZIO_ENETDOWN: the connection. ZIO_EFAULT: `buf`. ZIO_ECANCELED: the task was
 * canceled. ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: nothing there and `dl` is
 * ZIO_IMMEDIATE. ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_ENOBUFS, ZIO_ENOMEM: no
 * memory. A driver may have errors of its own; ZIO_EUNKNOWN: one without a POSIX name.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/os_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_fd_read(zio_fd_t fd, void *buf, size_t len,
                                                       zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Waits until there is room and writes what fits, at most `len` bytes. On a socket no signal is
 * raised.
 * @param fd any descriptor that can be written: socket, pipe, terminal, regular file.
 * @param buf the bytes.
 * @param len how many; 0 gives 0 with no system call.
 * @param dl how long to wait.
 * @return bytes written, or an error.
 * @par Errors
 * ZIO_EBADF: no descriptor, or not open for writing. ZIO_EINVAL: `buf` is NULL and `len` is not 0,
 * `dl`, or a descriptor that cannot be written. ZIO_EPIPE: nobody reads. ZIO_EIO, ZIO_ENXIO: the
 * device. ZIO_ENOSPC, ZIO_EFBIG, ZIO_EDQUOT, ZIO_EPERM: the file. ZIO_EDESTADDRREQ, ZIO_EMSGSIZE: a
 * datagram socket. ZIO_ENOTCONN, ZIO_ECONNRESET, ZIO_ECONNREFUSED, ZIO_ENETTIMEOUT,
 * ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN: the connection. ZIO_EFAULT: `buf`.
 * ZIO_ECANCELED: the task was canceled. ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: no
 * room and `dl` is ZIO_IMMEDIATE. ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_ENOBUFS,
 * ZIO_ENOMEM: no memory. A driver may have errors of its own; ZIO_EUNKNOWN: one without a POSIX
 * name.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/os_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_fd_write(zio_fd_t fd, const void *buf, size_t len,
                                                        zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Waits until a descriptor is ready: what the integration of a library with its own sockets needs.
 *
 * Several calls may wait for one descriptor. A regular file is always ready.
 * @param fd the descriptor.
 * @param want ::ZIO_READABLE, ::ZIO_WRITABLE or both. A hang-up and an error end the wait too.
 * @param got receives what it is ready for, ZIO_READABLE... bits; may be NULL.
 * @param dl how long to wait; with ::ZIO_IMMEDIATE it tells the present state.
 * @return 0 when at least one bit is there, or an error.
 * @par Errors
 * ZIO_EBADF: no descriptor. ZIO_EINVAL: `want` has neither bit or an unknown one, or `dl`.
 * ZIO_ENOTSUP, ZIO_EPERM: a kind of descriptor that cannot be waited for. ZIO_ECANCELED: the task
 * was canceled. ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: not ready and `dl` is
 * ZIO_IMMEDIATE. ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_ENOMEM: no memory, or
 * the system's limit of watched descriptors.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/os_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_fd_wait(zio_fd_t fd, uint32_t want, uint32_t *got,
                                                     zio_deadline_t dl) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
