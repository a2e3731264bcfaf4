// SPDX-License-Identifier: MIT
#pragma once
// The floating-point control words (rounding, traps, flush to zero), for tasks that ask to keep
// their own. The ABI counts them among what a call preserves, but carrying them on every switch
// costs more than a third of it, and next to nobody changes them.
#include <cstdint>

namespace zio::context {

#if defined(__x86_64__) || defined(__i386__)

struct FpControl {
    std::uint32_t sse;
    std::uint16_t x87;
};
inline FpControl save_fp_control() noexcept {
    FpControl now{};
    asm volatile("stmxcsr %0\n fnstcw %1" : "=m"(now.sse), "=m"(now.x87));
    return now;
}
inline void load_fp_control(const FpControl& wanted) noexcept {
    asm volatile("ldmxcsr %0\n fldcw %1" : : "m"(wanted.sse), "m"(wanted.x87));
}

#elif defined(__aarch64__)

struct FpControl {
    std::uint64_t fpcr;
};
inline FpControl save_fp_control() noexcept {
    FpControl now;
    asm volatile("mrs %0, fpcr" : "=r"(now.fpcr));
    return now;
}
inline void load_fp_control(const FpControl& wanted) noexcept {
    asm volatile("msr fpcr, %0" : : "r"(wanted.fpcr));
}

#else
#error "no floating-point control words for this processor"
#endif

}  // namespace zio::context
