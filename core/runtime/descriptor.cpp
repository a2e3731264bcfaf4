// SPDX-License-Identifier: MIT
#include "core/runtime/descriptor.hpp"

#include "core/base/memory.hpp"
#include "core/base/mutant.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

using namespace object_word;

std::uint32_t Descriptor::open(os::Handle descriptor) {
    const std::uint32_t old = word_generation(word.load(std::memory_order_relaxed));
    const std::uint32_t generation = old == 0 ? 1 : old;
    handle = descriptor;
    is_socket = true;  // slots are zeroed memory, in which nothing was ever constructed
    exposed = false;
    must_hurry_ = false;
    for (WaitList& list : waiting_) list.owner = &word;
    pending_[0] = pending_[1] = nullptr;
    known_count_ = 0;
    word.store(of_generation(generation) + one_reference, std::memory_order_release);
    return generation;
}

std::int32_t Descriptor::pin(std::uint32_t generation) {
    std::uint64_t old = word.load(std::memory_order_relaxed);
    do {
        if (word_generation(old) != generation ||
            ZIO_MUTANT(58, false, (old & (closing | free)) != 0)) {
            return error::bad_handle;
        }
        if ((old & references) == references) return error::no_buffers;
    } while (!word.compare_exchange_weak(old, old + one_reference, std::memory_order_acquire,
                                         std::memory_order_relaxed));
    return 0;
}

void Descriptor::unpin() {
    const std::uint64_t old =
        ZIO_MUTANT(61, check::exchange_in_two_steps(word, word.load() - one_reference),
                   word.fetch_sub(one_reference, std::memory_order_acq_rel));
    if ((old & references) == one_reference) {
        ZIO_ASSERT((old & closing) != 0);
        walk();
    }
}

std::int32_t Descriptor::take_turn_slowly(std::uint32_t generation, os::Direction direction,
                                          Deadline deadline) {
    const std::uint64_t turn = descriptor_word::turn_of(direction);
    const std::uint64_t wait = descriptor_word::wait_of(direction);
    if (generation == 0) return error::bad_handle;
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (deadline != immediate && me->has(bit::no_suspend)) return error::no_suspend;
    if (deadline != never && !w->timers.reserve(w->block_count + 2)) return error::no_memory;
    if (!take_lock_of(word, generation)) return error::bad_handle;
    std::uint64_t old = word.load(std::memory_order_relaxed);
    if ((old & references) == references) {
        release_lock(word);
        return error::no_buffers;
    }
    if ((old & (turn | wait)) == 0) {
        // Others pin and unpin meanwhile, so the word changes by addition.
        word.fetch_add(one_reference + turn - lock, std::memory_order_acq_rel);
        return 0;
    }
    if (deadline == immediate) {
        release_lock(word);
        return error::would_block;
    }
    if (me->cancel_pending()) {
        release_lock(word);
        if (const std::int32_t status = deliver_cancel(me)) return status;
        if (!take_lock_of(word, generation)) return error::bad_handle;
        old = word.load(std::memory_order_relaxed);
        if ((old & (turn | wait)) == 0) {
            word.fetch_add(one_reference + turn - lock, std::memory_order_acq_rel);
            return 0;
        }
    }
    me->state = TaskState::listed;
    waiting_[static_cast<unsigned>(direction)].append(*me);
    word.fetch_or(wait, std::memory_order_relaxed);
    release_lock(word);
    // Granted: the turn and its reference came with the message.
    return end_of_wait(park(w, me, TaskState::listed, deadline).me, deadline);
}

void Descriptor::give_turn_slowly(os::Direction direction) {
    const std::uint64_t turn = descriptor_word::turn_of(direction);
    const std::uint64_t wait = descriptor_word::wait_of(direction);
    WaitList& list = waiting_[static_cast<unsigned>(direction)];
    take_lock(word);
    Task* heir = list.take_first();
    if (heir != nullptr) {
        if (list.empty()) word.fetch_and(~wait, std::memory_order_relaxed);
        release_lock(word);
        wake(*heir, 0);  // turn and reference pass on with it
        return;
    }
    word.fetch_and(~(turn | wait | lock), std::memory_order_release);
    unpin();
}

bool Descriptor::add_pending(Worker* w, loop::Operation& operation, os::Direction direction) {
    take_lock(word);
    const bool open = ZIO_MUTANT(59, true, (word.load(std::memory_order_relaxed) & closing) == 0);
    if (open) pending_[static_cast<unsigned>(direction)] = &operation;
    // Also when it is closing: the loop may know the descriptor since this operation.
    const bool is_known = !w->loop.backend().remembers() || remember(w);
    release_lock(word);
    if (ZIO_UNLIKELY(!is_known)) {
        operation.lacks_memory = true;
        w->loop.backend().forget(handle);  // with that it ends
    }
    return open;
}

