// SPDX-License-Identifier: MIT
// The parts of a world, each alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/loop/backends/simulated/bytes.hpp"
#include "core/loop/backends/simulated/events.hpp"
#include "core/loop/backends/simulated/faults.hpp"
#include "core/loop/backends/simulated/history.hpp"
#include "core/loop/backends/simulated/random.hpp"

namespace zio::loop::simulated {
namespace {

TEST(Random, is_the_same_everywhere) {
    Random random(42);
    std::uint64_t folded = 0;
    for (int i = 0; i < 1000; ++i) folded = folded * 31 + random.next();
    EXPECT_EQ(folded, 0xde68424f17111984u);
}

TEST(Random, splits_into_streams_that_do_not_move_each_other) {
    Random root(1);
    Random left = root.split(1);
    Random right = root.split(2);
    const std::uint64_t expected = right.next();
    for (int i = 0; i < 100; ++i) left.next();
    EXPECT_EQ(root.split(2).next(), expected);
    EXPECT_NE(root.split(1).next(), expected);
    EXPECT_NE(Random(2).split(2).next(), expected);
}

TEST(Random, spreads_evenly) {
    Random random(3);
    constexpr int draws = 100'000;
    int counts[10] = {};
    for (int i = 0; i < draws; ++i) ++counts[random.below(10)];
    for (int count : counts) EXPECT_NEAR(count, draws / 10, draws / 200);
    int hits = 0;
    for (int i = 0; i < draws; ++i) hits += random.chance(300);
    EXPECT_NEAR(hits, draws * 3 / 10, draws / 100);
}

TEST(History, tells_what_when_and_in_which_order) {
    const auto hash_of = [](std::initializer_list<std::pair<std::uint64_t, Instant>> events) {
        History history;
        for (const auto& [subject, at] : events) history.record(What::sent, subject, 1, at);
        return history.hash();
    };
    const std::uint64_t hash = hash_of({{1, 5}, {2, 6}});
    EXPECT_EQ(hash, hash_of({{1, 5}, {2, 6}}));
    EXPECT_NE(hash, hash_of({{2, 5}, {1, 6}}));
    EXPECT_NE(hash, hash_of({{1, 5}, {2, 7}}));
    EXPECT_NE(hash, hash_of({{1, 5}}));
}

struct Numbered final : Event {
    explicit Numbered(int number) : Event(Kind::arrival), id(number) {}
    int id;
};

TEST(Events, happen_in_order_of_time_then_of_planning) {
    constexpr int count = 500;
    EventQueue events;
    ASSERT_TRUE(events.reserve(count));
    std::vector<int> happened;
    std::vector<std::unique_ptr<Numbered>> all;
    Random random(5);
    std::vector<std::pair<Instant, int>> expected;
    for (int i = 0; i < count; ++i) {
        all.push_back(std::make_unique<Numbered>(i));
        const Instant at = 100 + random.below(50);
        events.plan(*all.back(), at);
        expected.push_back({at, i});
    }
    // Some move, and so come after what was planned before; some are dropped.
    for (int i = 0; i < count; i += 7) {
        events.plan(*all[static_cast<unsigned>(i)], 120);
        expected[static_cast<unsigned>(i)] = {120, count + i};
    }
    for (int i = 3; i < count; i += 11) {
        events.drop(*all[static_cast<unsigned>(i)]);
        expected[static_cast<unsigned>(i)] = {forever, 0};
    }
    std::erase_if(expected, [](const auto& entry) { return entry.first == forever; });
    std::sort(expected.begin(), expected.end());
    Instant last = 0;
    while (events.next_at() != forever) {
        EXPECT_GE(events.next_at(), last);
        last = events.next_at();
        happened.push_back(static_cast<Numbered&>(events.take()).id);
    }
    ASSERT_EQ(happened.size(), expected.size());
    for (std::size_t i = 0; i < happened.size(); ++i) {
        EXPECT_EQ(happened[i], expected[i].second % count) << i;
    }
}

TEST(Bytes, come_out_as_they_went_in) {
    Bytes bytes;
    Random random(9);
    std::string went_in;
    std::string came_out;
    std::size_t window = 64;
    for (int i = 0; i < 5000; ++i) {
        if (i == 2500) window = 200;  // grows while it is in use
        ASSERT_TRUE(bytes.reserve(window));
        char data[100];
        for (char& each : data) each = static_cast<char>(random.next());
        os::Buffer buffers[3] = {{data, random.below(30)}, {data + 30, 0}, {data + 30, 70}};
        Pieces source(buffers, 3);
        const std::size_t in = std::min(random.below(80), window - bytes.size());
        const std::size_t part = std::min(in, source.size());
        std::string text(data, std::min(part, buffers[0].size));
        text.append(data + 30, part - text.size());
        bytes.put(source, part);
        went_in += text;
        char taken[100] = {};
        os::Buffer targets[2] = {{taken, 10}, {taken + 10, 90}};
        const std::size_t out = random.below(std::min<std::size_t>(bytes.size(), 90) + 1);
        if (random.chance(200)) {
            Pieces peeked(targets, 2);
            bytes.get(peeked, out, true);
            EXPECT_EQ(std::string(taken, out), went_in.substr(came_out.size(), out));
        }
        Pieces target(targets, 2);
        bytes.get(target, out, false);
        came_out.append(taken, out);
        ASSERT_EQ(bytes.size(), went_in.size() - came_out.size());
    }
    EXPECT_EQ(came_out, went_in.substr(0, came_out.size()));
    EXPECT_GT(came_out.size(), 10'000u);
}

TEST(Faults, are_switched_off_by_name) {
    Faults faults;
    EXPECT_TRUE(switch_off("", &faults));
    EXPECT_TRUE(faults.latency && faults.short_io && faults.reorder);
    EXPECT_TRUE(switch_off("latency,late_cancel", &faults));
    EXPECT_FALSE(faults.latency || faults.late_cancel);
    EXPECT_TRUE(faults.short_io && faults.deferral);
    EXPECT_FALSE(switch_off("lateness", &faults));
    EXPECT_FALSE(switch_off("short_io;reorder", &faults));
}

}  // namespace
}  // namespace zio::loop::simulated
