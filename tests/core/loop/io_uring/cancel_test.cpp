// SPDX-License-Identifier: MIT
// Cancels that race with completion: whatever wins, nothing is lost and nothing comes twice.
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/core/loop/io_uring/fixture.hpp"

namespace zio::loop::io_uring {
namespace {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint32_t below(std::uint32_t limit) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::uint32_t>((state_ >> 33) % limit);
    }
    void spin(std::uint32_t limit) {
        for (std::uint32_t i = below(limit); i > 0; --i) asm volatile("");
    }

  private:
    std::uint64_t state_;
};

// How long to wait before the cancel: longer after each that won, shorter after each that lost, so
// that the two stay close to each other however busy the machine is.
class Delay {
  public:
    void spin(Random& random) {
        if (limit_ == most) std::this_thread::yield();
        random.spin(limit_);
    }
    void cancel_won() { limit_ = limit_ < most ? limit_ + limit_ / 8 + 1 : most; }
    void cancel_lost() { limit_ -= limit_ / 8; }

  private:
    static constexpr std::uint32_t most = 100'000;
    std::uint32_t limit_ = 1000;
};

// One hundred thousand at the level that everybody gets.
unsigned race_count(const std::string& level) {
    return level == "defer" ? 100'000 : 20'000;
}

// The lowest free descriptor: what was leaked stays below it.
os::Handle lowest_free() {
    const int handle = ::dup(0);
    ::close(handle);
    return handle;
}

class CancelTest : public RingLoopTest {};

// The peer numbers its bytes. A byte that was taken by a receive which says "canceled", or given
// twice, breaks the sequence.
TEST_P(CancelTest, ReceivesKeepEveryByte) {
    os::Handle near = os::no_handle;
    os::Handle far = os::no_handle;
    open_pair(&near, &far);
    std::atomic<std::uint32_t> taken{0};
    std::atomic<bool> stop{false};
    std::uint32_t sent = 0;
    std::thread peer([&] {
        Random random(7);
        while (!stop.load()) {
            if (sent - taken.load() > 32) {
                std::this_thread::yield();
                continue;
            }
            random.spin(6000);
            const auto byte = static_cast<unsigned char>(sent);
            if (os::table.send(far, &byte, 1, 0) == 1) ++sent;
        }
    });

    Random random(1);
    const unsigned count = race_count(GetParam());
    unsigned canceled = 0;
    unsigned received = 0;
    std::uint32_t expected = 0;
    unsigned char memory[8];
    Delay delay;
    for (unsigned i = 0; i < count; ++i) {
        const std::size_t size = 1 + random.below(sizeof memory);
        os::Buffer piece{memory, size};
        Transfer plain(OperationKind::receive, near, true, memory, size);
        VectorTransfer vector(OperationKind::receive_vector, near, true, &piece, 1);
        Operation& operation = i % 4 == 0 ? static_cast<Operation&>(vector) : plain;
        ASSERT_FALSE(loop().start(operation));
        if (random.below(16) != 0) loop().poll();
        delay.spin(random);
        if (random.below(4) == 0) loop().poll();
        loop().cancel(operation);
        const bool was_here = operation.state == OperationState::finished;
        const std::int64_t result = result_of(operation);
        if (result == error::canceled) {
            if (was_here) continue;
            ++canceled;  // the kernel had it
            delay.cancel_won();
            continue;
        }
        ++received;
        delay.cancel_lost();
        ASSERT_GT(result, 0);
        for (std::int64_t k = 0; k < result; ++k) {
            ASSERT_EQ(memory[k], static_cast<unsigned char>(expected)) << "after " << i;
            ++expected;
        }
        taken.store(expected);
    }
    stop.store(true);
    peer.join();
    std::int64_t rest = 0;
    while ((rest = os::table.receive(near, memory, 1, 0)) == 1) {
        ASSERT_EQ(memory[0], static_cast<unsigned char>(expected++));
    }
    EXPECT_EQ(expected, sent);
    EXPECT_GT(canceled, count / 100);
    EXPECT_GT(received, count / 100);
    std::printf("%u cancels: the kernel canceled %u, %u had data\n", count, canceled, received);
}

