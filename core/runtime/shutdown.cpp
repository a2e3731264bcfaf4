// SPDX-License-Identifier: MIT
// The end of a runtime: no more spawns, every task canceled and waited for, everything given back.
#include "core/base/memory.hpp"
#include "core/base/mutant.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/interrupt.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/thread.hpp"

namespace zio::runtime {

void Runtime::stop_here(Worker& w) {
    if (!w.stopping) {
        w.stopping = true;
        w.slow_down_spawns();
        w.surplus.take_back(&w);
        const std::uint32_t limit = tasks.limit();
        for (std::uint32_t i = 0; i < limit; ++i) {
            Task& task = tasks.slot(i);
            if (at_home(&w, &task) && task.state >= TaskState::launched &&
                task.state != TaskState::done) {
                request_cancel_here(&w, &task);
            }
        }
        stopped_count_.fetch_add(1, std::memory_order_acq_rel);
    }
    note_ends();
}

// A worker that has stopped creates nothing and cancels what it takes over, so that the sum over
// all of them is final once it is 0.
bool Runtime::has_ended() const {
    return stopped_count_.load(std::memory_order_acquire) == worker_count_ && live_count() == 0;
}

// Of two workers that end their last tasks at once, one must see the other's: the exchange puts
// their looks in order.
void Runtime::note_ends() {
    if (ZIO_MUTANT(49, false, worker_count_ > 1)) {
        stopped_count_.fetch_add(0, std::memory_order_acq_rel);
    }
    if (has_ended()) wake_waiters();
}

void Runtime::tell_others_to_stop(const Worker* but) {
    if (stop_posted_.exchange(true, std::memory_order_acq_rel)) return;
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        Worker& w = worker(i);
        if (&w == but) continue;
        w.stop_mail.deliver = [](Worker& told, Mail&) {
            told.runtime->stop_here(told);
        };
        post(w.index, w.stop_mail.node, mail_tag);
    }
}

bool Runtime::drive_until_ended(Deadline deadline) {
    Worker& w = *workers_[0];
    w.drain_mail();
    stop_here(w);
    tell_others_to_stop(&w);
    while (!has_ended()) {
        object_word::take_lock(word);
        const bool wait = !has_ended();
        if (wait) {
            w.native.state = TaskState::listed;
            waiters_.append(w.native);
        }
        object_word::release_lock(word);
        if (!wait) break;
        // By a test clock it would wait for what nobody lets pass.
        if (clock_ == nullptr) limit_wait(&w, &w.native, deadline == immediate ? 1 : deadline);
        if (!w.run_until_ready(w.native)) {
            withdraw(w.native);
            w.native.state = TaskState::ready;
            w.native.verdict = error::timed_out;
        }
        w.native.due = forever;
        if (w.native.verdict == error::timed_out) return has_ended();
    }
    return true;
}

// A message asks the homes to stop; who asked waits for the end of the last task, or of whoever
// drives the tasks.
std::int32_t Runtime::stop_from_elsewhere(Deadline deadline) {
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    tell_others_to_stop(nullptr);
    while (!has_ended()) {
        object_word::take_lock(word);
        const bool wait = is_driven() && !has_ended();
        if (wait) {
            me->state = TaskState::listed;
            waiters_.append(*me);
        }
        object_word::release_lock(word);
        if (!wait) break;
        me = park(w, me, TaskState::listed, deadline == immediate ? 1 : deadline).me;
        if (me->verdict == error::timed_out) return error::busy;
        if (me->verdict != 0) return end_of_wait(me, deadline);
    }
    return live_count() == 0 ? 0 : error::busy;
}

std::int32_t Runtime::shutdown(HandleBits handle, Deadline deadline) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    std::int32_t status = 0;
    if (current_worker != nullptr && current_worker->runtime == runtime) {
        status = error::deadlock;  // it would wait for itself
    } else {
        runtime->admission_.fetch_or(stopping, std::memory_order_acq_rel);
        const bool on_worker = current_worker != nullptr;
        status = on_worker ? error::busy : runtime->begin_driving();
        if (status == 0) {
            runtime->limit_driving(deadline);
            if (!runtime->drive_until_ended(deadline) && !runtime->workers_[0]->is_inherited) {
                set_error_detail(runtime->describe_deadlock());
                status = error::busy;
            }
            runtime->limit_driving(never);
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
    const bool started = is_started_.load(std::memory_order_acquire);
    const void* nobody = nullptr;
    if (!started &&
        !driver_.compare_exchange_strong(nobody, workers_[0], std::memory_order_acq_rel)) {
        return error::busy;
    }
    if (!started) workers_[0]->drain_mail();
    const bool live = live_count() != 0;
    if (!started) give_up_driving();
    if (live) {
        set_error_detail("the runtime has live tasks: shut it down first");
        return error::busy;
    }
    return 0;
}

std::int32_t Runtime::destroy(HandleBits handle) {
    if (handle == 0 || destroy_inherited(handle)) return 0;
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
    const bool started = runtime->is_started_.load(std::memory_order_acquire);
    std::int32_t status = runtime->is_driven() && !started ? error::busy : 0;
    while (status == 0 && ZIO_MUTANT(52, false,
                                     (runtime->word.load(std::memory_order_acquire) &
                                      object_word::references) > own_two)) {
        // A spawner on its way is gone at once; who waits in shutdown is not.
        const bool waits = started ? runtime->live_count() != 0 : runtime->is_driven();
        if (waits) status = error::busy;
        spin_pause();
    }
    if (status == 0) status = runtime->close();
    if (status != 0) {
        runtime->word.fetch_and(~object_word::closing, std::memory_order_release);
        runtime->unpin();
        return status;
    }
    runtime->word.fetch_add(object_word::one_generation, std::memory_order_acq_rel);  // it is
    if (runtime->is_watched_) end_watch(*runtime);
    runtime->dismiss();
    runtime->drop_workers();
    runtime->close_test_mode();
    if (runtime->reports_overflow_) forget_overflows();
    runtime->end_life(generation_of(handle));
    return 0;
}

void Runtime::end_life(std::uint32_t generation) {
    word.store(object_word::of_generation(generation + 1) | object_word::free,
               std::memory_order_release);
    runtimes.give(*this);
}

}  // namespace zio::runtime
