/* SPDX-License-Identifier: MIT */
/**
 * @file zio/buffered.h
 * Buffered reading and writing over any stream.
 *
 * Readers and writers borrow their stream: it stays the caller's, and when it is closed their
 * calls end as the stream's do. One call at a time may use a reader or a writer; one that comes
 * meanwhile gets ::ZIO_EBUSY.
 */
#ifndef ZIO_BUFFERED_H
#define ZIO_BUFFERED_H

#include "zio/stream.h"

ZIO_BEGIN_DECLS

/* --- reading -------------------------------------------------------------------------------- */

/**
 * Makes a reader.
 * @param out receives the reader; the caller ends it with zio_reader_destroy().
 * @param s the stream, borrowed.
 * @param capacity bytes of its buffer, 0 = 16 KiB.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_EINVAL: `out` is NULL. ZIO_ENOMEM: no memory, or no handle left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_reader_create(zio_reader_t **out, zio_stream_t *s,
                                                           size_t capacity) ZIO_NOEXCEPT;

/**
 * Reads up to and including a byte, without copying.
 * @param r the reader.
 * @param delim the byte.
 * @param out receives where the bytes are, in the reader's buffer: valid until the next call on
 *        the reader. With ::ZIO_EEOF it receives the rest, which may be empty and is consumed.
 * @param dl how long to wait.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EEOF: the stream ended without `delim`. ZIO_EMSGSIZE: the buffer is full without `delim`;
 * nothing is lost, it can be read. ZIO_EBADF, ZIO_EFORKED: `r` or its stream. ZIO_EBUSY: another
 * call uses `r`. ZIO_EINVAL: `out` is NULL, or `dl`. Those of zio_stream_read(): ZIO_ECLOSED,
 * ZIO_ECONNRESET, ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED,
 * ZIO_ETIMEDOUT, ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN; what was read
 * until then stays in the buffer.
 * @par Suspends
 * yes; any thread, one at a time
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_reader_read_until(zio_reader_t *r, uint8_t delim,
                                                               zio_cbuf_t *out,
                                                               zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Reads what is there, at most `len` bytes, from the buffer or else from the stream.
 * @param r the reader.
 * @param buf where to read to.
 * @param len bytes at `buf`.
 * @param dl how long to wait for the first byte.
 * @return bytes read; 0 at the end of the stream (or for a `len` of 0); or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `r` or its stream. ZIO_EBUSY: another call uses `r`. ZIO_EINVAL: `buf` is
 * NULL and `len` is not 0, or `dl`. Those of zio_stream_read(): ZIO_ECLOSED, ZIO_ECONNRESET,
 * ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED, ZIO_ETIMEDOUT,
 * ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, one at a time
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_ssize_t ZIO_CALL zio_reader_read(zio_reader_t *r, void *buf, size_t len,
                                                           zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Reads exactly `len` bytes, which may be more than the capacity.
 * @param r the reader.
 * @param buf where to read to.
 * @param len bytes to read.
 * @param done receives the bytes read, also when an error ends the call; may be NULL.
 * @param dl how long to wait for all of them.
 * @return 0 when all were read, or an error.
 * @par Errors
 * ZIO_EEOF: the stream ended before. Those of zio_reader_read(): ZIO_EBADF, ZIO_EFORKED, ZIO_EBUSY,
 * ZIO_EINVAL, ZIO_ECLOSED, ZIO_ECONNRESET, ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH,
 * ZIO_ENETDOWN, ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM,
 * ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, one at a time
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_reader_read_exact(zio_reader_t *r, void *buf,
                                                               size_t len, size_t *done,
                                                               zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Fills the buffer until at least `min` bytes are in it, and shows all of them without consuming
 * any.
 * @param r the reader.
 * @param min bytes wanted; 0 shows what is there without waiting.
 * @param out receives where the bytes are: valid until the next call on the reader. With
 *        ::ZIO_EEOF it receives the rest, which stays in the buffer.
 * @param dl how long to wait.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EEOF: the stream ended before. ZIO_EMSGSIZE: `min` is more than the capacity. Those of
 * zio_reader_read(): ZIO_EBADF, ZIO_EFORKED, ZIO_EBUSY, ZIO_EINVAL (also a NULL `out`),
 * ZIO_ECLOSED, ZIO_ECONNRESET, ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN,
 * ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, one at a time
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_reader_peek(zio_reader_t *r, size_t min,
                                                         zio_cbuf_t *out,
                                                         zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Consumes bytes that are in the buffer, usually after zio_reader_peek().
 * @param r the reader.
 * @param n how many.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `r`. ZIO_EBUSY: another call uses `r`. ZIO_EINVAL: fewer than `n` bytes
 * are in the buffer; nothing was consumed.
 * @par Suspends
 * no; any thread, one at a time
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_reader_consume(zio_reader_t *r, size_t n) ZIO_NOEXCEPT;

/**
 * Frees the reader and the bytes in its buffer; the stream stays open. A call under way ends with
 * ::ZIO_ECLOSED when its wait on the stream is over.
 * @param r the reader; NULL is 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `r`.
 * @par Suspends
 * no; any thread, also in destructors
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_reader_destroy(zio_reader_t *r) ZIO_NOEXCEPT;

/* --- writing -------------------------------------------------------------------------------- */

