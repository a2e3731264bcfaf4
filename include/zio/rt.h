/* SPDX-License-Identifier: MIT */
/**
 * @file zio/rt.h
 * The runtime: what runs tasks. Its options, its life, and what it tells about itself.
 */
#ifndef ZIO_RT_H
#define ZIO_RT_H

#include "zio/base.h"

ZIO_BEGIN_DECLS

/* --- options -------------------------------------------------------------------------------- */

/**
 * The way to the kernel. AUTO takes what the environment variable ZIO_BACKEND names (`io_uring`,
 * `epoll`, `kqueue`, `iocp`, `poll`, `uv`, `sim`), else the best that works here.
 */
enum zio_backend {
    ZIO_BACKEND_AUTO = 0,
    ZIO_BACKEND_IO_URING = 1,
    ZIO_BACKEND_EPOLL = 2,
    ZIO_BACKEND_KQUEUE = 3,
    ZIO_BACKEND_IOCP = 4,
    ZIO_BACKEND_POLL = 5,
    ZIO_BACKEND_UV = 6,
    ZIO_BACKEND_SIM = 7 /**< Simulated: seeded, with a clock of its own; for tests. */
};

/**
 * Where tasks run. PINNED: a task may start on any worker and then stays on it, so that errno,
 * thread-locals and a host language's thread state stay valid. STEALING also moves running tasks,
 * but only those spawned with ::ZIO_TASK_MIGRATABLE.
 */
enum zio_sched { ZIO_SCHED_PINNED = 0, ZIO_SCHED_STEALING = 1 };

/**
 * The clock of a runtime: what zio_now() and zio_after_ns() read on its tasks, and what its tasks'
 * deadlines are measured by. A plain thread's are on the real clock, whatever it waits for.
 *
 * AUTO and DRIVEN are for tests: I/O is real, and the clock, which begins at the real instant,
 * stands still while a task runs, however long that takes. AUTO jumps to the next deadline of a
 * task as soon as all tasks wait and nothing has happened for zio_rt_options_t::clock_quiet_ns of
 * real time, so an hour's sleep takes no time. DRIVEN goes on by zio_rt_advance() only. Only tasks
 * and I/O are known to the clock: what other threads and programs do takes no time on it. A loop
 * that looks at zio_now() until it is late never ends.
 */
enum zio_clock {
    /** The system's; or AUTO, where ZIO_CLOCK in the environment says `auto`. */
    ZIO_CLOCK_REAL = 0,
    ZIO_CLOCK_AUTO = 1,
    ZIO_CLOCK_DRIVEN = 2
};

/**
 * In which order tasks go on. SEEDED is for tests: I/O is real, but a seed decides which of the
 * tasks that are ready runs next, and an I/O operation that has finished is kept back and released
 * up to three turns of its worker later, in an order that the seed decides, too. So races among
 * tasks show that are rare otherwise. The same seed does the same again as far as the outside does:
 * with one worker and peers that answer alike, mostly.
 */
enum zio_order {
    /** As it comes; or SEEDED, where ZIO_ORDER in the environment says `seeded`. */
    ZIO_ORDER_REAL = 0,
    ZIO_ORDER_SEEDED = 1
};

/** Bits of zio_rt_options_t::flags. */
enum zio_rt_flag {
    /** A task that overflows its stack is named on standard error before the program ends. For
     *  that a handler of SIGSEGV and SIGBUS is installed, which hands every fault on to the
     *  handler that was there before. */
    ZIO_RT_REPORT_OVERFLOW = 1,
    /** A thread of the process watches the workers of this runtime and finds the tasks that hold
     *  one for more than 10 ms without suspending: zio_rt_stats_t::holds counts them,
     *  zio_rt_dump() names the last of each worker, and zio_rt_on_hold() has it told. The thread
     *  sleeps while all workers do. Of no effect in a simulated world. */
    ZIO_RT_HEARTBEAT = 2,
    /** Each thread of the library's own that is a worker stays on one of the processors that the
     *  affinity of its maker allows: worker n on the n-th, counted round. Whose thread calls
     *  zio_rt_run() is worker 0 and keeps its affinity. The threads are called `zio-worker-n`. */
    ZIO_RT_PIN_WORKERS = 4,
    /** A worker that has nothing to do gives way for some 5 us before it sleeps, as long as that
     *  pays: it stays awake, but any other thread that wants its processor gets that first. More
     *  messages a second, at less cost each, where those who send share the processors with the
     *  workers. In return a program that computes on the same processor may keep it for the time
     *  the system allows it, often 3 ms, before a message that comes in this moment is seen. Of
     *  no effect with a hook before_block, on plain threads and in a simulated world. */
    ZIO_RT_GIVE_WAY = 8
};

