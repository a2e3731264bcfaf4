// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/turns.hpp"

#include "core/base/memory.hpp"
#include "core/loop/backends/simulated/sleeper.hpp"

namespace zio::loop::simulated {

namespace {

// How long somebody may have the turn while others could go on, before it is given up.
constexpr Instant patience_ns = second_ns;

std::uint64_t world_count = 0;  // under the lock of the simulation

struct Part {
    Actor* actor = nullptr;
    std::uint64_t world = 0;
};
thread_local Part own_part;

}  // namespace

Turns::Turns(Random chance) : chance_(chance), serial_(++world_count) {}

Turns::~Turns() {
    while (first_ != nullptr) remove(*first_);
}

Actor* Turns::self() const {
    return own_part.world == serial_ ? own_part.actor : nullptr;
}

Actor* Turns::add() {
    auto* actor = create<Actor>();
    if (actor == nullptr) return nullptr;
    actor->number = next_number_++;
    Actor** last = &first_;
    while (*last != nullptr) last = &(*last)->next;
    *last = actor;
    return actor;
}

void Turns::remove(Actor& actor) {
    Actor** here = &first_;
    while (*here != &actor) here = &(*here)->next;
    *here = actor.next;
    if (holder_ == &actor) holder_ = nullptr;
    if (own_part.actor == &actor) own_part = Part{};
    destroy(&actor);
}

void Turns::adopt(Actor& actor) const {
    own_part = {&actor, serial_};
}

void Turns::begin_with(Actor& actor) {
    adopt(actor);
    holder_ = &actor;
    actor.state = Actor::State::goes;
}

Actor* Turns::find(const os::Thread& thread) const {
    Actor* actor = first_;
    while (actor != nullptr && (actor->entry == nullptr || actor->thread.id != thread.id)) {
        actor = actor->next;
    }
    return actor;
}

std::uint32_t Turns::count() const {
    std::uint32_t count = 0;
    for (const Actor* actor = first_; actor != nullptr; actor = actor->next) {
        count += actor->state != Actor::State::gone;
    }
    return count;
}

bool Turns::can_go_on(const Actor& actor, const Actor* self) {
    switch (actor.state) {
        case Actor::State::goes:
            return &actor == self;
        case Actor::State::ready:
            return true;
        case Actor::State::waits:
            return actor.is_hopeless || actor.sleeper->is_due();
        case Actor::State::joins:
            return actor.joined->state == Actor::State::gone;
        case Actor::State::gone:
            break;
    }
    return false;
}

std::uint32_t Turns::can_go_on_count(const Actor* self) const {
    std::uint32_t count = 0;
    for (const Actor* actor = first_; actor != nullptr; actor = actor->next) {
        count += can_go_on(*actor, self);
    }
    return count;
}

Actor* Turns::choose(const Actor* self) {
    const std::uint32_t count = can_go_on_count(self);
    if (count == 0) return nullptr;
    std::uint64_t others_before = count > 1 ? chance_.below(count) : 0;
    for (Actor* actor = first_;; actor = actor->next) {
        if (can_go_on(*actor, self) && others_before-- == 0) return actor;
    }
}

void Turns::grant(Actor& next) {
    holder_ = &next;
    ++grant_count_;
    next.granted.store(1, std::memory_order_release);
    os::wake_waiter(next.granted);
}

void Turns::give_up() {
    holder_ = nullptr;
    holder_sleeps = false;
    Actor* next = choose(nullptr);
    for (Actor* actor = first_; next == nullptr && actor != nullptr; actor = actor->next) {
        if (actor->state == Actor::State::waits) next = actor;
    }
    if (next != nullptr) grant(*next);
}

void Turns::leave() {
    self()->state = Actor::State::gone;
    own_part = Part{};
    give_up();
}

void Turns::wait(Actor& self, Turn& lock) {
    while (holder_ != &self) {
        if (holder_ == nullptr) {
            grant(self);
            break;
        }
        const std::uint64_t seen = grant_count_;
        self.granted.store(0, std::memory_order_relaxed);
        lock.unlock();
        os::wait_while(self.granted, 0, patience_ns);
        const bool was_granted = self.granted.load(std::memory_order_acquire) != 0;
        lock.lock();
        const bool is_stuck = grant_count_ == seen && !holder_sleeps && can_go_on(self, nullptr);
        if (!was_granted && is_stuck) give_up();
    }
    self.state = Actor::State::goes;
}

void Turns::forget_others() {
    Actor* const mine = self();
    for (Actor* actor = first_; actor != nullptr;) {
        Actor* const next = actor->next;
        if (actor != mine) actor->state = Actor::State::gone;
        actor = next;
    }
    holder_ = mine;
}

}  // namespace zio::loop::simulated
