// SPDX-License-Identifier: MIT
#pragma once
// Who holds a worker? A task that does not suspend keeps all others of its worker waiting, and only
// somebody else can see that. One thread of the process, there as long as a runtime wants it, looks
// every few milliseconds at the workers that are awake: one whose task and count of switches are
// the same as long before is held by that task.
//
// It costs a worker nothing but a mark before and after each sleep; while all watched workers sleep
// the thread sleeps, too, and whoever wakes up wakes it.
#include "core/runtime/task.hpp"

struct zio_task;  // what a handle pretends to point to

namespace zio::runtime {

class Runtime;
class Worker;

inline constexpr Instant held_ns = 10'000'000;  // what counts as holding

// Told once of each hold, on the watching thread.
struct HoldHook {
    void (*function)(std::uint32_t worker, zio_task* task, std::uint64_t span_ns, void* data);
    void* data;
};

// What a worker and the watching thread share. The last hold is kept for the dump.
struct Pulse {
    bool is_watched = false;  // set before the worker runs
    Atomic<bool> is_awake{false};
    // ---- of the watching thread
    const Task* seen = nullptr;
    std::uint64_t seen_switches = 0;
    Instant seen_at = 0;
    bool is_told = false;  // of the present hold
    // ---- for readers
    Relaxed<std::uint64_t> count{0};
    Relaxed<std::uint64_t> longest_ns{0};
    Relaxed<std::uint64_t> last_task{0};  // its number
    Relaxed<std::uint64_t> last_ns{0};
    Relaxed<Instant> last_at{0};
    SpinLock name_lock;
    char last_name[task_name_size] = {};
};

// From now on the workers of `runtime` are watched, until `end_watch`, which waits for a hook that
// runs. 0, or why there is no thread.
std::int32_t begin_watch(Runtime& runtime);
void end_watch(Runtime& runtime);
// The hook of a watched runtime. When it returns the one before does not run any more.
std::int32_t set_hold_hook(HandleBits runtime, HoldHook hook);
// In a forked child: nobody is watched.
void forget_watch();

// By a watched worker, around each sleep.
void before_sleep(Pulse& pulse);
void after_sleep(Pulse& pulse);

}  // namespace zio::runtime
