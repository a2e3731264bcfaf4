// SPDX-License-Identifier: MIT
#pragma once
// The second block of a task that has a name, its own storage, a group or a stack of another size.
#include "core/runtime/task.hpp"

namespace zio::runtime {

// All of them, by their number. Null: no task has had one yet.
extern Extra* extras;

// Gives `task` an empty Extra. False: no memory.
bool add_extra(Task& task);
// Makes sure it has one.
inline bool need_extra(Task& task) {
    return task.extra != 0 || add_extra(task);
}
// Cut to what fits; from any thread.
void set_name(Extra& extra, const char* name, std::size_t size);
void copy_name(const Extra& extra, char (&out)[task_name_size]);

}  // namespace zio::runtime