void Descriptor::remove_pending(os::Direction direction) {
    take_lock(word);
    pending_[static_cast<unsigned>(direction)] = nullptr;
    release_lock(word);
}

// Under LOCK. False: there is no memory for a long list.
bool Descriptor::remember(Worker* w) {
    for (unsigned i = 0; i < known_count_; ++i) {
        if ((i < inline_known ? known_[i] : more_known_[i - inline_known]) == w->index) return true;
    }
    if (known_count_ < inline_known) {
        known_[known_count_++] = w->index;
        return true;
    }
    const unsigned more = known_count_ - inline_known;
    if (more == more_known_capacity_) {
        const unsigned larger = more_known_capacity_ != 0 ? more_known_capacity_ * 2 : 16;
        auto* list = static_cast<std::uint16_t*>(
            allocate(larger * sizeof(std::uint16_t), alignof(std::uint16_t)));
        if (list == nullptr) return false;
        for (unsigned i = 0; i < more; ++i) list[i] = more_known_[i];
        release(more_known_, more_known_capacity_ * sizeof(std::uint16_t), alignof(std::uint16_t));
        more_known_ = list;
        more_known_capacity_ = static_cast<std::uint16_t>(larger);
    }
    more_known_[more] = w->index;
    ++known_count_;
    return true;
}

std::int32_t Descriptor::close(std::uint32_t generation, bool hurry) {
    std::uint64_t old = word.load(std::memory_order_relaxed);
    do {
        if (generation == 0 || word_generation(old) != generation ||
            (old & (closing | free)) != 0) {
            return error::bad_handle;
        }
    } while (!word.compare_exchange_weak(old, (old + one_generation) | closing,
                                         std::memory_order_acq_rel, std::memory_order_relaxed));
    Task* told[os::direction_count] = {};
    bool pending = false;
    take_lock(word);
    Task* chains[os::direction_count] = {waiting_[0].take_all(), waiting_[1].take_all()};
    word.fetch_and(~(descriptor_word::read_wait | descriptor_word::write_wait),
                   std::memory_order_relaxed);
    for (unsigned i = 0; i < os::direction_count; ++i) {
        if (pending_[i] == nullptr) continue;
        pending = true;
        pending_[i]->close_requested = true;
        auto& waiter = *static_cast<Task*>(pending_[i]->waiter);
        // Under LOCK it cannot end; afterwards POSTED keeps it.
        if (mark(waiter, word::close)) told[i] = &waiter;
    }
    release_lock(word);
    for (Task* waiter : told) {
        if (waiter != nullptr) deliver(*waiter);
    }
    for (Task* chain : chains) wake_all(chain, error::closed);
    // Ours until the last pin is given back, then the walk's.
    must_hurry_ = hurry && is_socket && !exposed;
    if (must_hurry_ && pending) tell_peer();
    unpin();
    return 0;
}

void Descriptor::tell_peer() {
    os::table.shutdown(handle, true, true);
    must_hurry_ = false;
}

// One stop after the other; each loop forgets the descriptor on its own thread.
void Descriptor::walk() {
    mail_.self = this;
    mail_.deliver = [](Worker& worker, Mail& mail) {
        Descriptor& self = *static_cast<WalkMail&>(mail).self;
        worker.loop.backend().forget(self.handle);
        self.walk();
    };
    while (known_count_ > 0) {
        const unsigned last = --known_count_;
        const std::uint16_t number =
            last < inline_known ? known_[last] : more_known_[last - inline_known];
        if (current_worker != nullptr && current_worker->index == number) {
            current_worker->loop.backend().forget(handle);
            continue;
        }
        if (must_hurry_) tell_peer();
        if (post(number, mail_.node, mail_tag)) return;  // the rest of the way begins there
        // That loop is gone: it has forgotten.
    }
    finish();
}

void Descriptor::drop_inherited() {
    const bool is_open = (word.load(std::memory_order_relaxed) & free) == 0;
    if (is_open && handle != os::no_handle) os::table.close(handle);
    handle = os::no_handle;
}

void Descriptor::finish() {
    os::table.close(handle);
    handle = os::no_handle;
    if (more_known_ != nullptr) {
        release(more_known_, more_known_capacity_ * sizeof(std::uint16_t), alignof(std::uint16_t));
        more_known_ = nullptr;
        more_known_capacity_ = 0;
    }
    const std::uint32_t generation = word_generation(word.load(std::memory_order_relaxed));
    word.store(of_generation(generation) | free, std::memory_order_release);
    retire_(*this);
}

}  // namespace zio::runtime
