// SPDX-License-Identifier: MIT
#pragma once
// The lock of a simulated world, which threads of several processes may share.
#include "core/os/wait_word.hpp"

namespace zio::loop::simulated {

class Lock {
  public:
    void lock() {
        std::uint32_t old = open;
        if (word_.compare_exchange_strong(old, taken, std::memory_order_acquire)) return;
        while (word_.exchange(wanted, std::memory_order_acquire) != open) {
            os::wait_while(word_, wanted, second_ns);
        }
    }
    bool try_lock() {
        std::uint32_t old = open;
        return word_.compare_exchange_strong(old, taken, std::memory_order_acquire);
    }
    void unlock() {
        if (word_.exchange(open, std::memory_order_release) == wanted) os::wake_waiter(word_);
    }

  private:
    static constexpr std::uint32_t open = 0, taken = 1, wanted = 2;  // the last: somebody may wait
    os::WaitWord word_{open};
};

}  // namespace zio::loop::simulated
