/* SPDX-License-Identifier: MIT */
/**
 * @file zio/cancel.h
 * Asking a task to stop, holding that back for a while, and timeouts over any stretch of code.
 *
 * - A request is delivered once, as ::ZIO_ECANCELED, by the first unshielded suspension point at
 *   or after it; later calls work again. Requests coalesce while one is pending; one after a
 *   delivery is a new one. Cancellation never unwinds a stack.
 * - Suspension points are zio_yield(), zio_check_cancel() and every call with a deadline other
 *   than ::ZIO_IMMEDIATE. Each first looks for a pending cancel and then returns without trying;
 *   else it tries, then waits. A request that comes when the call already had its effect stays
 *   pending for the next.
 * - A canceled task that has not started still runs its function, which may own what it was given,
 *   and meets the cancel at its first suspension point.
 * - A scoped timeout lowers the deadline of every suspension point inside it: the earliest of the
 *   call's own and the scopes' counts. Once it has passed, every later wait in the scope ends with
 *   ::ZIO_ETIMEDOUT. What is ready still gives its result, zio_yield() gives 0, a call with
 *   ::ZIO_IMMEDIATE gives ::ZIO_EAGAIN.
 * - A shield holds back cancels, and the scopes that were opened outside it. Scopes opened inside
 *   it and a call's own deadline work. When both are due, a cancel outranks a timeout.
 */
#ifndef ZIO_CANCEL_H
#define ZIO_CANCEL_H

#include "zio/base.h"

ZIO_BEGIN_DECLS

/* --- requests ------------------------------------------------------------------------------- */

/**
 * Asks a task to cancel and waits until it has ended, with the caller's own cancels and scopes
 * held back. May be repeated, also after a join: it then gives the same result.
 * @param t the task. It must be launched, or another thread must do so.
 * @param result receives what the task's function returned; may be NULL.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`. ZIO_EDEADLK: `t` is the calling task; nothing was done.
 * ZIO_ENOSUSPEND: called where nothing may suspend; nothing was done. ZIO_ENOMEM: the wait could
 * not be prepared.
 * @par Suspends
 * yes, to the end; any thread. It has no deadline and is no cancel point.
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_cancel(zio_task_t *t, zio_err_t *result) ZIO_NOEXCEPT;

/**
 * Asks a task to cancel, and goes on. For a task that has ended it has no effect.
 * @param t the task, which may be the calling one.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_request_cancel(zio_task_t *t) ZIO_NOEXCEPT;

/**
 * Makes a cancel that was delivered to the current task pending again, for code that must pass it
 * on. Without a delivery it has no effect.
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_recancel(void) ZIO_NOEXCEPT;

/**
 * Looks for a pending cancel, and delivers it if there is an unshielded one. It does not look at
 * scoped timeouts.
 * @return 0 when there is none, or the caller is in no task; or ::ZIO_ECANCELED.
 * @par Errors
 * ZIO_ECANCELED: the task was canceled; this was the delivery.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_check_cancel(void) ZIO_NOEXCEPT;

/* --- shields and regions, which nest -------------------------------------------------------- */

/**
 * Begins a stretch in which the current task's cancels, and the scopes opened before, are held
 * back.
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_shield_begin(void) ZIO_NOEXCEPT;

/**
 * Ends the innermost shield. A cancel that was held back is delivered at the next suspension
 * point, not here.
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task. ZIO_EINVAL: no shield was begun.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_shield_end(void) ZIO_NOEXCEPT;

/**
 * Sets the depth of shields and gives the depth before: for hosts that save and restore it.
 * @param depth the new depth; 0 = no shield.
 * @return the old depth; 0 when the caller is in no task, where nothing is set.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API uint32_t ZIO_CALL zio_shield_swap(uint32_t depth) ZIO_NOEXCEPT;

/**
 * Begins a stretch in which the current task does not change its thread, even if migratable.
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_pin_begin(void) ZIO_NOEXCEPT;

/**
 * Ends the innermost stretch of zio_pin_begin().
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task. ZIO_EINVAL: none was begun.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_pin_end(void) ZIO_NOEXCEPT;

/**
 * Begins a stretch in which every suspending call of the current task gives ::ZIO_ENOSUSPEND.
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_nosuspend_begin(void) ZIO_NOEXCEPT;

/**
 * Ends the innermost stretch of zio_nosuspend_begin().
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task. ZIO_EINVAL: none was begun.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/cancel_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_nosuspend_end(void) ZIO_NOEXCEPT;

/* --- scoped timeouts, which nest ------------------------------------------------------------ */

/**
 * Opens a scope in which nothing waits beyond an instant. It works in tasks and on plain threads.
 * @param token receives what zio_timeout_pop() needs.
 * @param dl the instant. ::ZIO_NEVER bounds nothing; ::ZIO_IMMEDIATE counts as one that has passed.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `token` is NULL, or `dl`. ZIO_ENOMEM.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/scope_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_timeout_push(uint64_t *token,
                                                          zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Closes the innermost scope.
 * @param token its token. With another's it gives false, and nothing changes.
 * @return true when a call returned ::ZIO_ETIMEDOUT because of this scope. When instants are
 *         equal, the call's own deadline is the reason, then the outer scope.
 * @par Errors
 * none but the value false
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/scope_test.c
 */
ZIO_API bool ZIO_CALL zio_timeout_pop(uint64_t token) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
