/* SPDX-License-Identifier: MIT */
/**
 * @file zio/base.h
 * What every other header stands on: linkage, scalar types, errors, the allocator, the version,
 * the clock, and the names of all handles.
 *
 * Rules that hold for the whole library, so that the functions need not repeat them:
 *
 * - Results are 0 or a count, or a negative number of `enum zio_errno`. `errno` is never used.
 *   The numbers are the same on every system. An error of the operating system that has a POSIX
 *   name keeps the negated Linux number of that name even where the enum does not list it; one
 *   without such a name is ::ZIO_EUNKNOWN. "Interrupted" is never returned.
 * - Out-parameters are written on success only, with two exceptions: `done` is written on every
 *   return and says exactly how much of the work was finished, and the two calls of a reader that
 *   show its buffer give the rest together with ::ZIO_EEOF. An out-parameter or a required argument
 *   that is NULL gives ::ZIO_EINVAL unless its function allows NULL.
 * - A call that is given several wrong arguments returns one of their errors, whichever.
 * - Handles are never dereferenced before they are checked: NULL, a handle that is no longer
 *   valid, an invented one and one of another kind give ::ZIO_EBADF. Functions without a status
 *   say it in their value (NULL, 0 or -1). Closing, destroying, discarding or releasing NULL is 0.
 *   Every handle that a call gives out is one reference of the caller's, to be ended by the
 *   matching close, destroy or unref; handles described as borrowed are not.
 * - A call that starts after its handle was closed gives ::ZIO_EBADF; one that was under way gives
 *   ::ZIO_ECLOSED, or its result if it already had one.
 * - After fork(), a handle made before it gives ::ZIO_EFORKED in the child; what needs no handle
 *   goes on working.
 * - No effect or no cancel: an operation that returns ::ZIO_ECANCELED or ::ZIO_ETIMEDOUT has moved
 *   no byte, made no descriptor, taken no lock. If it had an effect it returns its result, and the
 *   cancel stays pending. Only calls with `done` may end so after part of the work.
 * - A call suspends only if its comment says so. On a plain thread, where there is no task to
 *   suspend, it blocks the thread instead; the thread's first wait makes what it needs for that,
 *   and gives ::ZIO_ENOMEM if it cannot, be it for lack of a descriptor. In a hook, a `ud_free`, a
 *   destructor of a task local, a function on the native stack and a no-suspend region a suspending
 *   call gives ::ZIO_ENOSUSPEND.
 * - Any function that returns a status may return ::ZIO_EINTERNAL: a bug of the library, stopped
 *   at its boundary. It is not listed with each function.
 */
#ifndef ZIO_BASE_H
#define ZIO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- linkage -------------------------------------------------------------------------------- */

#if defined(_WIN32) || defined(__CYGWIN__)
#if defined(ZIO_STATIC)
#define ZIO_EXPORT
#elif defined(ZIO_BUILDING)
#define ZIO_EXPORT __declspec(dllexport)
#else
#define ZIO_EXPORT __declspec(dllimport)
#endif
#define ZIO_CALL __cdecl
#else
#if defined(__GNUC__)
#define ZIO_EXPORT __attribute__((visibility("default")))
#else
#define ZIO_EXPORT
#endif
#define ZIO_CALL
#endif

/* A call through the address table instead of a stub: half a nanosecond less per call. */
#if defined(__GNUC__) && !defined(__clang__) && !defined(_WIN32) && !defined(__CYGWIN__) && \
    defined(__has_attribute)
#if __has_attribute(noplt)
#define ZIO_NOPLT __attribute__((noplt))
#endif
#endif
#ifndef ZIO_NOPLT
#define ZIO_NOPLT
#endif

/* Warns when a result is dropped. In prefix position, so that one macro fits all languages. */
#if defined(__cplusplus) && __cplusplus >= 201703L
#define ZIO_NODISCARD [[nodiscard]]
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#define ZIO_NODISCARD [[nodiscard]]
#elif defined(__GNUC__)
#define ZIO_NODISCARD __attribute__((warn_unused_result))
#else
#define ZIO_NODISCARD
#endif

#ifdef __cplusplus
#define ZIO_NOEXCEPT noexcept
#define ZIO_BEGIN_DECLS extern "C" {
#define ZIO_END_DECLS }
#else
#define ZIO_NOEXCEPT
#define ZIO_BEGIN_DECLS
#define ZIO_END_DECLS
#endif

