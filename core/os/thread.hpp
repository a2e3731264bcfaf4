// SPDX-License-Identifier: MIT
#pragma once
// What the calling thread has of its own, and threads of the library's own.
#include <cstdint>

namespace zio::os {

// Where its errno lies: the scheduler carries the value from task to task.
int* errno_address() noexcept;

void yield_thread() noexcept;

// Runs `leave` when this thread ends, whether its other thread-locals are still there or not:
// it may use only what it was given. One function for the process.
bool at_thread_exit(void (*leave)(void* data), void* data) noexcept;

// A thread that was started here and must be joined.
struct Thread {
    std::uintptr_t id = 0;
};
using ThreadEntry = void (*)(void* data);

// Runs `entry(data)` on a new thread called `name` (up to 15 letters). Signals that do not stand
// for a fault of the thread itself are blocked there: they are for the program's own threads.
// 0, no_memory or would_block (too many threads).
std::int32_t start_thread(ThreadEntry entry, void* data, const char* name, Thread* out) noexcept;
void join_thread(Thread thread) noexcept;

// Calls `before` in front of every fork() of this process, and behind it `in_parent` or `in_child`,
// on the forking thread, which is the only one that comes along.
std::int32_t watch_forks(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept;

// How many processors this process may use at once, by its affinity and by the quota of the
// container it runs in; at least 1.
std::uint32_t usable_processors() noexcept;
// Leaves the calling thread one of the processors that its affinity allows: number `number`,
// counted round.
std::int32_t pin_thread(std::uint32_t number) noexcept;

}  // namespace zio::os
