// SPDX-License-Identifier: MIT
#pragma once
// What the calling thread has of its own.

namespace zio::os {

// Where its errno lies: the scheduler carries the value from task to task.
int* errno_address() noexcept;

void yield_thread() noexcept;

// Runs `leave` when this thread ends, whether its other thread-locals are still there or not:
// it may use only what it was given. One function for the process.
bool at_thread_exit(void (*leave)(void* data), void* data) noexcept;

}  // namespace zio::os
