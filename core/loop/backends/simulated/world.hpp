// SPDX-License-Identifier: MIT
#pragma once
// A world of its own: its clock, what is going to happen in it, its chance and its history.
#include <atomic>
#include <cstdint>

#include "core/base/time.hpp"
#include "core/loop/backends/simulated/events.hpp"
#include "core/loop/backends/simulated/faults.hpp"
#include "core/loop/backends/simulated/history.hpp"
#include "core/loop/backends/simulated/random.hpp"

namespace zio::loop::simulated {

class World {
  public:
    // Clocks of zio start at one second or more.
    static constexpr Instant beginning = second_ns;

    World(std::uint64_t seed, const Faults& what_fails)
        : faults(what_fails), seed_(seed), root_(seed) {}
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    std::uint64_t seed() const { return seed_; }
    Random stream(Stream which) const { return root_.split(static_cast<std::uint64_t>(which)); }

    // May be read without the lock of the simulation.
    Instant now() const { return now_.load(std::memory_order_relaxed); }
    // Time passes until `until`, and what was planned for meanwhile happens.
    void pass_until(Instant until) {
        while (events.next_at() <= until) {
            move_clock(events.next_at());
            events.take().happen();
        }
        move_clock(until);
    }
    void pass(Instant duration) { pass_until(now() + duration); }
    // Time passes, but what is planned for meanwhile waits for somebody who drives the world.
    Instant tick(Instant duration) {
        move_clock(now() + duration);
        return now();
    }

    void record(What what, std::uint64_t subject, std::int64_t value) {
        history.record(what, subject, value, now());
    }

    EventQueue events;
    History history;
    Faults faults;

  private:
    void move_clock(Instant to) {
        if (to > now()) now_.store(to, std::memory_order_relaxed);
    }

    const std::uint64_t seed_;
    const Random root_;
    std::atomic<Instant> now_{beginning};
};

}  // namespace zio::loop::simulated
