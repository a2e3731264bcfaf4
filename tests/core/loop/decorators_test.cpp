// SPDX-License-Identifier: MIT
// What a test clock and a seeded order add to a backend, and what they may not take from it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/core/loop/loop_test.hpp"

namespace zio::loop {
namespace {

std::unique_ptr<Backend> open_chosen() {
    Opened opened = open_backend(chosen_backend(), {});
    EXPECT_EQ(opened.status, 0) << opened.reason;
    return std::move(opened.backend);
}

struct Pair {
    Pair() { EXPECT_EQ(os::table.open_pair(&near, &far), 0); }
    ~Pair() {
        os::table.close(near);
        os::table.close(far);
    }
    os::Handle near;
    os::Handle far;
};

std::unique_ptr<Loop> make_seeded(std::uint64_t seed, std::uint32_t number = 0) {
    return std::make_unique<Loop>(
        std::unique_ptr<Backend>(new (std::nothrow) SeededOrder(open_chosen(), seed, number)));
}

// ---- seeded order

TEST(SeededOrder, what_has_finished_is_not_canceled) {
    auto loop = make_seeded(5);
    Pair pair;
    unsigned held_count = 0;
    for (int i = 0; i < 200; ++i) {
        char byte = 'x';
        Transfer send(OperationKind::send, pair.near, false, &byte, 1);
        if (!loop->start(send)) {
            loop->cancel(send);
            while (loop->next_completed() == nullptr) loop->poll();
            ++held_count;
        }
        EXPECT_EQ(send.result, 1);
        EXPECT_EQ(os::table.receive(pair.far, &byte, 1, 0), 1);  // and its effect is there
    }
    EXPECT_GT(held_count, 100u);
    EXPECT_LT(held_count, 200u);
}

// Eight receives whose bytes are all there: in which order they come back.
std::string order_by(std::uint64_t seed, std::uint32_t number) {
    constexpr std::size_t count = 8;
    auto loop = make_seeded(seed, number);
    Pair pairs[count];
    char bytes[count];
    std::vector<std::unique_ptr<Transfer>> receives;
    for (std::size_t i = 0; i < count; ++i) {
        receives.push_back(
            std::make_unique<Transfer>(OperationKind::receive, pairs[i].near, false, &bytes[i], 1));
        EXPECT_FALSE(loop->start(*receives[i]));
    }
    for (Pair& pair : pairs) EXPECT_EQ(os::table.send(pair.far, "y", 1, 0), 1);
    std::string order;
    while (order.size() < count) {
        loop->poll_until(loop->now() + second_ns);
        while (Operation* operation = loop->next_completed()) {
            EXPECT_EQ(operation->result, 1);
            std::size_t place = 0;
            while (receives[place].get() != operation) ++place;
            order += static_cast<char>('a' + place);
        }
    }
    return order;
}

TEST(SeededOrder, a_seed_decides_and_decides_so_again) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const std::string order = order_by(seed, 0);
        EXPECT_EQ(order, order_by(seed, 0)) << seed;
        seen.insert(order);
        seen.insert(order_by(seed, 1));
    }
    EXPECT_GT(seen.size(), 30u);
}

TEST(SeededOrder, a_choice_is_one_of_those_there_are) {
    auto loop = make_seeded(3);
    unsigned chosen[5] = {};
    EXPECT_TRUE(loop->backend().chooses());
    for (int i = 0; i < 1000; ++i) {
        const std::uint32_t choice = loop->backend().choose(5);
        ASSERT_LT(choice, 5u);
        ++chosen[choice];
    }
    for (unsigned count : chosen) EXPECT_GT(count, 100u);
}

// ---- test clock

TEST(TestClock, it_jumps_over_what_nobody_waits_for) {
    TestClock clock(TestClock::Mode::jumps, 0);
    Loop loop(clock.wrap(open_chosen()));
    const Instant begin = loop.now();
    const Instant real_begin = loop.real_now();
    for (Instant i = 1; i <= 1000; ++i) {
        loop.poll_until(begin + i * 3600 * second_ns);
        ASSERT_EQ(loop.now(), begin + i * 3600 * second_ns);
    }
    EXPECT_LT(loop.real_now() - real_begin, 10 * second_ns);
}

