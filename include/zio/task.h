/* SPDX-License-Identifier: MIT */
/**
 * @file zio/task.h
 * Tasks: ordinary functions, each on a small stack of its own. Starting, joining, names, locals,
 * sleeping, parking. Cancellation is in zio/cancel.h, groups are in zio/group.h.
 */
#ifndef ZIO_TASK_H
#define ZIO_TASK_H

#include "zio/cancel.h"
#include "zio/group.h"
#include "zio/rt.h"
#include "zio/spawn.h"

ZIO_BEGIN_DECLS

/* --- start and end -------------------------------------------------------------------------- */

/**
 * Queues a task that will run `entry(ud)`, and goes on.
 *
 * The order in which spawned tasks start is unspecified. A task spawned into a runtime that is not
 * running waits until it runs. Below every stack lies a guard of at least 64 KiB.
 * @param rt the runtime; NULL = the current one.
 * @param out receives one reference, to be ended by zio_task_unref(); NULL = detached.
 * @param entry the task's function.
 * @param ud handed to `entry`. If the call succeeds, `ud_free` of the options runs on it exactly
 *        once; if it fails, `ud` is still the caller's.
 * @param o options, read during the call; NULL = defaults.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_ENOTASK: `rt` is NULL and there is no current runtime.
 * ZIO_EINVAL: `entry` is NULL, an option or a reserved field has a value without meaning, or
 * `struct_size` is less than in version 0.1. ZIO_E2BIG: `struct_size` is larger than this version's
 * and the rest is not zero. ZIO_ENOTSUP: a flag that this version does not support. ZIO_ESTOPPING:
 * the runtime is stopping or stopped. ZIO_EAGAIN: `max_tasks` is reached. ZIO_ESTACK: no stack
 * could be reserved; zio_last_error_detail() says why. ZIO_ENOMEM: no memory, or no handle left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_spawn(zio_rt_t *rt, zio_task_t **out,
                                                   zio_task_fn entry, void *ud,
                                                   const zio_spawn_options_t *o) ZIO_NOEXCEPT;

/**
 * Waits until a task has ended and gives its result.
 *
 * It does not consume the reference: the result stays readable until the last one is gone, and a
 * second join gives it again. A joiner that is canceled, or was already, asks the target to
 * cancel, waits for it whatever its own deadline, and returns 0 with the target's result; its own
 * cancel stays pending. After a timeout the target goes on as if nothing had happened.
 * @param t the task.
 * @param result receives what the task's function returned; may be NULL.
 * @param dl how long to wait.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`. ZIO_EINVAL: `dl`. ZIO_EDEADLK: `t` is the calling task.
 * ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: it has not ended and `dl` is ZIO_IMMEDIATE.
 * ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_ENOMEM: the wait could not be prepared.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_task_join(zio_task_t *t, zio_err_t *result,
                                                       zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Makes a task that does not run yet, with storage inside for its closure and its result: for
 * bindings, which then need no allocation of their own.
 *
 * The storage is zeroed and lives until the last reference to the task is gone.
 * @param rt the runtime; NULL = the current one.
 * @param out receives one reference. zio_task_launch() or zio_task_discard() must follow.
 * @param entry the task's function; its `ud` is `*ctx`.
 * @param ctx_size bytes of closure, may be 0.
 * @param ctx_align its alignment, a power of two up to 4096; 0 = 16.
 * @param result_size bytes of result, may be 0.
 * @param result_align its alignment, a power of two up to 4096; 0 = 16.
 * @param o options, read during the call; NULL = defaults. `ud_free` gets `*ctx`.
 * @param ctx receives the address of the closure; not to be used when `ctx_size` is 0.
 * @param result receives the address of the result; not to be used when `result_size` is 0.
 * @return 0, or an error.
 * @par Errors
 * As zio_spawn(): ZIO_EBADF, ZIO_EFORKED, ZIO_ENOTASK, ZIO_EINVAL (also a NULL `out`, `ctx` or
 * `result`, or an alignment), ZIO_E2BIG (also storage that does not fit the stack), ZIO_ENOTSUP,
 * ZIO_ESTOPPING, ZIO_EAGAIN, ZIO_ESTACK, ZIO_ENOMEM.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/spawn_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_task_prepare(zio_rt_t *rt, zio_task_t **out,
                                                          zio_task_fn entry, size_t ctx_size,
                                                          size_t ctx_align, size_t result_size,
                                                          size_t result_align,
                                                          const zio_spawn_options_t *o, void **ctx,
                                                          void **result) ZIO_NOEXCEPT;

/**
 * Queues a prepared task. From then on its function runs exactly once, also when it is canceled
 * before it starts or the runtime shuts down. The reference stays the caller's.
 * @param t a task of zio_task_prepare().
 * @return 0, or an error; then it is still prepared.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`. ZIO_EALREADY: it was launched. ZIO_ESTOPPING: the runtime is
 * stopping or stopped.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/spawn_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_launch(zio_task_t *t) ZIO_NOEXCEPT;

/**
 * Gives up a prepared task: runs `ud_free`, never its function, and ends the caller's reference.
 * @param t a task of zio_task_prepare() that was not launched; NULL is 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`. ZIO_EALREADY: it was launched.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/spawn_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_discard(zio_task_t *t) ZIO_NOEXCEPT;

/**
 * Gives the result storage of a prepared task.
 * @param t the task.
 * @return its address, valid until the last reference is gone; NULL for a bad handle or a task
 *         without such storage.
 * @par Errors
 * none but the value NULL
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/spawn_test.c
 */
