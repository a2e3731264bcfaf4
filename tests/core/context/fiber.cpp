// SPDX-License-Identifier: MIT
#include "tests/core/context/fiber.hpp"

#include <cstdlib>

using zio::context::Context;
using zio::context::FiberMark;
using zio::context::Resumed;
using zio::test::Fiber;
namespace sanitizer = zio::context::sanitizer;

extern "C" void zio_hidden_task_main(void* worker, void* task) {
    auto& fiber = *static_cast<Fiber*>(task);
    if (sanitizer::active()) sanitizer::after_switch(fiber.mark);
    fiber.worker = worker;
    fiber.body(fiber);
    fiber.ended = true;
    if (sanitizer::active()) sanitizer::before_switch(fiber.mark, *fiber.resumer_mark, true);
    zio::context::leave_to(*fiber.resumer, worker, task);
}

namespace zio::test {

context::StackPool& stacks() {
    static context::StackPool pool;
    static const bool open = [] {
        context::StackOptions options;
        options.slots = 256;
        options.head_size = 64;
        return pool.open(options) == 0;
    }();
    if (!open) std::abort();
    return pool;
}

Fiber make_fiber(void (*body)(Fiber&), void* argument) {
    Fiber fiber;
    fiber.body = body;
    fiber.argument = argument;
    fiber.stack = stacks().take();
    return fiber;
}

void drop_fiber(Fiber& fiber) {
    if (sanitizer::active() && fiber.started) sanitizer::destroy(fiber.mark);
    stacks().give(fiber.stack);
    fiber.stack = nullptr;
}

namespace {
Resumed go(Context& here, FiberMark& mine, Fiber& to, void* worker) {
    const bool first = !to.started;
    to.started = true;
    if (sanitizer::active()) {
        if (first) {
            const context::StackBounds bounds = stacks().bounds(to.stack);
            sanitizer::create(to.mark, bounds.low, bounds.size);
        }
        sanitizer::before_switch(mine, to.mark, false);
    }
    const Resumed resumed = first ? context::enter_new(here, to.stack, worker, &to)
                                  : context::switch_to(here, to.context, worker, &to);
    if (sanitizer::active()) sanitizer::after_switch(mine);
    return resumed;
}
}  // namespace

__attribute__((noinline)) void resume(Fiber& fiber, void* worker) {
    Context here{};
    FiberMark native{};
    if (sanitizer::active()) sanitizer::adopt(native);
    fiber.resumer = &here;
    fiber.resumer_mark = &native;
    go(here, native, fiber, worker);
}

__attribute__((noinline)) void suspend(Fiber& fiber) {
    if (sanitizer::active()) sanitizer::before_switch(fiber.mark, *fiber.resumer_mark, false);
    const Resumed resumed = context::switch_to(fiber.context, *fiber.resumer, fiber.worker, &fiber);
    if (sanitizer::active()) sanitizer::after_switch(fiber.mark);
    static_cast<Fiber*>(resumed.task)->worker = resumed.worker;
}

__attribute__((noinline)) void pass_to(Fiber& from, Fiber& to) {
    const Resumed resumed = go(from.context, from.mark, to, from.worker);
    static_cast<Fiber*>(resumed.task)->worker = resumed.worker;
}

}  // namespace zio::test
