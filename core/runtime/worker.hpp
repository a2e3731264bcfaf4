// SPDX-License-Identifier: MIT
#pragma once
// A worker: one thread, its tasks, its loop. Everything here is plain memory of that thread; other
// threads reach it through the loop's inbox only. A plain thread that blocks in the library gets a
// worker too, with no tasks but its own stand-in (thread.hpp).
#include <cstdint>

#include "core/base/heap.hpp"
#include "core/base/queue.hpp"
#include "core/context/exception_globals.hpp"
#include "core/context/overflow.hpp"
#include "core/context/stack_pool.hpp"
#include "core/loop/loop.hpp"
#include "core/os/probe.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/give_way.hpp"
#include "core/runtime/heartbeat.hpp"
#include "core/runtime/surplus.hpp"
#include "core/runtime/task.hpp"

struct zio_task;  // what a handle pretends to point to

namespace zio::runtime {

class Runtime;
inline constexpr unsigned task_tag = 0;
inline constexpr unsigned mail_tag = 1;

inline zio_task* as_pointer(HandleBits handle) {
    return reinterpret_cast<zio_task*>(handle);
}

struct TaskHooks {
    void (*on_start)(zio_task* task, void* data);
    void (*on_resume)(zio_task* task, void* data);
    void (*on_suspend)(zio_task* task, void* data);
    void (*on_exit)(zio_task* task, void* data);
    void* data;
};

// On the worker's thread, on its native stack; may not suspend.
using WorkerHook = void (*)(std::uint32_t worker, void* data);
struct WorkerHooks {
    WorkerHook on_start;
    WorkerHook on_stop;
    WorkerHook before_block;
    WorkerHook after_block;
    void* data;
};

// What a task asks the native stack to do for it.
struct Errand {
    TaskFunction entry;
    void* data;
    Task* task;
    std::int32_t result;
};

// What the worker of a runtime with threads of its own is told to do, and whether it does: one
// word, so that "stand still" finds out whether it must wait for that. tests/models/crew.pml.
namespace duty {
inline constexpr std::uint8_t runs = 1 << 0;   // it may be running tasks
inline constexpr std::uint8_t run = 1 << 1;    // it shall
inline constexpr std::uint8_t leave = 1 << 2;  // it shall end
}  // namespace duty

// Whether a worker sleeps for want of work.
enum class Idle : std::uint8_t { no, asleep, called };

class alignas(64) Worker {
  public:
    // `number` came from `reserve_worker_number`.
    Worker(std::unique_ptr<loop::Backend> backend, std::uint16_t number);
    ~Worker();

    // ---- line 0 and 1: what a switch, a spawn and an end touch
    Relaxed<Task*> current{&native};
    std::int32_t left = slice;       // suspension points until the next turn of the loop
    std::int32_t until_offer = 1;    // starts of new tasks until others are thought of again
    bool shares = false;             // its runtime has other workers
    const std::uint16_t index;       // its number among all workers; 0 is nobody
    std::uint16_t initial_bits = 0;  // of the tasks it spawns: task_bits, perhaps spawn_slowly
    Task* ready_first = nullptr;     // started tasks in the order they became ready
    Task** ready_end = &ready_first;
    Task* urgent_first = nullptr;  // tasks of the urgent class, fresh ones too
    Task* newest = nullptr;        // fresh tasks: no stack yet
    Task* oldest = nullptr;
    Task* free_blocks = nullptr;
    int* errno_at = nullptr;
    context::ExceptionGlobals* exceptions = nullptr;
    HandleBits runtime_handle = 0;
    Runtime* runtime = nullptr;
    Relaxed<std::uint64_t> created_count{0};
    Relaxed<std::uint64_t> ended_count{0};
    Relaxed<std::uint64_t> switch_count{0};
    Instant turn_at = 0;  // about when the present turn began: since when its tasks wait
    context::StackPool stacks;
    Heap<Task> timers;