/**
 * Functions that let a host language change its per-task state at every switch. They run on the
 * task's own stack, on its worker, with zio_task_self() valid, and must not suspend. For one task
 * they come in this order: start, then suspend and resume in pairs, then exit. Any may be NULL.
 */
typedef struct zio_task_hooks {
    uint32_t struct_size;                                /**< Set by zio_task_hooks_init(). */
    uint32_t flags;                                      /**< Must be 0. */
    void(ZIO_CALL *on_start)(zio_task_t *t, void *ud);   /**< Before the task's function. */
    void(ZIO_CALL *on_resume)(zio_task_t *t, void *ud);  /**< About to go on. */
    void(ZIO_CALL *on_suspend)(zio_task_t *t, void *ud); /**< About to leave. */
    void(ZIO_CALL *on_exit)(zio_task_t *t, void *ud);    /**< After the task's function. */
    void *ud;
} zio_task_hooks_t;

/**
 * Functions called on each worker thread, on its native stack: when it starts and stops, and
 * around every wait that blocks it (a host language gives up and takes its global lock there).
 * They must not suspend. Any may be NULL.
 */
typedef struct zio_worker_hooks {
    uint32_t struct_size; /**< Set by zio_worker_hooks_init(). */
    uint32_t flags;       /**< Must be 0. */
    void(ZIO_CALL *on_start)(uint32_t worker, void *ud);
    void(ZIO_CALL *on_stop)(uint32_t worker, void *ud);
    void(ZIO_CALL *before_block)(uint32_t worker, void *ud);
    void(ZIO_CALL *after_block)(uint32_t worker, void *ud);
    void *ud;
} zio_worker_hooks_t;

/** Options of a runtime. */
typedef struct zio_rt_options {
    uint32_t struct_size; /**< Set by zio_rt_options_init(). */
    uint32_t backend;     /**< ZIO_BACKEND_*. */
    uint32_t workers;     /**< Threads that run tasks, at most 256. Default 1: tasks never race each
                               other. 0: what ZIO_WORKERS in the environment says, else the CPUs
                               that affinity and container leave; in a simulated world 2. */
    uint32_t sched;       /**< ZIO_SCHED_*. */
    uint32_t max_blocking; /**< Ceiling of the blocking pool, 0 = default. */
    uint32_t ring_entries; /**< For io_uring, 0 = default. */
    uint64_t stack_size; /**< Usable bytes of a task's stack, 0 = default (256 KiB). Memory is used
                              only as it is touched. A guard of at least 64 KiB lies below. */
    uint64_t flags;      /**< ZIO_RT_*. */
    const zio_task_hooks_t *hooks;          /**< Copied; NULL = none. */
    const zio_worker_hooks_t *worker_hooks; /**< Copied; NULL = none. */
    uint64_t max_tasks;                     /**< Most live tasks, 0 = no limit of the library's. */
    uint32_t clock; /**< ZIO_CLOCK_*. A simulated world has a clock that jumps: there AUTO changes
                         nothing, and DRIVEN is refused. */
    uint32_t order; /**< ZIO_ORDER_*. Of no effect in a simulated world, which has its own. */
    uint64_t clock_quiet_ns; /**< Of ::ZIO_CLOCK_AUTO: how many nanoseconds of real time without any
                                  event make it jump. 0: while an I/O operation is under way 60 ms,
                                  300 ms where that sends or connects, so that no timeout overtakes
                                  an answer; else none. Set it where other threads take part, or
                                  slow peers. No jump takes longer than the time that it spares. */
    uint64_t seed; /**< Of ::ZIO_ORDER_SEEDED or of a simulated world; 0: what ZIO_SEED in the
                        environment says, else 1. */
    uint64_t reserved[1]; /**< Must be 0. */
} zio_rt_options_t;

