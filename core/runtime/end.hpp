// SPDX-License-Identifier: MIT
#pragma once
// The end of a task block: references, the generation that moves on, and the slot's next use.
#include "core/base/mutant.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

void free_extra(Task& task);

// Guards the tasks whose worker is gone: ended ones that are referred to, and prepared ones.
extern SpinLock homeless_lock;

ZIO_NOINLINE void recycle_slowly(Worker* w, Task* task, std::uint64_t old);

// The generation has moved on from that of `old`: the block is free.
ZIO_INLINE void recycle(Worker* w, Task* task, std::uint64_t old) {
    task->state = TaskState::unused;
    if (ZIO_UNLIKELY(task->extra != 0 || task->has(bit::visiting) ||
                     word_generation(old) >= last_generation - 1)) {
        return recycle_slowly(w, task, old);
    }
    task->next = w->free_blocks;
    w->free_blocks = task;
}

// Moves the references that were made elsewhere to the home's count, as far as that holds them.
void merge_references(Task& task);

// Frees the block if the task is done, nobody refers to it and no message is under way.
ZIO_NOINLINE void try_free(Worker* w, Task* task);

// The same when the last reference was counted here and nobody else ever had one: the expected
// word is built, not loaded.
ZIO_INLINE void release_task(Worker* w, Task* task, std::uint32_t generation) {
    std::uint64_t old = std::uint64_t{generation} << 32 | word::bias;
    const std::uint64_t fresh = (old + word::one_generation) | word::free;
    if (ZIO_UNLIKELY(
            !ZIO_MUTANT(25, check::compare_exchange_in_two_steps(task->word, old, fresh),
                        task->word.compare_exchange_strong(old, fresh, std::memory_order_acq_rel,
                                                           std::memory_order_relaxed)))) {
        return try_free(w, task);
    }
    recycle(w, task, std::uint64_t{generation} << 32);
}

// The runtime of a task that cannot go away meanwhile, kept alive until its `unpin`; null when the
// task has no home any more. From any thread.
Runtime* pin_home(const Task& task);

// Keeps a task of another home from the next life of its slot while it lives.
class Hold {
  public:
    Hold(Task& task, std::uint32_t generation)
        : task_(task), generation_(generation), local_(at_home(current_worker, &task)) {
        if (!local_) status_ = send(task, generation, 0, 1);
    }
    ~Hold() {
        if (!local_ && status_ == 0) send(task_, generation_, word::merge, -1);
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    std::int32_t status() const { return status_; }  // `bad_handle`: it is gone

  private:
    Task& task_;
    const std::uint32_t generation_;
    const bool local_;
    std::int32_t status_ = 0;
};

// Gives all blocks of a worker that leaves back: free ones to the table, ended ones that somebody
// still refers to become homeless.
void leave_blocks(Worker* w);

}  // namespace zio::runtime
