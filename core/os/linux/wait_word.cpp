// SPDX-License-Identifier: MIT
#include "core/os/wait_word.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace zio::os {

static_assert(sizeof(WaitWord) == sizeof(std::uint32_t));

void wait_while(const WaitWord& word, std::uint32_t expected, Instant limit_ns) noexcept {
    timespec limit;
    limit.tv_sec = static_cast<time_t>(limit_ns / second_ns);
    limit.tv_nsec = static_cast<long>(limit_ns % second_ns);
    ::syscall(SYS_futex, &word, FUTEX_WAIT, expected, &limit, nullptr, 0);
}

void wake_waiter(const WaitWord& word) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

}  // namespace zio::os