/**
 * Makes a writer.
 * @param out receives the writer; the caller ends it with zio_writer_destroy().
 * @param s the stream, borrowed.
 * @param capacity bytes of its buffer, 0 = 16 KiB.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `s`. ZIO_EINVAL: `out` is NULL. ZIO_ENOMEM: no memory, or no handle left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_writer_create(zio_writer_t **out, zio_stream_t *s,
                                                           size_t capacity) ZIO_NOEXCEPT;

/**
 * Takes all `len` bytes, into the buffer or, when it is full, to the stream.
 * @param w the writer.
 * @param buf the bytes.
 * @param len how many, which may be more than the capacity.
 * @param done receives the bytes taken, also when an error ends the call; they need not be written
 *        again. May be NULL.
 * @param dl how long to wait for room.
 * @return 0 when all were taken, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `w` or its stream. ZIO_EBUSY: another call uses `w`. ZIO_EINVAL: `buf` is
 * NULL and `len` is not 0, or `dl`. Those of zio_stream_write(): ZIO_ECLOSED, ZIO_EPIPE,
 * ZIO_ECONNRESET, ZIO_ENETTIMEOUT, ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED,
 * ZIO_ETIMEDOUT, ZIO_EAGAIN, ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, one at a time
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_writer_write(zio_writer_t *w, const void *buf,
                                                          size_t len, size_t *done,
                                                          zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Writes what is in the buffer to the stream. After an error the rest is still in the buffer, and
 * a later flush goes on where this one ended.
 * @param w the writer.
 * @param dl how long to wait.
 * @return 0 when the buffer is empty, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `w` or its stream. ZIO_EBUSY: another call uses `w`. ZIO_EINVAL: `dl`.
 * Those of zio_stream_write(): ZIO_ECLOSED, ZIO_EPIPE, ZIO_ECONNRESET, ZIO_ENETTIMEOUT,
 * ZIO_EHOSTUNREACH, ZIO_ENETUNREACH, ZIO_ENETDOWN, ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN,
 * ZIO_ENOSUSPEND, ZIO_ENOBUFS, ZIO_ENOMEM, ZIO_EUNKNOWN.
 * @par Suspends
 * yes; any thread, one at a time
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_writer_flush(zio_writer_t *w,
                                                          zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Frees the writer and the bytes in its buffer, without writing them; the stream stays open. A
 * call under way ends with ::ZIO_ECLOSED when its wait on the stream is over.
 * @param w the writer; NULL is 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `w`.
 * @par Suspends
 * no; any thread, also in destructors
 * @since 0.1
 * @test tests/capi/buffered_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_writer_destroy(zio_writer_t *w) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
