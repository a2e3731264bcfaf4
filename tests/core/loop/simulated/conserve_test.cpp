// SPDX-License-Identifier: MIT
// Nothing is lost and nothing comes twice: bytes under short transfers and random cancels, and
// connections under canceled accepts.
#include <optional>

#include "tests/core/loop/simulated/fixture.hpp"

namespace zio::loop::simulated {
namespace {

class Conserve : public SimulatedTest {};

// Sends and receives numbered bytes; every operation may be canceled at any moment. Counts how
// cancels ended, because a race that always ends one way proves nothing.
struct Race {
    unsigned canceled_count = 0;  // had no effect
    unsigned beaten_count = 0;    // the operation had finished with its result
};

class Mover {
  public:
    Mover(Loop& loop, os::Handle sender, os::Handle receiver, Random random)
        : loop_(loop), handles_{sender, receiver}, random_(random) {}

    void run(std::uint64_t total, Race* race) {
        total_ = total;
        while (moved_[1] < total) {
            for (unsigned side = 0; side < 2; ++side) {
                if (!operations_[side].has_value() && moved_[side] < total) start(side);
            }
            for (unsigned side = 0; side < 2; ++side) {
                if (operations_[side].has_value() && random_.chance(150)) {
                    was_canceled_[side] = true;
                    loop_.cancel(*operations_[side]);
                }
            }
            random_.chance(500) ? loop_.poll() : loop_.poll_until(loop_.now() + 20'000);
            while (Operation* ended = loop_.next_completed()) {
                end(ended == &*operations_[1] ? 1 : 0, race);
            }
        }
        if (operations_[0].has_value()) ADD_FAILURE() << "more was sent than there is";
    }

  private:
    void start(unsigned side) {
        const std::uint64_t rest = total_ - moved_[side];
        const std::size_t size = 1 + random_.below(rest < sizeof data_[0] ? rest : sizeof data_[0]);
        if (side == 0) {
            for (std::size_t i = 0; i < size; ++i) data_[0][i] = byte_at(moved_[0] + i);
        }
        const auto kind = side == 0 ? OperationKind::send : OperationKind::receive;
        was_canceled_[side] = false;
        operations_[side].emplace(kind, handles_[side], true, data_[side], size);
        if (loop_.start(*operations_[side])) end(side, nullptr);
    }
    void end(unsigned side, Race* race) {
        const std::int64_t result = operations_[side]->result;
        operations_[side].reset();
        if (was_canceled_[side] && race != nullptr) {
            ++(result == error::canceled ? race->canceled_count : race->beaten_count);
        }
        if (result == error::canceled) {
            EXPECT_TRUE(was_canceled_[side]);
            return;
        }
        ASSERT_GT(result, 0);
        for (std::int64_t i = 0; side == 1 && i < result; ++i) {
            ASSERT_EQ(data_[1][i], byte_at(moved_[1] + static_cast<std::uint64_t>(i)));
        }
        moved_[side] += static_cast<std::uint64_t>(result);
    }
    static unsigned char byte_at(std::uint64_t place) {
        return static_cast<unsigned char>(place * 131 + (place >> 8) * 17);
    }

    Loop& loop_;
    os::Handle handles_[2];
    Random random_;
    std::uint64_t total_ = 0;
    std::uint64_t moved_[2] = {};
    bool was_canceled_[2] = {};
    unsigned char data_[2][5000];
    std::optional<Transfer> operations_[2];
};

TEST_F(Conserve, bytes_under_random_cancels) {
    Race race;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        open(Faults{}, seed);
        const Pair pair = seed % 4 == 0 ? open_pair() : open_connection();
        ASSERT_EQ(os::table.set_option(pair.client, os::SocketOption::send_buffer, 6000), 0);
        Mover mover(loop(), pair.client, pair.server, Random(seed));
        mover.run(500'000, &race);
        if (HasFailure()) return;
        EXPECT_EQ(os::table.close(pair.client), 0);
        EXPECT_EQ(receive(pair.server), 0);
    }
    std::printf("cancels without effect %u, beaten by a result %u\n", race.canceled_count,
                race.beaten_count);
    EXPECT_GT(race.canceled_count, 1000u);
    EXPECT_GT(race.beaten_count, 1000u);
}

TEST_F(Conserve, connections_under_canceled_accepts) {
    Race race;
    Random random(11);
    os::Address address = loopback(0);
    const os::Handle listener = open_listener(&address);
    unsigned accepted_count = 0;
    unsigned connected_count = 0;
    while (connected_count < 500) {
        const os::Handle client = open_socket();
        Connect connect(client, true, address);
        bool is_connected = loop().start(connect);
        while (!is_connected || accepted_count <= connected_count) {
            Accept accept(listener, true, nullptr);
            bool ended = loop().start(accept);
            bool was_canceled = false;
            while (!ended) {
                if (!was_canceled && random.chance(400)) {
                    was_canceled = true;
                    loop().cancel(accept);
                }
                loop().poll_until(loop().now() + 1 + random.below(50'000));
                while (Operation* operation = loop().next_completed()) {
                    if (operation == &connect) is_connected = true;
                    if (operation == &accept) ended = true;
                }
            }
            if (accept.result >= 0) {
                ++accepted_count;
                EXPECT_EQ(os::table.close(static_cast<os::Handle>(accept.result)), 0);
            } else {
                EXPECT_EQ(accept.result, error::canceled);
            }
            if (was_canceled) ++(accept.result < 0 ? race.canceled_count : race.beaten_count);
        }
        EXPECT_EQ(connect.result, 0);
        EXPECT_EQ(os::table.close(client), 0);
        ++connected_count;
    }
    EXPECT_EQ(accepted_count, connected_count);
    // No descriptor is left but the listener: the next one gets the number after it.
    EXPECT_EQ(open_socket(), listener + 1);
    EXPECT_GT(race.canceled_count, 100u);
    EXPECT_GT(race.beaten_count, 20u);
}

TEST_F(Conserve, short_transfers_happen_and_can_be_switched_off) {
    const auto count_short = [&](bool short_io) {
        Faults some;
        some.short_io = short_io;
        open(some);
        const Pair pair = open_pair();
        const std::string text(100, 'x');
        char data[100];
        unsigned short_count = 0;
        for (int i = 0; i < 300; ++i) {
            const std::int64_t sent = os::table.send(pair.client, text.data(), text.size(), 0);
            EXPECT_GT(sent, 0);
            short_count += sent < 100;
            std::int64_t rest = sent;
            while (rest > 0) {
                const std::int64_t got = os::table.receive(pair.server, data, sizeof data, 0);
                EXPECT_GT(got, 0);
                short_count += got < rest;
                rest -= got;
            }
        }
        return short_count;
    };
    EXPECT_GT(count_short(true), 100u);
    EXPECT_EQ(count_short(false), 0u);
}

TEST_F(Conserve, a_peek_takes_nothing) {
    const Pair pair = open_pair();
    Faults whole;
    whole.short_io = false;
    set_faults(whole);
    char data[8] = {};
    EXPECT_EQ(os::table.send(pair.client, "abcdef", 6, 0), 6);
    EXPECT_EQ(os::table.receive(pair.server, data, 4, os::message_peek), 4);
    EXPECT_EQ(os::table.receive(pair.server, data, 8, 0), 6);
    EXPECT_EQ(std::string(data), "abcdef");
}

// Each of many ready descriptors gets its turn before any gets a second one.
TEST_F(Conserve, everybody_gets_a_turn) {
    Faults whole;
    whole.short_io = false;
    set_faults(whole);
    constexpr unsigned count = 100;
    std::vector<Pair> pairs;
    std::vector<std::unique_ptr<Transfer>> receives;
    std::vector<unsigned> turns(count);
    std::vector<char> data(count);
    const std::string plenty(1000, 'x');
    for (unsigned i = 0; i < count; ++i) {
        pairs.push_back(open_pair());
        receives.push_back(std::make_unique<Transfer>(OperationKind::receive, pairs[i].server, true,
                                                      &data[i], std::size_t{1}));
        ASSERT_FALSE(loop().start(*receives[i]));
    }
    for (const Pair& pair : pairs) {
        ASSERT_GT(os::table.send(pair.client, plenty.data(), plenty.size(), 0), 0);
    }
    bool in_order = true;
    for (int round = 0; round < 3; ++round) {
        Operation* last = nullptr;
        loop().poll();
        while (Operation* operation = loop().next_completed()) {
            for (unsigned i = 0; i < count; ++i) {
                if (receives[i].get() != operation) continue;
                ++turns[i];
                if (last != nullptr && i > 0 && receives[i - 1].get() != last) in_order = false;
            }
            last = operation;
        }
        for (unsigned i = 0; i < count; ++i) {
            ASSERT_EQ(turns[i], static_cast<unsigned>(round + 1)) << i;
            receives[i]->reset();
            // At once or deferred: it is ready in either case.
            while (loop().start(*receives[i])) receives[i]->reset();
        }
    }
    EXPECT_FALSE(in_order) << "the seed chooses the order";
    for (auto& receive : receives) {
        loop().cancel(*receive);
    }
    while (loop().pending_count() > 0) {
        loop().poll();
        while (loop().next_completed() != nullptr) {
        }
    }
}

}  // namespace
}  // namespace zio::loop::simulated
