// SPDX-License-Identifier: MIT
#pragma once
// An object that one call at a time may use, and that may be destroyed while one does: then that
// call frees it when it is done, and ends with `closed`.
#include "core/base/error.hpp"
#include "core/base/object_word.hpp"

namespace zio::net {

class Exclusive {
  public:
    ObjectWord word{0};  // first, as SlotTable needs it

    std::uint32_t open() {
        const std::uint32_t old = word_generation(word.load(std::memory_order_relaxed));
        const std::uint32_t generation = old == 0 ? 1 : old;
        word.store(object_word::of_generation(generation), std::memory_order_release);
        return generation;
    }
    // 0: the object is the caller's until `leave`.
    std::int32_t enter(std::uint32_t generation) {
        std::uint64_t old = word.load(std::memory_order_relaxed);
        do {
            if (word_generation(old) != generation ||
                (old & (object_word::closing | object_word::free)) != 0) {
                return error::bad_handle;
            }
            if ((old & busy) != 0) return error::busy;
        } while (!word.compare_exchange_weak(old, old | busy, std::memory_order_acquire,
                                             std::memory_order_relaxed));
        return 0;
    }
    // For whoever entered: it was destroyed meanwhile.
    bool is_closing() const {
        return (word.load(std::memory_order_acquire) & object_word::closing) != 0;
    }
    // True: it was destroyed meanwhile, the caller must free it.
    bool leave() {
        const std::uint64_t old = word.fetch_and(~busy, std::memory_order_acq_rel);
        return (old & object_word::closing) != 0;
    }
    // 0: dead from now on; `*unused` tells whether the caller must free it.
    std::int32_t close(std::uint32_t generation, bool* unused) {
        std::uint64_t old = word.load(std::memory_order_relaxed);
        do {
            if (word_generation(old) != generation ||
                (old & (object_word::closing | object_word::free)) != 0) {
                return error::bad_handle;
            }
        } while (!word.compare_exchange_weak(
            old, (old + object_word::one_generation) | object_word::closing,
            std::memory_order_acq_rel, std::memory_order_relaxed));
        *unused = (old & busy) == 0;
        return 0;
    }
    // The memory is given back: the slot may be used again.
    void retire() {
        const std::uint32_t generation = word_generation(word.load(std::memory_order_relaxed));
        word.store(object_word::of_generation(generation) | object_word::free,
                   std::memory_order_release);
    }

  private:
    static constexpr std::uint64_t busy = 1 << 3;
};

}  // namespace zio::net
