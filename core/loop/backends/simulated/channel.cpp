// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/channel.hpp"

#include <algorithm>
#include <bit>

#include "core/loop/backends/simulated/network.hpp"

namespace zio::loop::simulated {

Channel::~Channel() {
    network_.world().events.drop(*this);
}

// Mostly some ten microseconds, rarely some milliseconds; each connection has its own distance.
Instant Channel::arrival_instant() {
    const World& world = network_.world();
    Instant at = world.now();
    if (!local_ && world.faults.latency) {
        const std::uint64_t draw = latency_.next();
        const int tail = std::min(std::countr_zero(draw >> 32 | 1ULL << 10), 10);
        at += base_ns_ + (draw & 0xffffffff) % (20'000ULL << tail);
    }
    quiet_until_ = std::max(quiet_until_, at);
    return quiet_until_;
}

void Channel::plan() {
    Event& event = *this;
    if (link_.is_cut()) return;
    if (segment_count_ > 0) {
        network_.world().events.plan(event, segments_[0].at);
    } else if (end_at_ != none && !end_arrived_) {
        network_.world().events.plan(event, end_at_);
    } else if (reset_at_ != none && !reset_arrived_) {
        network_.world().events.plan(event, reset_at_);
    }
}

// Bytes that are under way longer than others hold back those behind them: one list, in order.
void Channel::send(Pieces& pieces, std::size_t size) {
    bytes_.put(pieces, size);
    const Instant at = arrival_instant();
    if (segment_count_ == segment_limit) {
        segments_[segment_count_ - 1].at = at;
        segments_[segment_count_ - 1].size += size;
        return;
    }
    segments_[segment_count_++] = {at, size};
    deliver();
}

void Channel::end() {
    if (end_at_ != none || reset_at_ != none) return;  // what was reset has no orderly end
    end_at_ = arrival_instant();
    deliver();
}

void Channel::reset() {
    if (reset_at_ != none) return;
    reset_at_ = arrival_instant();
    deliver();
}

void Channel::resume() {
    if (!planned()) plan();
}

void Channel::happen() {
    deliver();
}

void Channel::deliver() {
    if (link_.is_cut()) return;
    const Instant now = network_.world().now();
    std::size_t size = 0;
    unsigned count = 0;
    while (count < segment_count_ && segments_[count].at <= now) size += segments_[count++].size;
    std::copy(segments_ + count, segments_ + segment_count_, segments_);
    segment_count_ -= count;
    arrived_ += size;
    const bool drained = segment_count_ == 0;
    const bool ends = drained && end_at_ != none && !end_arrived_ && end_at_ <= now;
    if (ends) end_arrived_ = true;
    const bool resets = drained && reset_at_ != none && !reset_arrived_ && reset_at_ <= now &&
                        (end_at_ == none || end_arrived_);
    if (resets) reset_arrived_ = true;
    if (!planned()) plan();
    if (size > 0 || ends || resets) network_.arrived(link_, from_, size, ends, resets);
}

void Channel::receive(Pieces& pieces, std::size_t size, bool keep) {
    ZIO_ASSERT(size <= arrived_);
    bytes_.get(pieces, size, keep);
    if (!keep) arrived_ -= size;
}

}  // namespace zio::loop::simulated
