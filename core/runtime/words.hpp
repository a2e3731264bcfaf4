// SPDX-License-Identifier: MIT
#pragma once
// What a task does, in words: the dump writes them, and debuggers find them in the library.
#include "core/loop/operation.hpp"
#include "core/runtime/task.hpp"

namespace zio::runtime {

inline constexpr unsigned task_state_count = static_cast<unsigned>(TaskState::listed) + 1;

// What stands for what, in the object of the wait: `%t` the id of a task, `%r` that of the task a
// request to join is for, `%o` and `%d` the kind and the descriptor of an operation.
constexpr const char* words_of(TaskState state) {
    switch (state) {
        case TaskState::unused:
            return "unused";
        case TaskState::prepared:
            return "prepared";
        case TaskState::launched:
        case TaskState::fresh:
            return "not started";
        case TaskState::done:
            return "ended";
        case TaskState::ready:
            return "ready";
        case TaskState::parked:
            return "waiting for unpark";
        case TaskState::sleeping:
            return "waiting for its time";
        case TaskState::joining:
            return "waiting for task %t";
        case TaskState::joining_remote:
            return "waiting for task %r";
        case TaskState::operating:
            return "waiting for %o on descriptor %d";
        case TaskState::listed:
            return "waiting for its turn or a group";
    }
    return "lost";
}

constexpr const char* words_of(loop::OperationKind kind) {
    switch (kind) {
        case loop::OperationKind::receive:
        case loop::OperationKind::receive_vector:
            return "receive";
        case loop::OperationKind::send:
        case loop::OperationKind::send_vector:
            return "send";
        case loop::OperationKind::read:
        case loop::OperationKind::read_vector:
            return "read";
        case loop::OperationKind::write:
        case loop::OperationKind::write_vector:
            return "write";
        case loop::OperationKind::accept:
            return "accept";
        case loop::OperationKind::connect:
            return "connect";
        case loop::OperationKind::ready:
            return "readiness";
    }
    return "operation";
}

}  // namespace zio::runtime
