// SPDX-License-Identifier: MIT
// The three classes of ready tasks. The normal one has the queue that everybody uses; the others
// stand beside it, and only the native stack looks there, so that they cost a task without a class
// nothing:
//
//   urgent      when one becomes ready the present slice ends with the next suspension; then it
//               runs before all others. But after `most_urgent` of them in a row one of the others
//               does, so that none waits for ever.
//   background  not before the loop has turned; then the longest waiting one stands in line like
//               any other of its kind, one for so many suspensions. So none starves.
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
constexpr std::int32_t suspensions_between = Worker::slice;

Task* pop(Task*& first, Task**& end) {
    Task* task = first;
    first = task->next;
    if (first == nullptr) end = &first;
    return task;
}

void end_slice_soon(Worker* w) {
    w->note_suspensions();
    w->left = w->left_at_first = 1;
}

}  // namespace

void Worker::note_suspensions() {
    if (suspensions < suspensions_between) suspensions += left_at_first - left;
}

void push_by_class(Worker* w, Task* task, bool may_move) {
    const auto of_class = static_cast<std::uint8_t>(task->priority & class_mask);
    if (of_class == 0) return may_move ? push_fresh(w, task) : append_ready(w, task);
    Task**& end = of_class == urgent ? w->urgent_end : w->background_end;
    task->next = nullptr;
    *end = task;
    end = &task->next;
    if (of_class == urgent && w->left > 1) end_slice_soon(w);
}

Task* pick_by_class(Worker* w) {
    if (ZIO_LIKELY(w->urgent_first == nullptr)) return pick(w);
    const bool others_wait = w->ready_first != nullptr || w->oldest != nullptr;
    const bool others_turn = others_wait && w->urgent_in_a_row >= Worker::most_urgent;
    Task* task = nullptr;
    if (others_turn) {
        w->urgent_in_a_row = 0;
        if (!w->chooses) w->left = w->turns_of_others++ & 7;  // now a started one, now a fresh one
        task = pick(w);
    } else {
        ++w->urgent_in_a_row;
        task = pop(w->urgent_first, w->urgent_end);
    }
    w->left = w->left_at_first = 1;
    return task;
}

void admit_background(Worker* w) {
    const bool others_wait =
        w->ready_first != nullptr || w->oldest != nullptr || w->urgent_first != nullptr;
    if (others_wait && w->suspensions < suspensions_between) return;
    w->suspensions = 0;
    unsigned most = others_wait ? 1 : most_admitted;
    while (most-- > 0 && w->background_first != nullptr) {
        Task* task = pop(w->background_first, w->background_end);
        task->state == TaskState::fresh ? push_fresh(w, task) : append_ready(w, task);
    }
}

}  // namespace zio::runtime
