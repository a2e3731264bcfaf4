// SPDX-License-Identifier: MIT
#pragma once
// Scoped timeouts and shields: they live at the top of the task's stack and cost no clock and no
// timer until something really waits.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

// Arms the earliest of the call's deadline and the scopes' for the wait that begins.
void limit_wait(Worker* w, Task* me, Deadline deadline) __attribute__((noinline, nothrow));
// A wait ended at its instant: was it a scope (which then remembers it), or the call's own
// deadline? Ties go to the call's own, then to the outer scope. True: a scope.
bool scope_fired(Task* me, Deadline deadline);

// Gives a grown list of scopes back.
void drop_scopes(Head& head);

std::int32_t push_scope(std::uint64_t* token, Deadline deadline) ZIO_NOTHROW;
bool pop_scope(std::uint64_t token);

// Whether a scope would end a wait of the caller before its `deadline` does.
bool scope_limits(Deadline deadline);

std::int32_t begin_shield() ZIO_NOTHROW;
std::int32_t end_shield() ZIO_NOTHROW;
std::uint32_t swap_shields(std::uint32_t depth) ZIO_NOTHROW;

// Holds cancels and scopes back while it lives, for waits that must go to the end. No shield: hooks
// open and close those around every switch.
class HoldBack {
  public:
    explicit HoldBack(Task& task) : task_(task), kept_(task.bits & bit::held) {
        task_.bits |= bit::held;
    }
    ~HoldBack() { task_.bits = static_cast<std::uint16_t>((task_.bits & ~bit::held) | kept_); }
    HoldBack(const HoldBack&) = delete;
    HoldBack& operator=(const HoldBack&) = delete;

  private:
    Task& task_;
    std::uint16_t kept_;
};

}  // namespace zio::runtime