#define ZIO_API ZIO_EXPORT ZIO_NOPLT

ZIO_BEGIN_DECLS

/* --- scalars -------------------------------------------------------------------------------- */

/** 0 or a negative number of `enum zio_errno`. */
typedef int32_t zio_err_t;
/** A count, or a negative number of `enum zio_errno`. */
typedef int64_t zio_ssize_t;
/**
 * An instant: nanoseconds on the clock of zio_now(), or one of `enum zio_deadline_const`.
 * INT64_MAX means ::ZIO_NEVER; other negative values are ::ZIO_EINVAL. With an instant that has
 * passed a call makes one attempt and then gives ::ZIO_ETIMEDOUT. A call whose result is there
 * returns it, whatever the time.
 */
typedef int64_t zio_deadline_t;
/** A descriptor of the operating system: int on POSIX, SOCKET or HANDLE on Windows. */
typedef intptr_t zio_fd_t;

enum zio_deadline_const {
    ZIO_NEVER = -1,   /**< No deadline. */
    ZIO_IMMEDIATE = 0 /**< One attempt; never suspends, delivers no cancel; else ZIO_EAGAIN. */
};

/** Memory to read into. */
typedef struct zio_buf {
    void *base;
    size_t len; /**< Bytes. */
} zio_buf_t;

/** Memory to write from. */
typedef struct zio_cbuf {
    const void *base;
    size_t len; /**< Bytes. */
} zio_cbuf_t;

/**
 * Runs exactly once, when the library drops its last reference to `ud`; never if the call that
 * took `ud` failed (then the caller still owns it). It must not suspend.
 */
typedef void(ZIO_CALL *zio_free_fn)(void *ud);

/* --- errors --------------------------------------------------------------------------------- */

/** Every error number, on every system: the negated Linux number where one exists. */
enum zio_errno {
    ZIO_OK = 0,
    ZIO_EPERM = -1,
    ZIO_ENOENT = -2,
    ZIO_ESRCH = -3,
    ZIO_EIO = -5,
    ZIO_ENXIO = -6,
    ZIO_E2BIG = -7,
    ZIO_ENOEXEC = -8,
    ZIO_EBADF = -9, /**< Also a dead, foreign or wrong-type handle. */
    ZIO_ECHILD = -10,
    ZIO_EAGAIN = -11, /**< It would have to wait, and the deadline was ZIO_IMMEDIATE. */
    ZIO_ENOMEM = -12,
    ZIO_EACCES = -13,
    ZIO_EFAULT = -14,
    ZIO_EBUSY = -16,
    ZIO_EEXIST = -17,
    ZIO_EXDEV = -18,
    ZIO_ENODEV = -19,
    ZIO_ENOTDIR = -20,
    ZIO_EISDIR = -21,
    ZIO_EINVAL = -22,
    ZIO_ENFILE = -23,
    ZIO_EMFILE = -24,
    ZIO_ENOTTY = -25,
    ZIO_ETXTBSY = -26,
    ZIO_EFBIG = -27,
    ZIO_ENOSPC = -28,
    ZIO_ESPIPE = -29,
    ZIO_EROFS = -30,
    ZIO_EMLINK = -31,
    ZIO_EPIPE = -32,
    ZIO_EDEADLK = -35,
    ZIO_ENAMETOOLONG = -36,
    ZIO_ENOLCK = -37,
    ZIO_ENOSYS = -38,
    ZIO_ENOTEMPTY = -39,
    ZIO_ELOOP = -40,
    ZIO_EPROTO = -71,
    ZIO_EOVERFLOW = -75,
    ZIO_EILSEQ = -84,
    ZIO_EDESTADDRREQ = -89,
    ZIO_EMSGSIZE = -90,
    ZIO_EPROTOTYPE = -91,
    ZIO_ENOPROTOOPT = -92,
    ZIO_EPROTONOSUPPORT = -93,
    ZIO_ENOTSUP = -95,
    ZIO_EAFNOSUPPORT = -97,
    ZIO_EADDRINUSE = -98,
    ZIO_EADDRNOTAVAIL = -99,
    ZIO_ENETDOWN = -100,
    ZIO_ENETUNREACH = -101,
    ZIO_ECONNABORTED = -103,
    ZIO_ECONNRESET = -104,
    ZIO_ENOBUFS = -105,
    ZIO_EISCONN = -106,
    ZIO_ENOTCONN = -107,
    ZIO_ETIMEDOUT = -110, /**< Always the caller's own deadline or scoped timeout. */
    ZIO_ECONNREFUSED = -111,
    ZIO_EHOSTDOWN = -112,
    ZIO_EHOSTUNREACH = -113,
    ZIO_EALREADY = -114,
    ZIO_EINPROGRESS = -115,
    ZIO_EDQUOT = -122,
    ZIO_ECANCELED = -125, /**< The task was asked to stop. Not "interrupted": do not retry. */
    /* The library's own: -1000 and below. */
    ZIO_EEOF = -1000,        /**< The stream ended before what was asked for. */
    ZIO_ECLOSED = -1001,     /**< The handle was closed while the call was under way. */
    ZIO_ENOTASK = -1002,     /**< The call is about the current task, and there is none. */
    ZIO_ESTOPPING = -1003,   /**< The runtime is stopping or has stopped. */
    ZIO_EDNS = -1004,        /**< Name resolution failed; zio_last_os_error() has its code. */
    ZIO_ESTACK = -1005,      /**< No stack could be had; zio_last_error_detail() says why. */
    ZIO_EFORKED = -1006,     /**< The handle belongs to the parent process. */
    ZIO_ENOSUSPEND = -1007,  /**< A suspending call where none is allowed. */
    ZIO_EBROKEN = -1008,     /**< A barrier that a canceled party broke. */
    ZIO_ELAGGED = -1009,     /**< A broadcast receiver that was overtaken. */
    ZIO_ENETTIMEOUT = -1010, /**< The transport gave up by itself: the system's "timed out". */
    ZIO_EINTERNAL = -1099,   /**< A bug: a C++ exception stopped at the boundary. */
    ZIO_EUNKNOWN = -1100     /**< A system error without a POSIX name; see zio_last_os_error(). */
};

