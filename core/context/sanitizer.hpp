// SPDX-License-Identifier: MIT
#pragma once
// Tells AddressSanitizer, ThreadSanitizer and Valgrind about stacks and switches. The sanitizers
// are found through weak symbols, so the installed library works inside a user's sanitizer build;
// Valgrind through its client requests, which are plain instructions that do nothing elsewhere.
//
// Around a switch:  before_switch(mine, other, false); switch_to(...); after_switch(mine);
// a stack that ends: before_switch(mine, other, true); leave_to(...);
// a new stack:       create(mark, low, size) by whoever enters it; its first call there is
//                    after_switch(mark);
// and, once it has been left for good: destroy(mark). A thread's own stack is adopt()ed.
// None of this may be called unless active() is true.
#include <cstddef>

namespace zio::context {

struct FiberMark {
    void* fake_stack;  // AddressSanitizer's copies of this stack's locals, while suspended
    void* tsan;        // ThreadSanitizer's fiber
    const void* low;   // the usable bytes; null for a native stack until it has been left once
    std::size_t size;
    unsigned valgrind;  // Valgrind's number of the stack
    bool registered;    // Valgrind has one
};

namespace sanitizer {

// Whether any of the three watches this process. Computed once.
bool active() noexcept;

void adopt(FiberMark& native) noexcept;
void create(FiberMark& mark, const void* low, std::size_t size) noexcept;
void destroy(FiberMark& mark) noexcept;
void before_switch(FiberMark& from, FiberMark& to, bool dying) noexcept;
void after_switch(FiberMark& to) noexcept;

}  // namespace sanitizer
}  // namespace zio::context
