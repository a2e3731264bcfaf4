// SPDX-License-Identifier: MIT
// When a worker gives way before it sleeps: while that finds something, else now and then.
#include "core/runtime/give_way.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace zio::runtime {
namespace {

// How many of `rests` are tried when none of them, or every one, finds something.
std::uint32_t tries(GiveWay& policy, std::uint32_t rests, bool lucky) {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < rests; ++i) {
        if (!policy.is_due()) continue;
        ++count;
        lucky ? policy.found_something() : policy.found_nothing();
    }
    return count;
}

TEST(GiveWay, GoesOnWhileItPays) {
    GiveWay policy;
    EXPECT_EQ(tries(policy, 100'000, true), 100'000u);
}

TEST(GiveWay, HalfIsEnough) {
    GiveWay policy;
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(policy.is_due());
        i % 2 == 0 ? policy.found_something() : policy.found_nothing();
    }
}

TEST(GiveWay, SeldomTriesInVain) {
    GiveWay policy;
    EXPECT_EQ(tries(policy, GiveWay::tries_on_trial, false), GiveWay::tries_on_trial);
    EXPECT_EQ(tries(policy, GiveWay::fewest_skipped, false), 0u);
    tries(policy, 100'000, false);
    // One trial for so many rests, the longest pause there is.
    const std::uint32_t period = GiveWay::most_skipped + GiveWay::tries_on_trial;
    EXPECT_EQ(tries(policy, 10 * period, false), 10 * GiveWay::tries_on_trial);
}

TEST(GiveWay, ComesBackWhenItPaysAgain) {
    GiveWay policy;
    tries(policy, 100'000, false);
    std::uint32_t skipped = 0;
    while (!policy.is_due()) ++skipped;
    EXPECT_LE(skipped, GiveWay::most_skipped);
    policy.found_something();
    EXPECT_EQ(tries(policy, 1000, true), 1000u);
    // And is as patient as at first when it ends again.
    tries(policy, 200, false);
    EXPECT_GT(tries(policy, 2 * GiveWay::fewest_skipped, false), 0u);
}

}  // namespace
}  // namespace zio::runtime
