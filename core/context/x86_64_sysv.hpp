// SPDX-License-Identifier: MIT
#pragma once
// The switch for x86-64 with the System V ABI. Included by context.hpp only.
//
// Why these clobbers suffice. The only code that can have live values across the switch is the
// function it is inlined into, and that one is compiled here: so the list has to name exactly the
// registers that the flags of *this* build let the compiler use. No vector or mask register is
// callee-saved in this ABI: a user's function, with whatever -mavx512* it was built, has spilled
// them around its call into the library. xmmN names the whole register (ymm, zmm); naming only
// zmmN instead would mean nothing to a compiler that builds without AVX-512. xmm16-31 and the mask
// registers exist only with AVX-512, and are named only then. rbp cannot be clobbered where it is
// the frame pointer, so it is kept by hand. The red zone below a suspended stack pointer stays
// intact: nothing is pushed, and signals arrive on the stack that runs.
//
// The call frame information: before the stack pointer changes, the rules of the enclosing
// function hold. From then until the jump, rdx points to the target's context, so the frame is
// described as one that was called by the target: CFA, return address and rbp are the three words
// there; a stack that is about to start holds the return address where rcx points. The `nop` behind
// the jump belongs to the old rules again: an unwinder that looks up a caller searches at its
// return address minus one.
#include <cstddef>

#if defined(__AVX512F__) || defined(__AVX10_1__)
#define ZIO_CLOBBERED_WITH_AVX512                                                                 \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", \
        "k6", "k7"
#else
#define ZIO_CLOBBERED_WITH_AVX512
#endif
#if defined(__APX_F__)
#define ZIO_CLOBBERED_WITH_APX                                                                   \
    , "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25", "r26", "r27", "r28", \
        "r29", "r30", "r31"
#else
#define ZIO_CLOBBERED_WITH_APX
#endif
#define ZIO_CLOBBERED                                                                            \
    "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", \
        "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",      \
        "xmm14", "xmm15", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", \
        "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc",                              \
        "memory" ZIO_CLOBBERED_WITH_AVX512 ZIO_CLOBBERED_WITH_APX

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define ZIO_FRAME_WITHOUT                                            \
    ".cfi_undefined rbx\n .cfi_undefined r12\n .cfi_undefined r13\n" \
    ".cfi_undefined r14\n .cfi_undefined r15\n"
// CFA = *(rdx + 0), rbp at rdx + 8, return address at rdx + 16 (DWARF: rdx 1, rbp 6, rip 16).
#define ZIO_FRAME_OF_TARGET                                  \
    ".cfi_remember_state\n .cfi_escape 0x0f,3,0x71,0,0x06\n" \
    ".cfi_escape 0x10,6,2,0x71,8\n .cfi_escape 0x10,16,2,0x71,16\n" ZIO_FRAME_WITHOUT
#define ZIO_FRAME_OF_NEW                          \
    ".cfi_remember_state\n .cfi_def_cfa rcx, 8\n" \
    ".cfi_offset rip, -8\n .cfi_undefined rbp\n" ZIO_FRAME_WITHOUT
#define ZIO_FRAME_AS_BEFORE ".cfi_restore_state\n"
#else
#define ZIO_FRAME_WITHOUT
#define ZIO_FRAME_OF_TARGET
#define ZIO_FRAME_OF_NEW
#define ZIO_FRAME_AS_BEFORE
#endif

// Where an indirect jump may land when indirect branch tracking is on.
#if defined(__CET__) && (__CET__ & 1)
#define ZIO_LANDING_PAD "endbr64\n"
#else
#define ZIO_LANDING_PAD
#endif

#define ZIO_SAVE_FROM                               \
    "leaq 0f(%%rip), %%r8\n movq %%rsp, 0(%%rax)\n" \
    "movq %%rbp, 8(%%rax)\n movq %%r8, 16(%%rax)\n"
#define ZIO_RESUME_TO "movq 0(%%rdx), %%rsp\n movq 8(%%rdx), %%rbp\n jmpq *16(%%rdx)\n"
// Alignment: the resumer's jump lands at the start of a fetch window.
#define ZIO_RESUME_HERE "nop\n .p2align 4\n0:\n" ZIO_LANDING_PAD

namespace zio::context {

static_assert(offsetof(Context, sp) == 0 && offsetof(Context, bp) == 8 &&
              offsetof(Context, pc) == 16);

ZIO_SWITCH Resumed switch_to(Context& from, const Context& to, void* worker, void* task) {
    register void* rdi asm("rdi") = worker;
    register void* rsi asm("rsi") = task;
    register const Context* rdx asm("rdx") = &to;
    register Context* rax asm("rax") = &from;
    asm volatile(ZIO_SAVE_FROM ZIO_FRAME_OF_TARGET ZIO_RESUME_TO ZIO_FRAME_AS_BEFORE ZIO_RESUME_HERE
                 : "+r"(rdi), "+r"(rsi), "+r"(rdx), "+r"(rax)
                 :
                 : "rcx", ZIO_CLOBBERED);
    return {rdi, rsi};
}

// A direct jump, and nothing is read from a context: starting costs less than resuming.
ZIO_SWITCH Resumed enter_new(Context& from, char* stack_pointer, void* worker, void* task) {
    *reinterpret_cast<const char**>(stack_pointer) = zio_hidden_stack_end;
    register void* rdi asm("rdi") = worker;
    register void* rsi asm("rsi") = task;
    register char* rcx asm("rcx") = stack_pointer;
    register Context* rax asm("rax") = &from;
    asm volatile(ZIO_SAVE_FROM ZIO_FRAME_OF_NEW
                 "movq %%rcx, %%rsp\n xorl %%ebp, %%ebp\n jmp zio_hidden_task_main\n"  //
                 ZIO_FRAME_AS_BEFORE ZIO_RESUME_HERE
                 : "+r"(rdi), "+r"(rsi), "+r"(rcx), "+r"(rax)
                 :
                 : "rdx", ZIO_CLOBBERED);
    return {rdi, rsi};
}

[[noreturn]] ZIO_SWITCH void leave_to(const Context& to, void* worker, void* task) {
    register void* rdi asm("rdi") = worker;
    register void* rsi asm("rsi") = task;
    register const Context* rdx asm("rdx") = &to;
    asm volatile(ZIO_FRAME_OF_TARGET ZIO_RESUME_TO ZIO_FRAME_AS_BEFORE
                 :
                 : "r"(rdi), "r"(rsi), "r"(rdx)
                 : "memory");
    __builtin_unreachable();
}

}  // namespace zio::context

#undef ZIO_CLOBBERED_WITH_AVX512
#undef ZIO_CLOBBERED_WITH_APX
#undef ZIO_CLOBBERED
#undef ZIO_FRAME_OF_TARGET
#undef ZIO_FRAME_OF_NEW
#undef ZIO_FRAME_WITHOUT
#undef ZIO_FRAME_AS_BEFORE
#undef ZIO_LANDING_PAD
#undef ZIO_SAVE_FROM
#undef ZIO_RESUME_TO
#undef ZIO_RESUME_HERE
