// SPDX-License-Identifier: MIT
// The three classes of ready tasks. The normal one has the queue that everybody uses; the others
// stand beside it, so that they cost a task without a class one look at most:
//
//   urgent      before all others, in the order they became ready; but after `most_urgent` of them
//               in a row one of the others runs, so that none waits for ever.
//   background  not before the loop has turned; then the longest waiting one stands in line like
//               any other of its kind. As a turn comes after a bounded number of suspensions, none starves.
//
// A fresh task of a class lies in its queue, too, and not among the fresh ones. It starts on the
// worker that its spawner chose for it.
//
// A migratable task of the normal class lies among the fresh ones, started or not: any worker of
// the runtime may take it from there.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

namespace {

constexpr std::uint8_t urgent = 1;
// That stand in line at once when nobody else is ready.
constexpr unsigned most_admitted = 4;

Task* pop(Task*& first, Task**& end) {
    Task* task = first;
    first = task->next;
    if (first == nullptr) end = &first;
    return task;
}

}  // namespace

void push_by_class(Worker* w, Task* task, bool may_move) {
    const auto of_class = static_cast<std::uint8_t>(task->priority & class_mask);
    if (of_class == 0) return may_move ? push_fresh(w, task) : append_ready(w, task);
    Task**& end = of_class == urgent ? w->urgent_end : w->background_end;
    task->next = nullptr;
    *end = task;
    end = &task->next;
}

Task* pick_urgent(Worker* w) {
    const bool others_wait = w->ready_first != nullptr || w->oldest != nullptr;
    if (others_wait && w->urgent_in_a_row >= Worker::most_urgent) {
        w->urgent_in_a_row = 0;
        return pick_normal(w);
    }
    ++w->urgent_in_a_row;
    return pop(w->urgent_first, w->urgent_end);
}

void admit_background(Worker* w) {
    const bool others_wait =
        w->ready_first != nullptr || w->oldest != nullptr || w->urgent_first != nullptr;
    unsigned most = others_wait ? 1 : most_admitted;
    while (most-- > 0 && w->background_first != nullptr) {
        Task* task = pop(w->background_first, w->background_end);
        task->state == TaskState::fresh ? push_fresh(w, task) : append_ready(w, task);
    }
}

}  // namespace zio::runtime
