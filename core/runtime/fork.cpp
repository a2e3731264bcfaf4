// SPDX-License-Identifier: MIT
#include "core/runtime/fork.hpp"

#include "core/base/memory.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/thread.hpp"

namespace zio::runtime {

namespace {

Atomic<std::uint32_t> forks{0};
std::uint32_t dropped_at = 0;  // the fork whose parents' descriptors are closed
Worker* inherited = nullptr;

// Other threads may have been anywhere, also inside a lock. What the locks guard is not asked for
// consistency: lists of spare slots begin anew, and of the others a child can lose one entry.
void begin_child() {
    homeless_lock.unlock();
    extras_lock.unlock();
    numbers_lock.unlock();
    for (ForkableTable* table = ForkableTable::first_table(); table != nullptr;
         table = table->next_table()) {
        table->forget_holder();
        if (table != &runtimes) table->begin_anew();  // after_fork makes a runtime usable again
    }
    forks.fetch_add(1, std::memory_order_relaxed);
    if (Worker* w = current_worker) {
        keep_inherited(*w);
        w->left = 0;  // to the native stack when the task ends, to no other task
        current_worker = nullptr;
    }
    part_with_thread_worker();
    forget_watch();
}

__attribute__((constructor)) void watch() {
    (void)os::watch_forks(nullptr, nullptr, &begin_child);
}

}  // namespace

std::uint32_t fork_count() {
    return forks.load(std::memory_order_relaxed);
}

void keep_inherited(Worker& w) {
    if (w.is_inherited) return;
    w.is_inherited = true;
    w.next_inherited = inherited;
    inherited = &w;
}

Runtime* Runtime::inherited_at(HandleBits handle) {
    Runtime* runtime = runtimes.at(handle);
    if (runtime == nullptr || runtime->fork_count_ == runtime::fork_count()) return nullptr;
    const std::uint64_t word = runtime->word.load(std::memory_order_acquire);
    const bool live = word_generation(word) == generation_of(handle) &&
                      generation_of(handle) != 0 && (word & object_word::free) == 0;
    return live ? runtime : nullptr;
}

// The numbers of the workers stay in use: what was posted to them stays there.
void Runtime::part_with_workers() {
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        Worker& w = *workers_[i];
        const bool may_run_here = w.is_inherited;
        keep_inherited(w);
        w.loop.part_with_backend();
        if (!may_run_here) w.stacks.close();
    }
    release(workers_, worker_room_ * sizeof(Worker*), alignof(Worker*));
    workers_ = nullptr;
    worker_count_ = worker_room_ = 0;
    close_test_mode();
    if (reports_overflow_) forget_overflows();
    reports_overflow_ = false;
}

bool Runtime::destroy_inherited(HandleBits handle) {
    Runtime* runtime = inherited_at(handle);
    if (runtime == nullptr) return false;
    runtime->part_with_workers();
    runtime->end_life(generation_of(handle));
    return true;
}

std::int32_t Runtime::after_fork(HandleBits handle) {
    Runtime* runtime = inherited_at(handle);
    if (runtime == nullptr) {  // this process made it, or it is dead
        const std::int32_t status = pin(handle, &runtime);
        if (status == 0) runtime->unpin();
        return status;
    }
    if (dropped_at != runtime::fork_count()) {
        dropped_at = runtime::fork_count();
        for (ForkableTable* table = ForkableTable::first_table(); table != nullptr;
             table = table->next_table()) {
            table->drop_parents();
        }
    }
    runtime->part_with_workers();
    runtime->begin_life();
    if (const std::int32_t status = runtime->open(runtime->options_)) {
        runtime->undo_open();
        runtime->fork_count_ = runtime::fork_count() - 1;  // it may be tried again
        return status;
    }
    runtime->word.store(
        object_word::of_generation(generation_of(handle)) + object_word::one_reference,
        std::memory_order_release);
    return 0;
}

}  // namespace zio::runtime
