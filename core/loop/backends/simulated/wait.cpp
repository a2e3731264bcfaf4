// SPDX-License-Identifier: MIT
// How those that take part wait: the turn goes to somebody who can go on; when nobody can, the
// clock jumps to what happens next; and where only the host or a guest can make something happen,
// whoever has the turn really waits, on behalf of all.
#include <unistd.h>

#include "core/loop/backends/simulated/simulation.hpp"

namespace zio::loop::simulated {

namespace {

// How long the clock really waits before it jumps: for the host as long as the jump is, but not for
// ever; for guests that could do something, once. And how often who waits for ever asks again
// whether there still is anybody.
constexpr Instant host_chance_ns = second_ns / 10;
constexpr Instant guest_chance_ns = second_ns / 5;
constexpr Instant recheck_ns = second_ns / 10;

}  // namespace

bool Simulation::guests_are_awake() const {
    for (const Sleeper* each = sleepers; each != nullptr; each = each->next) {
        const bool is_awake = (!each->is_asleep || each->is_due()) && !each->is_absent;
        if (is_awake && each->is_guests && each->thread != nullptr) return true;
    }
    return false;
}

bool Simulation::knows_guests() const {
    for (const Sleeper* each = sleepers; each != nullptr; each = each->next) {
        if (each->is_guests && each->thread != nullptr) return true;
    }
    return false;
}

void Simulation::give_up_guests() {
    for (Sleeper* each = sleepers; each != nullptr; each = each->next) {
        if (!each->is_guests || (each->is_asleep && !each->is_due())) continue;
        each->is_absent = has_absent = true;
    }
}

bool Simulation::waits_for_host() const {
    for (const Actor* actor = turns.first(); actor != nullptr; actor = actor->next) {
        if (actor->state == Actor::State::waits && actor->sleeper->waits_for_host()) return true;
    }
    return false;
}

// Whoever has something ready on the host is rung.
void Simulation::look_at_host() {
    for (Actor* actor = turns.first(); actor != nullptr; actor = actor->next) {
        if (actor->state == Actor::State::waits && actor->sleeper->look() != 0) {
            actor->sleeper->is_rung = true;
        }
    }
}

// Really waits, on behalf of all that wait for a turn. True: something happened.
bool Simulation::sleep_for_all(Entered& inside, Instant limit_ns) {
    watched_.clear();
    for (Actor* actor = turns.first(); actor != nullptr; actor = actor->next) {
        if (actor->state != Actor::State::waits) continue;
        Array<os::ReadyRequest>& requests = actor->sleeper->requests();
        if (!watched_.reserve(watched_.count() + requests.count())) break;  // the limit ends it
        for (const os::ReadyRequest& request : requests) watched_.push(request);
    }
    const std::uint64_t event_count = world.history.event_count();
    inside.sleep_for_all(watched_, limit_ns);
    look_at_host();
    return world.history.event_count() != event_count || turns.somebody_can_go_on();
}

// Real waiting before the clock jumps to `next`. True: something happened instead.
bool Simulation::leave_guests_a_chance(Entered& inside, Actor& self, Instant next) {
    const bool waits_for_guests = guests_are_awake();
    if (next <= world.now() || !(waits_for_guests || waits_for_host())) return false;
    Instant limit_ns = next - world.now() < host_chance_ns ? next - world.now() : host_chance_ns;
    if (waits_for_guests) limit_ns = guest_chance_ns;
    if (self.sleeper != nullptr) self.sleeper->is_polite = true;
    if (sleep_for_all(inside, limit_ns)) return true;
    if (waits_for_guests) give_up_guests();
    return false;
}

// Of those that wait for what can never happen the one that can say so: its caller is the program.
Actor* Simulation::hopeless_one() const {
    Actor* found = nullptr;
    for (Actor* actor = turns.first(); actor != nullptr; actor = actor->next) {
        const bool waits = actor->state == Actor::State::waits;
        if (waits && actor->entry == nullptr && found == nullptr) found = actor;
        if (!waits && actor->state != Actor::State::gone) return nullptr;
    }
    if (found == nullptr || waits_for_host()) return nullptr;
    return are_only_threads(turns.count(), !knows_guests()) ? found : nullptr;
}

// False: what `self` waits for can never happen.
bool Simulation::wait_for_turn(Entered& inside, Actor& self) {
    for (;;) {
        Actor* const next = turns.choose(&self);
        if (next != nullptr) {
            if (next != &self) inside.pass_turn(self, *next);
            const bool is_hopeless = self.is_hopeless;
            self.is_hopeless = false;
            return !is_hopeless;
        }
        const Instant at = next_at();
        if (at < forever) {
            if (leave_guests_a_chance(inside, self, at)) continue;
            world.pass_until(at);
            ring_due();
        } else if (Actor* const hopeless = hopeless_one()) {
            hopeless->is_hopeless = true;
        } else {
            sleep_for_all(inside, recheck_ns);
        }
    }
}

bool Simulation::let_pass(Entered& inside, Sleeper& sleeper, Instant until) {
    inside.ring_sleepers();
    sleeper.until = until;
    Actor* const self = turns.self();
    if (self == nullptr) return let_pass_for_guest(inside, sleeper, until);
    self->state = Actor::State::waits;
    self->sleeper = &sleeper;
    sleeper.lie_down();
    const bool goes_on = wait_for_turn(inside, *self);
    self->state = Actor::State::goes;
    self->sleeper = nullptr;
    sleeper.get_up();
    return goes_on;
}

// ---- guests

bool Simulation::others_are_awake(const Sleeper& sleeper) const {
    for (const Sleeper* other = sleepers; other != nullptr; other = other->next) {
        const bool is_awake = (!other->is_asleep || other->is_due()) && !other->is_absent;
        if (is_awake && other->thread != nullptr && other->thread != sleeper.thread) return true;
    }
    return false;
}

void Simulation::give_up_others(const Sleeper& sleeper) {
    for (Sleeper* other = sleepers; other != nullptr; other = other->next) {
        if (other->thread == sleeper.thread || (other->is_asleep && !other->is_due())) continue;
        other->is_absent = has_absent = true;
    }
    if (turns.holder() != nullptr && !turns.holder_sleeps) turns.give_up();
}

bool Simulation::knows_other_threads(const Sleeper& sleeper) const {
    for (const Sleeper* other = sleepers; other != nullptr; other = other->next) {
        if (other->thread != nullptr && other->thread != sleeper.thread) return true;
    }
    return false;
}

bool Simulation::leave_a_chance(Entered& inside, Sleeper& sleeper, Instant next) {
    const bool waits_for_threads = others_are_awake(sleeper);
    if (next <= world.now() || !(waits_for_threads || sleeper.waits_for_host())) return false;
    Instant limit_ns = next - world.now() < host_chance_ns ? next - world.now() : host_chance_ns;
    if (waits_for_threads) limit_ns = guest_chance_ns;
    const std::uint64_t event_count = world.history.event_count();
    sleeper.is_polite = true;
    const bool was_rung = inside.sleep(sleeper, limit_ns);
    if (was_rung || sleeper.has_wakes() || world.history.event_count() != event_count ||
        sleeper.look() != 0) {
        return true;
    }
    if (waits_for_threads) give_up_others(sleeper);
    return false;
}

bool Simulation::let_pass_for_guest(Entered& inside, Sleeper& sleeper, Instant until) {
    const Instant at = next_at();
    const Instant next = at < until ? at : until;
    if (next < forever) {
        if (leave_a_chance(inside, sleeper, next)) return true;
        world.pass_until(next);
        ring_due();
        return true;
    }
    if (!sleeper.waits_for_host() && are_only_threads(1, !knows_other_threads(sleeper))) {
        return false;
    }
    inside.sleep(sleeper, recheck_ns);
    return true;
}

}  // namespace zio::loop::simulated
