// SPDX-License-Identifier: MIT
// The workers of a runtime as a crew: threads of their own, orders to run, to stand still and to
// leave, and who gets the next task from outside.
//
// Worker 0 runs on whatever thread drives the runtime, or on one of its own once the runtime was
// started in the background. The others get their threads when the runtime is first driven and keep
// them until it is destroyed, because a started task stays on its thread.
#include "core/base/mutant.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/thread.hpp"

namespace zio::runtime {

namespace {

void write_thread_name(char (&name)[16], std::uint32_t ordinal) {
    const char prefix[] = "zio-worker-";
    std::size_t length = 0;
    while (prefix[length] != '\0') {
        name[length] = prefix[length];
        ++length;
    }
    char digits[4];
    unsigned count = 0;
    do {
        digits[count++] = static_cast<char>('0' + ordinal % 10);
        ordinal /= 10;
    } while (ordinal != 0 && count < sizeof digits);
    while (count > 0) name[length++] = digits[--count];
    name[length] = '\0';
}

}  // namespace

// The calling thread is the worker's from here on.
void Runtime::take_seat(Worker& w) {
    w.errno_at = os::errno_address();
    w.exceptions = context::exception_globals();
    w.fp_control = context::save_fp_control();
    if (w.native.has(bit::marked)) context::sanitizer::adopt(w.native_head.mark);
    current_worker = &w;
    w.turn_at = w.loop.now();
    if (w.pulse.is_watched) after_sleep(w.pulse);
    w.call_hook(w.worker_hooks.on_start);
}

void Runtime::leave_seat(Worker& w) {
    w.call_hook(w.worker_hooks.on_stop);
    if (reports_overflow_) w.overflow_stack.remove();
    if (w.pulse.is_watched) before_sleep(w.pulse);
    current_worker = nullptr;
}

// The whole life of a worker's own thread.
void Runtime::work(void* worker) {
    Worker& w = *static_cast<Worker*>(worker);
    // It may be refused, in a container for one; then the system goes on choosing.
    if ((w.runtime->options_.flags & runtime_pin_workers) != 0) (void)os::pin_thread(w.ordinal);
    // Without a stack for the report an overflow ends the program unexplained, no more.
    if (w.runtime->reports_overflow_) (void)w.overflow_stack.install();
    w.runtime->take_seat(w);
    w.native.state = TaskState::parked;
    w.run_until_ready(w.native);
    if (w.is_inherited) return;  // a task forked, and its child came back here: the process ends
    leave_blocks(&w);
    w.leave();
    w.runtime->leave_seat(w);
}

std::int32_t Runtime::hire(std::uint32_t first) {
    for (std::uint32_t i = worker_count_; i > first; --i) {
        Worker& w = worker(i - 1);
        if (w.thread.id != 0) continue;
        char name[16];
        write_thread_name(name, w.ordinal);
        w.obeys = true;
        if (const std::int32_t status = os::table.start_thread(&work, &w, name, &w.thread)) {
            w.obeys = false;
            set_error_detail("the system gives no thread for a worker");
            return status;
        }
    }
    is_hired_.store(worker_count_ > 1 || first == 0, std::memory_order_release);
    return 0;
}

// The worker looks at its duty at its next turn.
void Runtime::order(Worker& w, std::uint8_t duty) {
    ZIO_IF_MUTANT(46, tell(w);)
    w.duty_word.fetch_or(duty, std::memory_order_acq_rel);
    ZIO_UNLESS_MUTANT(46) tell(w);
}

void Runtime::tell(Worker& w) {
    if (w.order_posted.exchange(true, std::memory_order_acq_rel)) return;
    w.order_mail.deliver = [](Worker& told, Mail&) {
        // An exchange: the duty is read after this, not before it becomes visible.
        ZIO_MUTANT(45, told.order_posted.store(false, std::memory_order_release),
                   (void)told.order_posted.exchange(false, std::memory_order_acq_rel));
    };
    post(w.index, w.order_mail.node, mail_tag);
}

void Runtime::let_run() {
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        Worker& w = worker(i);
        if (w.thread.id != 0) order(w, duty::run);
    }
}