/**
 * Describes an error in a few English words.
 * @param err any number, also one that is no error.
 * @return static text, never NULL; "unknown error" for a number without a meaning.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread, also in a signal handler
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API const char *ZIO_CALL zio_strerror(zio_err_t err) ZIO_NOEXCEPT;

/**
 * Gives the name of an error, such as "ZIO_EINVAL".
 * @param err any number. A POSIX error that `enum zio_errno` does not list has its POSIX name
 *        ("EINTR").
 * @return static text, never NULL; "unknown" for a number without a meaning.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread, also in a signal handler
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API const char *ZIO_CALL zio_err_name(zio_err_t err) ZIO_NOEXCEPT;

/**
 * Translates an error code of this operating system (a value of `errno`).
 * @param os_error the code as the system gave it.
 * @return the error: the negated Linux number of the code's POSIX name; ::ZIO_ENETTIMEOUT for
 *         "timed out", because ::ZIO_ETIMEDOUT always means the caller's own deadline; 0 for 0;
 *         ::ZIO_EUNKNOWN for anything else.
 * @par Errors
 * none of its own
 * @par Suspends
 * no; any thread, also in a signal handler
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_err_from_os(int32_t os_error) ZIO_NOEXCEPT;

/**
 * Gives the operating system's raw code behind the last error of the current task, or of the
 * calling thread when it is in no task.
 * @return the code; 0 when the last error came from the library itself, or there was none. A
 *         success leaves it as it is.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API int32_t ZIO_CALL zio_last_os_error(void) ZIO_NOEXCEPT;

/**
 * Explains the last error of the current task, or of the calling thread when it is in no task, in
 * one English sentence ("mapping limit reached: ...").
 * @return text that is never NULL, empty when there is nothing to add to zio_strerror(); valid
 *         until the next call that fails in the same task or thread.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API const char *ZIO_CALL zio_last_error_detail(void) ZIO_NOEXCEPT;

/* --- allocator ------------------------------------------------------------------------------ */

/** Where the library's memory comes from. Task stacks and handle tables are mapped, not allocated.
 */
