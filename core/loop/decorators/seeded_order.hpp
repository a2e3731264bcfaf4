// SPDX-License-Identifier: MIT
#pragma once
// Real I/O in an order that a seed decides: what finishes is held back and handed out some turns
// later, among the others of its turn by lot, and the seed also chooses which ready task runs next.
// An operation draws its lot when it starts, so that the draw does not depend on the outside. What
// the outside does, and when, is as real as ever: a seed shows a race again as far as that allows.
#include "core/loop/backends/simulated/random.hpp"
#include "core/loop/decorators/decorator.hpp"

namespace zio::loop {

class SeededOrder final : public Decorator {
  public:
    // Loops with different numbers draw different lots from the same seed.
    SeededOrder(std::unique_ptr<Backend> inner, std::uint64_t seed, std::uint32_t number);

    bool start(Operation& operation) override;
    // Of what has finished and is held back: no longer possible, it comes with its result.
    bool cancel(Operation& operation) override;
    void poll(Completed& completed, Instant until) override;
    bool may_have_finished() const override {
        return held_count_ != 0 || Decorator::may_have_finished();
    }
    std::uint64_t take_wakes() override { return std::exchange(wake_count_, 0); }
    bool chooses() const override { return true; }
    std::uint32_t choose(std::uint32_t count) override;

  private:
    static constexpr unsigned turn_bits = 2;
    static constexpr unsigned rank_bits = 4;
    static constexpr unsigned turns = 1U << turn_bits;
    static constexpr unsigned ranks = 1U << rank_bits;

    void hold(Operation& operation, unsigned turns_from_now);
    bool release(Completed& completed);

    simulated::Random schedule_;
    simulated::Random lots_;
    Queue<Operation> held_[turns][ranks];  // by the turn that lets them go
    std::uint32_t held_count_ = 0;
    unsigned turn_ = 0;
    std::uint64_t wake_count_ = 0;
};

}  // namespace zio::loop
