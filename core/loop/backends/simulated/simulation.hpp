// SPDX-License-Identifier: MIT
#pragma once
// The simulation of this process: one world at a time, which lives from the opening of the first
// simulated backend to the closing of the last. Meanwhile the simulator's functions stand in
// `os::table`; what they are asked about descriptors of the host they hand on to the host's.
//
// Several loops may live in the world, also on several threads: everything here is done under one
// lock, and who takes part takes turns (turns.hpp). The same seed repeats a run where no guest has
// a hand in it, because when those come is nobody's choice. The table itself is exchanged without a
// lock: no other thread may be inside the library while the first backend is opened or the last is
// closed.
#include <cstdint>
#include <mutex>

#include "core/loop/backends/simulated/network.hpp"
#include "core/loop/backends/simulated/settings.hpp"
#include "core/loop/backends/simulated/sleeper.hpp"
#include "core/loop/backends/simulated/turns.hpp"

namespace zio::loop::simulated {

// What a busy loop costs, so that it cannot stop the time: a poll or a call that would have to
// wait, and a look at the clock.
inline constexpr Instant poll_ns = 1'000;
inline constexpr Instant look_ns = 10;

// What a run was. The present one, or the last.
struct Report {
    std::uint64_t seed = 0;
    std::uint64_t event_count = 0;
    std::uint64_t virtual_ns = 0;
    std::uint64_t hash = 0;
};
Report report();

// Something that shall be true in some run: counted, and at the end told in the trace. Under the
// lock of the simulation.
void note_sometimes(bool holds, const char* what);

class Entered;

struct Simulation {
    explicit Simulation(const Settings& settings)
        : world(settings.seed, settings.faults),
          network(world, homes),
          turns(world.stream(Stream::turns)),
          chance(world.stream(Stream::program)),
          limit(settings.limit_ns < forever - World::beginning
                    ? World::beginning + settings.limit_ns
                    : forever) {}
    // The report says why, and the program ends so that nobody overlooks it.
    [[noreturn]] void stop_at_limit();
    [[noreturn]] void stop(const char* what_does_not_hold);

    // Lets time pass until something happens, `until` at most. Where only the host or another
    // thread can make something happen, waits for them. False: nothing ever will.
    bool let_pass(Entered& inside, Sleeper& sleeper, Instant until);
    // For one that takes part, whose state says what for. False: it can never happen.
    bool wait_for_turn(Entered& inside, Actor& self);
    void add(Sleeper& sleeper);
    void remove(Sleeper& sleeper);
    // The calling thread drives the world with this one.
    void drive(Sleeper& sleeper);
    void ring_due();
    void welcome(const void* thread);
    Report report() const;

    World world;
    Homes homes;
    Network network;
    Turns turns;
    Random chance;  // for the program itself
    const Instant limit;
    std::int32_t owner = 0;  // the process whose threads take turns
    Sleeper* sleepers = nullptr;
    bool has_absent = false;  // some sleeper is
    std::uint32_t backend_count = 0;
    std::uint64_t backend_serial = 0;

  private:
    Instant next_at() const;

    // For those that take part (wait.cpp).
    bool sleep_for_all(Entered& inside, Instant limit_ns);
    bool leave_guests_a_chance(Entered& inside, Actor& self, Instant next);
    Actor* hopeless_one() const;
    bool guests_are_awake() const;
    bool knows_guests() const;
    void give_up_guests();
    bool waits_for_host() const;
    void look_at_host();

    // For guests (the same file).
    bool let_pass_for_guest(Entered& inside, Sleeper& sleeper, Instant until);
    bool leave_a_chance(Entered& inside, Sleeper& sleeper, Instant next);
    bool others_are_awake(const Sleeper& sleeper) const;
    void give_up_others(const Sleeper& sleeper);
    bool knows_other_threads(const Sleeper& sleeper) const;

    Array<os::ReadyRequest> watched_;  // by who really waits, for all that take part
};

// Inside the simulation: holds its lock. Whoever sleeps is rung when something has happened.
class Entered {
  public:
    Entered();
    // On a thread that begins: it is this one.
    explicit Entered(Actor& begins);
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;
    ~Entered();

    // Null: nothing is simulated at present.
    Simulation* simulation() const { return simulation_; }
    Simulation* operator->() const { return simulation_; }
    // Gives up the lock meanwhile; the caller keeps the simulation alive. True: somebody rang.
    bool sleep(Sleeper& sleeper, Instant limit_ns);
    // The same for who has the turn, on behalf of all that wait for one; `requests` are theirs.
    void sleep_for_all(Array<os::ReadyRequest>& requests, Instant limit_ns);
    void ring_sleepers();
    // `self` goes on again when the seed says so.
    void pass_turn(Actor& self, Actor& next);
    // Another thread may go on here.
    void offer_turn();

    // Begins the world, or joins it, for one more backend. 0 or an error.
    std::int32_t open_backend(const Settings& settings);
    void close_backend();

  private:
    void wait_for_own_turn();

    Turn lock_;
    Simulation* simulation_;
    std::uint64_t seen_event_count_;
};

// The functions that were in `os::table` before.
const os::Table& host();
// Those that stand there meanwhile.
extern const os::Table simulated_table;

}  // namespace zio::loop::simulated
