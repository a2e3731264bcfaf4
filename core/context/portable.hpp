// SPDX-License-Identifier: MIT
#pragma once
// The switch for every POSIX system, on ucontext: slower by two system calls for the signal mask,
// but it needs nothing to be known about the processor. The registers lie in the suspended party's
// own frame; what is handed over goes through thread-local storage. Included by context.hpp only.
#include <ucontext.h>

namespace zio::context {

// What the party that runs next on this thread gets. Out of line: a compiler may keep the address
// of a thread-local across the switch, and a migrated task would read another thread's.
void hand_over(Resumed next) noexcept;
Resumed take_over() noexcept;
// Makes `start` begin zio_hidden_task_main on `stack_pointer`; false when the system refuses.
void prepare_start(ucontext_t& start, char* stack_pointer) noexcept;

ZIO_SWITCH Resumed switch_to(Context& from, const Context& to, void* worker, void* task) {
    ucontext_t here;
    from.sp = &here;
    hand_over({worker, task});
    swapcontext(&here, static_cast<const ucontext_t*>(to.sp));
    return take_over();
}

ZIO_SWITCH Resumed enter_new(Context& from, char* stack_pointer, void* worker, void* task) {
    ucontext_t here;
    ucontext_t start;
    from.sp = &here;
    *reinterpret_cast<const char**>(stack_pointer) = zio_hidden_stack_end;
    prepare_start(start, stack_pointer);
    hand_over({worker, task});
    swapcontext(&here, &start);
    return take_over();
}

[[noreturn]] ZIO_SWITCH void leave_to(const Context& to, void* worker, void* task) {
    hand_over({worker, task});
    setcontext(static_cast<const ucontext_t*>(to.sp));
    __builtin_unreachable();
}

}  // namespace zio::context
