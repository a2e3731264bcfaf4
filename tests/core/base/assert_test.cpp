// SPDX-License-Identifier: MIT
// A broken invariant names itself and stops the process; a kept one costs nothing and says nothing.
#include "core/base/assert.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace zio {
namespace {

TEST(Assert, BrokenInvariantSaysWhereAndAborts) {
    const int answer = 41;
    EXPECT_EXIT(ZIO_ASSERT(answer == 42), testing::KilledBySignal(SIGABRT),
                "^zio: .*assert_test\\.cpp:[0-9]+: assertion failed: answer == 42\n$");
}

TEST(Assert, LineNumbersAreWrittenWhole) {
    EXPECT_EXIT(assert_failed("c", "f", 1234567890), testing::KilledBySignal(SIGABRT),
                "^zio: f:1234567890: assertion failed: c\n$");
    EXPECT_EXIT(assert_failed("c", "f", 0), testing::KilledBySignal(SIGABRT),
                "^zio: f:0: assertion failed: c\n$");
}

TEST(Assert, ConditionIsEvaluatedOnce) {
    int evaluated = 0;
    ZIO_ASSERT(++evaluated > 0);
    EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace zio
