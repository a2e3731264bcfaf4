// SPDX-License-Identifier: MIT
#include "core/runtime/end.hpp"

#include "core/base/mutant.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/fork.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

SpinLock homeless_lock;

void recycle_slowly(Worker* w, Task* task, std::uint64_t old) {
    free_extra(*task);
    const bool counted = !task->has(bit::uncounted);
    const bool retires = word_generation(old) >= last_generation - 1;  // generations are used up
    const bool leaves = !counted || task->has(bit::visiting);  // else a worker that others spawn
    if (counted && (retires || leaves)) --w->block_count;      // into would collect their blocks
    if (retires) return;
    if (leaves) {
        if (task->heap_place != 0)
            w->timers.remove(*task);  // a wait that ended early left it there
        task->home.store(no_home, std::memory_order_relaxed);
        tasks.give(*task);
        return;
    }
    task->next = w->free_blocks;
    w->free_blocks = task;
}

void merge_references(Task& task) {
    std::uint64_t old = task.word.load(std::memory_order_relaxed);
    int moved;
    do {
        const int room = merge_limit - task.references;
        moved = word::shared_references(old);
        if (moved > room) moved = room;
        if (task.references + moved < -merge_limit) return;
    } while (!task.word.compare_exchange_weak(
        old, old - static_cast<std::uint64_t>(moved) * word::one_reference,
        std::memory_order_acq_rel, std::memory_order_relaxed));
    task.references = static_cast<std::int16_t>(task.references + moved);
}

void try_free(Worker* w, Task* task) {
    std::uint64_t old = task->word.load(std::memory_order_acquire);
    std::uint64_t fresh;
    do {
        if (task->state != TaskState::done || ZIO_MUTANT(23, false, (old & word::messages) != 0) ||
            task->references + word::shared_references(old) > 0) {
            return;
        }
        fresh =
            (old & ~(word::count | word::flags)) + word::one_generation + word::bias + word::free;
    } while (!ZIO_MUTANT(24, check::compare_exchange_in_two_steps(task->word, old, fresh),
                         task->word.compare_exchange_weak(old, fresh, std::memory_order_acq_rel,
                                                          std::memory_order_acquire)));
    task->references = 0;
    recycle(w, task, old);
}

void settle_homeless(Task& task) {
    homeless_lock.lock();
    std::uint64_t old = task.word.load(std::memory_order_acquire);
    std::uint64_t messages = 0;
    bool is_over;
    bool last;
    for (;;) {
        is_over = task.state == TaskState::done;
        last = is_over && word::shared_references(old) <= 0;
        std::uint64_t fresh = old & ~word::messages;
        if (last)
            fresh = (old & ~(word::count | word::flags)) + word::one_generation + word::bias +
                    word::free;
        if (!task.word.compare_exchange_weak(old, fresh, std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
            continue;
        }
        messages |= old;
        // A discard may have come after the look at the state and left the same word: a message
        // that stood there already, a reference taken and given back. It counts on this look.
        if (is_over || task.state != TaskState::done) break;
        old = task.word.load(std::memory_order_acquire);
    }
    const std::int32_t result = task.verdict;
    JoinRequest* due =
        ZIO_MUTANT(27, false, is_over) ? take_attached(task) : nullptr;  // it was discarded
    if (last) {
        free_extra(task);
        task.state = TaskState::unused;
        tasks.give(task);
    }
    homeless_lock.unlock();
    answer_all(due, result);
    if ((messages & word::join) != 0) take_join_requests(nullptr);
}

Runtime* pin_home(const Task& task) {
    for (;;) {
        homeless_lock.lock();  // while a task has a home here, its worker lives
        const std::uint16_t number = number_of(task.home.load(std::memory_order_acquire));
        const HandleBits handle =
            number != no_home
                ? worker_ports[number].worker.load(std::memory_order_acquire)->runtime_handle
                : 0;
        homeless_lock.unlock();
        if (handle == 0) return nullptr;
        Runtime* runtime = nullptr;
        if (Runtime::pin(handle, &runtime) == 0) return runtime;
        spin_pause();  // a destroy is under way: it ends, or finds a live task and gives up
    }
}

void leave_blocks(Worker* w) {
    while (Task* task = w->free_blocks) {
        w->free_blocks = task->next;
        task->home.store(0, std::memory_order_relaxed);
        tasks.give(*task);
    }
    ZIO_UNLESS_MUTANT(26) homeless_lock.lock();
    const std::uint32_t limit = tasks.limit();
    for (std::uint32_t i = 0; i < limit; ++i) {
        Task& task = tasks.slot(i);
        if (task.home.load(std::memory_order_relaxed) != w->index) continue;
        // Ended ones that are referred to, and prepared ones; the others have retired. Looked at
        // once: a discard from elsewhere turns the one into the other.
        const TaskState state = task.state;
        if (state != TaskState::done && state != TaskState::prepared) continue;
        ZIO_IF_MUTANT(26, task.home.store(0, std::memory_order_release);)
        // What was counted at home is counted in the word from now on.
        task.word.fetch_add(static_cast<std::uint64_t>(static_cast<std::int64_t>(task.references)) *
                                word::one_reference,
                            std::memory_order_acq_rel);
        task.references = 0;
        task.home.store(0, std::memory_order_release);
    }
    ZIO_UNLESS_MUTANT(26) homeless_lock.unlock();
}

}  // namespace zio::runtime