ZIO_API void *ZIO_CALL zio_task_result(zio_task_t *t) ZIO_NOEXCEPT;

/* --- references and identity ---------------------------------------------------------------- */

/**
 * Takes one more reference, to be ended by zio_task_unref().
 * @param t the task.
 * @return `t`; NULL for a bad handle or when there are too many references (16 000 or more).
 * @par Errors
 * none but the value NULL
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API zio_task_t *ZIO_CALL zio_task_ref(zio_task_t *t) ZIO_NOEXCEPT;

/**
 * Ends one reference. Ending the last one of a running task detaches it; it is not canceled.
 *
 * One call too many gives ::ZIO_EBADF, but while another thread's is under way it may go
 * unnoticed; it never crashes.
 * @param t the task; NULL is 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_unref(zio_task_t *t) ZIO_NOEXCEPT;

/**
 * Gives the current task.
 * @return a borrowed handle, valid until the task ends; NULL when the caller is in no task.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API zio_task_t *ZIO_CALL zio_task_self(void) ZIO_NOEXCEPT;

/**
 * Gives a number for the task that no other task of the process has, as in dumps.
 * @param t the task.
 * @return the id, never 0; 0 for a bad handle.
 * @par Errors
 * none but the value 0
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API uint64_t ZIO_CALL zio_task_id(zio_task_t *t) ZIO_NOEXCEPT;

/**
 * Names a task, for dumps and reports.
 * @param t the task.
 * @param name copied, and cut after 47 bytes; NULL with a `len` of 0 takes the name away.
 * @param len bytes at `name`; (size_t)-1 = it ends with a NUL.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`. ZIO_EINVAL: `name` is NULL and `len` is not 0. ZIO_ENOMEM.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_set_name(zio_task_t *t, const char *name,
                                             size_t len) ZIO_NOEXCEPT;

/**
 * Tells where a task's stack is: `[*low, *low + *size)` is usable, the guard lies directly below.
 * @param t the task.
 * @param low receives the lowest usable address.
 * @param size receives the bytes from there.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`. ZIO_EINVAL: `low` or `size` is NULL. ZIO_EAGAIN: it has not started.
 * ZIO_ECLOSED: it has ended.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_stack(zio_task_t *t, void **low, size_t *size) ZIO_NOEXCEPT;

/**
 * Tells how much of the running task's stack is left.
 * @return bytes; 0 when the caller is in no task.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API size_t ZIO_CALL zio_stack_remaining(void) ZIO_NOEXCEPT;

/* --- locals --------------------------------------------------------------------------------- */