/**
 * A task's function. Its result is what joiners get; a negative one counts as an error in a group.
 * No C++ exception may leave it.
 */
typedef zio_err_t(ZIO_CALL *zio_task_fn)(void *ud);

/**
 * Fills task hooks with zeros and their size.
 * @param h written; the caller's.
 * @param size `sizeof(zio_task_hooks_t)` as the caller knows it, in bytes.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `h` is NULL, or `size` is less than in version 0.1. ZIO_E2BIG: `size` is over 4096.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/options_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_task_hooks_init(zio_task_hooks_t *h, size_t size) ZIO_NOEXCEPT;

/**
 * Fills worker hooks with zeros and their size.
 * @param h written; the caller's.
 * @param size `sizeof(zio_worker_hooks_t)` as the caller knows it, in bytes.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `h` is NULL, or `size` is less than in version 0.1. ZIO_E2BIG: `size` is over 4096.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/options_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_worker_hooks_init(zio_worker_hooks_t *h, size_t size) ZIO_NOEXCEPT;

/**
 * Fills runtime options with their defaults: one worker, everything else 0.
 * @param o written; the caller's.
 * @param size `sizeof(zio_rt_options_t)` as the caller knows it, in bytes.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `o` is NULL, or `size` is less than in version 0.1. ZIO_E2BIG: `size` is over 4096.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/options_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_options_init(zio_rt_options_t *o, size_t size) ZIO_NOEXCEPT;

/* --- life ----------------------------------------------------------------------------------- */

/**
 * Makes a runtime. It may be made on one thread and run on another.
 *
 * A backend that the options ask for by number beats ZIO_BACKEND, which beats the automatic choice.
 * One that was asked for and cannot be had is an error, never another backend.
 * @param out receives the runtime; the caller ends it with zio_rt_destroy().
 * @param o options, read during the call; NULL = defaults.
 * @return 0, or an error; zio_last_error_detail() then says which step failed.
 * @par Errors
 * ZIO_EINVAL: `out` is NULL, an option or a reserved field has a value without meaning, a
 * `struct_size` is less than in version 0.1, or ZIO_BACKEND, ZIO_CLOCK, ZIO_ORDER or ZIO_SEED has a
 * value without meaning. ZIO_E2BIG: a `struct_size` is larger than this version's and the rest is
 * not zero. ZIO_ENOTSUP: the backend asked for is not part of this build, or a simulated world was
 * to have a driven clock. ZIO_EPERM, ZIO_EACCES, ZIO_ENOSYS: the system refuses the backend asked
 * for. ZIO_EMFILE, ZIO_ENFILE: no descriptor left. ZIO_ESTACK: no address space for stacks.
 * ZIO_EAGAIN: the system gives no thread for the heartbeat. ZIO_ENOMEM: no memory, or no handle
 * left.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_rt_create(zio_rt_t **out,
                                                       const zio_rt_options_t *o) ZIO_NOEXCEPT;

/**
 * Runs `entry(ud)` as a task and drives the runtime on the calling thread until it has returned.
 *
 * The calling thread is worker 0; the other workers get threads of their own at the first run. When
 * it returns, no task runs any more: a task that is running on another worker is waited for until
 * it suspends. The main task is a task like others, hooks included. Other tasks that are still
 * alive keep their state for the next run; while there are started ones on worker 0, that run must
 * be on the same thread.
 * @param rt the runtime.
 * @param entry the main task's function.
 * @param ud handed to `entry`; stays the caller's.
 * @return the result of `entry`, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_EINVAL: `entry` is NULL. ZIO_EBUSY: it is running already, or
 * started tasks are alive and the last run was on another thread, or this thread is driving another
 * runtime. ZIO_EDEADLK: called from one of its own tasks; or all tasks wait for ever for each
 * other, and zio_last_error_detail() names them. ZIO_ESTOPPING: it was shut down. ZIO_EAGAIN:
 * `max_tasks` is reached, or the system gives no thread for a worker. ZIO_ENOMEM, ZIO_ESTACK: the
 * main task could not be made. ZIO_ENOBUFS: more than 65 000 calls on the runtime at once. Any
 * other number is what `entry` returned.
 * @par Suspends
 * it blocks the calling thread; any thread. No cancel and no deadline ends it.
 * @since 0.1
 * @test tests/capi/rt_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_rt_run(zio_rt_t *rt, zio_task_fn entry,
                                                    void *ud) ZIO_NOEXCEPT;

/**
 * Runs the runtime in the background: all workers, the first one too, are threads of its own, and
 * the call returns at once.
 *
 * For hosts that keep their main thread. Tasks come from any thread by zio_spawn();
 * zio_rt_shutdown() ends them, zio_rt_destroy() the threads, which block all signals but those that
 * stand for a fault of their own and SIGPROF.
 * @param rt the runtime.
 * @return 0, or an error; then nothing was started.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_EBUSY: it is running or was started already, or started tasks
 * of a run are alive. ZIO_ESTOPPING: it was shut down. ZIO_ENOTSUP: its backend is the simulated
 * one, where the caller would run beside the world. ZIO_EAGAIN: the system gives no thread.
 * ZIO_ENOMEM: no memory. ZIO_ENOBUFS: more than 65 000 calls on the runtime at once.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_start_test.c
 */