typedef struct zio_allocator {
    uint32_t struct_size; /**< Set by zio_allocator_init(). */
    uint32_t reserved0;   /**< Must be 0. */
    /** Returns `size` bytes (never 0) aligned to `align`, a power of two; NULL when it cannot. A
     *  block with another alignment is released again and counts as NULL. */
    void *(ZIO_CALL *allocate)(size_t size, size_t align, void *ud);
    /** Takes a block back, with the numbers it was allocated with; never NULL. */
    void(ZIO_CALL *release)(void *p, size_t size, size_t align, void *ud);
    void *ud;
} zio_allocator_t;

/**
 * Fills an allocator with zeros and its size; the two functions must then be set.
 * @param a written; the caller's.
 * @param size `sizeof(zio_allocator_t)` as the caller knows it, in bytes.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `a` is NULL, or `size` is less than in version 0.1. ZIO_E2BIG: `size` is over 4096.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_allocator_init(zio_allocator_t *a, size_t size) ZIO_NOEXCEPT;

/**
 * Makes the whole process use an allocator, before the library's first use.
 *
 * That is, before any call that makes an object or waits; the functions of this header may be
 * called before. A second call before that replaces the first.
 * @param a copied. Its functions are called from any thread, from tasks (on the task's stack) and
 *        at any time until the process ends; they must not call the library.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `a` or one of its functions is NULL, `struct_size` is less than in version 0.1, or
 * `reserved0` is not 0. ZIO_E2BIG: `struct_size` is larger than this version's and the rest is not
 * zero. ZIO_EBUSY: the library has been used.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_set_allocator(const zio_allocator_t *a) ZIO_NOEXCEPT;

/* --- version -------------------------------------------------------------------------------- */

/* The version of these headers. */
#define ZIO_VERSION_MAJOR 0
#define ZIO_VERSION_MINOR 1
#define ZIO_VERSION_PATCH 0
#define ZIO_VERSION_NUMBER 0x000100 /* 0xMMmmpp */

/**
 * Gives the version of the library that is running, which may be newer than the headers.
 * @return 0xMMmmpp, to be compared with ZIO_VERSION_NUMBER.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API uint32_t ZIO_CALL zio_version(void) ZIO_NOEXCEPT;

/**
 * Gives the version of the library that is running as text, "0.1.0".
 * @return static text, never NULL.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API const char *ZIO_CALL zio_version_string(void) ZIO_NOEXCEPT;

/* --- time ----------------------------------------------------------------------------------- */

/**
 * Reads the monotonic clock, or the simulated one under the simulated backend, or on a task of a
 * runtime with a test clock that one (`enum zio_clock`).
 * @return nanoseconds; never less than one second, so that no instant is mistaken for
 *         ::ZIO_IMMEDIATE.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API int64_t ZIO_CALL zio_now(void) ZIO_NOEXCEPT;

/**
 * Makes the deadline that lies `ns` nanoseconds ahead.
 * @param ns a duration in nanoseconds; 0 or less gives an instant that has passed.
 * @return the deadline; ::ZIO_NEVER when it lies beyond the clock's range.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API zio_deadline_t ZIO_CALL zio_after_ns(int64_t ns) ZIO_NOEXCEPT;

/**
 * Makes the deadline that lies `ms` milliseconds ahead.
 * @param ms a duration in milliseconds; 0 or less gives an instant that has passed.
 * @return the deadline; ::ZIO_NEVER when it lies beyond the clock's range.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/base_test.c
 */
ZIO_API zio_deadline_t ZIO_CALL zio_after_ms(int64_t ms) ZIO_NOEXCEPT;

/* --- handles -------------------------------------------------------------------------------- */

typedef struct zio_rt zio_rt_t;
typedef struct zio_task zio_task_t;
typedef struct zio_group zio_group_t;
typedef struct zio_stream zio_stream_t;
typedef struct zio_listener zio_listener_t;
typedef struct zio_udp zio_udp_t;
typedef struct zio_file zio_file_t;
typedef struct zio_process zio_process_t;
typedef struct zio_signal zio_signal_t;
typedef struct zio_chan zio_chan_t;
typedef struct zio_loop zio_loop_t;
typedef struct zio_op zio_op_t;
typedef struct zio_dir zio_dir_t;
typedef struct zio_socket zio_socket_t;
typedef struct zio_reader zio_reader_t;
typedef struct zio_writer zio_writer_t;

ZIO_END_DECLS
#endif
