// SPDX-License-Identifier: MIT
#pragma once
// Who goes on: of the threads that take part in a simulated world one at a time, and the seed says
// which. A turn ends where its thread waits, and at some points on the way; nowhere else does one
// of them see what another does, so that a run with several workers repeats like one with one.
//
// Part take the thread that opened the first backend of the world, and those that the library
// starts in it. Other threads of the program are guests: they come and go as the system lets them,
// and what they do is nobody's choice.
//
// A thread may also have the turn and stay away, in a wait of the program's own. Then it is given
// up after a while, and others go on without it until it comes back.
#include <cstdint>
#include <mutex>

#include "core/loop/backends/simulated/random.hpp"
#include "core/os/thread.hpp"
#include "core/os/wait_word.hpp"

namespace zio::loop::simulated {

class Sleeper;

// A thread that takes part.
//   ready ──► goes ──► ready | waits | joins ──► goes ──► … ──► gone
struct Actor {
    enum class State : std::uint8_t { ready, goes, waits, joins, gone };

    Actor* next = nullptr;  // in the order of their numbers
    std::uint32_t number = 0;
    State state = State::ready;
    Sleeper* sleeper = nullptr;     // where it waits
    const Actor* joined = nullptr;  // whose end it waits for
    bool is_hopeless = false;       // it waits for what can never happen, and shall hear so
    os::WaitWord granted{0};        // 1: it has been given the turn
    // Of a thread that the library started:
    void (*entry)(void* data) = nullptr;
    void* data = nullptr;
    os::Thread thread;
};

using Turn = std::unique_lock<std::mutex>;

// All of it under the lock of the simulation.
class Turns {
  public:
    explicit Turns(Random chance);
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;
    ~Turns();

    // The calling thread, if it takes part in this world; else null.
    Actor* self() const;
    // One more thread takes part. Null: no memory.
    Actor* add();
    void remove(Actor& actor);
    // The calling thread is this one from now on, and it has the turn.
    void begin_with(Actor& actor);
    void adopt(Actor& actor) const;
    // The one that runs on that thread; null: none of them.
    Actor* find(const os::Thread& thread) const;

    bool is_alone() const { return first_ == nullptr || first_->next == nullptr; }
    std::uint32_t count() const;
    // Who has the turn; null: nobody.
    Actor* holder() const { return holder_; }
    Actor* first() const { return first_; }

    // One of those that can go on, `self` among them if it is there and can; the seed's choice
    // among several. Null: nobody can.
    Actor* choose(const Actor* self);
    bool somebody_can_go_on() const { return can_go_on_count(nullptr) != 0; }
    // Once in a while a thread that could go on lets others go first.
    bool gives_way() { return chance_.below(8) == 0; }

    // Gives the turn to `next`, without waiting for another.
    void grant(Actor& next);
    // The holder stays away: somebody else goes on, at least to wait for what comes.
    void give_up();
    // The calling thread, which has the turn, takes no further part.
    void leave();
    // Waits until `self` has the turn.
    void wait(Actor& self, Turn& lock);
    // The holder waits for the host: meanwhile nobody takes its absence amiss.
    bool holder_sleeps = false;

    // In a forked child nobody else is left.
    void forget_others();

  private:
    static bool can_go_on(const Actor& actor, const Actor* self);
    std::uint32_t can_go_on_count(const Actor* self) const;

    Random chance_;
    Actor* first_ = nullptr;
    Actor* holder_ = nullptr;
    std::uint32_t next_number_ = 0;
    std::uint64_t grant_count_ = 0;
    const std::uint64_t serial_;  // of the world, in this process
};

}  // namespace zio::loop::simulated
