// SPDX-License-Identifier: MIT
#pragma once
// How many receives one turn may arm.
//
// A receive that finds its data at submission completes at once, ahead of the completions that the
// kernel hands out about twenty at a time, so sockets that are always ready would starve the
// others. Small turns in the order of arrival cure that, at no cost: at most 32, and at most half
// of the sockets that are active, so that no turn serves all of them and those that just missed it
// wait a whole one.
#include <cstdint>

#include "core/os/handle.hpp"

namespace zio::loop::io_uring {

class Window {
  public:
    // A receive on `handle` has completed.
    void count(os::Handle handle) {
        std::uint64_t& word = seen_[(static_cast<std::uint64_t>(handle) >> 6) % word_count];
        const std::uint64_t bit = std::uint64_t{1} << (static_cast<std::uint64_t>(handle) & 63);
        distinct_ += (word & bit) == 0;
        word |= bit;
        if (++counted_ == epoch) start_epoch();
    }

    std::uint32_t width() const {
        const std::uint32_t active = distinct_ > distinct_before_ ? distinct_ : distinct_before_;
        const std::uint32_t half = active / 2;
        return half < 4 ? 4 : half > 32 ? 32 : half;
    }

  private:
    // "Lately" is counted in completions, so that a quiet hour changes nothing. Numbers that share
    // a bit only narrow the window when hundreds are active, and then it is at its widest anyway.
    static constexpr std::uint32_t epoch = 256;
    static constexpr std::uint32_t word_count = 4;

    void start_epoch() {
        distinct_before_ = distinct_;
        distinct_ = counted_ = 0;
        for (std::uint64_t& word : seen_) word = 0;
    }

    std::uint64_t seen_[word_count] = {};
    std::uint32_t distinct_ = 0;
    std::uint32_t distinct_before_ = 0;
    std::uint32_t counted_ = 0;
};

}  // namespace zio::loop::io_uring
