// SPDX-License-Identifier: MIT
// The engine's own test: it must find what is wrong, and nothing else. Two threads each raise a
// mark and look for the other's; with plain release stores both may miss it where stores are
// buffered.
#include "core/base/atomic.hpp"
#include "core/base/memory.hpp"
#include "tests/schedule/scenario.hpp"

namespace zio::check {
namespace {

template <class Raise>
void raise_and_look(Raise raise) {
    Atomic<int> first{0};
    Atomic<int> second{0};
    bool first_saw = false;
    bool second_saw = false;
    {
        Started one("one", [&] {
            raise(first);
            first_saw = second.load(std::memory_order_acquire) != 0;
        });
        Started two("two", [&] {
            raise(second);
            second_saw = first.load(std::memory_order_acquire) != 0;
        });
    }
    ZIO_EXPECT(first_saw || second_saw);
}

void release_stores() {
    raise_and_look([](Atomic<int>& mark) { mark.store(1, std::memory_order_release); });
}
void strict_stores() {
    raise_and_look([](Atomic<int>& mark) { mark.store(1, std::memory_order_seq_cst); });
}
void exchanges() {
    raise_and_look([](Atomic<int>& mark) { mark.exchange(1, std::memory_order_acq_rel); });
}

// Stores stay in their order, and a thread sees its own.
void message() {
    Atomic<int> ready{0};
    int payload = 0;
    Started writer("writer", [&] {
        payload = 42;
        ready.store(1, std::memory_order_release);
        ZIO_EXPECT(ready.load(std::memory_order_relaxed) == 1);
    });
    while (ready.load(std::memory_order_acquire) == 0) spin_pause();
    ZIO_EXPECT(payload == 42);
}

void add_in_two_steps() {
    Atomic<int> sum{0};
    const auto add = [&] {
        sum.store(sum.load() + 1);
    };
    {
        Started one("one", add);
        Started two("two", add);
    }
    ZIO_EXPECT(sum.load() == 2);
}

void lost_wake() {
    static Atomic<bool> set{false};
    Started waiter("waiter", [] {
        if (!set.load()) {
            (void)set.load();  // here the wake may come
            block("waits for ever", forever);
        }
    });
    set.store(true);
    unblock(1);
}

void use_after_end() {
    struct Shared {
        Atomic<int> value{0};
    };
    static Shared* shared;
    shared = zio::create<Shared>();
    Started user("user", [] { (void)shared->value.load(); });
    enter_system();
    zio::destroy(shared);
}

void leak() {
    (void)zio::allocate(8, 8);
}

constexpr Scenario scenarios[] = {
    {"release stores need no buffers", release_stores},
    {"strict stores", strict_stores},
    {"exchanges", exchanges},
    {"message", message},
    {"add in two steps, wrong", add_in_two_steps},
    {"lost wake, wrong", lost_wake},
    {"use after the end, wrong", use_after_end},
    {"leak, wrong", leak},
};

}  // namespace

std::span<const Scenario> engine_scenarios() {
    return scenarios;
}

}  // namespace zio::check
