// SPDX-License-Identifier: MIT
// The life of a task on its stack: its function, its end, and what runs next on the same stack.
#include "core/base/mutant.hpp"
#include "core/runtime/detour.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/group.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/local.hpp"
#include "core/runtime/scope.hpp"
#include "core/runtime/switch.hpp"

namespace zio::runtime {

namespace {

constexpr std::uint16_t long_end =
    bit::large_end | bit::hooked | bit::scoped | bit::keeps_fp | bit::prioritized;

// A new stack's first steps for the tasks that have more to do than to begin.
ZIO_NOINLINE void begin_slowly(Worker* w, Task* me) {
    if (me->has(bit::marked)) {
        context::sanitizer::after_switch(mark_of(me));
        forget_ended_mark(w);
    }
    if (me->has(bit::hooked) && w->hooks.on_start != nullptr) {
        const NoSuspend region(w, *me);
        w->hooks.on_start(as_pointer(handle_of(*me)), w->hooks.data);
    }
}

// After its function: the destructors of its locals, then its data, then the exit hook.
ZIO_NOINLINE void end_slowly(Worker* w, Task* me, FreeFunction free_data, void* data) {
    {
        const NoSuspend region(w, *me);
        if (me->has(bit::scoped)) drop_scopes(head_of(*me));
        if (me->has(bit::large_end)) end_locals(*me);
        if (free_data != nullptr) free_data(data);
        if (me->has(bit::hooked) && w->hooks.on_exit != nullptr) {
            w->hooks.on_exit(as_pointer(handle_of(*me)), w->hooks.data);
        }
    }
    if (me->has(bit::keeps_fp)) context::load_fp_control(w->fp_control);
}

// Whoever learns of the end elsewhere may rely on it: the task does not count as live any more.
ZIO_NOINLINE void tell_elsewhere(Task* me, std::int32_t result) {
    answer_requests(*me, result);
    if (extra_of(*me).group != nullptr) leave_group(*me, result);
}

// Out of a stack that some tool watches. Its mark dies with whoever runs next. Inlined: a function
// of its own would be entered on this stack and left on the next one's.
ZIO_INLINE void leave_mark(Worker* w, char* stack, Task* next) {
    context::FiberMark& mark = reinterpret_cast<Head*>(context::head_of_stack(stack))->mark;
    w->ended_mark = mark;
    context::sanitizer::before_switch(mark, mark_of(next), true);
}

// A stack of another worker's: it goes back when nobody stands on it any more.
ZIO_NOINLINE void return_later(Worker* w, char* stack, std::uint16_t home) {
    StackReturn& back = reinterpret_cast<Head*>(context::head_of_stack(stack))->stack_return;
    back.stack = stack;
    back.home = home;
    back.next = w->stacks_to_return;
    w->stacks_to_return = &back;
}

// Who runs when a task has ended. The only joiner goes on directly while the slice lasts.
ZIO_INLINE Task* after_end(Worker* w, Task* me, std::int32_t result) {
    Task* next = me->joiners;
    if (ZIO_LIKELY(next != nullptr)) {
        if (ZIO_LIKELY(next->wait.next == nullptr && w->left > 1)) {
            next->verdict = 0;
            next->wait.value = result;
            next->state = TaskState::ready;
            os::probe::wake(next, 0);
            me->joiners = nullptr;
        } else {
            wake_joiners(w, *me, result);
            next = nullptr;
        }
    }
    return next;
}

}  // namespace

extern "C" void zio_hidden_task_main(void* worker, void* task) {
    auto* w = static_cast<Worker*>(worker);
    auto* me = static_cast<Task*>(task);
    for (;;) {
        begin_head(me);
        if (ZIO_UNLIKELY(me->has(bit::slow_switch))) begin_slowly(w, me);
        const FreeFunction free_data = me->start.free_data;
        void* const data = me->start.data;
        const std::int32_t result = me->start.entry(data);
        if (ZIO_UNLIKELY(free_data != nullptr || me->has(long_end))) {
            if (me->has(bit::prioritized)) w = worker_of_this_thread();  // it may have moved
            end_slowly(w, me, free_data, data);
        }
        char* const stack = me->stack;
        w->ended_count.publish(w->ended_count + 1);
        context::StackClass* from = nullptr;
        std::uint16_t stack_home = 0;
        if (ZIO_UNLIKELY(me->extra != 0)) {
            from = extra_of(*me).stack_class;
            stack_home = extra_of(*me).stack_home;
            if (ZIO_LIKELY(!w->is_inherited)) tell_elsewhere(me, result);
        }
        const bool marked = me->has(bit::marked);
        ZIO_UNLESS_MUTANT(29) me->verdict = result;
        me->state.publish(TaskState::done);
        ZIO_IF_MUTANT(29, check::let_others_go_on(), me->verdict = result;)
        Task* next = after_end(w, me, result);
        w->switch_count = w->switch_count + 1;
        if (me->references <= 0) {
            if (me->references == 0) {
                release_task(w, me, me->generation());
            } else {
                try_free(w, me);
            }
        }
        if (ZIO_UNLIKELY(--w->left <= 0)) {
            if (next != nullptr && next != &w->native) push_ready(w, next);
            next = &w->native;
        } else if (next == nullptr) {
            next = pick(w);
        }
        if (next->state == TaskState::fresh) {
            if (ZIO_LIKELY(from == nullptr && next->extra == 0 && !marked && stack_home == 0)) {
                next->stack = stack;  // it takes over this stack: no switch at all
                next->state.publish(TaskState::ready);
                *w->errno_at = 0;
                w->current = me = next;
                os::probe::run(me);
                continue;
            }
            push_fresh(w, next);
            next = &w->native;
        }
        if (ZIO_UNLIKELY(from != nullptr)) {
            w->stacks.give_sized(stack, from);
        } else if (ZIO_UNLIKELY(stack_home != 0)) {
            return_later(w, stack, stack_home);
        } else {
            w->stacks.give(stack);
        }
        *w->errno_at = next->saved_errno;
        w->current = next;
        os::probe::run(next);
        if (ZIO_UNLIKELY(marked)) leave_mark(w, stack, next);
        context::leave_to(next->context, w, next);
    }
}

}  // namespace zio::runtime
