// SPDX-License-Identifier: MIT
#pragma once
// Chance, from a seed. Every class of decisions draws from a stream of its own, and a stream can be
// split once more by a number (one per connection, say): what one class or one connection draws, or
// stops drawing, moves nobody else's numbers. Integers only, so that every compiler agrees.
#include <cstdint>

namespace zio::loop::simulated {

class Random {
  public:
    explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t next() {
        state_ += weyl;
        return mixed(state_);
    }
    // Less than `count`, which is not 0.
    constexpr std::uint64_t below(std::uint64_t count) { return next() % count; }
    constexpr bool chance(std::uint32_t per_mille) { return below(1000) < per_mille; }

    // The stream number `key` under this one; draws nothing.
    constexpr Random split(std::uint64_t key) const {
        return Random(mixed(state_ ^ mixed(key * weyl + weyl)));
    }

  private:
    // The golden ratio: steps through all 64-bit numbers before it repeats one.
    static constexpr std::uint64_t weyl = 0x9e3779b97f4a7c15;

    // Every bit of the result depends on every bit of `word`.
    static constexpr std::uint64_t mixed(std::uint64_t word) {
        word = (word ^ (word >> 32)) * 0xd6e8feb86659fd93;
        word = (word ^ (word >> 32)) * 0xd6e8feb86659fd93;
        return word ^ (word >> 32);
    }

    std::uint64_t state_;
};

// The chances of one kind of fault that one socket, connection or loop has, numbered: a trace and
// the list of those that may be taken name them by that number.
struct Chances {
    explicit constexpr Chances(Random from) : random(from) {}
    constexpr std::uint64_t next() {
        ++count;
        return random.next();
    }

    Random random;
    std::uint32_t count = 0;
};

// The classes of decisions. A new one goes to the end: the number is part of the seed.
enum class Stream : std::uint8_t {
    schedule,    // which ready task runs next
    completion,  // which finished operation is reported first
    deferral,    // whether an operation that could end at once is reported later
    cancel,      // whether a cancel is at once or races with its operation
    latency,     // how long bytes are under way
    short_io,    // how many bytes one call moves
    network,     // everything else about connections
    harsh,       // refusals, resets and the like
    program,     // what the program asks for
    turns,       // which thread goes on
};

}  // namespace zio::loop::simulated
