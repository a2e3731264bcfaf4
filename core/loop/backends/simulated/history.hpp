// SPDX-License-Identifier: MIT
#pragma once
// Everything that happens, as one number: two runs are the same when their hashes are. Only what a
// replay repeats goes in: serial numbers, sizes, results and virtual time; no address in memory, no
// real time, no descriptor of the host.
#include <cstdint>

#include "core/base/time.hpp"

namespace zio::loop::simulated {

// The numbers are part of every hash and stay.
enum class What : std::uint8_t {
    choice = 1,
    started = 2,
    finished = 3,
    cancel = 4,
    opened = 5,
    closed = 6,
    bound = 7,
    listening = 8,
    connecting = 9,
    connected = 10,
    refused = 11,
    accepted = 12,
    sent = 13,
    arrived = 14,
    received = 15,
    end_of_stream = 16,
    reset = 17,
    shut = 18,
    option = 19,
    cut = 20,
    healed = 21,
    crashed = 22,
    restarted = 23,
    turn = 24,
};

class History {
  public:
    void record(What what, std::uint64_t subject, std::int64_t value, Instant at) {
        ++event_count_;
        add(static_cast<std::uint64_t>(what));
        add(subject);
        add(static_cast<std::uint64_t>(value));
        add(at);
    }

    std::uint64_t event_count() const { return event_count_; }
    std::uint64_t hash() const { return hash_; }

  private:
    void add(std::uint64_t word) {
        hash_ = (hash_ ^ word) * 0xff51afd7ed558ccd;
        hash_ ^= hash_ >> 29;
    }

    std::uint64_t event_count_ = 0;
    std::uint64_t hash_ = 0x7a696f2d73696d31;
};

}  // namespace zio::loop::simulated
