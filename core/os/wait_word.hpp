// SPDX-License-Identifier: MIT
#pragma once
// Waiting for a word of memory to change, for threads that take turns. Also between processes that
// share the memory.
#include <atomic>
#include <cstdint>

#include "core/base/time.hpp"

namespace zio::os {

using WaitWord = std::atomic<std::uint32_t>;

// Returns when somebody has called `wake_waiter` for it, at once if it is not `expected`, after
// `limit_ns`, and now and then for no reason.
void wait_while(const WaitWord& word, std::uint32_t expected, Instant limit_ns) noexcept;
void wake_waiter(const WaitWord& word) noexcept;  // one

}  // namespace zio::os
