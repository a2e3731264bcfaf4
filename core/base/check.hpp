// SPDX-License-Identifier: MIT
#pragma once
// The seam of the check build, and of no other: words whose every use tells an engine
// (tests/schedule/engine.cpp), which runs one virtual thread at a time. The engine decides who goes
// on before each step, and what of a thread's stores the others see already.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/base/attributes.hpp"

namespace zio::check {

using Bits = std::uint64_t;

// Each of these lets others go on first. `store` may keep the value back from them; `exchange`
// makes everything kept back visible, and nobody comes between it and what its caller does then.
Bits load(const void* place, std::size_t size);
void store(void* place, std::size_t size, Bits value, std::memory_order order);
void exchange(void* place, std::size_t size);
// A weak exchange may fail without a reason.
bool fails_for_no_reason();
void let_others_go_on();
// A waiting thread: others go on, if there are any.
void pause();
// The life of a word begins or ends: what this thread has kept back of it is stored before.
void settle(const void* place);

// Which mistake is made in this process; 0: none.
extern int mutant;
inline bool is_mutant(int number) {
    return __builtin_expect(mutant == number, 0);
}
// What the threads of an execution are told apart by, where production takes an address.
const void* this_thread();

template <class T>
Bits bits_of(T value) {
    Bits bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    return bits;
}
template <class T>
T value_of(Bits bits) {
    T value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

}  // namespace zio::check

namespace zio {

// As much of std::atomic as the core uses.
template <class T>
class Atomic {
    static_assert(sizeof(T) <= sizeof(check::Bits) && std::is_trivially_copyable_v<T>);
    using Order = std::memory_order;
    static constexpr Order strict = std::memory_order_seq_cst;
    struct None {};
    using Difference = std::conditional_t<std::is_integral_v<T>, T, None>;

  public:
    constexpr Atomic() : Atomic(T{}) {}
    constexpr Atomic(T value) : value_(value) {
        if (!std::is_constant_evaluated()) check::settle(&value_);
    }
    constexpr ~Atomic() {
        if (!std::is_constant_evaluated()) check::settle(&value_);
    }
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load(Order = strict) const { return check::value_of<T>(check::load(&value_, sizeof value_)); }
    void store(T value, Order order = strict) {
        check::store(&value_, sizeof value_, check::bits_of(value), order);
    }
    T exchange(T value, Order = strict) {
        return change([value](T) { return value; });
    }
    bool compare_exchange_strong(T& expected, T wanted, Order = strict, Order = strict) {
        check::exchange(&value_, sizeof value_);
        if (value_ != expected) {
            expected = value_;
            return false;
        }
        value_ = wanted;
        return true;
    }
    bool compare_exchange_weak(T& expected, T wanted, Order = strict, Order = strict) {
        if (!check::fails_for_no_reason()) return compare_exchange_strong(expected, wanted);
        expected = load();
        return false;
    }
    T fetch_add(Difference by, Order = strict) {
        return change([by](T old) { return static_cast<T>(old + by); });
    }
    T fetch_sub(Difference by, Order = strict) {
        return change([by](T old) { return static_cast<T>(old - by); });
    }
    T fetch_or(Difference mask, Order = strict) {
        return change([mask](T old) { return static_cast<T>(old | mask); });
    }
    T fetch_and(Difference mask, Order = strict) {
        return change([mask](T old) { return static_cast<T>(old & mask); });
    }
    T operator++() { return static_cast<T>(fetch_add(1) + 1); }
    operator T() const { return load(); }
    T operator=(T value) {
        store(value);
        return value;
    }

  private:
    template <class Change>
    T change(Change wanted) {
        check::exchange(&value_, sizeof value_);
        const T old = value_;
        value_ = wanted(old);
        return old;
    }

    T value_;
};

namespace check {
// What a mistake makes of an exchange.
template <class T>
T exchange_in_two_steps(Atomic<T>& word, T value) {
    const T old = word.load();
    word.store(value);
    return old;
}
template <class T>
bool compare_exchange_in_two_steps(Atomic<T>& word, T& expected, T wanted) {
    const T old = word.load();
    if (old != expected) {
        expected = old;
        return false;
    }
    word.store(wanted);
    return true;
}
}  // namespace check

template <class T>
T load_acquire(const T& place) {
    return check::value_of<T>(check::load(&place, sizeof place));
}
template <class T>
void store_release(T& place, T value) {
    check::store(&place, sizeof place, check::bits_of(value), std::memory_order_release);
}
inline std::uint32_t load_upper_half(const Atomic<std::uint64_t>& word) {
    return static_cast<std::uint32_t>(word.load() >> 32);
}
inline void spin_pause() {
    check::pause();
}

}  // namespace zio
