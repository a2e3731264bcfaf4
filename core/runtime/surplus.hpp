// SPDX-License-Identifier: MIT
#pragma once
// Tasks that have not started, or are migratable, and that any worker of their runtime may take:
// how work spreads.
//
// A worker keeps its new tasks to itself, which costs nothing, while no worker of its runtime is
// without work. Else, whenever tasks wait while one runs for nobody knows how long, at a spawn and
// before a task begins, it puts them here, oldest first out, and wakes that worker. What nobody
// took it takes back.
//
// Spreading has a price: the wake (some 12 us for who sends it) and a task's way to another
// processor's cache. So the owner learns: when the work that was taken turned out to be short, or
// nobody came in time, it does not offer anything for a while, the longer the more often that
// happened.
#include "core/base/slot_table.hpp"
#include "core/runtime/task.hpp"

namespace zio::runtime {

class Worker;

class alignas(64) Surplus {
  public:
    // No lock is held for longer than so many links take.
    static constexpr std::uint32_t most_at_once = 64;

    // ---- any worker of the runtime
    std::uint32_t count() const { return count_.load(std::memory_order_relaxed); }
    // Takes up to half of the tasks, `most` at most, for `w`, oldest first. How many that were.
    std::uint32_t take_half(Worker* w, std::uint32_t most);
    // Those who took say how long that kept them busy.
    void judge(Instant busy_ns);

    // ---- the owner
    // Puts the tasks of `w` here that may leave it, but leaves it something to do. False: there
    // were none.
    bool put(Worker* w, bool is_busy);
    // The rest comes home.
    void take_back(Worker* w);
    // One of them comes home, if it is here still.
    bool take_back(Worker* w, Task& task);
    // Nobody came for them, and they have waited long enough.
    bool is_stale(Instant now) const { return now - put_at_ >= stale_ns; }
    bool is_worthwhile(Instant now) const {
        const std::uint32_t pause = pause_ns_.load(std::memory_order_relaxed);
        return pause == 0 || now - put_at_ >= pause;
    }
    // Until the clock is worth a look: the longer the pause, the more tasks start meanwhile.
    std::int32_t starts_until_look() const {
        const std::uint32_t starts = pause_ns_.load(std::memory_order_relaxed) / 16'384;
        return starts < 64 ? static_cast<std::int32_t>(starts) : 64;
    }
    // Calls `look(task)` for each task here, which stays meanwhile.
    template <class Look>
    void for_each(Look look) {
        lock_.lock();
        for (Task* task = first_; task != nullptr; task = task->next) look(*task);
        lock_.unlock();
    }

  private:
    void settle(Worker* w);
    void link(Task& task);
    void unlink(Task& task);
    void lengthen_pause();

    static constexpr Instant stale_ns = 200'000;

    SpinLock lock_;
    bool taken_from_ = false;  // since the last put
    std::uint32_t gone_ = 0;   // taken by others: the owner counts their blocks still
    Atomic<std::uint32_t> count_{0};
    Atomic<std::uint32_t> pause_ns_{0};
    Instant put_at_ = 0;
    Task* first_ = nullptr;  // linked like a worker's fresh tasks, the oldest first
    Task* last_ = nullptr;
};

}  // namespace zio::runtime
