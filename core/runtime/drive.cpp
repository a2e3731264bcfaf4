// SPDX-License-Identifier: MIT
// Who drives a runtime's tasks: the thread inside run or shutdown.
#include "core/runtime/join.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/spawn.hpp"

namespace zio::runtime {

namespace {

const void* this_thread() {
    static ZIO_THREAD_LOCAL char mark;
    return &mark;
}

}  // namespace

// The calling thread becomes worker 0's. A started task may have cached the address of the old
// thread's errno or thread-locals, so another thread must wait until all of them have ended.
std::int32_t Runtime::begin_driving() {
    if (current_worker != nullptr) {
        return current_worker->runtime == this ? error::deadlock : error::busy;
    }
    const void* nobody = nullptr;
    if (!driver_.compare_exchange_strong(nobody, this_thread(), std::memory_order_acq_rel)) {
        return error::busy;
    }
    Worker& w = *workers_[0];
    const context::StackStatistics stacks = w.stacks.statistics();
    const bool bound =
        last_driver_ != nullptr && last_driver_ != this_thread() && stacks.mapped > stacks.cached;
    std::int32_t status = bound ? error::busy : 0;
    if (status == 0 && reports_overflow_) status = w.overflow_stack.install();
    if (status == 0) status = hire(1);
    if (status != 0) {
        w.overflow_stack.remove();
        give_up_driving();
        return status;
    }
    last_driver_ = this_thread();
    take_seat(w);
    let_run();
    return 0;
}

void Runtime::end_driving() {
    Worker& w = *workers_[0];
    if (w.is_inherited) return;  // the task forked, and its child came back here
    let_stand();
    leave_seat(w);
    // What was said on the native stack concerns the thread that drove it.
    if (w.native_head.error_detail != nullptr) {
        set_error_detail(w.native_head.error_detail);
        w.native_head.error_detail = nullptr;
    }
    give_up_driving();
}

// Who waits for the present driver, or for the right to drive, looks again.
void Runtime::give_up_driving() {
    driver_.store(nullptr, std::memory_order_release);
    wake_waiters();
}

void Runtime::wake_waiters() {
    object_word::take_lock(word);
    Task* chain = waiters_.take_all();
    object_word::release_lock(word);
    wake_all(chain, 0);
}

std::int32_t Runtime::run_main(TaskFunction entry, void* data) {
    Worker& w = *workers_[0];
    HandleBits main = 0;
    if (const std::int32_t status =
            spawn(0, &main, entry, data, reinterpret_cast<const void*>(entry)))
        return status;
    Task& task = *task_at(main);
    link_joiner(task, w.native);
    w.native.state = TaskState::joining;
    std::int32_t result = 0;
    if (w.run_until_ready(w.native)) {
        result = static_cast<std::int32_t>(w.native.wait.value);
    } else {
        leave_joiners(w.native);
        w.native.state = TaskState::ready;
        result = w.is_inherited ? error::forked : error::deadlock;
        if (result == error::deadlock) set_error_detail(describe_deadlock());
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
