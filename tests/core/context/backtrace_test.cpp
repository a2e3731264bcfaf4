// SPDX-License-Identifier: MIT
// The frames of a suspended party, seen from the stack of another.
#include "core/context/backtrace.hpp"

#include <gtest/gtest.h>

#include "tests/core/context/fiber.hpp"

namespace {

using zio::test::Fiber;

// Return addresses noted by the callees; the most recent call first.
const void* noted[8];

__attribute__((noinline)) void innermost(Fiber& fiber) {
    noted[0] = __builtin_return_address(0);
    zio::test::suspend(fiber);
    asm volatile("" ::: "memory");  // no tail call
}
__attribute__((noinline)) int middle(Fiber& fiber, int depth) {
    noted[1 + depth] = __builtin_return_address(0);
    volatile char filler[200];  // frames of different sizes
    filler[depth] = 1;
    if (depth > 0) return middle(fiber, depth - 1) + filler[depth];
    innermost(fiber);
    return filler[depth];
}
void outermost(Fiber& fiber) {
    volatile int sum = middle(fiber, 3);
    (void)sum;
}

TEST(Backtrace, NamesEveryFrameOfASuspendedParty) {
    Fiber fiber = zio::test::make_fiber(&outermost);
    zio::test::resume(fiber);
    ASSERT_FALSE(fiber.ended);
    const void* frames[32] = {};
    const std::size_t count = zio::context::backtrace(fiber.context, frames, 32);
#if defined(ZIO_CONTEXT_UCONTEXT)
    EXPECT_EQ(count, 0U);
#else
    // Somewhere inside `suspend` and its callees, then what was noted, then the stack's first.
    std::size_t at = 0;
    while (at < count && frames[at] != noted[0]) ++at;
    ASSERT_LT(at, 4U);
    ASSERT_GE(count, at + 5);
    EXPECT_EQ(frames[at + 1], noted[1]);
    EXPECT_EQ(frames[at + 2], noted[2]);
    EXPECT_EQ(frames[at + 3], noted[3]);
    EXPECT_EQ(frames[at + 4], noted[4]);
    EXPECT_LE(count, at + 8);
    EXPECT_EQ(zio::context::backtrace(fiber.context, frames, 2), 2U);  // no more than fit
#endif
    zio::test::resume(fiber);
    EXPECT_TRUE(fiber.ended);
    zio::test::drop_fiber(fiber);
}

}  // namespace
