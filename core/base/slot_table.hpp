// SPDX-License-Identifier: MIT
#pragma once
// Public handles and the slots behind them.
//
// A handle is a number in a pointer's clothes: type:6 | index:26 | generation:32. It is never
// dereferenced: a look-up compares the index with the table's limit and the generation with the
// first word of the slot. Slots are never unmapped and never move, so that a dead one can always be
// read, and a stale, foreign or random handle is an error and not a crash.
//
// Every slot begins with one atomic word whose upper half is the generation. A slot whose
// generations are used up retires.
//
// In a forked child a table begins anew above the slots of its parent: what the parent gave out
// lies below the first index and is refused like an index beyond the last, by the same comparison.
#include <cstddef>
#include <cstdint>

#include "core/base/assert.hpp"
#include "core/base/atomic.hpp"
#include "core/base/attributes.hpp"
#include "core/base/error.hpp"
#include "core/base/mutant.hpp"

namespace zio {

enum class HandleType : std::uint32_t {
    task = 1,
    runtime = 2,
    group = 3,
    stream = 4,
    listener = 5,
    reader = 6,
    writer = 7,
};

using HandleBits = std::uint64_t;
static_assert(sizeof(void*) == 8, "handles of 32-bit systems (4|18|10) are not laid out yet");

inline constexpr unsigned handle_index_bits = 26;
inline constexpr std::uint32_t handle_index_limit = 1U << handle_index_bits;
// Slots come into use in batches that are a whole number of pages of whatever size.
inline constexpr std::uint32_t slots_per_batch = 8192;
inline constexpr std::uint32_t last_generation = UINT32_MAX;

constexpr std::uint32_t generation_of(HandleBits handle) {
    return static_cast<std::uint32_t>(handle);
}
// The generation in a slot's word.
constexpr std::uint32_t word_generation(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
}

// A lock for a few instructions that never enter the kernel.
class SpinLock {
  public:
    void lock() {
        while (ZIO_MUTANT(5, check::exchange_in_two_steps(taken_, true),
                          taken_.exchange(true, std::memory_order_acquire))) {
            while (taken_.load(std::memory_order_relaxed)) spin_pause();
        }
    }
    void unlock() { taken_.store(false, std::memory_order_release); }

  private:
    Atomic<bool> taken_{false};
};

// What a fork needs to know of a table (core/runtime/fork.cpp). Every table that has slots is in
// one list, which only grows.
class ForkableTable {
  public:
    static ForkableTable* first_table() { return list_.load(std::memory_order_acquire); }
    ForkableTable* next_table() const { return next_table_; }
    // In the child, which has no other threads: whoever held the lock is not there.
    void forget_holder() { lock_.unlock(); }
    // In the child: every handle given out so far is dead.
    void begin_anew() {
        first_ += count_.load(std::memory_order_relaxed);
        count_.store(0, std::memory_order_relaxed);
        free_ = nullptr;
    }
    // In the child: lets go of what the parent's objects hold of the system.
    virtual void drop_parents() = 0;

  protected:
    constexpr ForkableTable() = default;
    ~ForkableTable() = default;
    void enlist() {
        next_table_ = list_.load(std::memory_order_relaxed);
        while (!list_.compare_exchange_weak(next_table_, this, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
        }
    }

    std::uint32_t first_ = 0;         // below: the parents' slots
    Atomic<std::uint32_t> count_{0};  // of slots in use or freed, from the first
    SpinLock lock_;
    void* free_ = nullptr;

  private:
    inline static constinit Atomic<ForkableTable*> list_{nullptr};
    ForkableTable* next_table_ = nullptr;
};

// `Slot` has `Atomic<std::uint64_t> word` and `Slot* next`, zero is a valid state of it, and
// generation 0 is never given out.
template <class Slot, HandleType type>
class SlotTable final : public ForkableTable {
  public:
    // `used` null: gives `size` bytes of zeroed memory that costs nothing until it is touched, or
    // null. Else `size` bytes from there, of what it gave, are about to be used; core dumps are to
    // have those and no others.
    using Reserve = void* (*)(std::size_t size, void* used);
    using Drop = void (*)(Slot& slot);

