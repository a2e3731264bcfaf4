// SPDX-License-Identifier: MIT
#pragma once
// The switch for 64-bit ARM with the procedure call standard of ELF systems. Included by
// context.hpp only.
//
// The function this is inlined into is the only one with values across the switch, so the list
// names every register that the flags of this build let the compiler use: x18 is an ordinary
// temporary on Linux (Android keeps it for itself), d8-d15 are preserved by calls and therefore by
// the clobbers here, the scalable registers exist only with SVE. x29 is kept by hand because it
// cannot be clobbered where it is the frame pointer.
//
// The call frame information works as in x86_64_sysv.hpp: from the change of the stack pointer to
// the jump, x3 points to the target's context, and the frame is described as called by the target;
// a stack that is about to start holds the return address where x3 points. Return addresses are
// signed with the stack pointer they were pushed at, which is the same when they are used again, so
// pointer authentication needs nothing.
#include <cstddef>

#if defined(__ARM_FEATURE_SVE)
#define ZIO_CLOBBERED_WITH_SVE                                                                \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", \
        "p14", "p15", "ffr"
#else
#define ZIO_CLOBBERED_WITH_SVE
#endif
#if defined(__ANDROID__)
#define ZIO_CLOBBERED_PLATFORM
#else
#define ZIO_CLOBBERED_PLATFORM , "x18"
#endif
#define ZIO_CLOBBERED                                                                              \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",    \
        "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1",   \
        "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",  \
        "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", \
        "v29", "v30", "v31", "cc", "memory" ZIO_CLOBBERED_WITH_SVE ZIO_CLOBBERED_PLATFORM

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
// CFA = *(x3 + 0), x29 at x3 + 8, return address at x3 + 16; 72-79 are d8-d15.
#define ZIO_FRAME_WITHOUT                                            \
    ".cfi_undefined x19\n .cfi_undefined x20\n .cfi_undefined x21\n" \
    ".cfi_undefined x22\n .cfi_undefined x23\n .cfi_undefined x24\n" \
    ".cfi_undefined x25\n .cfi_undefined x26\n .cfi_undefined x27\n" \
    ".cfi_undefined x28\n .cfi_undefined 72\n .cfi_undefined 73\n"   \
    ".cfi_undefined 74\n .cfi_undefined 75\n .cfi_undefined 76\n"    \
    ".cfi_undefined 77\n .cfi_undefined 78\n .cfi_undefined 79\n"
#define ZIO_FRAME_OF_TARGET                                  \
    ".cfi_remember_state\n .cfi_escape 0x0f,3,0x73,0,0x06\n" \
    ".cfi_escape 0x10,29,2,0x73,8\n .cfi_escape 0x10,30,2,0x73,16\n" ZIO_FRAME_WITHOUT
#define ZIO_FRAME_OF_NEW                         \
    ".cfi_remember_state\n .cfi_def_cfa x3, 8\n" \
    ".cfi_offset x30, -8\n .cfi_undefined x29\n" ZIO_FRAME_WITHOUT
#define ZIO_FRAME_AS_BEFORE ".cfi_restore_state\n"
#else
#define ZIO_FRAME_WITHOUT
#define ZIO_FRAME_OF_TARGET
#define ZIO_FRAME_OF_NEW
#define ZIO_FRAME_AS_BEFORE
#endif

#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define ZIO_LANDING_PAD "hint #36\n"
#else
#define ZIO_LANDING_PAD
#endif

#define ZIO_SAVE_FROM "adr x4, 0f\n mov x5, sp\n stp x5, x29, [x2]\n str x4, [x2, #16]\n"
#define ZIO_RESUME_TO "ldp x5, x29, [x3]\n ldr x4, [x3, #16]\n mov sp, x5\n br x4\n"
#define ZIO_RESUME_HERE "nop\n .p2align 4\n0:\n" ZIO_LANDING_PAD

namespace zio::context {

static_assert(offsetof(Context, sp) == 0 && offsetof(Context, bp) == 8 &&
              offsetof(Context, pc) == 16);

ZIO_SWITCH Resumed switch_to(Context& from, const Context& to, void* worker, void* task) {
    register void* x0 asm("x0") = worker;
    register void* x1 asm("x1") = task;
    register Context* x2 asm("x2") = &from;
    register const Context* x3 asm("x3") = &to;
    asm volatile(ZIO_SAVE_FROM ZIO_FRAME_OF_TARGET ZIO_RESUME_TO ZIO_FRAME_AS_BEFORE ZIO_RESUME_HERE
                 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                 :
                 : ZIO_CLOBBERED);
    return {x0, x1};
}

// The stack pointer must be a multiple of 16 here, and the return address travels in x30: the stack
// starts above the word that other ABIs find it in, which is filled all the same, for debuggers.
ZIO_SWITCH Resumed enter_new(Context& from, char* stack_pointer, void* worker, void* task) {
    *reinterpret_cast<const char**>(stack_pointer) = zio_hidden_stack_end;
    register void* x0 asm("x0") = worker;
    register void* x1 asm("x1") = task;
    register Context* x2 asm("x2") = &from;
    register char* x3 asm("x3") = stack_pointer;
    asm volatile(ZIO_SAVE_FROM ZIO_FRAME_OF_NEW
                 "ldr x30, [x3]\n add sp, x3, #8\n mov x29, #0\n b zio_hidden_task_main\n"  //
                 ZIO_FRAME_AS_BEFORE ZIO_RESUME_HERE
                 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                 :
                 : ZIO_CLOBBERED);
    return {x0, x1};
}

[[noreturn]] ZIO_SWITCH void leave_to(const Context& to, void* worker, void* task) {
    register void* x0 asm("x0") = worker;
    register void* x1 asm("x1") = task;
    register const Context* x3 asm("x3") = &to;
    asm volatile(ZIO_FRAME_OF_TARGET ZIO_RESUME_TO ZIO_FRAME_AS_BEFORE
                 :
                 : "r"(x0), "r"(x1), "r"(x3)
                 : "x4", "x5", "memory");
    __builtin_unreachable();
}

}  // namespace zio::context

#undef ZIO_CLOBBERED_WITH_SVE
#undef ZIO_CLOBBERED_PLATFORM
#undef ZIO_CLOBBERED
#undef ZIO_FRAME_OF_TARGET
#undef ZIO_FRAME_OF_NEW
#undef ZIO_FRAME_WITHOUT
#undef ZIO_FRAME_AS_BEFORE
#undef ZIO_LANDING_PAD
#undef ZIO_SAVE_FROM
#undef ZIO_RESUME_TO
#undef ZIO_RESUME_HERE
