// SPDX-License-Identifier: MIT
#pragma once
// What few tasks need around a switch: sanitizer marks, hooks, and the regions in which nothing may
// suspend.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

context::FiberMark& mark_of(Task* task);
// The mark of a task that has left its stack for good is destroyed by whoever runs next.
void forget_ended_mark(Worker* w);

// While it lives every suspending call of the task is refused. `left` is kept used up meanwhile:
// that leads each suspension point to the slow way, and costs the fast one nothing.
class NoSuspend {
  public:
    // In `Head::no_suspends`, beside the count of the regions that the task itself began: those may
    // end in here without ending this one.
    static constexpr std::uint32_t own = 1U << 31;

    NoSuspend(Worker* w, Task& task) : worker_(w), task_(task), left_(w->left) {
        std::uint32_t& regions = head_of(task).no_suspends;
        entered_ = (regions & own) == 0;
        regions |= own;
        task.bits |= bit::no_suspend;
        w->left = 0;
    }
    ~NoSuspend() {
        if (!entered_) return;
        std::uint32_t& regions = head_of(task_).no_suspends;
        regions &= ~own;
        if (regions != 0) return;
        task_.bits &= static_cast<std::uint16_t>(~bit::no_suspend);
        worker_->left = left_;
    }
    NoSuspend(const NoSuspend&) = delete;
    NoSuspend& operator=(const NoSuspend&) = delete;

  private:
    Worker* worker_;
    Task& task_;
    std::int32_t left_;
    bool entered_;
};

std::int32_t begin_no_suspend() ZIO_NOTHROW;
std::int32_t end_no_suspend() ZIO_NOTHROW;
std::int32_t begin_pin() ZIO_NOTHROW;
std::int32_t end_pin() ZIO_NOTHROW;

// Runs `entry` on the worker's own stack, for code that inspects the stack. It must not suspend.
std::int32_t run_on_native_stack(TaskFunction entry, void* data) ZIO_NOTHROW;
// For the native stack: does what `worker->errand` asks and goes back to the task.
void do_errand(Worker* w);

}  // namespace zio::runtime
