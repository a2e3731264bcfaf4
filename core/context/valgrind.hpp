// SPDX-License-Identifier: MIT
#pragma once
// Valgrind's client requests: a sequence of rotations that adds up to nothing, and an exchange of a
// register with itself. On a processor nothing happens; Valgrind's translator recognises it and
// replaces the default result by its answer. The words and numbers are a stable interface.
#include <cstdint>

namespace zio::context::valgrind {

inline constexpr std::uintptr_t running_on_valgrind = 0x1001;
inline constexpr std::uintptr_t stack_register = 0x1501;    // lowest and highest address; a number
inline constexpr std::uintptr_t stack_deregister = 0x1502;  // the number

inline std::uintptr_t request(std::uintptr_t what, std::uintptr_t first, std::uintptr_t second) {
    volatile std::uintptr_t words[6] = {what, first, second, 0, 0, 0};
    std::uintptr_t result = 0;
#if defined(__x86_64__)
    asm volatile(
        "rolq $3, %%rdi\n rolq $13, %%rdi\n rolq $61, %%rdi\n rolq $51, %%rdi\n"
        "xchgq %%rbx, %%rbx\n"
        : "+d"(result)
        : "a"(&words[0])
        : "cc", "memory");
#elif defined(__aarch64__)
    register std::uintptr_t x3 asm("x3") = 0;
    register volatile std::uintptr_t* x4 asm("x4") = words;
    asm volatile(
        "ror x12, x12, #3\n ror x12, x12, #13\n ror x12, x12, #51\n ror x12, x12, #61\n"
        "orr x10, x10, x10\n"
        : "+r"(x3)
        : "r"(x4)
        : "cc", "memory");
    result = x3;
#else
    static_cast<void>(words);  // Valgrind's sequence for this processor is not written down here
#endif
    return result;
}

}  // namespace zio::context::valgrind
