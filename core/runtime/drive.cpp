// SPDX-License-Identifier: MIT
// Who drives a runtime's tasks: the thread inside run or shutdown, and how others ask it.
#include "core/context/overflow.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/spawn.hpp"

namespace zio::runtime {

namespace {

const void* this_thread() {
    static ZIO_THREAD_LOCAL char mark;
    return &mark;
}

}  // namespace

// The calling thread becomes the worker's. A started task may have cached the address of the old
// thread's errno or thread-locals, so another thread must wait until all of them have ended.
std::int32_t Runtime::begin_driving() {
    if (current_worker != nullptr) {
        return current_worker == worker_ ? error::deadlock : error::busy;
    }
    const void* nobody = nullptr;
    if (!driver_.compare_exchange_strong(nobody, this_thread(), std::memory_order_acq_rel)) {
        return error::busy;
    }
    Worker& w = *worker_;
    const context::StackStatistics stacks = w.stacks.statistics();
    if (last_driver_ != nullptr && last_driver_ != this_thread() && stacks.mapped > stacks.cached) {
        driver_.store(nullptr, std::memory_order_release);
        return error::busy;
    }
    if (reports_overflow_) {
        if (const std::int32_t status = overflow_stack_.install()) {
            driver_.store(nullptr, std::memory_order_release);
            return status;
        }
    }
    last_driver_ = this_thread();
    w.errno_at = os::errno_address();
    w.exceptions = context::exception_globals();
    w.fp_control = context::save_fp_control();
    if (w.native.has(bit::marked)) context::sanitizer::adopt(w.native_head.mark);
    current_worker = worker_;
    if (w.worker_hooks.on_start != nullptr) w.worker_hooks.on_start(0, w.worker_hooks.data);
    return 0;
}

void Runtime::end_driving() {
    const WorkerHooks& hooks = worker_->worker_hooks;
    if (hooks.on_stop != nullptr) hooks.on_stop(0, hooks.data);
    if (reports_overflow_) overflow_stack_.remove();
    current_worker = nullptr;
    // What was said on the native stack concerns the thread that drove it.
    if (worker_->native_head.error_detail != nullptr) {
        set_error_detail(worker_->native_head.error_detail);
        worker_->native_head.error_detail = nullptr;
    }
    driver_.store(nullptr, std::memory_order_release);
    wake_waiters();
}

void Runtime::wake_waiters() {
    object_word::take_lock(word);
    Task* chain = waiters_.take_all();
    object_word::release_lock(word);
    wake_all(chain, 0);
}

// The mail lies in this frame, so nothing ends the wait before it was delivered.
std::int32_t Runtime::ask(void (*question)(Runtime&, void* data), void* data) {
    if (current_worker == worker_) {
        question(*this, data);
        return 0;
    }
    struct Question : Mail {
        Runtime* runtime;
        void (*run)(Runtime&, void*);
        void* data;
        std::atomic<bool> answered;
    };
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    Question mail{};
    mail.runtime = this;
    mail.run = question;
    mail.data = data;
    mail.deliver = [](Worker&, Mail& delivered) {
        auto& self = static_cast<Question&>(delivered);
        Runtime& runtime = *self.runtime;
        self.run(runtime, self.data);
        self.answered.store(true, std::memory_order_release);  // the last touch of the mail
        runtime.wake_waiters();
    };
    bool wake_owed = false;
    if (post(worker_->index, mail.node, mail_tag, &wake_owed) && wake_owed) {
        wake_worker(worker_->index);
    }
    const HoldBack held(*me);
    while (!mail.answered.load(std::memory_order_acquire)) {
        const void* nobody = nullptr;
        if (driver_.compare_exchange_strong(nobody, worker_, std::memory_order_acq_rel)) {
            worker_->drain_mail();  // nobody drives, and no task runs for this
            driver_.store(nullptr, std::memory_order_release);
            wake_waiters();
            continue;
        }
        object_word::take_lock(word);
        const bool wait = is_driven() && !mail.answered.load(std::memory_order_acquire);
        if (wait) {
            me->state = TaskState::listed;
            waiters_.append(*me);
        }
        object_word::release_lock(word);
        if (wait) park(w, me, TaskState::listed, never);
    }
    return 0;
}

std::int32_t Runtime::run_main(TaskFunction entry, void* data) {
    Worker& w = *worker_;
    HandleBits main = 0;
    if (const std::int32_t status = spawn(0, &main, entry, data)) return status;
    Task& task = *task_at(main);
    link_joiner(task, w.native);
    w.native.state = TaskState::joining;
    std::int32_t result = 0;
    if (w.run_until_ready(w.native)) {
        result = static_cast<std::int32_t>(w.native.wait.value);
    } else {
        leave_joiners(w.native);
        w.native.state = TaskState::ready;
        set_error_detail(describe_deadlock());
        result = error::deadlock;
    }
    unreference_slowly(main);
    return result;
}

std::int32_t Runtime::run(HandleBits handle, TaskFunction entry, void* data) {
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    std::int32_t status = entry == nullptr ? error::invalid_argument : runtime->begin_driving();
    if (status == 0) {
        status = (runtime->admission_.load(std::memory_order_acquire) & stopping) != 0
                     ? error::stopping
                     : runtime->run_main(entry, data);
        runtime->end_driving();
    }
    runtime->unpin();
    return status;
}

}  // namespace zio::runtime
