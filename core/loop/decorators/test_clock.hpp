// SPDX-License-Identifier: MIT
#pragma once
// A clock for tests of what does real I/O: it stands still while anybody has something to do, and
// goes on only in jumps. It jumps by itself, to the next instant that somebody waits for, when all
// loops that share it sleep and nothing has happened for a moment of real time; or it does not, and
// jumps by as much as it is told.
//
// What waits is the backends' business as ever: `wrap` puts one around a real backend, whose time
// is this clock's.
#include "core/base/slot_table.hpp"
#include "core/loop/decorators/decorator.hpp"

namespace zio::loop {

class ClockedBackend;

class TestClock : public Allocated {
  public:
    enum class Mode : std::uint8_t { jumps, driven };

    // The real time without any event before a jump; 0: enough for an answer that is on its way
    // while operations are pending, else none.
    TestClock(Mode mode, Instant quiet_ns);

    // The same backend with this clock, which must live longer. Null: no memory.
    std::unique_ptr<Backend> wrap(std::unique_ptr<Backend> backend);

    // Any thread. It begins at the real instant at which it is made.
    Instant now() const { return now_.load(std::memory_order_acquire); }
    // Any thread: time passes at once. Polls that wait for an instant in between return.
    void advance(Instant span_ns);

    // For whoever drives the first loop and waits by the real clock: from that real instant on a
    // poll of it is idle for ever. `forever`: no longer.
    void limit_first(Instant real_until);

  private:
    friend class ClockedBackend;

    Instant fall_asleep(ClockedBackend& sleeper, Instant until);
    void get_up(ClockedBackend& sleeper);
    void jump(ClockedBackend& sleeper);
    bool is_quiet() const;
    Instant next_at() const;
    Instant quiet_ns() const;
    void count_pending(const Operation& operation, std::int32_t change);
    void move_to(Instant instant, const ClockedBackend* caller);

    const Mode mode_;
    const Instant quiet_ns_;
    Atomic<Instant> now_;
    Atomic<std::uint32_t> loop_count_{0};
    Atomic<std::int32_t> pending_count_{0};
    Atomic<std::int32_t> pending_outward_count_{0};  // of those the sends and connects
    ClockedBackend* first_ = nullptr;
    // Held for a few wakes at most: who falls asleep must not miss the end of its own wait.
    SpinLock lock_;
    ClockedBackend* asleep_ = nullptr;
    std::uint32_t asleep_count_ = 0;
    std::uint64_t event_count_ = 0;  // of falling asleep, and of jumps
};

class ClockedBackend final : public Decorator {
  public:
    ClockedBackend(TestClock& clock, std::unique_ptr<Backend> inner);
    ~ClockedBackend() override;

    bool start(Operation& operation) override;
    bool cancel(Operation& operation) override;
    void poll(Completed& completed, Instant until) override;
    void wake() override;
    std::uint64_t take_wakes() override { return std::exchange(wake_count_, 0); }
    Instant now() const override { return clock_.now(); }
    bool idle_for_ever() const override { return is_past_limit_ || Decorator::idle_for_ever(); }

  private:
    friend class TestClock;

    bool poll_inner(Completed& completed, Instant until);
    // It was woken, and has not looked since.
    bool is_stirred() const {
        return wakes_sent_.load(std::memory_order_acquire) !=
               wakes_seen_.load(std::memory_order_relaxed);
    }
    void wake_for_time();

    TestClock& clock_;
    Instant limit_ = forever;  // real
    bool is_past_limit_ = false;
    std::uint64_t wake_count_ = 0;
    Atomic<std::uint64_t> wakes_sent_{0};
    Atomic<std::uint64_t> wakes_seen_{0};
    // The clock's own, which nobody else is to count. One that is taken for another's is made up
    // for by that one, which is on its way.
    Atomic<std::uint64_t> wakes_for_time_{0};
    // ---- under the clock's lock
    ClockedBackend* next_asleep_ = nullptr;
    bool is_asleep_ = false;
    Instant until_ = 0;
    std::uint64_t seen_events_ = 0;
};

}  // namespace zio::loop
