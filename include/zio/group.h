/* SPDX-License-Identifier: MIT */
/**
 * @file zio/group.h
 * Groups: tasks that are started, waited for and canceled together.
 */
#ifndef ZIO_GROUP_H
#define ZIO_GROUP_H

#include "zio/rt.h"
#include "zio/spawn.h"

ZIO_BEGIN_DECLS

/** Bits of the flags of zio_group_create(). */
enum zio_group_flag {
    /** The first member with a negative result cancels all others. */
    ZIO_GROUP_FAIL_FAST = 1 << 0
};

/**
 * Makes an empty group.
 * @param rt the runtime of its members; NULL = the current one.
 * @param out receives the group; the caller ends it with zio_group_destroy().
 * @param flags ZIO_GROUP_*.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_ENOTASK: `rt` is NULL and there is no current runtime.
 * ZIO_EINVAL: `out` is NULL, or an unknown flag. ZIO_ENOMEM: no memory, or no handle left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/group_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_group_create(zio_rt_t *rt, zio_group_t **out,
                                                          uint32_t flags) ZIO_NOEXCEPT;

/**
 * Queues a task that belongs to the group and will run `entry(ud)`.
 * @param g the group.
 * @param entry the task's function; a negative result counts as an error of the group.
 * @param ud as in zio_spawn().
 * @param o options, read during the call; NULL = defaults.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `g`. ZIO_ECANCELED: the group was canceled or has failed fast, and no
 * zio_group_wait() has returned its result since. As zio_spawn(): ZIO_EINVAL, ZIO_E2BIG,
 * ZIO_ENOTSUP, ZIO_ESTOPPING, ZIO_EAGAIN, ZIO_ESTACK, ZIO_ENOMEM.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/group_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_group_spawn(zio_group_t *g, zio_task_fn entry,
                                                         void *ud,
                                                         const zio_spawn_options_t *o) ZIO_NOEXCEPT;

/**
 * Waits until all members have ended and gives the group's result: the first negative result of a
 * member, else 0. A member's ::ZIO_ECANCELED does not count once the group itself was canceled or
 * had failed.
 *
 * A second wait gives the same result; the next spawn starts a new round and forgets it. A waiter
 * that is canceled, or was already, cancels the group, waits for it whatever its own deadline and
 * returns the result; its own cancel stays pending. After a timeout the members go on.
 * @param g the group.
 * @param dl how long to wait.
 * @return the group's result, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `g`. ZIO_EINVAL: `dl`. ZIO_EDEADLK: the caller is a member.
 * ZIO_ETIMEDOUT: `dl` or a scoped timeout. ZIO_EAGAIN: members are alive and `dl` is ZIO_IMMEDIATE.
 * ZIO_ECLOSED: the group was destroyed meanwhile. ZIO_ENOSUSPEND: called where nothing may suspend.
 * ZIO_ENOMEM: the wait could not be prepared. Any other number is a member's result.
 * @par Suspends
 * yes; any thread, several at once
 * @since 0.1
 * @test tests/capi/group_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_group_wait(zio_group_t *g,
                                                        zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Asks all members to cancel and waits until they have ended, with the caller's own cancels and
 * scopes held back. The group's result stays for zio_group_wait().
 * @param g the group.
 * @return 0 when all members have ended, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `g`. ZIO_EDEADLK: the caller is a member; nothing was done.
 * ZIO_ENOSUSPEND: called where nothing may suspend; nothing was done. ZIO_ENOMEM: the wait could
 * not be prepared.
 * @par Suspends
 * yes, to the end; any thread. It has no deadline and is no cancel point.
 * @since 0.1
 * @test tests/capi/group_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_group_cancel(zio_group_t *g) ZIO_NOEXCEPT;

/**
 * Cancels the members that are left, waits until they have ended, and frees the group. Others that
 * wait for it get ::ZIO_ECLOSED.
 * @param g the group; NULL is 0.
 * @return 0, or an error; then nothing was done.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `g`. ZIO_EDEADLK: the caller is a member. ZIO_ENOSUSPEND: members are
 * alive and the call was made where nothing may suspend. ZIO_ENOMEM: the wait could not be
 * prepared.
 * @par Suspends
 * yes, to the end, if members are alive; any thread. It has no deadline and is no cancel point.
 * @since 0.1
 * @test tests/capi/group_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_group_destroy(zio_group_t *g) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