// What a send says it has sent has arrived, and nothing else has.
TEST_P(CancelTest, SendsKeepEveryByte) {
    os::Handle near = os::no_handle;
    os::Handle far = os::no_handle;
    open_pair(&near, &far);
    const int small = 4096;
    ::setsockopt(static_cast<int>(near), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    std::atomic<bool> stop{false};
    std::uint32_t arrived = 0;
    bool in_order = true;
    std::thread peer([&] {
        Random random(5);
        unsigned char memory[2048];
        for (;;) {
            const bool last = stop.load();
            const std::int64_t got = os::table.receive(far, memory, sizeof memory, 0);
            for (std::int64_t i = 0; i < got; ++i) {
                in_order &= memory[i] == static_cast<unsigned char>(arrived++);
            }
            if (got <= 0 && last) break;
            random.spin(20'000);
        }
    });
    Random random(3);
    const unsigned count = race_count(GetParam()) / 5;
    unsigned canceled = 0;
    unsigned finished_late = 0;
    std::uint32_t sent = 0;
    std::vector<unsigned char> memory(1536);
    Delay delay;
    const unsigned least = count / 200;
    const auto is_enough = [&](unsigned done) {
        return done >= count && ((canceled > least && finished_late > least) || done > 10 * count);
    };
    for (unsigned i = 0; !is_enough(i); ++i) {
        const std::size_t size = 1 + random.below(static_cast<std::uint32_t>(memory.size()));
        for (std::size_t k = 0; k < size; ++k) {
            memory[k] = static_cast<unsigned char>(sent + k);
        }
        Transfer send(OperationKind::send, near, true, memory.data(), size);
        const bool at_once = loop().start(send);
        if (!at_once) {
            loop().poll();
            // A ring that defers completions sees the room that was made only when it is polled.
            for (std::uint32_t k = random.below(4); k > 0; --k) {
                delay.spin(random);
                loop().poll();
            }
            delay.spin(random);
            loop().cancel(send);
        }
        const std::int64_t result = result_of(send);
        if (result == error::canceled) {
            ++canceled;
            delay.cancel_won();
            continue;
        }
        ASSERT_GT(result, 0);
        sent += static_cast<std::uint32_t>(result);
        if (at_once) continue;
        ++finished_late;
        delay.cancel_lost();
    }
    stop.store(true);
    peer.join();
    EXPECT_TRUE(in_order);
    EXPECT_EQ(arrived, sent);
    EXPECT_GT(canceled, least);
    EXPECT_GT(finished_late, least);
    std::printf("%u sends: %u were canceled, %u had to wait\n", count, canceled, finished_late);
}

TEST_P(CancelTest, AcceptsLeaveNoDescriptor) {
    os::Handle listener = os::no_handle;
    os::Address address{};
    address.family = os::family_version_4;
    address.ip[0] = 127;
    address.ip[3] = 1;
    ASSERT_EQ(os::table.open_socket(address.family, &listener), 0);
    ASSERT_EQ(os::table.bind(listener, address), 0);
    ASSERT_EQ(os::table.listen(listener, 128), 0);
    ASSERT_EQ(os::table.local_address(listener, &address), 0);
    const os::Handle before = lowest_free();
    std::atomic<unsigned> connected{0};
    std::atomic<unsigned> accepted{0};
    std::atomic<bool> stop{false};
    std::thread clients([&] {
        Random random(9);
        while (!stop.load()) {
            if (connected.load() > accepted.load() + 8) {
                std::this_thread::yield();
                continue;
            }
            os::Handle client = os::no_handle;
            if (os::table.open_socket(address.family, &client) != 0) break;
            os::table.connect(client, address);
            ++connected;
            random.spin(60'000);
            os::table.set_option(client, os::SocketOption::linger_ms, 0);
            os::table.close(client);
        }
    });
    Random random(11);
    const unsigned count = race_count(GetParam()) / 10;
    unsigned canceled = 0;
    Delay delay;
    for (unsigned i = 0; i < count; ++i) {
        os::Address peer{};
        Accept accept(listener, true, &peer);
        if (!loop().start(accept)) {
            if (random.below(8) != 0) loop().poll();
            delay.spin(random);
            loop().cancel(accept);
        }
        const std::int64_t result = result_of(accept);
        if (result == error::canceled) {
            ++canceled;
            delay.cancel_won();
        } else if (result >= 0) {
            ++accepted;
            delay.cancel_lost();
            EXPECT_EQ(peer.family, os::family_version_4);
            os::table.close(result);
        }
    }
    stop.store(true);
    clients.join();
    for (os::Handle late = 0; os::table.accept(listener, &late, nullptr) == 0;) {
        os::table.close(late);
    }
    EXPECT_EQ(lowest_free(), before);
    EXPECT_GT(canceled, count / 100);
    EXPECT_GT(accepted.load(), count / 100);
    std::printf("%u accepts: %u were canceled, %u accepted\n", count, canceled, accepted.load());
    os::table.close(listener);
}

TEST_P(CancelTest, AConnectThatWaits) {
    os::Handle listener = os::no_handle;
    os::Address address{};
    address.family = os::family_version_4;
    address.ip[0] = 127;
    address.ip[3] = 1;
    ASSERT_EQ(os::table.open_socket(address.family, &listener), 0);
    ASSERT_EQ(os::table.bind(listener, address), 0);
    ASSERT_EQ(os::table.listen(listener, 0), 0);
    ASSERT_EQ(os::table.local_address(listener, &address), 0);
    const os::Handle before = lowest_free();
    // Beyond what the listener queues, they wait.
    unsigned canceled = 0;
    std::vector<os::Handle> clients;
    for (int i = 0; i < 12; ++i) {
        os::Handle client = os::no_handle;
        ASSERT_EQ(os::table.open_socket(address.family, &client), 0);
        clients.push_back(client);
        Connect connect(client, true, address);
        if (!loop().start(connect)) {
            poll(loop().now() + 500'000);
            loop().cancel(connect);
        }
        const std::int64_t result = result_of(connect);
        if (result == error::canceled) ++canceled;
        EXPECT_TRUE(result == 0 || result == error::canceled) << result;
    }
    EXPECT_GT(canceled, 5u);
    for (const os::Handle client : clients) os::table.close(client);
    EXPECT_EQ(lowest_free(), before);
    os::table.close(listener);
}

// Many cancels at once, with the ring smaller than their number, must not cost more than each.
TEST_P(CancelTest, AStormOfThem) {
    os::Handle near = os::no_handle;
    os::Handle far = os::no_handle;
    open_pair(&near, &far);
    constexpr unsigned count = 20'000;
    std::vector<std::unique_ptr<Ready>> watchers;
    for (unsigned i = 0; i < count; ++i) {
        watchers.push_back(std::make_unique<Ready>(near, true, os::ready_read));
        ASSERT_FALSE(loop().start(*watchers.back()));
    }
    poll();
    const Instant before = loop().now();
    for (unsigned i = count; i > 0; --i) loop().cancel(*watchers[i - 1]);
    unsigned finished = 0;
    while (finished < count) {
        const std::size_t some = poll(loop().now() + second_ns).size();
        ASSERT_GT(some, 0u);
        finished += static_cast<unsigned>(some);
    }
    for (const auto& watcher : watchers) EXPECT_EQ(watcher->result, error::canceled);
    std::printf("%u cancels in %.1f ms\n", count,
                static_cast<double>(loop().now() - before) * 1e-6);
}

ZIO_ALL_LEVELS(CancelTest);

}  // namespace
}  // namespace zio::loop::io_uring