// Called by the driver when it is about to stop driving: returns when no other worker runs a task.
void Runtime::let_stand() {
    Worker& w = *workers_[0];
    for (std::uint32_t i = 1; i < worker_count_; ++i) {
        Worker& other = worker(i);
        if (other.thread.id == 0) continue;
        other.duty_word.fetch_and(static_cast<std::uint8_t>(~duty::run), std::memory_order_acq_rel);
        tell(other);
    }
    for (std::uint32_t i = 1; i < worker_count_; ++i) {
        Worker& other = worker(i);
        while ((other.duty_word.load(std::memory_order_acquire) & duty::runs) != 0) {
            object_word::take_lock(word);
            const bool wait = ZIO_MUTANT(
                47, true, (other.duty_word.load(std::memory_order_acquire) & duty::runs) != 0);
            if (wait) {
                w.native.state = TaskState::listed;
                waiters_.append(w.native);
            }
            object_word::release_lock(word);
            if (wait) w.wait_without_tasks(w.native);
        }
    }
}

// Nothing lives: the threads end, and their workers with them.
void Runtime::dismiss() {
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        if (worker(i).thread.id != 0) order(worker(i), duty::leave);
    }
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        Worker& w = worker(i);
        if (w.thread.id != 0) {
            os::table.join_thread(w.thread);
        } else {
            leave_blocks(&w);
        }
    }
    for (std::uint32_t i = 0; i < worker_count_; ++i) worker(i).stacks.close();
}

std::int32_t Runtime::start(HandleBits handle) {
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    const std::int32_t status = runtime->start_here();
    runtime->unpin();
    return status;
}

std::int32_t Runtime::start_here() {
    if ((admission_.load(std::memory_order_acquire) & stopping) != 0) return error::stopping;
    if (workers_[0]->is_simulated) {
        set_error_detail("in a simulated world nobody can run beside it");
        return error::not_supported;
    }
    const void* nobody = nullptr;
    if (!driver_.compare_exchange_strong(nobody, this, std::memory_order_acq_rel)) {
        return error::busy;
    }
    const context::StackStatistics stacks = workers_[0]->stacks.statistics();
    std::int32_t status = 0;
    if (last_driver_ != nullptr && stacks.mapped > stacks.cached) status = error::busy;
    if (status == 0) status = hire(0);
    if (status != 0) {
        give_up_driving();
        return status;
    }
    last_driver_ = this;
    is_started_.store(true, std::memory_order_release);
    let_run();
    return 0;
}

// ---- who gets what

// Of whom nobody knows better: in turn.
Worker& Runtime::next_home() {
    if (current_worker != nullptr && current_worker->runtime == this) return *current_worker;
    if (!is_hired_.load(std::memory_order_acquire)) return *workers_[0];
    return worker(next_home_.fetch_add(1, std::memory_order_relaxed) % worker_count_);
}

// The worker with the fewest started tasks, those on their way counted; `w` itself unless another
// has fewer.
Worker& Runtime::least_loaded(Worker& w) {
    const auto load_of = [](const Worker& one) {
        return one.stacks.in_use() + one.arriving.load(std::memory_order_relaxed);
    };
    Worker* found = &w;
    std::uint32_t least = load_of(w) + w.kept_count;
    for (std::uint32_t i = 1; i < worker_count_; ++i) {
        Worker& other = worker((w.ordinal + i) % worker_count_);
        const std::uint32_t load = load_of(other);
        if (load >= least) continue;
        least = load;
        found = &other;
    }
    return *found;
}

// The counter orders what was put out before the look at who sleeps (see rest.cpp).
void Runtime::call_idle_worker() {
    if (ZIO_MUTANT(41, idle_count_.load(), idle_count_.fetch_add(0, std::memory_order_acq_rel)) ==
        0) {
        return;
    }
    if (searching_count_.load(std::memory_order_acquire) != 0) return;
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        Worker& w = worker(i);
        Idle expected = Idle::asleep;
        if (w.idle.load(std::memory_order_relaxed) != Idle::asleep ||
            !ZIO_MUTANT(44, check::compare_exchange_in_two_steps(w.idle, expected, Idle::called),
                        w.idle.compare_exchange_strong(expected, Idle::called,
                                                       std::memory_order_acq_rel))) {
            continue;
        }
        count_idle(-1);
        w.call_mail.deliver = [](Worker& called, Mail&) {
            called.idle.store(Idle::no, std::memory_order_release);
        };
        post(w.index, w.call_mail.node, mail_tag);
        return;
    }
}

}  // namespace zio::runtime
