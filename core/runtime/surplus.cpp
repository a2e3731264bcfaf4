// SPDX-License-Identifier: MIT
#include "core/runtime/surplus.hpp"

#include "core/base/mutant.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/interrupt.hpp"
#include "core/runtime/local.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

namespace {

// Work shorter than this is not worth a wake.
constexpr Instant least_busy_ns = 30'000;
constexpr std::uint32_t shortest_pause_ns = 100'000;
constexpr std::uint32_t longest_pause_ns = 5'000'000;

// Has no stack of a size of its own, nobody on this worker waits for it, and its spawner let it go.
bool may_leave(const Task& task) {
    return task.joiners == nullptr && !task.has(bit::pinned) &&
           (task.extra == 0 || extra_of(task).stack_class == nullptr);
}

// Under the lock, so that nobody else takes it too: from here on it is this worker's. Whether
// somebody has sent it something meanwhile.
bool claim(Worker* w, Task& task) {
    const std::uint16_t old = ZIO_MUTANT(36, check::exchange_in_two_steps(task.home, w->index),
                                         task.home.exchange(w->index, std::memory_order_acq_rel));
    return ZIO_MUTANT(37, false, (old & surplus_posted) != 0);
}

// Whether the owner of this surplus keeps the place of a block for the stack that a task, which has
// started, has of its own. Under the lock, before others learn of the new home.
bool leaves_stack(const Task& task) {
    if (task.state != TaskState::ready) return false;
    Extra& extra = extra_of(task);
    if (extra.stack_home != 0) return false;  // it was a guest there
    extra.stack_home = number_of(task.home.load(std::memory_order_relaxed));
    return true;
}

void bring_home(Worker* w, Task& task, bool has_mail) {
    if (w->stopping) task.word.fetch_or(word::cancel, std::memory_order_relaxed);
    if (has_inherited(task)) w->slow_down_spawns();
    push_fresh(w, &task);
    if (has_mail) receive(w, task);
}

}  // namespace

// Under the lock, by the owner: blocks that others have are no longer its own. Until it learns of
// that it keeps room for too many, never for too few.
void Surplus::settle(Worker* w) {
    w->block_count -= gone_;
    gone_ = 0;
}

void Surplus::link(Task& task) {
    task.next = nullptr;
    task.start.previous = last_;
    (last_ != nullptr ? last_->next : first_) = &task;
    last_ = &task;
}

void Surplus::unlink(Task& task) {
    Task* next = task.next;
    Task* previous = task.start.previous;
    (previous != nullptr ? previous->next : first_) = next;
    (next != nullptr ? next->start.previous : last_) = previous;
}

void Surplus::lengthen_pause() {
    const std::uint32_t pause = pause_ns_.load(std::memory_order_relaxed);
    const std::uint32_t longer = pause < shortest_pause_ns ? shortest_pause_ns : pause * 2;
    pause_ns_.store(longer < longest_pause_ns ? longer : longest_pause_ns,
                    std::memory_order_relaxed);
}

bool Surplus::put(Worker* w, bool is_busy) {
    Task* chain = nullptr;
    Task** end = &chain;
    std::uint32_t count = 0;
    // The list of fresh tasks leads from the newest to the oldest.
    for (Task* task = w->oldest; task != nullptr && count < most_at_once;) {
        Task* newer = task->start.previous;
        if (newer == nullptr && !is_busy) break;
        if (may_leave(*task)) {
            take_fresh(w, task);
            if (task->heap_place != 0) w->timers.remove(*task);  // of the block's life before
            task->next = nullptr;
            *end = task;
            end = &task->next;
            ++count;
        }
        task = newer;
    }
    if (count == 0) return false;
    put_at_ = w->loop.real_now();
    lock_.lock();
    settle(w);
    for (Task* task = chain; task != nullptr;) {
        Task* next = task->next;
        link(*task);
        task->home.store(in_surplus | w->index, std::memory_order_release);
        task = next;
    }
    taken_from_ = false;
    count_.store(count_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    lock_.unlock();
    return true;
}

std::uint32_t Surplus::take_half(Worker* w, std::uint32_t most) {
    Task* taken[most_at_once];
    bool has_mail[most_at_once];
    std::uint32_t count = 0;
    lock_.lock();
    const std::uint32_t there = count_.load(std::memory_order_relaxed);
    const std::uint32_t half = (there + 1) / 2;
    if (most > half) most = half;
    while (count < most && count < most_at_once) {
        Task* task = first_;
        unlink(*task);
        if (!leaves_stack(*task)) ++gone_;
        ZIO_UNLESS_MUTANT(38) has_mail[count] = claim(w, *task);
        taken[count++] = task;
    }
    count_.store(there - count, std::memory_order_relaxed);
    if (count != 0) taken_from_ = true;
    lock_.unlock();
    w->block_count += count;
    for (std::uint32_t i = 0; i < count; ++i) {
        ZIO_IF_MUTANT(38, has_mail[i] = claim(w, *taken[i]);)
        taken[i]->bits |= bit::visiting;
        bring_home(w, *taken[i], has_mail[i]);
    }
    return count;
}

void Surplus::judge(Instant busy_ns) {
    if (busy_ns < least_busy_ns) return lengthen_pause();
    // Short work looks long once in a while, as whoever took it may lose its processor meanwhile.
    const std::uint32_t shorter = pause_ns_.load(std::memory_order_relaxed) / 8;
    pause_ns_.store(shorter < shortest_pause_ns ? 0 : shorter, std::memory_order_relaxed);
}

void Surplus::take_back(Worker* w) {
    lock_.lock();
    Task* chain = first_;
    first_ = last_ = nullptr;
    count_.store(0, std::memory_order_relaxed);
    settle(w);
    const bool nobody_came = chain != nullptr && !taken_from_;
    lock_.unlock();
    if (nobody_came) lengthen_pause();
    while (chain != nullptr) {
        Task* task = chain;
        chain = task->next;
        bring_home(w, *task, claim(w, *task));  // nobody else knows the chain
    }
}

bool Surplus::take_back(Worker* w, Task& task) {
    ZIO_UNLESS_MUTANT(39) lock_.lock();
    const std::uint16_t home = task.home.load(std::memory_order_relaxed);
    const bool here = (home & ~surplus_posted) == (in_surplus | w->index);
    settle(w);
    bool has_mail = false;
    bool nobody_came = false;
    if (here) {
        unlink(task);
        has_mail = claim(w, task);
        const std::uint32_t left = count_.load(std::memory_order_relaxed) - 1;
        count_.store(left, std::memory_order_relaxed);
        nobody_came = left == 0 && !taken_from_;
    }
    ZIO_UNLESS_MUTANT(39) lock_.unlock();
    if (nobody_came) lengthen_pause();
    if (here) bring_home(w, task, has_mail);
    return here;
}

}  // namespace zio::runtime
