// SPDX-License-Identifier: MIT
#include "core/runtime/detour.hpp"

#include "core/runtime/switch.hpp"

namespace zio::runtime {

std::int32_t begin_no_suspend() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return error::no_task;
    ++head_of(*w->current).no_suspends;
    w->current->bits |= bit::no_suspend;
    w->left = 0;
    return 0;
}

std::int32_t end_no_suspend() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return error::no_task;
    Head& head = head_of(*w->current);
    if ((head.no_suspends & ~NoSuspend::own) == 0) return error::invalid_argument;
    if (--head.no_suspends == 0) w->current->bits &= static_cast<std::uint16_t>(~bit::no_suspend);
    return 0;
}

std::int32_t begin_pin() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return error::no_task;
    ++head_of(*w->current).pins;
    w->current->bits |= bit::pinned;
    return 0;
}

std::int32_t end_pin() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return error::no_task;
    Head& head = head_of(*w->current);
    if (head.pins == 0) return error::invalid_argument;
    if (--head.pins == 0) w->current->bits &= static_cast<std::uint16_t>(~bit::pinned);
    return 0;
}

// The native stack is suspended inside a switch while a task runs. It is resumed for one errand,
// does it, and switches back; the task counts as running all the time.
std::int32_t run_on_native_stack(TaskFunction entry, void* data) {
    if (entry == nullptr) return error::invalid_argument;
    Worker* w = current_worker;
    if (w == nullptr || w->current == &w->native || w->errand.entry != nullptr) {
        return entry(data);  // already there
    }
    Task* me = w->current;
    const NoSuspend region(w, *me);
    w->errand = {entry, data, me, 0};
    switch_to_ready(w, me, &w->native);
    return w->errand.result;
}

void do_errand(Worker* w) {
    Task* task = w->errand.task;
    w->current = task;
    w->errand.result = w->errand.entry(w->errand.data);
    w->errand.entry = nullptr;
    w->errand.task = nullptr;
    w->current = &w->native;
    switch_to_ready(w, &w->native, task);
}

}  // namespace zio::runtime
