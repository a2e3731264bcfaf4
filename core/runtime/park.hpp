// SPDX-License-Identifier: MIT
#pragma once
// Suspension points: what every wait has in common.
#include "core/runtime/interrupt.hpp"
#include "core/runtime/scope.hpp"
#include "core/runtime/switch.hpp"

namespace zio::runtime {

// The worker of the calling thread: the one that runs tasks, or for a plain thread its own, made
// at first use. Null: no memory or no descriptor for that.
Worker* thread_worker();
ZIO_INLINE Worker* here() {
    Worker* w = current_worker;
    return ZIO_LIKELY(w != nullptr) ? w : thread_worker();
}

std::int32_t enter_slowly(Worker* w, Task* me) __attribute__((noinline, nothrow)) ZIO_NOTHROW;

// Entry of every suspension point: is a cancel pending, is the slice used up? Two loads and one
// decrement. In a region where suspending is not allowed `left` is kept used up, so that the slow
// way finds out.
ZIO_INLINE std::int32_t enter(Worker* w, Task* me) {
    if (ZIO_UNLIKELY(me->cancel_pending()) || ZIO_UNLIKELY(--w->left <= 0)) {
        return enter_slowly(w, me);
    }
    return 0;
}

// A plain thread drives its own loop until its wait is over. Where a simulation finds that it never
// will be, it ends with `deadlock`.
void wait_on_thread(Worker* w, Task* me) ZIO_NOTHROW;

// Parks: whatever ends the wait has been told. Inlined, so that one frame lies under the user's.
ZIO_INLINE Resumed park(Worker* w, Task* me, TaskState kind, Deadline deadline) {
    me->state = kind;
    // An answer from elsewhere lies there, perhaps already.
    if (kind != TaskState::joining_remote) me->wait.value = static_cast<std::int64_t>(w->turn_at);
    if (ZIO_UNLIKELY(me->has(bit::scoped) || deadline != never)) limit_wait(w, me, deadline);
    os::probe::park(me, static_cast<int>(kind));
    Task* next = pick(w);
    Resumed back{w, me};
    if (ZIO_LIKELY(next != me)) {
        back = switch_to(w, me, next);
    } else {
        wait_on_thread(w, me);
    }
    if (ZIO_UNLIKELY(back.me->due != forever)) back.me->due = forever;
    return back;
}

// What the caller of a wait that is over is told, `deadline` being the call's own: a cancel is
// delivered with that, and a scope knows that it has struck.
ZIO_INLINE std::int32_t end_of_wait(Task* me, Deadline deadline) {
    if (ZIO_LIKELY(me->verdict == 0)) return 0;
    if (me->verdict == error::timed_out) scope_fired(me, deadline);
    return me->verdict == error::canceled ? deliver_cancel(me) : me->verdict;
}

std::int32_t yield_now(Worker* w, Task* me) __attribute__((noinline, nothrow)) ZIO_NOTHROW;
std::int32_t yield_slowly(Worker* w, Task* me) __attribute__((noinline, nothrow)) ZIO_NOTHROW;
std::int32_t yield_by_detour(Worker* w, Task* me) __attribute__((noinline, nothrow)) ZIO_NOTHROW;
std::int32_t yield_off_task() __attribute__((noinline, nothrow)) ZIO_NOTHROW;

ZIO_INLINE std::int32_t yield() {
    Worker* w = current_worker;
    if (ZIO_UNLIKELY(w == nullptr)) return yield_off_task();
    Task* me = w->current;
    if (ZIO_UNLIKELY(me->cancel_pending()) || ZIO_UNLIKELY(--w->left <= 0)) {
        return yield_slowly(w, me);
    }
    if (ZIO_UNLIKELY(w->oldest != nullptr)) return yield_now(w, me);
    Task* next = w->ready_first;
    if (ZIO_UNLIKELY(next == nullptr)) return 0;
    if (ZIO_UNLIKELY(needs_detour(w, me))) return yield_by_detour(w, me);
    pop_ready(w, next);
    append_ready(w, me);
    switch_at_once(w, me, next);
    return 0;
}

// For calls that have nothing to wait for but are suspension points all the same.
std::int32_t pass_suspension_point() ZIO_NOTHROW;

std::int32_t sleep_until(Deadline deadline) ZIO_NOTHROW;
std::int32_t park_for_token(Deadline deadline) ZIO_NOTHROW;
std::int32_t unpark(HandleBits task) ZIO_NOTHROW;
std::int32_t check_cancel() ZIO_NOTHROW;
std::int32_t recancel() ZIO_NOTHROW;

}  // namespace zio::runtime
