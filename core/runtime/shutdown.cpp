// SPDX-License-Identifier: MIT
// The end of a runtime: no more spawns, every task canceled and waited for, everything given back.
#include "core/base/memory.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/interrupt.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/thread.hpp"

namespace zio::runtime {

void Runtime::stop_here() {
    Worker& w = *worker_;
    if (!w.stopping) {
        w.stopping = true;
        w.initial_bits |= bit::spawn_slowly;
        const std::uint32_t limit = tasks.limit();
        for (std::uint32_t i = 0; i < limit; ++i) {
            Task& task = tasks.slot(i);
            if (at_home(&w, &task) && task.state >= TaskState::launched &&
                task.state != TaskState::done) {
                request_cancel_here(&w, &task);
            }
        }
    }
    note_ends();
}

void Runtime::note_ends() {
    if (live_count() != 0) return;
    wake_waiters();
}

bool Runtime::drive_until_ended(Deadline deadline) {
    Worker& w = *worker_;
    w.drain_mail();
    stop_here();
    while (live_count() != 0) {
        w.native.state = TaskState::listed;
        object_word::take_lock(word);
        waiters_.append(w.native);
        object_word::release_lock(word);
        limit_wait(&w, &w.native, deadline == immediate ? 1 : deadline);
        if (!w.run_until_ready(w.native)) {
            withdraw(w.native);
            w.native.state = TaskState::ready;
            w.native.verdict = error::timed_out;
        }
        w.native.due = forever;
        if (w.native.verdict == error::timed_out) return live_count() == 0;
    }
    return true;
}

// A message asks the home to stop; who asked waits for the end of the last task, or of whoever
// drives the tasks.
std::int32_t Runtime::stop_from_elsewhere(Deadline deadline) {
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (!stop_posted_.exchange(true, std::memory_order_acq_rel)) {
        stop_mail_.deliver = [](Worker& home, Mail&) {
            home.runtime->stop_here();
        };
        bool wake_owed = false;
        if (post(worker_->index, stop_mail_.node, mail_tag, &wake_owed) && wake_owed) {
            wake_worker(worker_->index);
        }
    }
    while (live_count() != 0) {
        object_word::take_lock(word);
        const bool wait = is_driven() && live_count() != 0;
        if (wait) {
            me->state = TaskState::listed;
            waiters_.append(*me);
        }
        object_word::release_lock(word);
        if (!wait) break;
        me = park(w, me, TaskState::listed, deadline == immediate ? 1 : deadline).me;
        if (me->verdict != 0) return me->verdict == error::timed_out ? error::busy : me->verdict;
    }
    return live_count() == 0 ? 0 : error::busy;
}

std::int32_t Runtime::shutdown(HandleBits handle, Deadline deadline) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    std::int32_t status = 0;
    if (current_worker == runtime->worker_) {
        status = error::deadlock;  // it would wait for itself
    } else {
        runtime->admission_.fetch_or(stopping, std::memory_order_acq_rel);
        const bool on_worker = current_worker != nullptr;
        status = on_worker ? error::busy : runtime->begin_driving();
        if (status == 0) {
            if (!runtime->drive_until_ended(deadline)) {
                set_error_detail(runtime->describe_deadlock());
                status = error::busy;
            }
            runtime->end_driving();
        } else if (runtime->is_driven()) {
            status = runtime->stop_from_elsewhere(deadline);
            if (status == error::busy) set_error_detail("tasks of the runtime are still alive");
        } else if (on_worker && runtime->live_count() == 0) {
            status = 0;
        }
    }
    runtime->unpin();
    return status;
}

// Nothing runs here, so a task of another runtime may do this, too.
std::int32_t Runtime::close() {
    const void* nobody = nullptr;
    if (!driver_.compare_exchange_strong(nobody, worker_, std::memory_order_acq_rel)) {
        return error::busy;
    }
    worker_->drain_mail();
    const bool live = live_count() != 0;
    driver_.store(nullptr, std::memory_order_release);
    wake_waiters();
    if (live) {
        set_error_detail("the runtime has live tasks: shut it down first");
        return error::busy;
    }
    return 0;
}

std::int32_t Runtime::destroy(HandleBits handle) {
    if (handle == 0) return 0;
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    // Others wait until it is decided whether this is the end (see pin).
    std::uint64_t old = runtime->word.load(std::memory_order_relaxed);
    do {
        if ((old & object_word::closing) != 0) {  // another destroy decides first
            runtime->unpin();
            return destroy(handle);
        }
    } while (!runtime->word.compare_exchange_weak(
        old, old | object_word::closing, std::memory_order_acq_rel, std::memory_order_relaxed));
    constexpr std::uint64_t own_two = 2 * object_word::one_reference;
    std::int32_t status = runtime->is_driven() ? error::busy : 0;
    while (status == 0 &&
           (runtime->word.load(std::memory_order_acquire) & object_word::references) > own_two) {
        if (runtime->is_driven()) status = error::busy;  // a spawner on its way is gone at once
        spin_pause();
    }
    if (status == 0) status = runtime->close();
    if (status != 0) {
        runtime->word.fetch_and(~object_word::closing, std::memory_order_release);
        runtime->unpin();
        return status;
    }
    runtime->word.fetch_add(object_word::one_generation, std::memory_order_acq_rel);  // it is
    leave_blocks(runtime->worker_);
    runtime->worker_->stacks.close();
    zio::destroy(runtime->worker_);
    runtime->worker_ = nullptr;
    if (runtime->reports_overflow_) forget_overflows();
    const std::uint32_t generation = generation_of(handle) + 1;
    runtime->word.store(object_word::of_generation(generation) | object_word::free,
                        std::memory_order_release);
    runtimes.give(*runtime);
    return 0;
}

}  // namespace zio::runtime
