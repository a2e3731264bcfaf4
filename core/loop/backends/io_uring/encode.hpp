// SPDX-License-Identifier: MIT
#pragma once
// One operation, one submission.
#include <bit>

#include "core/loop/operation.hpp"
#include "core/os/linux/io_uring.hpp"

namespace zio::loop::io_uring {

// What a completion carries back: the operation's address, or one of these (addresses are even).
inline constexpr std::uint64_t wake_cookie = 1;
inline constexpr std::uint64_t cancel_cookie = 3;

// The operation itself: receive, send, their vectors, accept.
void encode(Operation& operation, io_uring_sqe& submission);
// Waits until the operation's descriptor is ready for it.
void encode_readiness(Operation& operation, io_uring_sqe& submission);
// Asks for the end of `operation`, which was submitted before.
void encode_cancel(Operation& operation, io_uring_sqe& submission);
// Reports each time that the wake-up counter was raised, until a completion says it was the last.
void encode_wake(os::Handle wakeup, bool many_times, io_uring_sqe& submission);

// The kernel takes the two halves of the mask the other way round on big-endian machines.
constexpr std::uint32_t poll_mask(std::uint32_t events) {
    return std::endian::native == std::endian::big ? events << 16 | events >> 16 : events;
}

// Nothing to move: such an operation ends at once, without the kernel.
bool is_empty(const Operation& operation);

}  // namespace zio::loop::io_uring
