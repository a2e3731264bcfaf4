// SPDX-License-Identifier: MIT
#pragma once
// Messages to a task from elsewhere: the only way in which another thread touches a task.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

// One exchange: checks the generation, leaves `message`, adds `references` to the shared count.
// `bad_handle` when the task is gone. The home acts on the message at its next turn.
std::int32_t send(Task& task, std::uint32_t generation, std::uint64_t message, int references);

// In two steps, for callers that hold a lock under which the task cannot end: `mark` leaves the
// message, `deliver` after the unlock makes the home look when `mark` said so. Nothing of the
// task's is touched after that.
bool mark(Task& task, std::uint64_t message);
void deliver(Task& task);

// Who took a wait node out of a list owes the task exactly this. From any thread.
void wake(Task& task, std::int32_t verdict);
// The same for a task that may be the running one: about to wait, and made ready when it does.
void wake_by_mail(Task& task, std::int32_t verdict);

// A task whose worker is gone has no home: whoever changed its word looks after it.
void settle_homeless(Task& task);

}  // namespace zio::runtime
