// SPDX-License-Identifier: MIT
#include "core/runtime/switch.hpp"

#include "core/runtime/detour.hpp"

namespace zio::runtime {

context::FiberMark& mark_of(Task* task) {
    return head_of(*task).mark;
}

void forget_ended_mark(Worker* w) {
    if (w->ended_mark.low == nullptr) return;
    context::sanitizer::destroy(w->ended_mark);
    w->ended_mark = {};
}

char* take_sized_stack(Worker* w, Task* task) {
    Extra& extra = extra_of(*task);
    return extra.stack_class == nullptr ? w->stacks.take() : static_cast<char*>(task->stack);
}

namespace {

void before_leaving(Worker* w, Task* me) {
    if (me->has(bit::hooked) && w->hooks.on_suspend != nullptr) {
        const NoSuspend region(w, *me);
        w->hooks.on_suspend(as_pointer(handle_of(*me)), w->hooks.data);
    }
    if (w->exceptions->any()) {
        head_of(*me).exceptions = *w->exceptions;
        *w->exceptions = {};
        me->bits |= bit::exceptions;
    }
    if (me->has(bit::keeps_fp)) {
        head_of(*me).fp_control = context::save_fp_control();
        context::load_fp_control(w->fp_control);
    }
}

void after_returning(Worker* w, Task* me) {
    if (me->has(bit::marked)) {
        context::sanitizer::after_switch(mark_of(me));
        forget_ended_mark(w);
    }
    if (me->has(bit::exceptions)) {
        *w->exceptions = head_of(*me).exceptions;
        me->bits &= static_cast<std::uint16_t>(~bit::exceptions);
    }
    if (me->has(bit::keeps_fp)) context::load_fp_control(head_of(*me).fp_control);
    if (me->has(bit::hooked) && w->hooks.on_resume != nullptr) {
        const NoSuspend region(w, *me);
        w->hooks.on_resume(as_pointer(handle_of(*me)), w->hooks.data);
    }
}

}  // namespace

Resumed switch_slowly(Worker* w, Task* me, Task* next) {
    before_leaving(w, me);
    w->switch_count = w->switch_count + 1;
    me->saved_errno = *w->errno_at;
    Resumed back;
    if (next->state == TaskState::fresh) {
        char* stack = begin_stack(w, next);
        next->state.publish(TaskState::ready);
        if (me->has(bit::marked)) {
            context::FiberMark& mark = head_of(*next).mark;
            const context::StackBounds bounds = w->stacks.bounds(stack);
            context::sanitizer::create(mark, bounds.low, bounds.size);
            context::sanitizer::before_switch(mark_of(me), mark, false);
        }
        *w->errno_at = 0;
        w->current = next;
        os::probe::run(next);
        back = resumed(context::enter_new(me->context, stack, w, next));
    } else {
        if (me->has(bit::marked)) {
            context::sanitizer::before_switch(mark_of(me), mark_of(next), false);
        }
        *w->errno_at = next->saved_errno;
        w->current = next;
        os::probe::run(next);
        back = resumed(context::switch_to(me->context, next->context, w, next));
    }
    after_returning(back.worker, back.me);
    return back;
}

}  // namespace zio::runtime