    // ---- the rest
    loop::Loop loop;
    std::uint32_t block_count = 0;  // blocks whose home this is, free ones included
    Task* unadopted = nullptr;      // launched from elsewhere, not taken in yet
    Instant next_poll_at = 0;
    bool poll_found_work = false;
    bool is_thread = false;      // a plain thread's
    Relaxed<bool> obeys{false};  // it has a thread of its own, and orders
    bool is_inherited = false;   // a forked child's parent's: nothing of it may be touched
    bool stopping = false;
    bool chooses = false;          // the backend picks the next task, by a seed
    std::uint16_t task_bits = 0;   // of its runtime's tasks; others read it too
    bool is_slow = false;          // every spawn here takes the long way
    bool gives_way = false;        // lends its processor before it sleeps
    bool spreads = false;          // the next task it spawns goes where there are fewest
    bool is_simulated = false;     // with all the world
    bool has_test_clock = false;   // which may stand still: no waiting awake by it
    bool is_steered = false;       // any of these three: every turn polls
    std::uint32_t kept_count = 0;  // tasks that were to spread, stayed here and may wait to begin
    std::uint32_t ordinal = 0;     // its number in its runtime
    Relaxed<std::uint64_t> steal_count{0};
    Relaxed<bool> is_full{false};       // no stack can be had for what others spawn here
    Atomic<std::uint32_t> arriving{0};  // placed here by others, not adopted yet
    os::Thread thread{};                // its own, else whoever drives the runtime
    Mail order_mail{};                  // what tells it to look at its duty
    Mail stop_mail{};
    Mail call_mail{};  // wakes it for work
    Atomic<bool> order_posted{false};
    Atomic<std::uint8_t> duty_word{0};
    Atomic<Idle> idle{Idle::no};
    Worker* next_inherited = nullptr;
    context::AlternateStack overflow_stack;  // where its thread reports an overflow
    TaskHooks hooks{};
    WorkerHooks worker_hooks{};
    Errand errand{};
    context::FpControl fp_control{};  // of tasks that keep none of their own
    context::FiberMark ended_mark{};  // of the task that just left its stack for good
    Head native_head{};
    Pulse pulse;
    alignas(64) Task native{};  // the thread's own stack
    Surplus surplus;

    static constexpr std::int32_t slice = 128;

    // Stacks of tasks that came here with them and have ended.
    StackReturn* stacks_to_return = nullptr;

    // One turn of the loop, on the native stack: mail, timers, I/O. Blocks until `wanted` is no
    // longer waiting or something is ready, when nothing is. False: nothing can ever happen again.
    bool turn(const Task& wanted);
    // Runs tasks until `wanted`, which may be the native one, no longer waits.
    bool run_until_ready(Task& wanted);

    void drain_mail();
    // Ends the waits that are over at `now`. The next instant that matters.
    Instant expire(Instant now);
    void complete_operations();

    bool has_ready() const {
        return ready_first != nullptr || oldest != nullptr || urgent_first != nullptr ||
               background_first != nullptr;
    }
    // How many of the urgent class run in a row while others wait.
    static constexpr std::uint32_t most_urgent = 8;
    // The rest of the queues of the classes (priority.cpp).
    Task** urgent_end = &urgent_first;
    Task* background_first = nullptr;
    Task** background_end = &background_first;
    std::uint32_t urgent_in_a_row = 0;
    std::int32_t turns_of_others = 0;
    std::int32_t left_at_first = 0;  // of the present slice
    std::int32_t suspensions = 0;    // since one of the background was admitted
    void note_suspensions();

    // From now on a spawn must look at more than the hot path does.
    void slow_down_spawns() {
        is_slow = true;
        initial_bits |= bit::spawn_slowly;
    }

    // One of `worker_hooks`, if it is there.
    void call_hook(WorkerHook hook);

    // Takes no more mail: the last thing a worker does on its thread.
    void leave();
    // Turns of the loop that run no task, until `wanted` no longer waits.
    void wait_without_tasks(const Task& wanted);