ZIO_NODISCARD ZIO_API zio_err_t ZIO_CALL zio_rt_start(zio_rt_t *rt) ZIO_NOEXCEPT;

/**
 * Refuses new tasks from now on, cancels all tasks, and waits until they have ended.
 *
 * It drives the tasks itself when nothing else does. Tasks are never ended by force: a task's
 * stack lives until its function has returned. After a success another call gives 0.
 * @param rt the runtime.
 * @param dl how long to wait.
 * @return 0 when no task is left, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_EINVAL: `dl`. ZIO_EBUSY: tasks are alive at the deadline;
 * zio_rt_dump() names them, and the call may be repeated. ZIO_EDEADLK: called from one of its own
 * tasks. ZIO_ENOSUSPEND: called where nothing may suspend. ZIO_ECANCELED: the calling task, of
 * another runtime, was canceled. ZIO_ENOMEM: the wait could not be prepared. ZIO_ENOBUFS: more than
 * 65 000 calls on the runtime at once.
 * @par Suspends
 * yes; any thread
 * @since 0.1
 * @test tests/capi/rt_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_shutdown(zio_rt_t *rt, zio_deadline_t dl) ZIO_NOEXCEPT;

/**
 * Frees a runtime that has no live task.
 * @param rt the runtime; NULL is 0. In a forked child it works too, and never waits.
 * @return 0, or an error; then nothing was freed.
 * @par Errors
 * ZIO_EBADF: `rt`. ZIO_EBUSY: it has live tasks (shut it down first) or is running. ZIO_ENOBUFS:
 * more than 65 000 calls on the runtime at once.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_destroy(zio_rt_t *rt) ZIO_NOEXCEPT;

/**
 * Lets time pass on a test clock (::ZIO_CLOCK_DRIVEN, or ::ZIO_CLOCK_AUTO, which then need not
 * wait).
 *
 * All of it passes at once, as if the program had been stopped for so long: whose deadline lies in
 * it is ready when this returns, in the order of deadlines on each worker, and then sees the new
 * time. Who sleeps again counts from there. A worker that a task holds for more than 0.2 s is not
 * waited for, nor is any where the caller may not suspend: their tasks become ready at their next
 * turn.
 * @param rt the runtime, running or not.
 * @param ns nanoseconds, 0 or more.
 * @return 0 or an error; then no time has passed.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_EINVAL: `ns` is negative or more than 10^18. ZIO_ENOTSUP: the
 * runtime has the real clock or is a simulated one (see zio_sim_advance()). ZIO_ENOBUFS: more than
 * 65 000 calls on the runtime at once.
 * @par Suspends
 * no, but it waits for the runtime's other workers; any thread
 * @since 0.1
 * @test tests/capi/rt_clock_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_advance(zio_rt_t *rt, int64_t ns) ZIO_NOEXCEPT;

/**
 * Makes a runtime usable again in a forked child: empty, with workers of its own.
 *
 * A child has one thread, the one that forked. Every handle that was made before the fork is
 * ::ZIO_EFORKED there, and that thread is a plain one, also when it forked inside a task. This call
 * drops the tasks of the runtime (neither their functions nor their `ud_free` go on in the child)
 * and closes the child's copies of all streams and listeners and of the backend's descriptors;
 * their peers and the parent do not notice. Then the handle `rt` works as after zio_rt_create(). A
 * child that only calls exec or _exit needs none of this.
 * @param rt the runtime, made before the fork or not.
 * @return 0, also where there is nothing to do; or an error, and then it may be tried again.
 * @par Errors
 * ZIO_EBADF: `rt`. Of making the workers: ZIO_EPERM, ZIO_EACCES, ZIO_ENOSYS, ZIO_EMFILE,
 * ZIO_ENFILE, ZIO_ENOMEM as zio_rt_create(). ZIO_ENOBUFS: more than 65 000 calls on the runtime at
 * once.
 * @par Suspends
 * no; any thread, one at a time
 * @since 0.1
 * @test tests/capi/fork_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_after_fork(zio_rt_t *rt) ZIO_NOEXCEPT;

/* --- what it says about itself -------------------------------------------------------------- */

