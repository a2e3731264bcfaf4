// SPDX-License-Identifier: MIT
// The timer heap against std::multimap.
#include "core/base/heap.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "core/base/assert.hpp"

namespace zio {
namespace {

struct Timer {
    std::uint32_t heap_place = 0;
    std::multimap<Instant, Timer*>::iterator in_oracle;
};

class Pair {
  public:
    explicit Pair(std::uint32_t count) : timers_(count) {
        EXPECT_TRUE(heap_.reserve(count));
        EXPECT_GE(heap_.capacity(), count);
    }
    void set(Timer& timer, Instant at) {
        if (timer.heap_place != 0) oracle_.erase(timer.in_oracle);
        timer.in_oracle = oracle_.emplace(at, &timer);
        heap_.set(timer, at);
        ASSERT_EQ(heap_.instant_of(timer), at);
    }
    void remove(Timer& timer) {
        oracle_.erase(timer.in_oracle);
        heap_.remove(timer);
        ASSERT_EQ(timer.heap_place, 0u);
    }
    void check() const {
        ASSERT_EQ(heap_.count(), oracle_.size());
        ASSERT_EQ(heap_.empty(), oracle_.empty());
        if (oracle_.empty()) return;
        ASSERT_EQ(heap_.top().at, oracle_.begin()->first);
        ASSERT_EQ(heap_.top().item->heap_place, 1u);
        ASSERT_EQ(heap_.top().item->in_oracle->first, heap_.top().at);
    }
    void check_all() const {
        for (const auto& [at, timer] : oracle_) {
            ASSERT_NE(timer->heap_place, 0u);
            ASSERT_EQ(heap_.instant_of(*timer), at);
        }
    }
    Heap<Timer>& heap() { return heap_; }
    Timer& timer(std::size_t index) { return timers_[index]; }
    std::size_t size() const { return timers_.size(); }

  private:
    std::vector<Timer> timers_;
    Heap<Timer> heap_;
    std::multimap<Instant, Timer*> oracle_;
};

TEST(Heap, does_what_a_sorted_map_does) {
    for (const std::uint32_t count : {1u, 2u, 5u, 21u, 300u}) {
        Pair both(count);
        std::mt19937 random(count);
        for (int step = 0; step < 30'000; ++step) {
            Timer& timer = both.timer(random() % count);
            // Few different instants, so that many are equal.
            const Instant at = second_ns + random() % (2 * count);
            if (random() % 3 != 0) {
                both.set(timer, at);
            } else if (timer.heap_place != 0) {
                both.remove(timer);
            }
            both.check();
            if (step % 1000 == 0) both.check_all();
            if (HasFailure()) return;
        }
        while (!both.heap().empty()) {
            both.remove(*both.heap().top().item);
            both.check();
            if (HasFailure()) return;
        }
    }
}

TEST(Heap, moves_to_both_sides) {
    Pair both(100);
    for (std::size_t i = 0; i < 100; ++i) both.set(both.timer(i), 1000 + i);
    both.set(both.timer(99), 1);
    EXPECT_EQ(both.heap().top().item, &both.timer(99));
    both.set(both.timer(99), forever);
    EXPECT_EQ(both.heap().top().item, &both.timer(0));
    for (std::size_t i = 0; i < 100; ++i) {
        ASSERT_EQ(both.heap().top().item, &both.timer(i));
        both.remove(both.timer(i));
    }
    EXPECT_TRUE(both.heap().empty());
}

TEST(Heap, growing_keeps_what_is_in_it) {
    Heap<Timer> heap;
    std::vector<Timer> timers(1000);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        ASSERT_TRUE(heap.reserve(i + 1));
        heap.set(timers[i], 5000 - i);
        ASSERT_EQ(heap.top().item, &timers[i]);
    }
    for (std::uint32_t i = 1000; i > 0; --i) {
        ASSERT_EQ(heap.top().item, &timers[i - 1]);
        ASSERT_EQ(heap.top().at, 5000 - (i - 1));
        heap.remove(timers[i - 1]);
    }
}

}  // namespace
}  // namespace zio