  private:
    void start_adopted();
    void note_time(Instant now);
    void return_stacks();
    void rotate_by_choice();
    void block_until(Instant until);
    void trim_stacks();
    void sleep(Instant until);
    bool give_way(Instant until);
    // ---- with other workers (rest.cpp)
    bool stands() const {
        return duty_word.load(std::memory_order_relaxed) != (duty::run | duty::runs);
    }
    void stand();
    void turn_without_tasks(const Task* wanted);
    bool awaits_mail_awake(Instant until);
    void rest(Instant until);
    bool steal();
    std::uint32_t room_for_more();
    bool spin(Instant until);
    void judge_stolen_work();
    void pass_on_call();
    bool others_have_surplus() const;

    static constexpr std::uint32_t rests_before_trial = 32;  // see rest.cpp
    bool has_left_ = false;
    GiveWay give_way_;
    std::uint32_t turns_without_clock_ = 0;
    std::uint64_t trimmed_ended_count_ = 0;
    Instant next_trim_at_ = 0;
    Surplus* stolen_from_ = nullptr;  // whose work is being done
    Instant stolen_at_ = 0;
    bool owes_look_ = false;  // others counted on it to look for work of theirs
    std::uint32_t next_victim_ = 0;
    Instant spin_ns_ = 0;
    std::uint32_t spins_skipped_ = 0;
    std::uint32_t rests_before_trial_ = rests_before_trial;
};

// The worker of this thread while it runs tasks; null on every other thread.
extern __thread Worker* current_worker __attribute__((tls_model("initial-exec")));
// The same, where it runs a task; null in a hook of its own, which is in no task.
ZIO_INLINE Worker* worker_of_this_task() {
    Worker* w = current_worker;
    return w != nullptr && w->current != &w->native ? w : nullptr;
}

// For code that a migratable task may have taken to another thread: a compiler keeps the address of
// a thread's own variable across calls.
Worker* worker_of_this_thread() __attribute__((noinline, nothrow));

// How other threads reach a worker by its number. Numbers are used again, and a port outlives its
// worker: a late push finds the inbox closed, or a new owner who sees that the node is not his.
struct alignas(64) WorkerPort {
    Inbox inbox;
    Atomic<Worker*> worker{nullptr};
};
inline constexpr std::uint32_t worker_limit = home_limit;
extern WorkerPort worker_ports[worker_limit];
// 0: all are in use.
std::uint16_t reserve_worker_number();
void release_worker_number(std::uint16_t number);

// The home of a task whose runtime is kept alive, or the worker in whose surplus it lies.
inline Worker& worker_of(const Task& task) {
    const std::uint16_t number = number_of(task.home.load(std::memory_order_acquire));
    return *worker_ports[number].worker.load(std::memory_order_acquire);
}

// Whose stack a started task has: not its worker's after it has moved.
inline const context::StackPool& stacks_of(const Worker& w, const Task& task) {
    if (task.extra == 0 || extra_of(task).stack_home == 0) return w.stacks;
    const std::uint16_t number = extra_of(task).stack_home;
    return worker_ports[number].worker.load(std::memory_order_acquire)->stacks;
}

// Leaves `node` in the inbox of worker `number` and ends its sleep. False: that worker is gone. May
// enter the kernel, so never under a lock.
bool post(std::uint16_t number, InboxNode& node, unsigned tag);

ZIO_INLINE bool at_home(const Worker* worker, const Task* task) {
    return worker != nullptr && task->home.load(std::memory_order_relaxed) == worker->index;
}

// ---- queues
ZIO_INLINE void append_ready(Worker* w, Task* task) {
    task->next = nullptr;
    *w->ready_end = task;
    w->ready_end = &task->next;
}
// ---- classes and migratable tasks (priority.cpp). A task with a priority is ready, fresh or
// started; `may_move`: it stands where it may go on as well on another worker.
void push_by_class(Worker* w, Task* task, bool may_move) __attribute__((noinline, nothrow));
// The next task of all classes, for the native stack.
Task* pick_by_class(Worker* w) ZIO_NOTHROW;
// At a turn of the loop: some of the background class come to their turn.
void admit_background(Worker* w) ZIO_NOTHROW;

ZIO_INLINE void push_ready(Worker* w, Task* task, bool may_move = false) {
    if (ZIO_UNLIKELY(task->priority != 0)) return push_by_class(w, task, may_move);
    append_ready(w, task);
}
ZIO_INLINE Task* pop_ready(Worker* w, Task* first) {
    w->ready_first = first->next;
    __builtin_prefetch(w->ready_first);
    if (w->ready_first == nullptr) w->ready_end = &w->ready_first;
    return first;
}
ZIO_INLINE void push_fresh(Worker* w, Task* task) {
    Task* previous = w->newest;
    task->start.previous = previous;
    task->next = nullptr;
    if (previous != nullptr) {
        previous->next = task;
    } else {
        w->oldest = task;
    }
    w->newest = task;
}
ZIO_INLINE void take_fresh(Worker* w, Task* task) {
    Task* previous = task->start.previous;
    Task* next = task->next;
    if (previous != nullptr) {
        previous->next = next;
    } else {
        w->oldest = next;
    }
    if (next != nullptr) {
        next->start.previous = previous;
    } else {
        w->newest = previous;
    }
}
// A new task that may be of any class.
ZIO_INLINE void queue_fresh(Worker* w, Task* task) {
    if (ZIO_UNLIKELY(task->priority != 0)) return push_by_class(w, task, true);
    push_fresh(w, task);
}
// Others than this worker's present task wait to begin: perhaps somebody else has time for them.
void offer_slowly(Worker* w, bool is_busy) __attribute__((noinline, nothrow));
std::int32_t offer_spawned_slowly(Worker* w) __attribute__((noinline, nothrow));
// A task of `w` has spawned another, and may go on for as long as it likes. The last thing that a
// spawn does: the new task may end elsewhere before this returns. 0.
ZIO_INLINE std::int32_t offer_spawned(Worker* w) {
    if (ZIO_UNLIKELY(w->shares) && ZIO_UNLIKELY(--w->until_offer <= 0)) {
        return offer_spawned_slowly(w);
    }
    return 0;
}
// A new task is about to run here while others wait.
ZIO_INLINE void offer(Worker* w) {
    if (ZIO_UNLIKELY(w->oldest != nullptr) && ZIO_UNLIKELY(w->shares) &&
        ZIO_UNLIKELY(--w->until_offer <= 0)) {
        offer_slowly(w, true);
    }
}
// Ready tasks first, then the newest fresh one (depth first: few stacks); now and then the oldest
// fresh one, so that none starves. The native stack when there is nothing.
ZIO_INLINE Task* pick(Worker* w) {
    Task* task = w->ready_first;
    if (ZIO_UNLIKELY(w->oldest != nullptr && (task == nullptr || (w->left & 7) == 0))) {
        task = (w->left & 7) != 0 ? w->newest : w->oldest;
        take_fresh(w, task);
        offer(w);
        return task;
    }
    return ZIO_LIKELY(task != nullptr) ? pop_ready(w, task) : &w->native;
}

// At home: the wait is over, the wait node is out.
ZIO_INLINE void make_ready(Worker* w, Task* task, std::int32_t verdict) {
    const TaskState waited = task->state;
    task->verdict = verdict;
    task->state = TaskState::ready;
    os::probe::wake(task, verdict);
    // What parks and sleeps uses nothing of the worker it was on when it goes on.
    const bool may_move = waited == TaskState::parked || waited == TaskState::sleeping;
    if (ZIO_LIKELY(task != &w->native)) push_ready(w, task, may_move);
}

}  // namespace zio::runtime
