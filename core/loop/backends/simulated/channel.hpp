// SPDX-License-Identifier: MIT
#pragma once
// One direction of a connection: bytes in order, some of them under way and some arrived, then
// perhaps the end of the stream, or a reset. The window bounds both together, so that who writes to
// a reader that does not read has to wait.
#include <cstdint>

#include "core/loop/backends/simulated/bytes.hpp"
#include "core/loop/backends/simulated/events.hpp"
#include "core/loop/backends/simulated/random.hpp"

namespace zio::loop::simulated {

class Network;
struct Link;

class Channel final : public Event {
  public:
    Channel(Network& network, Link& link, unsigned from, bool local, Random latency)
        : Event(Kind::arrival),
          network_(network),
          link_(link),
          from_(from),
          local_(local),
          latency_(latency) {
        base_ns_ = 5'000 + latency_.below(50'000);
    }
    ~Channel();

    // For the writer.
    std::size_t room(std::size_t window) const {
        return window > bytes_.size() ? window - bytes_.size() : 0;
    }
    bool reserve(std::size_t window) { return bytes_.reserve(window); }
    void send(Pieces& pieces, std::size_t size);
    void end();
    void reset();
    bool is_ended() const { return end_at_ != none; }
    bool is_reset() const { return reset_at_ != none; }
    // Nothing arrives before this instant (a connection that the other side does not know of yet).
    void hold_until(Instant at) { quiet_until_ = at; }

    // The connection is no longer cut: what waited goes on.
    void resume();

    // For the reader.
    std::size_t arrived() const { return arrived_; }
    bool end_arrived() const { return end_arrived_; }
    bool reset_arrived() const { return reset_arrived_; }
    void receive(Pieces& pieces, std::size_t size, bool keep);

    void happen();

  private:
    struct Segment {
        Instant at;
        std::size_t size;
    };
    static constexpr unsigned segment_limit = 8;
    static constexpr Instant none = 0;

    Instant arrival_instant();
    void plan();
    void deliver();

    Network& network_;
    Link& link_;
    const unsigned from_;  // the writing end
    const bool local_;     // within the system: no time passes
    Random latency_;
    Instant base_ns_;
    Instant quiet_until_ = 0;

    Bytes bytes_;  // the oldest `arrived_` have arrived
    std::size_t arrived_ = 0;
    Segment segments_[segment_limit];  // the others, oldest first
    unsigned segment_count_ = 0;
    Instant end_at_ = none;
    Instant reset_at_ = none;
    bool end_arrived_ = false;
    bool reset_arrived_ = false;
};

}  // namespace zio::loop::simulated
