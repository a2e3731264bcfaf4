// SPDX-License-Identifier: MIT
// The unwinder of the compiler's runtime library begins at its caller. So it is called by a frame
// that describes itself as one called by the suspended party: its call frame information finds
// stack pointer, frame pointer and return address in the Context.
#include "core/context/backtrace.hpp"

#if !defined(ZIO_CONTEXT_UCONTEXT)
#include <unwind.h>

#include "core/base/attributes.hpp"

extern "C" {
__attribute__((visibility("hidden"))) void zio_hidden_call_as(const zio::context::Context* party,
                                                              void (*entry)(void* data),
                                                              void* data);
extern __attribute__((visibility("hidden"))) const char zio_hidden_called_as[];
}

// DWARF: 0x0f def_cfa_expression, 0x10 expression (register, length); 0x70 + n: the value of
// register n plus an offset; 0x06: what lies there. See ZIO_FRAME_OF_TARGET of this ABI.
#if defined(__x86_64__)
#if defined(__CET__) && (__CET__ & 1)
#define ZIO_LANDING_PAD "endbr64\n"
#else
#define ZIO_LANDING_PAD
#endif
asm(".text\n"
    ".hidden zio_hidden_call_as\n"
    ".hidden zio_hidden_called_as\n"
    ".globl zio_hidden_call_as\n"
    ".globl zio_hidden_called_as\n"
    ".type zio_hidden_call_as, @function\n"
    "zio_hidden_call_as:\n"
    ".cfi_startproc\n" ZIO_LANDING_PAD
    "pushq %rbx\n"
    ".cfi_adjust_cfa_offset 8\n"
    ".cfi_rel_offset rbx, 0\n"
    "movq %rdi, %rbx\n"
    "movq %rdx, %rdi\n"
    ".cfi_remember_state\n"
    ".cfi_escape 0x0f,3,0x73,0,0x06\n"
    ".cfi_escape 0x10,6,2,0x73,8\n"
    ".cfi_escape 0x10,16,2,0x73,16\n"
    ".cfi_undefined rbx\n"
    "callq *%rsi\n"
    "zio_hidden_called_as:\n"
    "nop\n"
    ".cfi_restore_state\n"
    "popq %rbx\n"
    ".cfi_adjust_cfa_offset -8\n"
    ".cfi_restore rbx\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size zio_hidden_call_as, .-zio_hidden_call_as\n");
#else
asm(".text\n"
    ".hidden zio_hidden_call_as\n"
    ".hidden zio_hidden_called_as\n"
    ".globl zio_hidden_call_as\n"
    ".globl zio_hidden_called_as\n"
    ".type zio_hidden_call_as, %function\n"
    "zio_hidden_call_as:\n"
    ".cfi_startproc\n"
    "hint #34\n"  // where an indirect call may land
    "stp x29, x30, [sp, #-32]!\n"
    ".cfi_adjust_cfa_offset 32\n"
    ".cfi_rel_offset x29, 0\n"
    ".cfi_rel_offset x30, 8\n"
    "str x19, [sp, #16]\n"
    ".cfi_rel_offset x19, 16\n"
    "mov x19, x0\n"
    "mov x0, x2\n"
    ".cfi_remember_state\n"
    ".cfi_escape 0x0f,3,0x83,0,0x06\n"
    ".cfi_escape 0x10,29,2,0x83,8\n"
    ".cfi_escape 0x10,30,2,0x83,16\n"
    ".cfi_undefined x19\n"
    "blr x1\n"
    "zio_hidden_called_as:\n"
    "nop\n"
    ".cfi_restore_state\n"
    "ldr x19, [sp, #16]\n"
    ".cfi_restore x19\n"
    "ldp x29, x30, [sp], #32\n"
    ".cfi_adjust_cfa_offset -32\n"
    ".cfi_restore x29\n"
    ".cfi_restore x30\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size zio_hidden_call_as, .-zio_hidden_call_as\n");
#endif

namespace zio::context {
namespace {

struct Walk {
    const void** frames;
    std::size_t capacity;
    std::size_t count;
    bool is_inside;  // past the frames of the walk itself
};

_Unwind_Reason_Code visit(_Unwind_Context* frame, void* data) {
    auto& walk = *static_cast<Walk*>(data);
    const auto* address = reinterpret_cast<const char*>(_Unwind_GetIP(frame));
    if (!walk.is_inside) {
        walk.is_inside = address == zio_hidden_called_as;
        return _URC_NO_REASON;
    }
    if (address == nullptr || address == zio_hidden_stack_end || walk.count == walk.capacity) {
        return _URC_END_OF_STACK;
    }
    walk.frames[walk.count++] = address;
    return _URC_NO_REASON;
}

}  // namespace

std::size_t backtrace(const Context& suspended, const void** frames, std::size_t capacity) {
    Walk walk{frames, capacity, 0, false};
    zio_hidden_call_as(
        &suspended, [](void* data) { _Unwind_Backtrace(&visit, data); }, &walk);
    return walk.count;
}

}  // namespace zio::context

#else

namespace zio::context {

std::size_t backtrace(const Context&, const void**, std::size_t) {
    return 0;
}

}  // namespace zio::context

#endif
