// SPDX-License-Identifier: MIT
// What a program asks of its simulated world.
#include "core/loop/backends/simulated/simulation.hpp"
#include "core/loop/simulation.hpp"

namespace zio::loop::simulation {

using simulated::Entered;

// Looked at without the lock: while nothing is simulated the answer costs nothing.
bool is_active() {
    return os::table.simulated;
}

namespace {

// 0 or what `change(simulation)` says; `not_supported` where nothing is simulated.
template <class Change>
std::int32_t in_world(Change change) {
    if (!is_active()) return error::not_supported;
    const Entered inside;
    return inside.simulation() != nullptr ? change(*inside.simulation()) : error::not_supported;
}

}  // namespace

std::uint64_t seed() {
    const Entered inside;
    return inside.simulation() != nullptr ? inside->world.seed() : 0;
}

std::uint64_t random() {
    const Entered inside;
    return inside.simulation() != nullptr ? inside->chance.next() : 0;
}

std::int32_t advance(Instant duration_ns) {
    return in_world([=](simulated::Simulation& simulation) {
        simulation.world.pass(duration_ns);
        simulation.ring_due();
        return 0;
    });
}

std::int32_t part(const os::Address& one, const os::Address& other) {
    return in_world(
        [&](simulated::Simulation& simulation) { return simulation.network.part(one, other); });
}

std::int32_t heal(const os::Address& one, const os::Address& other) {
    return in_world([&](simulated::Simulation& simulation) {
        simulation.network.heal(one, other);
        return 0;
    });
}

std::int32_t heal_all() {
    return in_world([](simulated::Simulation& simulation) {
        simulation.network.heal_all();
        return 0;
    });
}

std::int32_t crash(const os::Address& host) {
    return in_world(
        [&](simulated::Simulation& simulation) { return simulation.network.crash(host); });
}

std::int32_t restart(const os::Address& host) {
    return in_world([&](simulated::Simulation& simulation) {
        simulation.network.restart(host);
        return 0;
    });
}

void check_always(bool holds, const char* what) {
    if (holds || !is_active()) return;
    const Entered inside;
    if (inside.simulation() != nullptr) inside->stop(what);
}

void note_sometimes(bool holds, const char* what) {
    if (!is_active()) return;
    const Entered inside;
    if (inside.simulation() != nullptr) simulated::note_sometimes(holds, what);
}

}  // namespace zio::loop::simulation
