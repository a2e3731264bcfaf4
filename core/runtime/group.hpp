// SPDX-License-Identifier: MIT
#pragma once
// Structured concurrency: tasks that are waited for, canceled and fail together. tests/models/
// group.pml has the protocol:
//
//   spawn   the task is complete, then under LOCK: refused if canceled, linked; only then runnable
//   cancel  CANCELED under LOCK; from then on nobody joins. Members move one by one to the list of
//           those that were told, and get their cancel, under LOCK (a linked member has not ended)
//   end     one section: unlink, first error, and the last one takes the waiters
#include "core/runtime/wait_list.hpp"

namespace zio::runtime {

inline constexpr std::uint32_t group_fail_fast = 1 << 0;

struct Group {
    ObjectWord word{0};
    Group* next = nullptr;
    HandleBits runtime = 0;  // whose tasks its spawns become; 0: the spawner's
    Task* members = nullptr;
    Task* told = nullptr;
    WaitList waiters;
    std::uint32_t flags = 0;
    std::int32_t first_error = 0;
    bool canceled = false;  // by a call or by a failure: refuses spawns
    bool finished = false;  // a wait has returned the result of this round

    static std::int32_t create(HandleBits runtime, std::uint32_t flags,
                               HandleBits* out) ZIO_NOTHROW;
    static std::int32_t wait(HandleBits group, Deadline deadline) ZIO_NOTHROW;
    static std::int32_t cancel(HandleBits group) ZIO_NOTHROW;
    static std::int32_t destroy(HandleBits group) ZIO_NOTHROW;
};

struct SpawnOptions;
std::int32_t spawn_member(HandleBits group, TaskFunction entry, void* data,
                          const SpawnOptions& options);

// For spawn: links a task that is complete. `canceled` when the group refuses.
std::int32_t enter_group(Group& group, std::uint32_t generation, Task& task);
// For the end of a task.
void leave_group(Task& task, std::int32_t result);

}  // namespace zio::runtime
