// SPDX-License-Identifier: MIT
#pragma once
// The backend on io_uring: operations become submissions, completions finish operations.
//
// Where an operation is, from start to finish:
//
//   start ─► receives ─┐ w a turn               ┌─► cancel_queued ─► cancel_sent ─┐
//         ─► starting ─┴─► kernel ──────────────┴────────────────────────────────┴─► finished
//         ─► delayed ──────────────────────────────────────────────────────────────►
//
// Before the kernel has it nobody else knows it, and a cancel ends it on the spot. From then on
// only its completion ends it, whatever was asked for meanwhile. Nothing is submitted but by
// `poll`: start and cancel only queue, so a full ring is met in one place.
//
// Threads. A ring with SINGLE_ISSUER belongs to the thread that enables it, which is why it is
// opened disabled and enabled by the first `poll`. When another thread polls later, a new ring
// takes the place of the old one, provided the kernel holds no operation (the wake-up's own poll
// does not count) or the old thread has ended: nobody can enter its ring any more, so what it holds
// has no effect and never will, and is submitted again here. While the old thread lives, what it
// holds cannot be reached from here: it finishes when that thread polls again, and what is started
// elsewhere meanwhile is refused with `busy`. Rings without SINGLE_ISSUER just go on.
#include <cstdint>

#include "core/loop/backend.hpp"
#include "core/loop/backends/io_uring/ring.hpp"
#include "core/loop/backends/io_uring/window.hpp"
#include "core/loop/operation_list.hpp"

namespace zio::loop {

namespace io_uring {

// How to open a ring on this machine; found by probe.cpp.
struct Plan {
    std::uint32_t setup_flags = 0;
    std::uint32_t entries = 0;
    std::uint32_t completion_entries = 0;
};
inline constexpr std::uint32_t default_entries = 256;
inline constexpr std::uint32_t most_entries = 32768;
// Twice that are some 64 KiB in one piece, which the kernel may need 0.3 ms to find and clear.
inline constexpr std::uint32_t least_completion_entries = 2048;

// 0 or minus the kernel's error number. An open ring is still to be enabled.
std::int32_t open_ring(Ring& ring, const Plan& plan);

// A number for the calling thread that no other thread ever has.
std::uint64_t this_thread();

class IoUring final : public Backend {
  public:
    // Owns `wakeup`.
    IoUring(const Plan& plan, os::Handle wakeup) : wakeup_(wakeup), plan_(plan) {}
    ~IoUring() override;
    std::int32_t open() { return open_ring(ring_, plan_); }

    const char* name() const override { return "io_uring"; }
    Support support(OperationKind kind) const override;
    bool start(Operation& operation) override;
    bool cancel(Operation& operation) override;
    void poll(Completed& completed, Instant until) override;
    bool may_have_finished() const override;
    bool has_queued() const override;
    void wake() override { os::table.raise_wakeup(wakeup_); }
    std::uint64_t take_wakes() override;
    bool remembers() const override { return false; }
    void forget(os::Handle) override {}
    Instant now() const override { return os::table.now(); }

    const Ring& ring() const { return ring_; }

  private:
    // Operation::backend_flags: the place, that is the list, and the bit below.
    enum Place : std::uint8_t {
        nowhere,
        starting,
        receives,
        delayed,
        kernel,
        cancel_queued,
        cancel_sent,
        place_count,
    };
    static constexpr std::uint8_t place_mask = 7;
    static constexpr std::uint8_t by_readiness = 8;  // waits for readiness, then tries the call

    static Place place_of(const Operation& operation) {
        return static_cast<Place>(operation.backend_flags & place_mask);
    }
    void put(Operation& operation, Place place) {
        operation.backend_flags =
            static_cast<std::uint8_t>((operation.backend_flags & by_readiness) | place);
        lists_[place].push(operation);
    }
    void take(Operation& operation) {
        lists_[place_of(operation)].remove(operation);
        operation.backend_flags &= by_readiness;
    }
    void move(Operation& operation, Place place) {
        take(operation);
        put(operation, place);
    }
    bool holds_none() const {
        return lists_[kernel].empty() && lists_[cancel_queued].empty() &&
               lists_[cancel_sent].empty();
    }

    void wait(Operation& operation);
    void queue(Operation& operation);

    void turn(Completed& completed, Instant until);
    void fill();
    io_uring_sqe* slot();
    bool submit(Operation& operation);
    void enter(Instant until);
    void enter_and_wait(Instant until);
    void drain(std::uint32_t before);
    void note(std::int32_t entered);
    void reap(Completed& completed);
    void woke(std::int32_t result, std::uint32_t flags);
    void count_wakes();
    void cancel_answered(std::int32_t result);
    void recheck_cancels();
    void ended(Operation& operation, std::int32_t result, Completed& completed);
    std::int64_t outcome_of(Operation& operation, std::int32_t result);
    void complete(Operation& operation, std::int64_t outcome, Completed& completed);
    void retry_delayed(Completed& completed);

    bool move_here(std::uint64_t thread, Completed& completed);
    bool leave_ring(Completed& completed);
    std::int32_t bind();
    void wait_elsewhere(Completed& completed, Instant until);
    void refuse(Place place, Completed& completed);

    std::uint8_t& productive(os::Handle listener) {
        return productive_[static_cast<std::uint64_t>(listener) % sizeof productive_];
    }

    Ring ring_;
    OperationList lists_[place_count];
    std::uint64_t owner_ = 0;  // the thread that may enter the ring
    std::int32_t owner_id_ = 0;
    std::uint32_t turn_ = 0;
    std::uint32_t owner_since_ = 0;  // its first turn
    std::uint32_t batch_ = 0;        // how many operations this poll finished
    bool is_stalled_ = false;        // the kernel takes no more submissions just now
    bool is_woken_ = false;
    bool wake_is_armed_ = false;
    bool wake_many_times_ = true;
    std::int32_t status_ = 0;  // why there is no ring
    Window window_;
    Instant retry_at_ = forever;    // the delayed
    Instant recheck_at_ = forever;  // cancels that found nothing
    std::uint64_t wake_count_ = 0;
    const os::Handle wakeup_;
    const Plan plan_;
    std::uint8_t productive_[64] = {};  // listeners: the last accept did not have to wait
};

}  // namespace io_uring

// Where and why not: see probe.cpp.
Opened open_io_uring(const BackendOptions& options);

}  // namespace zio::loop
