// SPDX-License-Identifier: MIT
// What a loop may remember of a descriptor, and what it must not: full buffers, ends of streams,
// numbers that are given out again, many at once.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/core/loop/loop_test.hpp"

namespace zio::loop {
namespace {

class Descriptors : public LoopTest {
  protected:
    std::int64_t receive(os::Handle handle, std::size_t size, std::uint32_t flags = 0) {
        Transfer transfer(OperationKind::receive, handle, true, data_, size, flags);
        return run(transfer);
    }
    // Receives of `piece` bytes each, until there are `wanted`.
    std::string receive_all(os::Handle handle, std::size_t piece, std::size_t wanted) {
        std::string all;
        while (all.size() < wanted) {
            const std::size_t rest = wanted - all.size();
            const std::int64_t result = receive(handle, piece);
            expect_moved(result, rest < piece ? rest : piece);
            if (result <= 0) break;
            all.append(data_, static_cast<std::size_t>(result));
        }
        return all;
    }
    void expect_nothing(os::Handle handle) {
        Transfer transfer(OperationKind::receive, handle, true, data_, sizeof data_);
        EXPECT_FALSE(start(transfer));
        expect_pending(transfer);
        EXPECT_EQ(cancel(transfer), error::canceled);
    }
    char data_[4096] = {};
};

TEST_F(Descriptors, a_full_buffer_leaves_more_to_read) {
    const Pair pair = open_pair();
    expect_nothing(pair.near);
    feed(pair.far, "0123456789");
    EXPECT_EQ(receive_all(pair.near, 4, 10), "0123456789");
    expect_nothing(pair.near);
    feed(pair.far, "0123");
    EXPECT_EQ(receive_all(pair.near, 4, 4), "0123");  // exactly full, and nothing behind it
    expect_nothing(pair.near);
    feed(pair.far, "abc");
    EXPECT_EQ(receive_all(pair.near, 4, 3), "abc");
    feed(pair.far, "d");
    EXPECT_EQ(receive(pair.near, 4), 1);
    expect_nothing(pair.near);
}

TEST_F(Descriptors, a_peek_takes_nothing) {
    const Pair pair = open_pair();
    expect_nothing(pair.near);
    feed(pair.far, "hello");
    expect_moved(receive(pair.near, 100, os::message_peek), 5);
    expect_moved(receive(pair.near, 100, os::message_peek), 5);
    EXPECT_EQ(receive_all(pair.near, 100, 5), "hello");
    expect_nothing(pair.near);
}

TEST_F(Descriptors, data_comes_before_the_end_of_stream) {
    for (const bool over_tcp : {false, true}) {
        const Pair pair = over_tcp ? open_connection() : open_pair();
        expect_nothing(pair.near);
        feed(pair.far, "0123456789");
        close(pair.far);
        const std::int64_t first = receive(pair.near, 4);
        expect_moved(first, 4);
        ASSERT_GT(first, 0);
        // Short, and yet an end is to come.
        const auto taken = static_cast<std::size_t>(first);
        EXPECT_EQ(receive_all(pair.near, 100, 10 - taken), std::string("0123456789").substr(taken));
        EXPECT_EQ(receive(pair.near, 100), 0);
        EXPECT_EQ(receive(pair.near, 100), 0);
    }
}

TEST_F(Descriptors, the_end_comes_after_the_last_data) {
    for (const bool over_tcp : {false, true}) {
        const Pair pair = over_tcp ? open_connection() : open_pair();
        expect_nothing(pair.near);
        feed(pair.far, "0123456789");
        EXPECT_EQ(receive_all(pair.near, 100, 10), "0123456789");
        Transfer transfer(OperationKind::receive, pair.near, true, data_, 100);
        EXPECT_FALSE(start(transfer));
        expect_pending(transfer);
        ASSERT_EQ(os::table.shutdown(pair.far, false, true), 0);
        EXPECT_EQ(result_of(transfer), 0);
        // The other direction works on, waiting included.
        Transfer back(OperationKind::send, pair.near, true, "back", 4);
        const std::int64_t sent = run(back);
        expect_moved(sent, 4);
        EXPECT_EQ(drain(pair.far, static_cast<std::size_t>(sent)),
                  std::string("back").substr(0, static_cast<std::size_t>(sent)));
    }
}

// A peer that has sent its last word still takes what is written to it: waiting for room must wait.
TEST_F(Descriptors, half_closed_and_full) {
    const Pair pair = open_connection();
    ASSERT_EQ(os::table.shutdown(pair.far, false, true), 0);
    EXPECT_EQ(receive(pair.near, 100), 0);
    std::vector<char> block(1 << 20, 'x');
    std::size_t sent = 0;
    Transfer send(OperationKind::send, pair.near, true, block.data(), block.size());
    while (start(send) || wait_for(send, loop().now() + 20 * ms)) {
        ASSERT_GT(send.result, 0);
        sent += static_cast<std::size_t>(send.result);
        send.reset();
    }
    EXPECT_EQ(drain(pair.far, sent).size(), sent);
    const std::int64_t result = result_of(send);
    ASSERT_GT(result, 0);
    EXPECT_EQ(drain(pair.far, static_cast<std::size_t>(result)).size(),
              static_cast<std::size_t>(result));
}

TEST_F(Descriptors, both_directions_at_once) {
    const Pair pair = open_pair();
    os::table.set_option(pair.near, os::SocketOption::send_buffer, 16384);
    std::vector<char> block(1 << 16, 'x');
    Transfer receive(OperationKind::receive, pair.near, true, data_, 100);
    Transfer send(OperationKind::send, pair.near, true, block.data(), block.size());
    Ready readable(pair.near, true, os::ready_read);
    EXPECT_FALSE(start(receive));
    EXPECT_FALSE(start(readable));
    std::size_t sent = 0;
    while (start(send) || wait_for(send, loop().now() + 5 * ms)) {
        ASSERT_GT(send.result, 0);
        sent += static_cast<std::size_t>(send.result);
        send.reset();
    }
    EXPECT_NE(receive.state, OperationState::finished);
    EXPECT_EQ(drain(pair.far, sent).size(), sent);
    const std::int64_t result = result_of(send);
    EXPECT_GT(result, 0);
    EXPECT_NE(receive.state, OperationState::finished);
    feed(pair.far, "now");
    expect_moved(result_of(receive), 3);
    if (!wait_for(readable, loop().now() + 5 * ms)) {
        const std::int64_t ended = cancel(readable);  // the receive was first and took it all
        EXPECT_TRUE(ended == error::canceled || is_seeded()) << ended;
    }
}

TEST_F(Descriptors, a_thousand_pieces) {
    const Pair pair = open_connection();
    std::vector<char> out(vector_limit * 10);
    std::vector<char> in(out.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i * 7);
    std::vector<os::Buffer> out_pieces, in_pieces;
    for (std::size_t i = 0; i < vector_limit; ++i) {
        out_pieces.push_back({&out[i * 10], 10});
        in_pieces.push_back({&in[i * 10], 10});
    }
    VectorTransfer send(OperationKind::send_vector, pair.near, true, out_pieces.data(),
                        out_pieces.size());
    const std::int64_t sent = run(send);
    ASSERT_GT(sent, 0);
    std::size_t received = 0;
    while (received < static_cast<std::size_t>(sent)) {
        std::vector<os::Buffer> rest(in_pieces.begin() + static_cast<long>(received / 10),
                                     in_pieces.end());
        const std::size_t skipped = received % 10;
        rest[0] = {static_cast<char*>(rest[0].base) + skipped, rest[0].size - skipped};
        VectorTransfer receive(OperationKind::receive_vector, pair.far, true, rest.data(),
                               rest.size());
        const std::int64_t got = run(receive);
        ASSERT_GT(got, 0);
        received += static_cast<std::size_t>(got);
    }
    EXPECT_TRUE(std::equal(in.begin(), in.begin() + sent, out.begin()));
}

TEST_F(Descriptors, nothing_wanted_is_nothing_moved) {
    const Pair pair = open_pair();
    for (const OperationKind kind :
         {OperationKind::receive, OperationKind::send, OperationKind::read, OperationKind::write}) {
        Transfer transfer(kind, pair.near, true, data_, 0);
        EXPECT_EQ(run(transfer), 0);
    }
    const os::Buffer pieces[2] = {{data_, 0}, {nullptr, 0}};
    for (const OperationKind kind : {OperationKind::receive_vector, OperationKind::send_vector,
                                     OperationKind::read_vector, OperationKind::write_vector}) {
        VectorTransfer transfer(kind, pair.near, true, pieces, 2);
        EXPECT_EQ(run(transfer), 0);
    }
}

// After `forget` a number that is given out again is a new descriptor.
TEST_F(Descriptors, numbers_are_used_again) {
    os::Handle first = os::no_handle;
    unsigned same = 0;
    for (unsigned round = 0; round < scaled(1000); ++round) {
        const Pair pair = open_pair();
        if (first == os::no_handle) first = pair.near;
        same += pair.near == first;
        Transfer receive(OperationKind::receive, pair.near, true, data_, 100);
        EXPECT_FALSE(start(receive));
        loop().poll();
        if (round % 3 == 0) {
            EXPECT_EQ(cancel(receive), error::canceled);
        } else {
            const std::string text = std::to_string(round);
            feed(pair.far, text);
            const std::int64_t result = result_of(receive);
            expect_received(data_, result, pair.near, text);
        }
        if (round % 3 == 2) feed(pair.far, "left behind for nobody");
        close(pair.near);
        close(pair.far);
    }
    if (is_simulated()) return;
    EXPECT_GT(same, scaled(1000) / 2) << "the numbers were to be the same";
}

// Of many that are ready each gets its turn before any gets a second one.
TEST_F(Descriptors, a_thousand_are_served_in_turn) {
    constexpr unsigned descriptor_count = 1000;
    struct One {
        Pair pair;
        std::unique_ptr<Transfer> receive;
        char data[16];
        unsigned served = 0;
    };
    std::vector<One> all(descriptor_count);
    for (One& one : all) {
        one.pair = open_pair();
        one.receive = std::make_unique<Transfer>(OperationKind::receive, one.pair.near, true,
                                                 one.data, sizeof one.data);
        one.receive->waiter = &one;
        ASSERT_FALSE(start(*one.receive));
    }
    for (One& one : all) feed(one.pair.far, "x");
    std::uint64_t total = 0;
    unsigned widest = 0;
    while (total < 20 * descriptor_count) {
        loop().poll_until(loop().now() + ms);
        while (Operation* operation = take_completed()) {
            One& one = *static_cast<One*>(operation->waiter);
            ASSERT_EQ(operation->result, 1);
            ++one.served;
            ++total;
            one.receive->reset();
            ASSERT_FALSE(start(*one.receive));
            feed(one.pair.far, "x");
        }
        const auto [least, most] = std::minmax_element(
            all.begin(), all.end(),
            [](const One& left, const One& right) { return left.served < right.served; });
        widest = std::max(widest, most->served - least->served);
    }
    EXPECT_LE(widest, is_simulated() || is_seeded() ? 20u : 2u);  // where chance decides
    for (One& one : all) {
        EXPECT_GE(one.served, 14u);
        while (!wait_for(*one.receive, loop().now() + ms)) {
        }
    }
}

}  // namespace
}  // namespace zio::loop
