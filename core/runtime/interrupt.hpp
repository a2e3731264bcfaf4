// SPDX-License-Identifier: MIT
#pragma once
// At home: what messages, cancel requests and timers do to a task. The one place that ends waits
// early, whatever they wait for.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

// Ends the wait of `task` for the reason `why` (canceled, timed out), unless it cannot end yet: an
// operation must finish first, or somebody has taken the task out already and a wake is coming.
void interrupt(Worker* w, Task* task, std::int32_t why);

// A cancel request meets the wait it finds, if it is not shielded.
void interrupt_canceled(Worker* w, Task* task);

// Sets the request and lets it meet the present wait.
void request_cancel_here(Worker* w, Task* task);
void unpark_here(Worker* w, Task* task);

// A suspension point meets a pending cancel: `canceled`, once; 0 inside a shield.
std::int32_t deliver_cancel(Task* me);

// Acts on the messages of a task that came by the inbox.
void receive(Worker* w, Task& task);

}  // namespace zio::runtime
