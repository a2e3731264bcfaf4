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
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/assert.hpp"
#include "core/base/attributes.hpp"

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
inline constexpr std::uint32_t last_generation = UINT32_MAX;

constexpr std::uint32_t generation_of(HandleBits handle) {
    return static_cast<std::uint32_t>(handle);
}
// The generation in a slot's word.
constexpr std::uint32_t word_generation(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
}

// Tells a waiting processor that this is a spin.
ZIO_INLINE void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// A lock for a few instructions that never enter the kernel.
class SpinLock {
  public:
    void lock() {
        while (taken_.exchange(true, std::memory_order_acquire)) {
            while (taken_.load(std::memory_order_relaxed)) spin_pause();
        }
    }
    void unlock() { taken_.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> taken_{false};
};

// `Slot` has `std::atomic<std::uint64_t> word` and `Slot* next`, zero is a valid state of it, and
// generation 0 is never given out.
template <class Slot, HandleType type>
class SlotTable {
  public:
    // Gives `size` bytes of zeroed memory that costs nothing until it is touched, or null.
    using Reserve = void* (*)(std::size_t size);

    // `first_word`: of a slot that was never used.
    explicit constexpr SlotTable(Reserve reserve, std::uint64_t first_word = 0)
        : first_word_(first_word), reserve_(reserve) {}

    // The slot a handle names, null when there is no such slot of this type. Its generation is the
    // caller's to check.
    ZIO_INLINE Slot* at(HandleBits handle) const {
        const std::uint32_t index =
            static_cast<std::uint32_t>(handle >> 32) ^ (static_cast<std::uint32_t>(type) << 26);
        if (ZIO_UNLIKELY(index >= limit_.load(std::memory_order_acquire))) return nullptr;
        return &slots_[index];
    }
    ZIO_INLINE HandleBits handle_of(const Slot& slot, std::uint32_t generation) const {
        const auto index = static_cast<HandleBits>(&slot - slots_);
        return ((static_cast<HandleBits>(type) << 26 | index) << 32) | generation;
    }

    std::uint32_t limit() const { return limit_.load(std::memory_order_acquire); }
    Slot& slot(std::uint32_t index) const { return slots_[index]; }

    // One slot for the caller alone: a freed one, else a fresh one whose word is 0. Null: no
    // memory, or all slots are in use. Fresh slots are told by their generation 0.
    Slot* take() {
        lock_.lock();
        Slot* slot = free_;
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
        lock_.lock();
        slot.next = free_;
        free_ = &slot;
        lock_.unlock();
    }

  private:
    Slot* grow() {
        for (std::uint32_t count = handle_index_limit; slots_ == nullptr && count >= 1024;
             count /= 4) {
            slots_ = static_cast<Slot*>(reserve_(std::size_t{count} * sizeof(Slot)));
            if (slots_ != nullptr) reserved_ = count;
        }
        const std::uint32_t index = limit_.load(std::memory_order_relaxed);
        if (slots_ == nullptr || index >= reserved_) return nullptr;
        slots_[index].word.store(first_word_, std::memory_order_relaxed);
        limit_.store(index + 1, std::memory_order_release);
        return &slots_[index];
    }

    std::atomic<std::uint32_t> limit_{0};
    std::uint32_t reserved_ = 0;
    Slot* slots_ = nullptr;
    Slot* free_ = nullptr;
    SpinLock lock_;
    std::uint64_t first_word_;
    Reserve reserve_;
};

}  // namespace zio