    // `first_word`: of a slot that was never used. `drop` sees the slots of a forked child's
    // parents, used and unused ones.
    explicit constexpr SlotTable(Reserve reserve, std::uint64_t first_word = 0, Drop drop = nullptr)
        : first_word_(first_word), reserve_(reserve), drop_(drop) {}

    // The slot a handle names, null when there is no such slot of this type. Its generation is the
    // caller's to check.
    ZIO_INLINE Slot* at(HandleBits handle) const {
        const std::uint32_t index = index_of(handle);
        if (ZIO_UNLIKELY(index - first_ >= count_.load(std::memory_order_acquire))) return nullptr;
        return &slots_[index];
    }
    // What a call says of a handle for which there is no slot.
    std::int32_t dead(HandleBits handle) const {
        return index_of(handle) < first_ ? error::forked : error::bad_handle;
    }
    ZIO_INLINE HandleBits handle_of(const Slot& slot, std::uint32_t generation) const {
        const auto index = static_cast<HandleBits>(&slot - slots_);
        return ((static_cast<HandleBits>(type) << 26 | index) << 32) | generation;
    }

    std::uint32_t limit() const { return first_ + count_.load(std::memory_order_acquire); }
    Slot& slot(std::uint32_t index) const { return slots_[index]; }
    // For debuggers, which look from outside: where these three lie.
    constexpr const void* place_of_first() const { return &first_; }
    constexpr const void* place_of_count() const { return &count_; }
    constexpr const void* place_of_slots() const { return &slots_; }

    // One slot for the caller alone: a freed one, else a fresh one whose word is 0. Null: no
    // memory, or all slots are in use. Fresh slots are told by their generation 0.
    Slot* take() {
        lock_.lock();
        auto* slot = static_cast<Slot*>(free_);
        if (slot != nullptr) {
            free_ = slot->next;
        } else {
            slot = grow();
        }
        lock_.unlock();
        if (slot != nullptr) slot->next = nullptr;
        return slot;
    }
    // Gives a slot back for good; the caller has moved its generation on.
    void give(Slot& slot) {
        if (word_generation(slot.word.load(std::memory_order_relaxed)) == last_generation) return;
        if (&slot < slots_ + first_) return;  // a parent's
        lock_.lock();
        slot.next = static_cast<Slot*>(free_);
        free_ = &slot;
        lock_.unlock();
    }

    void drop_parents() override {
        for (std::uint32_t i = 0; drop_ != nullptr && i < first_; ++i) drop_(slots_[i]);
    }

  private:
    static std::uint32_t index_of(HandleBits handle) {
        return static_cast<std::uint32_t>(handle >> 32) ^ (static_cast<std::uint32_t>(type) << 26);
    }
    Slot* grow() {
        for (std::uint32_t count = handle_index_limit; slots_ == nullptr && count >= 1024;
             count /= 4) {
            slots_ = static_cast<Slot*>(reserve_(std::size_t{count} * sizeof(Slot), nullptr));
            if (slots_ == nullptr) continue;
            reserved_ = count;
            enlist();
        }
        const std::uint32_t count = count_.load(std::memory_order_relaxed);
        const std::uint32_t index = first_ + count;
        if (slots_ == nullptr || index >= reserved_) return nullptr;
        if (index % slots_per_batch == 0) {
            const std::uint32_t left = reserved_ - index;
            const std::size_t batch = left < slots_per_batch ? left : slots_per_batch;
            reserve_(batch * sizeof(Slot), &slots_[index]);
        }
        ZIO_IF_MUTANT(6, count_.store(count + 1, std::memory_order_release);)
        slots_[index].word.store(first_word_, std::memory_order_relaxed);
        count_.store(count + 1, std::memory_order_release);
        return &slots_[index];
    }

    std::uint32_t reserved_ = 0;
    Slot* slots_ = nullptr;
    std::uint64_t first_word_;
    Reserve reserve_;
    Drop drop_;
};

}  // namespace zio
