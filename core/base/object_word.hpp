// SPDX-License-Identifier: MIT
#pragma once
// The first word of every object with a handle that is not a task:
//
//   generation:32 | references:16 | flags:16
//
// LOCK guards the object's lists. One exchange takes it and checks generation and flags; its
// holder never suspends, calls foreign code or enters the kernel. Only descriptor objects count
// references here (pins); a full count is refused, never wrapped. tests/models/handle.pml.
#include <cstdint>

#include "core/base/atomic.hpp"
#include "core/base/attributes.hpp"
#include "core/base/mutant.hpp"
#include "core/base/slot_table.hpp"

namespace zio {

using ObjectWord = Atomic<std::uint64_t>;

namespace object_word {
inline constexpr std::uint64_t lock = 1 << 0;
inline constexpr std::uint64_t closing = 1 << 1;
inline constexpr std::uint64_t free = 1 << 2;
inline constexpr std::uint64_t flags = 0xffff;
inline constexpr std::uint64_t one_reference = 1 << 16;
inline constexpr std::uint64_t references = std::uint64_t{0xffff} << 16;
inline constexpr std::uint64_t one_generation = std::uint64_t{1} << 32;

constexpr std::uint64_t of_generation(std::uint32_t generation) {
    return std::uint64_t{generation} << 32;
}

// Takes LOCK whatever the generation: for a waiter that looks at its own node, and for closers.
inline void take_lock(ObjectWord& word) {
    for (;;) {
        std::uint64_t old = word.load(std::memory_order_relaxed);
        if ((old & lock) == 0 &&
            word.compare_exchange_weak(old, old | lock, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
            return;
        }
        spin_pause();
    }
}
// Takes LOCK of a live object. False: the handle is dead.
inline bool take_lock_of(ObjectWord& word, std::uint32_t generation) {
    for (;;) {
        std::uint64_t old = word.load(std::memory_order_relaxed);
        if (word_generation(old) != generation || (old & (closing | free)) != 0) return false;
        ZIO_IF_MUTANT(7, return take_lock(word), true;)
        if ((old & lock) == 0 &&
            word.compare_exchange_weak(old, old | lock, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
            return true;
        }
        spin_pause();
    }
}
inline void release_lock(ObjectWord& word) {
    ZIO_IF_MUTANT(8, return word.store(word.load() & ~lock, std::memory_order_release);)
    word.fetch_and(~lock, std::memory_order_release);
}

}  // namespace object_word
}  // namespace zio