/** Bits of the flags of zio_task_key_create(). */
enum zio_key_flag {
    /** A spawned task starts with its spawner's value, for which no destructor runs. */
    ZIO_KEY_INHERIT = 1 << 0
};

/**
 * Sets the current task's value for a key. The value before it is forgotten, without destructor.
 * @param key from zio_task_key_create().
 * @param value anything; for NULL no destructor runs.
 * @return 0, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task. ZIO_EINVAL: there is no such key. ZIO_ENOMEM.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/spawn_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_set_local(uint32_t key, void *value) ZIO_NOEXCEPT;

/**
 * Gives the current task's value for a key.
 * @param key from zio_task_key_create().
 * @return the value; NULL when none was set, there is no such key, or the caller is in no task.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/spawn_test.c
 */
ZIO_API void *ZIO_CALL zio_task_get_local(uint32_t key) ZIO_NOEXCEPT;

/**
 * Makes a key under which each task may keep one value. Keys are never given back; there are at
 * least 1 024.
 * @param key receives the key.
 * @param flags ZIO_KEY_*.
 * @param dtor runs on a task's value, on the task's stack, after its function and before its
 *        `ud_free`; must not suspend. NULL = none.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `key` is NULL, or an unknown flag. ZIO_EAGAIN: no key is left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/spawn_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_key_create(uint32_t *key, uint32_t flags,
                                               zio_free_fn dtor) ZIO_NOEXCEPT;

/* --- waiting -------------------------------------------------------------------------------- */

/**
 * Lets the other ready tasks run, then goes on. On a plain thread it yields the thread.
 * @return 0, also in a scoped timeout that has passed; or an error.
 * @par Errors
 * ZIO_ECANCELED: the task was canceled; it did not yield. ZIO_ENOSUSPEND: called where nothing may
 * suspend.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/task_wait_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_yield(void) ZIO_NOEXCEPT;

/**
 * Sleeps until an instant, never shorter.
 * @param dl ::ZIO_IMMEDIATE returns 0 at once; an instant that has passed is a yield and gives 0;
 *        ::ZIO_NEVER sleeps until canceled.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `dl`. ZIO_ECANCELED: the task was canceled. ZIO_ETIMEDOUT: a scoped timeout came
 * first. ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_ENOMEM: the wait could not be
 * prepared.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/task_wait_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_sleep_until(zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Takes the current task's wake token, and waits until zio_task_unpark() leaves one if there is
 * none: the base on which foreign synchronization is built.
 *
 * It never returns 0 without a token. A token beats a cancel. Ended by a cancel or a deadline it
 * leaves a token that comes meanwhile for the next call.
 * @param dl how long to wait.
 * @return 0 when it took the token, or an error.
 * @par Errors
 * ZIO_ENOTASK: the caller is in no task. ZIO_EINVAL: `dl`. ZIO_ECANCELED: the task was canceled.
 * ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: no token and `dl` is ZIO_IMMEDIATE.
 * ZIO_ENOSUSPEND: called where nothing may suspend.
 * @par Suspends
 * yes; tasks only
 * @since 0.1
 * @test tests/capi/task_wait_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_park(zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Leaves a wake token for a task. There is at most one: a second has no effect until the first is
 * taken. For a task that has ended it has no effect.
 * @param t the task.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `t`.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/task_wait_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_unpark(zio_task_t *t) ZIO_NOEXCEPT;

/* --- the native stack ----------------------------------------------------------------------- */

/**
 * Runs `entry(ud)` on the worker's native stack and waits for it: for code that inspects the stack
 * or needs much of it. In no task it is a plain call.
 * @param entry must not suspend, and no C++ exception may leave it.
 * @param ud handed to `entry`; stays the caller's.
 * @return what `entry` returned, or an error.
 * @par Errors
 * ZIO_EINVAL: `entry` is NULL. Any other number is what `entry` returned.
 * @par Suspends
 * no; any thread. It is no cancel point.
 * @since 0.1
 * @test tests/capi/task_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_on_native_stack(zio_task_fn entry, void *ud) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