TEST(TestClock, it_waits_for_the_quiet_but_no_longer_than_a_real_clock) {
    TestClock clock(TestClock::Mode::jumps, 30 * ms);
    Loop loop(clock.wrap(open_chosen()));
    const Instant real_begin = loop.real_now();
    loop.poll_until(loop.now() + 3600 * second_ns);
    EXPECT_GE(loop.real_now() - real_begin, 30 * ms);
    const Instant real_middle = loop.real_now();
    for (int i = 0; i < 10; ++i) loop.poll_until(loop.now() + 1000);
    EXPECT_LT(loop.real_now() - real_middle, 30 * ms);
}

TEST(TestClock, a_driven_one_stands_until_it_is_driven) {
    TestClock clock(TestClock::Mode::driven, 0);
    Loop loop(clock.wrap(open_chosen()));
    const Instant begin = loop.now();
    std::atomic<bool> has_returned{false};
    std::thread sleeper([&] {
        loop.poll_until(begin + 10 * second_ns);
        has_returned = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(clock.now(), begin);
    clock.advance(10 * second_ns - 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(has_returned);
    clock.advance(1);
    sleeper.join();
    EXPECT_EQ(loop.now(), begin + 10 * second_ns);
    clock.advance(forever);  // no further than the last instant
    EXPECT_EQ(loop.now(), forever - 1);
    EXPECT_TRUE(loop.close_inbox());
}

TEST(TestClock, by_the_real_limit_the_first_loop_is_idle) {
    TestClock clock(TestClock::Mode::driven, 0);
    Loop loop(clock.wrap(open_chosen()));
    Loop other(clock.wrap(open_chosen()));
    const Instant real_begin = loop.real_now();
    clock.limit_first(real_begin + 20 * ms);
    loop.poll();
    EXPECT_FALSE(loop.backend().idle_for_ever());
    loop.poll_until(forever);
    EXPECT_TRUE(loop.backend().idle_for_ever());
    EXPECT_GE(loop.real_now() - real_begin, 20 * ms);
    other.poll();
    EXPECT_FALSE(other.backend().idle_for_ever());
    clock.limit_first(forever);
    loop.poll();
    EXPECT_FALSE(loop.backend().idle_for_ever());
}

// Three loops on three threads sleep at random while a fourth thread sends mail: all sleeps end at
// their instants, time never goes back, and the loops count the wakes of others only, each once.
struct Letter {
    InboxNode node;
    std::atomic<bool> has_come{true};
};

void live(Loop& loop, Letter& letter, unsigned rounds, std::uint64_t seed) {
    simulated::Random random(seed);
    for (unsigned i = 0; i < rounds; ++i) {
        const Instant until = loop.now() + 1 + random.below(second_ns);
        for (Instant last = 0; loop.now() < until;) {
            loop.poll_until(until);
            ASSERT_GE(loop.now(), last);
            last = loop.now();
            if (loop.take_mail() != nullptr) letter.has_come = true;
        }
    }
}

TEST(TestClock, loops_that_share_it_sleep_together) {
    constexpr unsigned count = 3;
    TestClock clock(TestClock::Mode::jumps, 0);
    std::vector<std::unique_ptr<Loop>> loops;
    Letter letters[count];
    for (unsigned i = 0; i < count; ++i) {
        loops.push_back(std::make_unique<Loop>(clock.wrap(open_chosen())));
    }
    std::atomic<unsigned> running{count}, present{count};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            live(*loops[i], letters[i], scaled(300), i);
            --running;
            while (running > 0) live(*loops[i], letters[i], 1, i);  // the others count on this one
            --present;
        });
    }
    while (present > 0) {
        for (unsigned i = 0; i < count; ++i) {
            if (letters[i].has_come.exchange(false)) loops[i]->push(letters[i].node, 0);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        if (running == 0) clock.advance(second_ns);  // who fell asleep last would wait for ever
    }
    for (std::thread& thread : threads) thread.join();
    for (auto& loop : loops) {
        while (!loop->close_inbox()) loop->take_mail();
    }
}

}  // namespace
}  // namespace zio::loop
