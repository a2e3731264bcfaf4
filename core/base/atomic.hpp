// SPDX-License-Identifier: MIT
#pragma once
// What several threads change. In every ordinary build these are the standard atomics; in a check
// build (docs/check-build.md) each use of one is a point at which another virtual thread may go on,
// and a store may become visible later, as it may on a processor.
#ifdef ZIO_CHECK
#include "core/base/check.hpp"
#else
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/attributes.hpp"

namespace zio {

template <class T>
using Atomic = std::atomic<T>;

// For fields that are plain memory of one thread most of the time.
template <class T>
ZIO_INLINE T load_acquire(const T& place) {
    return __atomic_load_n(&place, __ATOMIC_ACQUIRE);
}
template <class T>
ZIO_INLINE void store_release(T& place, T value) {
    __atomic_store_n(&place, value, __ATOMIC_RELEASE);
}

// The upper half of a word, without the lower one that changes more often.
ZIO_INLINE std::uint32_t load_upper_half(const Atomic<std::uint64_t>& word) {
    constexpr std::size_t upper = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 0;
    return __atomic_load_n(reinterpret_cast<const std::uint32_t*>(&word) + upper, __ATOMIC_ACQUIRE);
}

// Tells a waiting processor that this is a spin.
ZIO_INLINE void spin_pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace zio
#endif
