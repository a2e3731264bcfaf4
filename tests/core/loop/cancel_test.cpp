// SPDX-License-Identifier: MIT
// Cancels at random moments: each operation ends once, with its effect or with none, and nothing
// that the peer sent is lost or doubled. Each test fails unless both outcomes really happened.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "tests/core/loop/loop_test.hpp"

namespace zio::loop {
namespace {

class Cancel : public LoopTest {
  protected:
    unsigned upto(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

    // Checks that the stream goes on where it was.
    void take(const unsigned char* data, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
            ASSERT_EQ(data[i], static_cast<unsigned char>(received_++ % 251));
        }
    }
    void expect_raced(unsigned rounds) const {
        EXPECT_GT(effects_, rounds / 100) << "of " << rounds;
        EXPECT_GT(cancels_, rounds / 100) << "of " << rounds;
    }

    std::mt19937 random_{20261121};
    std::uint64_t received_ = 0;
    unsigned effects_ = 0;
    unsigned cancels_ = 0;
};

std::string numbered(std::uint64_t first, std::size_t count) {
    std::string text(count, 0);
    for (std::size_t i = 0; i < count; ++i) text[i] = static_cast<char>((first + i) % 251);
    return text;
}

TEST_F(Cancel, receive_against_numbered_bytes) {
    const unsigned rounds = scaled(20'000);
    const Pair pair = open_pair();
    std::uint64_t sent = 0;
    unsigned char data[64];
    for (unsigned round = 0; round < rounds; ++round) {
        Transfer receive(OperationKind::receive, pair.near, true, data, sizeof data);
        bool done = start(receive);
        const unsigned when = upto(4);
        if (when == 0) loop().poll();
        if (upto(2) == 0) {
            const std::size_t count = 1 + upto(40);
            feed(pair.far, numbered(sent, count));
            sent += count;
        }
        if (when == 1) loop().poll();
        if (when == 2 && !done) done = wait_for(receive, loop().now() + 20'000);
        const std::int64_t result = done ? receive.result : cancel(receive);
        if (result == error::canceled) {
            ++cancels_;
        } else {
            ASSERT_GT(result, 0);
            ++effects_;
            take(data, result);
        }
    }
    const std::string rest = drain(pair.near, sent - received_);
    take(reinterpret_cast<const unsigned char*>(rest.data()),
         static_cast<std::int64_t>(rest.size()));
    EXPECT_EQ(received_, sent);
    expect_raced(rounds);
}

struct Writer {
    os::Handle handle;
    std::atomic<bool> ends{false};
    std::atomic<unsigned> pause{1000};  // up to so many turns of an empty loop after each send
    std::uint64_t sent = 0;

    // Keeps either outcome as likely as the other, on whatever machine.
    void set_pace(unsigned effects, unsigned cancels) {
        const unsigned now = pause.load(std::memory_order_relaxed);
        pause.store(effects > cancels ? std::min(now * 2, 1u << 20) : std::max(now / 2, 8u),
                    std::memory_order_relaxed);
    }
};

void* write_numbered(void* argument) {
    auto& writer = *static_cast<Writer*>(argument);
    std::mt19937 random(7);
    while (!writer.ends.load(std::memory_order_acquire)) {
        const std::string text = numbered(writer.sent, 1 + random() % 8);
        const std::int64_t count = os::table.send(writer.handle, text.data(), text.size(), 0);
        if (count > 0) writer.sent += static_cast<std::uint64_t>(count);
        const unsigned pause = writer.pause.load(std::memory_order_relaxed);
        for (unsigned i = static_cast<unsigned>(random() % pause); i > 0; --i) asm volatile("");
        if (count < 0) sched_yield();
    }
    return nullptr;
}

TEST_F(Cancel, receive_while_another_thread_writes) {
    if (is_simulated()) GTEST_SKIP() << "one thread drives a simulated world";
    const unsigned rounds = scaled(20'000);
    const Pair pair = open_pair();
    Writer writer{pair.far};
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, write_numbered, &writer), 0);
    unsigned char data[64];
    for (unsigned round = 0; round < rounds; ++round) {
        if (round % 64 == 63) writer.set_pace(effects_, cancels_);
        Transfer receive(OperationKind::receive, pair.near, true, data, sizeof data);
        bool done = start(receive);
        if (!done && upto(2) == 0) done = wait_for(receive, loop().now() + upto(20'000));
        if (!done) loop().poll();
        for (unsigned i = upto(1000); i > 0; --i) asm volatile("");
        const std::int64_t result = done ? receive.result : cancel(receive);
        if (result == error::canceled) {
            ++cancels_;
        } else {
            ASSERT_GT(result, 0);
            ++effects_;
            take(data, result);
        }
    }
    writer.ends.store(true, std::memory_order_release);
    pthread_join(thread, nullptr);
    const std::string rest = drain(pair.near, writer.sent - received_);
    take(reinterpret_cast<const unsigned char*>(rest.data()),
         static_cast<std::int64_t>(rest.size()));
    EXPECT_EQ(received_, writer.sent);
    expect_raced(rounds);
}

TEST_F(Cancel, accept_against_connects) {
    const unsigned rounds = scaled(1'000);
    os::Address address{};
    const os::Handle listener = open_listener(&address, 1024);
    unsigned connected = 0;
    unsigned accepted = 0;
    std::vector<os::Handle> clients;
    const auto take_one = [&](std::int64_t result) {
        ASSERT_GE(result, 0);
        ASSERT_EQ(os::table.close(result), 0);
        ++accepted;
    };
    for (unsigned round = 0; round < rounds; ++round) {
        Accept accept(listener, true, nullptr);
        bool done = start(accept);
        if (upto(2) == 0) loop().poll();
        if (upto(2) == 0) {
            const os::Handle client = open_socket(address.family);
            const std::int32_t status = os::table.connect(client, address);
            ASSERT_TRUE(status == 0 || status == error::in_progress) << status;
            clients.push_back(client);
            ++connected;
        }
        if (!done && upto(2) == 0) loop().poll();
        if (!done && upto(4) == 0) done = wait_for(accept, loop().now() + 20'000);
        const std::int64_t result = done ? accept.result : cancel(accept);
        if (result == error::canceled) {
            ++cancels_;
        } else {
            ++effects_;
            take_one(result);
        }
        if (clients.size() > 100 && accepted + 50 > connected) {
            close(clients.front());
            clients.erase(clients.begin());
        }
    }
    // Who knocked and was not let in yet is still there.
    while (accepted < connected) {
        Accept accept(listener, true, nullptr);
        take_one(run(accept));
        if (HasFailure()) return;
    }
    Accept nobody(listener, true, nullptr);
    EXPECT_FALSE(start(nobody));
    expect_pending(nobody);
    EXPECT_EQ(cancel(nobody), error::canceled);
    expect_raced(rounds);
}

// Many wait on one descriptor; any of them may leave, the others are served in their order.
TEST_F(Cancel, out_of_the_middle_of_a_queue) {
    const Pair pair = open_pair();
    char data[100];
    std::vector<std::unique_ptr<Transfer>> receives;
    for (int i = 0; i < 100; ++i) {
        receives.push_back(
            std::make_unique<Transfer>(OperationKind::receive, pair.near, false, &data[i], 1));
        EXPECT_FALSE(start(*receives.back()));
    }
    loop().poll();
    for (int i = 0; i < 100; i += 2) EXPECT_EQ(cancel(*receives[i]), error::canceled);
    const std::string text = numbered(0, 50);
    feed(pair.far, text);
    for (int i = 1; i < 100; i += 2) EXPECT_EQ(result_of(*receives[i]), 1);
    std::string got;
    for (int i = 1; i < 100; i += 2) got.push_back(data[i]);
    if (is("io_uring")) std::sort(got.begin(), got.end());  // the kernel's own order
    EXPECT_EQ(got, text);
}

}  // namespace
}  // namespace zio::loop
