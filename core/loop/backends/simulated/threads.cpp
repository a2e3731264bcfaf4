// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/threads.hpp"

#include "core/loop/backends/simulated/simulation.hpp"

namespace zio::loop::simulated {

namespace {

// The life of a thread that was started in the world: nothing of it happens outside of its turns.
void live(void* started) {
    auto& me = *static_cast<Actor*>(started);
    { const Entered begins(me); }
    me.entry(me.data);
    const Entered ends;
    ends->turns.leave();
}

}  // namespace

std::int32_t start_thread(void (*entry)(void* data), void* data, const char* name,
                          os::Thread* out) {
    const Entered inside;
    if (inside.simulation() == nullptr) return host().start_thread(entry, data, name, out);
    Actor* const actor = inside->turns.add();
    if (actor == nullptr) return error::no_memory;
    actor->entry = entry;
    actor->data = data;
    const std::int32_t status = host().start_thread(&live, actor, name, &actor->thread);
    *out = actor->thread;
    if (status < 0) inside->turns.remove(*actor);
    return status;
}

void join_thread(os::Thread thread) {
    {
        Entered inside;
        Actor* const joined = inside.simulation() != nullptr ? inside->turns.find(thread) : nullptr;
        Actor* const self = joined != nullptr ? inside->turns.self() : nullptr;
        if (self != nullptr) {
            self->joined = joined;
            self->state = Actor::State::joins;
            inside->wait_for_turn(inside, *self);
            self->state = Actor::State::goes;
        }
    }
    host().join_thread(thread);
    const Entered inside;
    Actor* const joined = inside.simulation() != nullptr ? inside->turns.find(thread) : nullptr;
    if (joined != nullptr) inside->turns.remove(*joined);
}

void yield_thread() {
    Entered inside;
    if (inside.simulation() == nullptr) return host().yield_thread();
    inside->world.pass(poll_ns);
    inside.offer_turn();
}

}  // namespace zio::loop::simulated
