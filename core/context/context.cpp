// SPDX-License-Identifier: MIT
// The end of every task's stack: a return address whose frame information says that nobody called.
// It is one byte into the function, because unwinders look callers up at the address before.
#include "core/context/context.hpp"

#if defined(__x86_64__)
#define ZIO_RETURN_ADDRESS "rip"
#define ZIO_TRAP "ud2"
#elif defined(__aarch64__)
#define ZIO_RETURN_ADDRESS "x30"
#define ZIO_TRAP "brk #0"
#endif

#ifdef ZIO_RETURN_ADDRESS
asm(R"(
    .text
    .p2align 4
    .type zio_hidden_stack_base, %function
zio_hidden_stack_base:
    .cfi_startproc
    .cfi_undefined )" ZIO_RETURN_ADDRESS R"(
    nop
    .hidden zio_hidden_stack_end
    .globl zio_hidden_stack_end
zio_hidden_stack_end:
    )" ZIO_TRAP R"(
    .cfi_endproc
    .size zio_hidden_stack_base, . - zio_hidden_stack_base
)");
#endif
