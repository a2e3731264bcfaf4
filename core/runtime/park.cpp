// SPDX-License-Identifier: MIT
#include "core/runtime/park.hpp"

#include "core/base/mutant.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

std::int32_t enter_slowly(Worker* w, Task* me) {
    if (w->is_thread) {
        w->left = Worker::slice;
        return 0;
    }
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (w->left <= 0) {  // the slice is used up: the loop turns, others first
        push_ready(w, me);
        switch_to_ready(w, me, &w->native);
    }
    // Looked at last: the turn may have brought the request, and nothing drains the inbox between
    // this look and the wait that follows.
    return ZIO_MUTANT(64, false, me->cancel_pending()) ? deliver_cancel(me) : 0;
}

void wait_on_thread(Worker* w, Task* me) {
    while (!w->run_until_ready(*me)) interrupt(w, me, error::deadlock);
}

// Somebody fresh waits to start: a yield takes the oldest of them.
std::int32_t yield_now(Worker* w, Task* me) {
    Task* next = w->oldest;
    take_fresh(w, next);
    offer(w);
    push_ready(w, me, true);
    switch_to(w, me, next);
    return 0;
}

// A cancel is pending, or the slice is used up, by others of an urgent class perhaps: the turn of
// the loop is the yield.
std::int32_t yield_slowly(Worker* w, Task* me) {
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (me->cancel_pending()) {
        if (const std::int32_t status = deliver_cancel(me)) return status;
    }
    push_ready(w, me, true);
    switch_to_ready(w, me, &w->native);
    return 0;
}

std::int32_t yield_by_detour(Worker* w, Task* me) {
    Task* next = pop_ready(w, w->ready_first);
    push_ready(w, me, true);
    switch_slowly(w, me, next);
    return 0;
}

std::int32_t pass_suspension_point() {
    Worker* w = current_worker;
    return w != nullptr ? enter(w, w->current) : 0;
}

std::int32_t yield_off_task() {
    os::table.yield_thread();
    return 0;
}

std::int32_t sleep_until(Deadline deadline) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    if (deadline == immediate) return 0;
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (const std::int32_t status = enter(w, me)) return status;
    if (deadline != never && instant_of(deadline) <= w->loop.now()) {
        if (current_worker != nullptr && w->has_ready()) {  // an instant that has passed: a yield
            push_ready(w, me);
            switch_to_ready(w, me, &w->native);
        }
        return 0;
    }
    if (deadline != never && !w->timers.reserve(w->block_count + 2)) return error::no_memory;
    me = park(w, me, TaskState::sleeping, deadline).me;
    if (me->verdict != error::timed_out) return end_of_wait(me, deadline);
    return scope_fired(me, deadline) ? error::timed_out : 0;
}

std::int32_t park_for_token(Deadline deadline) {
    Worker* w = current_worker;
    if (!is_deadline(deadline)) return error::invalid_argument;
    if (w == nullptr) return error::no_task;
    Task* me = w->current;
    const auto take_token = [](Task* task) {
        if (!task->has(bit::token)) return false;
        task->bits &= static_cast<std::uint16_t>(~bit::token);
        return true;
    };
    if (deadline == immediate) return take_token(me) ? 0 : error::would_block;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (take_token(me)) {  // a token beats a cancel
        --w->left;
        return 0;
    }
    if (const std::int32_t status = enter(w, me)) return status;
    if (take_token(me)) return 0;  // the entry may have let others run
    return end_of_wait(park(w, me, TaskState::parked, deadline).me, deadline);
}

std::int32_t unpark(HandleBits handle) {
    Task* task = live_task_at(handle);
    if (task == nullptr) return tasks.dead(handle);
    Worker* w = current_worker;
    if (!at_home(w, task)) return send(*task, generation_of(handle), word::unpark, 0);
    unpark_here(w, task);
    return 0;
}

std::int32_t check_cancel() {
    Worker* w = current_worker;
    if (w == nullptr) return 0;  // nobody can cancel a plain thread
    return w->current->cancel_pending() ? deliver_cancel(w->current) : 0;
}

std::int32_t recancel() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return error::no_task;
    Task* me = w->current;
    if (me->has(bit::delivered)) {
        me->bits &= static_cast<std::uint16_t>(~bit::delivered);
        me->word.fetch_or(word::cancel, std::memory_order_relaxed);
    }
    return 0;
}

}  // namespace zio::runtime
