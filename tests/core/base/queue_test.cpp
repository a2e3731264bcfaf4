// SPDX-License-Identifier: MIT
// The intrusive queue against std::deque.
#include "core/base/queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

namespace zio {
namespace {

struct Item {
    Item* next = nullptr;
    bool is_queued = false;
};

TEST(Queue, first_in_first_out) {
    Queue<Item> queue;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.pop(), nullptr);
    Item items[3];
    for (Item& item : items) queue.push(item);
    EXPECT_EQ(queue.first(), &items[0]);
    for (Item& item : items) {
        EXPECT_FALSE(queue.empty());
        EXPECT_EQ(queue.pop(), &item);
        EXPECT_EQ(item.next, nullptr);
    }
    EXPECT_TRUE(queue.empty());
    queue.push(items[1]);  // usable again
    EXPECT_EQ(queue.pop(), &items[1]);
}

TEST(Queue, does_what_a_deque_does) {
    std::mt19937 random(3);
    std::vector<Item> items(20);
    Queue<Item> queue;
    std::deque<Item*> oracle;
    unsigned removed_count = 0;
    for (int step = 0; step < 100'000; ++step) {
        Item& item = items[random() % items.size()];
        switch (random() % 3) {
            case 0:
                if (item.is_queued) break;
                item.is_queued = true;
                queue.push(item);
                oracle.push_back(&item);
                break;
            case 1: {
                Item* popped = queue.pop();
                ASSERT_EQ(popped, oracle.empty() ? nullptr : oracle.front());
                if (popped == nullptr) break;
                popped->is_queued = false;
                oracle.pop_front();
                break;
            }
            default:
                ASSERT_EQ(queue.remove(item), item.is_queued);
                removed_count += item.is_queued;
                item.is_queued = false;
                std::erase(oracle, &item);
        }
        ASSERT_EQ(queue.empty(), oracle.empty());
        ASSERT_EQ(queue.first(), oracle.empty() ? nullptr : oracle.front());
    }
    EXPECT_GT(removed_count, 1000u);
    for (Item* item : oracle) ASSERT_EQ(queue.pop(), item);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace zio