/**
 * Gives the runtime whose worker the calling thread is.
 * @return a borrowed handle; NULL on a plain thread.
 * @par Errors
 * none
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_test.c
 */
ZIO_API zio_rt_t *ZIO_CALL zio_rt_current(void) ZIO_NOEXCEPT;

/**
 * Names the backend in use, such as "io_uring".
 * @param rt the runtime.
 * @return static text; NULL for a bad handle.
 * @par Errors
 * none but the value NULL
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_test.c
 */
ZIO_API const char *ZIO_CALL zio_rt_backend_name(zio_rt_t *rt) ZIO_NOEXCEPT;

/**
 * Says in one English sentence why this backend is in use.
 * @param rt the runtime.
 * @return text that lives as long as the runtime, never NULL for a live one; NULL for a bad handle.
 * @par Errors
 * none but the value NULL
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_test.c
 */
ZIO_API const char *ZIO_CALL zio_rt_backend_reason(zio_rt_t *rt) ZIO_NOEXCEPT;

/**
 * Writes one line per live task: id, name, state, what it waits for and since when; for the first
 * 1 000 of each worker also where it was spawned, what its stack has ever touched (tasks that had
 * it before included), and its backtrace.
 *
 * Each worker tells of its own tasks when its loop turns. One that a task holds for more than 0.2 s
 * is not waited for: then the lines of its tasks have names and states only. A line for each worker
 * that was held follows (see ::ZIO_RT_HEARTBEAT). Functions have names as far as the loader knows
 * them, else module and offset. Like snprintf: when `len` is not 0 the text is cut to fit and ends
 * with a NUL. Tasks go on running meanwhile; a later call may need more room.
 * @param rt the runtime.
 * @param buf where to write; may be NULL when `len` is 0.
 * @param len bytes at `buf`.
 * @return the length of the whole text without its NUL, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_EINVAL: `buf` is NULL and `len` is not 0. ZIO_ENOBUFS: more
 * than 65 000 calls on the runtime at once. ZIO_ENOMEM: the question to a worker could not be made.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_inspect_test.c
 */
ZIO_API zio_ssize_t ZIO_CALL zio_rt_dump(zio_rt_t *rt, char *buf, size_t len) ZIO_NOEXCEPT;

