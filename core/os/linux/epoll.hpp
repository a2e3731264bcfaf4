// SPDX-License-Identifier: MIT
#pragma once
// The door to epoll: one entry = one system call, in a table of its own so that a test can fail,
// count or change any of them. Results are 0 or a count, or one of the library's errors.
#include <sys/epoll.h>

#include <cstdint>

#include "core/base/time.hpp"

namespace zio::os {

struct EpollTable {
    std::int32_t (*create)();  // the descriptor
    std::int32_t (*control)(std::int32_t epoll, std::int32_t operation, std::int32_t descriptor,
                            epoll_event* event);
    // `timeout_ms` -1: no end. A signal is a wait without events.
    std::int32_t (*wait)(std::int32_t epoll, epoll_event* events, std::int32_t capacity,
                         std::int32_t timeout_ms);
    // The same for nanoseconds; `no_system_call` before Linux 5.11.
    std::int32_t (*wait_precisely)(std::int32_t epoll, epoll_event* events, std::int32_t capacity,
                                   Instant timeout_ns);
    void (*close)(std::int32_t epoll);
};

extern EpollTable epoll_table;

}  // namespace zio::os
