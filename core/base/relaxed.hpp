// SPDX-License-Identifier: MIT
#pragma once
// A value that one thread writes and others may look at: plain loads and stores, made visible to
// the memory model. `publish` and `observe` order what was written before.
#include <type_traits>

#include "core/base/atomic.hpp"

namespace zio {

template <class T>
class Relaxed {
  public:
    Relaxed() = default;
    constexpr Relaxed(T value) : value_(value) {}
    Relaxed(const Relaxed&) = delete;
    Relaxed& operator=(const Relaxed& other) { return *this = static_cast<T>(other); }
    Relaxed& operator=(T value) {
        value_.store(value, std::memory_order_relaxed);
        return *this;
    }
    operator T() const { return value_.load(std::memory_order_relaxed); }
    T operator->() const requires std::is_pointer_v<T> { return *this; }
    // Moves from `expected` to `wanted`; false, and nothing changed, when it is something else.
    bool exchange_if(T expected, T wanted) {
        return value_.compare_exchange_strong(expected, wanted, std::memory_order_acq_rel,
                                              std::memory_order_relaxed);
    }
    void publish(T value) { value_.store(value, std::memory_order_release); }
    T observe() const { return value_.load(std::memory_order_acquire); }

  private:
    Atomic<T> value_;
};

}  // namespace zio
