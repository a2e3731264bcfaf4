// SPDX-License-Identifier: MIT
#pragma once
// Whether a worker that has nothing to do gives way to others before it sleeps (ZIO_RT_GIVE_WAY).
//
// To sleep and to be woken costs both sides some microseconds, and a worker that is woken for one
// message may push aside whoever was about to send it more. So it stays awake for about as long as
// that costs, and lends its processor to those who want it meanwhile: what they sent it by then is
// there when it gets the processor back. This pays while at least half of the tries find something;
// otherwise it is tried now and then.
#include <cstdint>

#include "core/base/time.hpp"

namespace zio::runtime {

class GiveWay {
  public:
    static constexpr Instant span_ns = 5'000;
    static constexpr std::uint32_t tries_on_trial = 16;
    static constexpr std::uint32_t fewest_skipped = 64;
    static constexpr std::uint32_t most_skipped = 4096;

    // Asked once for each rest.
    bool is_due() {
        if (to_skip_ == 0) return true;
        if (--to_skip_ == 0) balance_ = tries_on_trial;
        return false;
    }
    void found_something() {
        if (balance_ < most_balance) ++balance_;
        skip_ = fewest_skipped;
    }
    void found_nothing() {
        if (--balance_ > 0) return;
        to_skip_ = skip_;
        if (skip_ < most_skipped) skip_ *= 2;
    }

  private:
    static constexpr std::uint32_t most_balance = 64;

    std::uint32_t balance_ = tries_on_trial;  // tries that found something, less those in vain
    std::uint32_t to_skip_ = 0;
    std::uint32_t skip_ = fewest_skipped;
};

}  // namespace zio::runtime
