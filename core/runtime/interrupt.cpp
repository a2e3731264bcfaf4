// SPDX-License-Identifier: MIT
#include "core/runtime/interrupt.hpp"

#include "core/base/mutant.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/local.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/wait_list.hpp"

namespace zio::runtime {

namespace {

// Takes the messages: POSTED and all bits at once, and the shared count with them.
std::uint64_t take_messages(Task& task) {
    std::uint64_t old = task.word.load(std::memory_order_relaxed);
    std::uint64_t fresh;
    int merged;
    do {
        merged = task.references + word::shared_references(old);
        fresh = old & ~word::messages;
        if (merged < merge_limit && merged > -merge_limit) {
            fresh = (fresh & ~word::count) | word::bias;
        } else {
            merged = task.references;
        }
    } while (!ZIO_MUTANT(17, check::compare_exchange_in_two_steps(task.word, old, fresh),
                         task.word.compare_exchange_weak(old, fresh, std::memory_order_acq_rel,
                                                         std::memory_order_relaxed)));
    task.references = static_cast<std::int16_t>(merged);
    return old;
}

void adopt(Worker* w, Task& task) {
    if (ZIO_MUTANT(21, false, w->stopping)) {
        task.word.fetch_or(word::cancel, std::memory_order_relaxed);
    }
    if (has_inherited(task)) w->slow_down_spawns();
    task.next = w->unadopted;  // the next turn takes it in, if there is room
    w->unadopted = &task;
}

}  // namespace

void interrupt(Worker* w, Task* task, std::int32_t why) {
    switch (task->state) {
        case TaskState::parked:
        case TaskState::sleeping:
            break;
        case TaskState::joining:
            leave_joiners(*task);
            break;
        case TaskState::joining_remote:
            if (!abandon_request(*task)) return;
            break;
        case TaskState::operating: {
            auto& operation = *static_cast<loop::Operation*>(task->wait.object);
            if (why == error::timed_out) operation.expired = true;
            w->loop.cancel(operation);
            ZIO_IF_MUTANT(63, break;)
            return;
        }
        case TaskState::listed:
            if (!withdraw(*task)) return;
            break;
        default:
            return;
    }
    make_ready(w, task, why);
}

void interrupt_canceled(Worker* w, Task* task) {
    os::probe::cancel(task);
    if (!task->waits() || ZIO_MUTANT(20, false, !task->cancel_pending()) ||
        task->has(bit::shielded | bit::held)) {
        return;
    }
    // Delivered when the call returns (end_of_wait): until then another request is the same.
    interrupt(w, task, error::canceled);
}

void request_cancel_here(Worker* w, Task* task) {
    if (task->state == TaskState::done) return;
    task->word.fetch_or(word::cancel, std::memory_order_relaxed);
    interrupt_canceled(w, task);
}

void unpark_here(Worker* w, Task* task) {
    if (task->state == TaskState::parked) {
        make_ready(w, task, 0);
    } else if (task->state != TaskState::done) {
        task->bits |= bit::token;
    }
}

std::int32_t deliver_cancel(Task* me) {
    if (me->has(bit::shielded | bit::held)) return 0;
    me->word.fetch_and(~word::cancel, std::memory_order_relaxed);
    me->bits |= bit::delivered;
    return error::canceled;
}

void receive(Worker* w, Task& task) {
    const std::uint16_t home = task.home.load(std::memory_order_acquire);
    if (ZIO_MUTANT(19, false, home != w->index)) {  // the number is somebody else's by now
        ZIO_UNLESS_MUTANT(18) deliver(task);
        return;
    }
    const std::uint64_t messages = take_messages(task);
    if ((messages & word::launch) != 0) {
        w->arriving.fetch_sub(1, std::memory_order_relaxed);
        task.bits |= bit::visiting;
        adopt(w, task);
    }
    if ((messages & word::woken) != 0) make_ready(w, &task, task.verdict);
    if ((messages & word::unpark) != 0) unpark_here(w, &task);
    if ((messages & word::close) != 0 && task.state == TaskState::operating) {
        auto& operation = *static_cast<loop::Operation*>(task.wait.object);
        if (operation.close_requested) w->loop.cancel(operation);
    }
    if ((messages & word::interrupt) != 0) interrupt_canceled(w, &task);
    if ((messages & word::join) != 0) {
        take_join_requests(w);
        if (task.state == TaskState::done) end_unstarted(w, task);
    }
    if (task.references <= 0) try_free(w, &task);
}

}  // namespace zio::runtime
