// SPDX-License-Identifier: MIT
#pragma once
// Task locals: values under keys that a process makes once. A task that uses none pays nothing.
#include "core/runtime/task.hpp"

namespace zio::runtime {

inline constexpr std::uint32_t local_key_limit = 1024;
inline constexpr std::uint32_t key_inherit = 1 << 0;

std::int32_t create_key(std::uint32_t* key, std::uint32_t flags, FreeFunction destructor);
std::int32_t set_local(std::uint32_t key, void* value);
void* get_local(std::uint32_t key);  // null off a task

// The spawner's values that a spawned task begins with; null when there are none.
Locals* inheritable_locals();
bool inherit_locals(Task& task, const Locals& from);  // false: no memory
void release_locals(Locals* locals);
// Before its start: its spawns must look for values to hand on, wherever it runs.
inline bool has_inherited(const Task& task) {
    return task.extra != 0 && extra_of(task).inherited != nullptr;
}
// The task has returned: destructors run, as long as they leave values, at most four times.
void end_locals(Task& task);

}  // namespace zio::runtime
