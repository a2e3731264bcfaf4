// SPDX-License-Identifier: MIT
#pragma once
// The way out of a reference, short for the last one of a task that has ended here.
#include "core/runtime/end.hpp"
#include "core/runtime/spawn.hpp"

namespace zio::runtime {

ZIO_INLINE std::int32_t unreference(HandleBits handle) {
    if (ZIO_UNLIKELY(handle == 0)) return 0;
    Task* task = task_at(handle);
    if (ZIO_UNLIKELY(task == nullptr)) return tasks.dead(handle);
    if (ZIO_UNLIKELY(!at_home(current_worker, task) || task->references != 1 ||
                     task->state != TaskState::done)) {
        return unreference_slowly(handle);
    }
    task->references = 0;
    release_task(current_worker, task, generation_of(handle));
    return 0;
}

}  // namespace zio::runtime
