// SPDX-License-Identifier: MIT
#pragma once
// Waiting for the end of a task, from the same home and from elsewhere.
//
// From elsewhere a JoinRequest stands for the joiner. The joiner holds a shared reference to the
// target, pushes the request on the one list of requests and then leaves a `join` message; home
// takes the whole list, keeps its own and passes the others on. Two exchanges of `state` race: the
// one that answers (pending → answered, then a wake that the joiner waits for) and the one of a
// joiner that gives up (pending → abandoned, then whoever holds the request frees it).
// tests/models/join.pml.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

struct JoinRequest {
    enum State : std::uint8_t { pending, answered, abandoned };
    JoinRequest* next;
    Task* target;
    std::uint32_t generation;  // of the target: an unref too many may have ended its life
    Task* joiner;
    std::int32_t status;  // of the join itself
    std::int32_t result;  // of the target
    Atomic<State> state;
};

// Waits for the end of `task`, whose handle is `handle`. `result` may be null.
std::int32_t join(HandleBits handle, std::int32_t* result, Deadline deadline) ZIO_NOTHROW;
// Requests the cancel and waits to the end, cancels and scopes held back.
std::int32_t cancel_and_join(HandleBits handle, std::int32_t* result) ZIO_NOTHROW;
std::int32_t request_cancel(HandleBits handle) ZIO_NOTHROW;

// ---- at home
void link_joiner(Task& target, Task& joiner);
void leave_joiners(Task& joiner);
// Makes all joiners of the same home ready.
void wake_joiners(Worker* w, Task& target, std::int32_t result);
// The requests of those from elsewhere, which are the caller's to answer then.
JoinRequest* take_attached(Task& target);
void answer_all(JoinRequest* first, std::int32_t result);
inline void answer_requests(Task& target, std::int32_t result) {
    answer_all(take_attached(target), result);
}
// Both, for a task that ended without having run.
void end_unstarted(Worker* w, Task& task);

// Takes what lies on the list of requests. `w` null: on behalf of tasks without a home.
void take_join_requests(Worker* w);
// A joiner from elsewhere gives up. False: it was answered, the wake is coming.
bool abandon_request(Task& joiner);

}  // namespace zio::runtime
