// SPDX-License-Identifier: MIT
#include "core/context/context.hpp"

#if defined(ZIO_CONTEXT_UCONTEXT)

namespace zio::context {
namespace {
ZIO_THREAD_LOCAL Resumed handed;

// makecontext passes no pointers; everything is where the others find it too.
void start_task() {
    const Resumed mine = take_over();
    zio_hidden_task_main(mine.worker, mine.task);
}

// glibc copies the caller's registers into a new context; the chain of frame pointers must end.
void end_frame_pointers([[maybe_unused]] ucontext_t& start) {
#if defined(__x86_64__) && defined(__GLIBC__)
    constexpr int rbp = 10;  // REG_RBP, which only a GNU dialect names
    start.uc_mcontext.gregs[rbp] = 0;
#elif defined(__aarch64__) && defined(__linux__)
    start.uc_mcontext.regs[29] = 0;
#endif
}
}  // namespace

__attribute__((noinline)) void hand_over(Resumed next) noexcept {
    handed = next;
    asm volatile("" ::: "memory");
}

__attribute__((noinline)) Resumed take_over() noexcept {
    Resumed* mine = &handed;
    asm volatile("" : "+r"(mine)::"memory");
    return *mine;
}

void prepare_start(ucontext_t& start, char* stack_pointer) noexcept {
    getcontext(&start);
    // Only the upper end is used; the size has to be believable.
    constexpr unsigned long believable = 16 * 1024;
    start.uc_stack.ss_sp = stack_pointer + sizeof(void*) - believable;
    start.uc_stack.ss_size = believable;
    start.uc_link = nullptr;
    makecontext(&start, start_task, 0);
    end_frame_pointers(start);
}

}  // namespace zio::context

#endif
