// SPDX-License-Identifier: MIT
#pragma once
// A forked child has one thread, and memory like its parent's; but the kernel's side of what its
// parent made (rings, descriptors, wakes) is still the parent's. So it touches none of that:
//
//   - The tables begin anew: every handle that its parent gave out is refused.
//   - The forking thread is a plain one, also when it was a worker inside a task. When that task's
//     function returns, nothing else runs on the worker: run gives its result, or `forked`.
//   - What the parent made stays in memory as it was. Only after_fork and destroy close the child's
//     copies of descriptors, which does nothing to the parent's.
#include "core/base/slot_table.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

// A child takes them for free, whoever held them.
extern SpinLock homeless_lock;
extern SpinLock extras_lock;
extern SpinLock numbers_lock;

// How many forks lie between the process that loaded the library and this one.
std::uint32_t fork_count();

// It is never touched again, and never freed: its task may be the caller.
void keep_inherited(Worker& w);
// The calling thread makes itself another stand-in when it needs one.
void part_with_thread_worker();

}  // namespace zio::runtime
