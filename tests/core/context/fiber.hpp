// SPDX-License-Identifier: MIT
#pragma once
// The smallest scheduler there is, for tests of the switch and of stacks: whoever resumes a fiber
// waits until it suspends or ends. Sanitizers are told, so the same tests run under them.
#include "core/context/context.hpp"
#include "core/context/sanitizer.hpp"
#include "core/context/stack_pool.hpp"

namespace zio::test {

struct Fiber {
    context::Context context{};
    context::Context* resumer = nullptr;
    context::FiberMark mark{};
    context::FiberMark* resumer_mark = nullptr;
    void (*body)(Fiber&) = nullptr;
    void* argument = nullptr;
    char* stack = nullptr;
    void* worker = nullptr;  // what it was handed last
    bool started = false;
    bool ended = false;
};

// A small pool for the whole test program.
context::StackPool& stacks();

Fiber make_fiber(void (*body)(Fiber&), void* argument = nullptr);
// Gives the stack back; the fiber has ended or never started.
void drop_fiber(Fiber& fiber);

// Both may be called on any thread; `worker` is any value, to be seen by the fiber.
void resume(Fiber& fiber, void* worker = nullptr);
void suspend(Fiber& fiber);
// From one fiber straight to another, which may be new; nobody's resumer changes.
void pass_to(Fiber& from, Fiber& to);

}  // namespace zio::test
