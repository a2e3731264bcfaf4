/* SPDX-License-Identifier: MIT */
/**
 * @file zio/spawn.h
 * How a task is to be started: the options that zio/task.h and zio/group.h share.
 */
#ifndef ZIO_SPAWN_H
#define ZIO_SPAWN_H

#include "zio/base.h"

ZIO_BEGIN_DECLS

/** Bits of zio_spawn_options_t::flags. */
enum zio_task_flag {
    /** In a runtime with ::ZIO_SCHED_STEALING: may go on on another thread after a yield, a sleep
     *  or a park. errno and thread-locals that the task's code keeps across those are then not to
     *  be relied on. A task with a stack size of its own, or urgent or in the background, stays
     *  where it started, and so does one that is pinned (zio_pin_begin()). */
    ZIO_TASK_MIGRATABLE = 1 << 0,
    /** Starts and stays on the worker that spawns it. Without it a task that has not started may
     *  be taken over by a worker of the runtime that has nothing to do. */
    ZIO_TASK_PIN_HERE = 1 << 1,
    /** May run at once inside the spawn, on the spawner's time; such a spawn never fails because
     *  nothing could run at the same time. In this version every spawn is queued. */
    ZIO_TASK_MAY_INLINE = 1 << 2,
    /** Shares one stack with others of its kind: least memory, dearest switch. Not in this version:
     *  the spawn gives ::ZIO_ENOTSUP. */
    ZIO_TASK_SHARED_STACK = 1 << 3,
    /** The task's floating-point control words (rounding, exception masks) are saved and restored
     *  at each switch. Without it they are those of the worker's thread. */
    ZIO_TASK_KEEP_FP = 1 << 4
};

/**
 * Values of zio_spawn_options_t::priority: who runs first of the tasks of a worker that are ready.
 * No class waits for ever: after 8 urgent tasks in a row one of the others runs, and a background
 * one at least every 128 suspensions. A task of a class of its own starts on the worker with the
 * fewest tasks. Where a join lets its target run at once, the class does not matter.
 */
enum zio_priority {
    ZIO_PRIORITY_NORMAL = 0,
    ZIO_PRIORITY_URGENT = 1,    /**< Before the others. */
    ZIO_PRIORITY_BACKGROUND = 2 /**< After the others. */
};

/** Options of a task. */
typedef struct zio_spawn_options {
    uint32_t struct_size; /**< Set by zio_spawn_options_init(). */
    uint32_t flags;       /**< ZIO_TASK_*. */
    uint64_t stack_size;  /**< Usable bytes of the stack, 0 = the runtime's default. */
    const char *name;     /**< Copied, for dumps, as by zio_task_set_name(); NULL = none. */
    zio_free_fn ud_free;  /**< Runs once, after the task's function and the destructors of its
                               locals and before its joiners wake; not if the spawn failed. */
    uint32_t priority;    /**< ZIO_PRIORITY_*. */
    uint32_t reserved0;   /**< Must be 0. */
    uint64_t reserved[3]; /**< Must be 0. */
} zio_spawn_options_t;

/**
 * Fills spawn options with their defaults, which are all 0.
 * @param o written; the caller's.
 * @param size `sizeof(zio_spawn_options_t)` as the caller knows it, in bytes.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `o` is NULL, or `size` is less than in version 0.1. ZIO_E2BIG: `size` is over 4096.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/options_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_spawn_options_init(zio_spawn_options_t *o, size_t size) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
