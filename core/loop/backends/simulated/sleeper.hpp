// SPDX-License-Identifier: MIT
#pragma once
// A thread that drives the world, and its way to wait really: for other threads, which may do
// something to the world, and for descriptors of the host. The wait itself is the host's.
#include <atomic>
#include <cstdint>

#include "core/loop/backends/simulated/array.hpp"
#include "core/loop/backends/simulated/home.hpp"
#include "core/os/table.hpp"

namespace zio::loop::simulated {

// Tells threads apart; its value says nothing.
const void* this_thread();
// No other thread of this process than `count` that are known to wait can make anything happen.
// Where the system does not tell, `otherwise`.
bool are_only_threads(std::uint32_t count, bool otherwise);

class Sleeper {
  public:
    explicit Sleeper(const os::Table& host) : host_(host) {}
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;
    ~Sleeper();

    // 0 or an error.
    std::int32_t open();

    // Any thread, also inside a signal handler: ends the present or the next sleep.
    void wake();
    // How many wakes came since this was last asked.
    std::uint64_t take_wakes() { return wakes_.exchange(0, std::memory_order_acq_rel); }
    bool has_wakes() const { return wakes_.load(std::memory_order_relaxed) != 0; }
    // Something happened in the world. Needs the lock of the simulation.
    void ring() {
        is_rung = true;
        stir();
    }
    // Whoever really sleeps on its behalf looks again.
    void stir() { host_.raise_wakeup(wakeup_); }
    // The thread that waits here has something to do.
    bool is_due() const {
        return is_rung || has_wakes() || (home != nullptr && !home->ready.empty());
    }

    // Descriptors of the host to wait for; the caller's, in any order. The first is our own.
    Array<os::ReadyRequest>& requests() { return requests_; }
    static constexpr std::uint32_t first_request = 1;
    bool waits_for_host() const { return requests_.count() > first_request; }
    // Which of them are ready now; the number.
    std::int64_t look();
    // Before the lock is given up, without it (at most `limit_ns` long), and with it again.
    void lie_down() {
        is_asleep = true;
        asleep_.store(true, std::memory_order_seq_cst);
    }
    void sleep(Instant limit_ns);
    void get_up();

    Sleeper* next = nullptr;       // in the simulation's list
    Home* home = nullptr;          // what it waits for; null: anything
    const void* thread = nullptr;  // the one that drove it last
    bool is_guests = true;         // and takes no part in the turns
    // Under the lock of the simulation:
    Instant until = forever;  // when it wants to be up again, in virtual time
    bool is_asleep = false;
    bool is_rung = false;    // and will get up
    bool is_polite = false;  // sleeps only to leave others a chance
    bool is_absent = false;  // was left a chance and did not take it; not waited for any more

  private:
    const os::Table& host_;
    os::Handle wakeup_ = os::no_handle;
    Array<os::ReadyRequest> requests_;
    std::atomic<std::uint64_t> wakes_{0};
    // Raising costs a system call, so only sleepers are raised: the sleeper says so and then looks
    // for wakes; the waker counts and then looks for a sleeper. Both in one total order, so that
    // one of them sees the other.
    std::atomic<bool> asleep_{false};
};

}  // namespace zio::loop::simulated