/**
 * Is told of a task that holds a worker, once for each hold, some 10 to 15 ms after it began and
 * while the task runs on. `held_ns`: for how long, in nanoseconds, as far as was seen.
 */
typedef void(ZIO_CALL *zio_hold_fn)(uint32_t worker, zio_task_t *task, uint64_t held_ns, void *ud);

/**
 * Sets what is told of tasks that hold a worker for more than 10 ms, for logs and alarms.
 * @param rt a runtime made with ::ZIO_RT_HEARTBEAT.
 * @param fn runs on the thread that watches, which it should not keep for long. It may ask for the
 *        task's id, and must neither end a runtime nor call this function. NULL = nobody is told.
 * @param ud handed to `fn`; when the call returns the one before is not used any more.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_ENOTSUP: nobody watches this runtime. ZIO_ENOBUFS: more than
 * 65 000 calls on the runtime at once.
 * @par Suspends
 * no, but it waits for an `fn` that runs; any thread
 * @since 0.1
 * @test tests/capi/rt_heartbeat_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_on_hold(zio_rt_t *rt, zio_hold_fn fn, void *ud) ZIO_NOEXCEPT;

/** Counters since the runtime was made, and what is there now. */
typedef struct zio_rt_stats {
    uint32_t struct_size;     /**< Set by zio_rt_stats_init(). */
    uint32_t workers;         /**< Workers of the runtime. */
    uint64_t tasks_live;      /**< Tasks spawned whose function has not returned. */
    uint64_t tasks_spawned;   /**< Tasks ever spawned. */
    uint64_t switches;        /**< Times a task was entered or resumed. */
    uint64_t steals;          /**< Tasks taken over from another worker. */
    uint64_t ops_submitted;   /**< I/O operations started. */
    uint64_t ops_completed;   /**< I/O operations finished. */
    uint64_t loop_polls;      /**< Times the backend was polled. */
    uint64_t loop_idle_ns;    /**< Nanoseconds blocked in the backend. */
    uint64_t stacks_mapped;   /**< Stacks that have memory now, spare ones included. */
    uint64_t blocking_queued; /**< Jobs waiting for a thread of the blocking pool. */
    uint64_t timers_armed;    /**< Timers waiting now. */
    uint64_t wakes_sent;      /**< Times a sleeping worker was woken from outside. */
    uint64_t accept_backoffs; /**< Times an accept waited for descriptors or memory. */
    uint64_t holds;           /**< Times a task held a worker for over 10 ms; see
                                   ::ZIO_RT_HEARTBEAT. */
    uint64_t longest_hold_ns; /**< Nanoseconds that the longest of them took as far as was seen. */
    uint64_t reserved[4];     /**< Zero. */
} zio_rt_stats_t;

/**
 * Fills statistics with zeros and their size.
 * @param s written; the caller's.
 * @param size `sizeof(zio_rt_stats_t)` as the caller knows it, in bytes.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EINVAL: `s` is NULL, or `size` is less than in version 0.1. ZIO_E2BIG: `size` is over 4096.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/options_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_stats_init(zio_rt_stats_t *s, size_t size) ZIO_NOEXCEPT;

/**
 * Reads the runtime's statistics. Each number is right by itself; together they are no snapshot.
 * @param rt the runtime.
 * @param out initialized by zio_rt_stats_init(); at most its `struct_size` bytes are written, and
 *        those this version does not know become 0.
 * @return 0, or an error.
 * @par Errors
 * ZIO_EBADF, ZIO_EFORKED: `rt`. ZIO_EINVAL: `out` is NULL, or its `struct_size` is less than in
 * version 0.1. ZIO_E2BIG: its `struct_size` is over 4096. ZIO_ENOBUFS: more than 65 000 calls on
 * the runtime at once.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/rt_inspect_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_rt_stats(zio_rt_t *rt, zio_rt_stats_t *out) ZIO_NOEXCEPT;

ZIO_END_DECLS
#endif
