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
#include "core/loop/backends/simulated/trace.hpp"

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
        own_trace().event(now(), what, subject, value);
    }
    // Whether this happens at the next of the chances that `subject` has for it. `*size`, if asked
    // for, is how much of it, at random.
    bool strikes(Fault fault, std::uint64_t subject, Chances& chances,
                 std::uint64_t* size = nullptr) {
        const std::uint64_t draw = chances.next();
        if (size != nullptr) *size = draw;
        if (draw % 1000 >= faults.per_mille(fault)) return false;
        if (is_harsh(fault) && now() - beginning >= faults.calm_after_ns) return false;
        return takes(fault, subject, chances.count);
    }
    // A choice that was drawn anyway, and is not the one that needs no chance.
    bool takes(Fault fault, std::uint64_t subject, std::uint32_t number) {
        if (!allowed.allows(fault, subject, number)) return false;
        own_trace().fault(now(), fault, subject, number);
        return true;
    }

    EventQueue events;
    History history;
    Faults faults;
    Allowed allowed;

  private:
    void move_clock(Instant to) {
        if (to > now()) now_.store(to, std::memory_order_relaxed);
    }

    const std::uint64_t seed_;
    const Random root_;
    std::atomic<Instant> now_{beginning};
};

}  // namespace zio::loop::simulated
