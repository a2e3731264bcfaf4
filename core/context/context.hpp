// SPDX-License-Identifier: MIT
#pragma once
// Changing stacks and nothing else: no scheduler, no I/O. Two parties hand the processor to each
// other; whoever goes away keeps only where it goes on, everything else is left to the compiler.
//
// Contract of the three functions below, which a new ABI must keep:
//   - They are inlined into the function that blocks, and end in a jump, never in a call or a
//     return: the return addresses the processor predicts stay paired with the calls that were
//     made, and only one frame lies under the caller's.
//   - They keep the stack pointer, the frame pointer and the resume address. Every other register
//     is declared lost, so the compiler saves what is alive and nothing more.
//   - `worker` and `task` travel in registers: whoever goes on gets them from its resumer and must
//     not trust an older copy.
//   - At every instruction an unwinder sees either the stack that is left or the one that is
//     entered, whole; both end at zio_hidden_stack_end, with a frame pointer of zero.
//   - errno, the C++ exception globals and the floating-point control words are not carried:
//     exception_globals.hpp and fp_control.hpp have what the scheduler needs for that.
#include "core/base/attributes.hpp"

// Every new stack starts here, on the stack pointer it was given; defined by core/runtime.
extern "C" [[noreturn]] __attribute__((visibility("hidden"))) void zio_hidden_task_main(
    void* worker, void* task);
// The return address that zio_hidden_task_main finds: unwinders stop there.
extern "C" __attribute__((visibility("hidden"))) const char zio_hidden_stack_end[];

namespace zio::context {

// Where a suspended party goes on. Filled when it leaves; never read while it runs.
struct Context {
    void* sp;
    void* bp;
    void* pc;
};
static_assert(sizeof(Context) == 3 * sizeof(void*));

// What the resumer handed over.
struct Resumed {
    void* worker;
    void* task;
};

}  // namespace zio::context

// AddressSanitizer realigns the frames it instruments and keeps a base pointer in a register that
// the switch loses. In such a build the switch gets a frame of its own, without instrumentation.
#if defined(__SANITIZE_ADDRESS__)
#define ZIO_SWITCH_IN_OWN_FRAME 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ZIO_SWITCH_IN_OWN_FRAME 1
#endif
#endif
#ifdef ZIO_SWITCH_IN_OWN_FRAME
#define ZIO_SWITCH inline __attribute__((noinline, no_sanitize("address")))
#else
#define ZIO_SWITCH ZIO_INLINE
#endif

// One file per ABI, each with:
//   Resumed switch_to(Context& from, const Context& to, void* worker, void* task)
//     suspends the caller in `from` and resumes `to`; returns when somebody resumes `from`.
//   Resumed enter_new(Context& from, char* stack_pointer, void* worker, void* task)
//     the same, but starts zio_hidden_task_main(worker, task) on a stack of the stack pool.
//   [[noreturn]] void leave_to(const Context& to, void* worker, void* task)
//     resumes `to` from a stack that has ended.
#if defined(ZIO_CONTEXT_UCONTEXT)
#include "core/context/portable.hpp"
#elif defined(__x86_64__) && !defined(_WIN32) && defined(__LP64__)
#include "core/context/x86_64_sysv.hpp"
#elif defined(__aarch64__) && defined(__ELF__)
#include "core/context/aarch64.hpp"
#else
#error "no context switch for this ABI: configure with ZIO_CONTEXT=ucontext"
#endif
