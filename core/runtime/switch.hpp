// SPDX-License-Identifier: MIT
#pragma once
// From one task to the next, inlined once into each function that blocks, so that a single frame
// lies under the user's. What travels along: errno always; exception globals, floating-point
// control words, hooks and sanitizers by a detour that only tasks which have them take.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

// What the resumer handed over in registers. After a switch use only these two.
struct Resumed {
    Worker* worker;
    Task* me;
};

ZIO_INLINE Resumed resumed(context::Resumed handed) {
    return {static_cast<Worker*>(handed.worker), static_cast<Task*>(handed.task)};
}

// The same as switch_to, with everything that few tasks need. Hooks of `me` run on its own stack.
Resumed switch_slowly(Worker* w, Task* me, Task* next);
// Stacks of other sizes.
char* take_sized_stack(Worker* w, Task* task);

// A task gets its stack when it first runs.
ZIO_INLINE char* begin_stack(Worker* w, Task* task) {
    char* stack = ZIO_UNLIKELY(task->extra != 0) ? take_sized_stack(w, task) : w->stacks.take();
    task->stack = stack;
    return stack;
}
// What a reused head still says about the task before.
ZIO_INLINE void begin_head(Task* task) {
    Head& head = head_of(*task);
    head.locals = nullptr;
    head.error_detail = nullptr;
    head.origin = origin_of_unstarted(*task);
    head.os_error = 0;
    head.no_suspends = 0;
    head.pins = 0;
}

ZIO_INLINE bool needs_detour(const Worker* w, const Task* me) {
    return (static_cast<std::uintptr_t>(me->bits & bit::slow_switch) |
            reinterpret_cast<std::uintptr_t>(w->exceptions->caught) | w->exceptions->uncaught) != 0;
}

ZIO_INLINE Resumed switch_to_fresh(Worker* w, Task* me, Task* next) {
    if (ZIO_UNLIKELY(needs_detour(w, me))) return switch_slowly(w, me, next);
    w->switch_count = w->switch_count + 1;
    me->saved_errno = *w->errno_at;
    *w->errno_at = 0;
    w->current = next;
    os::probe::run(next);
    char* stack = begin_stack(w, next);
    next->state.publish(TaskState::ready);
    return resumed(context::enter_new(me->context, stack, w, next));
}
// Of a task that needs no detour.
ZIO_INLINE Resumed switch_at_once(Worker* w, Task* me, Task* next) {
    w->switch_count = w->switch_count + 1;
    me->saved_errno = *w->errno_at;
    *w->errno_at = next->saved_errno;
    w->current = next;
    os::probe::run(next);
    return resumed(context::switch_to(me->context, next->context, w, next));
}
ZIO_INLINE Resumed switch_to_ready(Worker* w, Task* me, Task* next) {
    if (ZIO_UNLIKELY(needs_detour(w, me))) return switch_slowly(w, me, next);
    return switch_at_once(w, me, next);
}
ZIO_INLINE Resumed switch_to(Worker* w, Task* me, Task* next) {
    return ZIO_UNLIKELY(next->state == TaskState::fresh) ? switch_to_fresh(w, me, next)
                                                         : switch_to_ready(w, me, next);
}

}  // namespace zio::runtime
