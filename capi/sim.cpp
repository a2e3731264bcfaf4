// SPDX-License-Identifier: MIT
// zio/sim.h: what a program asks of the simulated world it runs in.
#include "zio/sim.h"

#include "capi/address.hpp"
#include "capi/guard.hpp"
#include "core/net/simulation.hpp"

using namespace zio;
using capi::guard;
namespace simulation = net::simulation;

namespace {

constexpr std::int64_t longest_ns = 1'000'000'000'000'000'000;

bool is_host(const zio_addr_t* address) {
    return address != nullptr &&
           (address->family == ZIO_AF_INET || address->family == ZIO_AF_INET6);
}

const char* text_of(const char* what) {
    return what != nullptr ? what : "";
}

}  // namespace

int zio_sim_is_active() noexcept {
    return guard([] { return static_cast<int>(simulation::is_active()); });
}

uint64_t zio_sim_seed() noexcept {
    return guard([] { return simulation::seed(); });
}

uint64_t zio_sim_random() noexcept {
    return guard([] { return simulation::random(); });
}

zio_err_t zio_sim_advance(int64_t ns) noexcept {
    if (ns < 0 || ns > longest_ns) return error::invalid_argument;
    return guard([&] { return simulation::advance(static_cast<Instant>(ns)); });
}

zio_err_t zio_sim_partition(const zio_addr_t* one, const zio_addr_t* other) noexcept {
    if (!is_host(one) || !is_host(other)) return error::invalid_argument;
    return guard([&] { return simulation::part(capi::to_core(*one), capi::to_core(*other)); });
}

zio_err_t zio_sim_heal(const zio_addr_t* one, const zio_addr_t* other) noexcept {
    if (one == nullptr && other == nullptr) return guard([] { return simulation::heal_all(); });
    if (!is_host(one) || !is_host(other)) return error::invalid_argument;
    return guard([&] { return simulation::heal(capi::to_core(*one), capi::to_core(*other)); });
}

zio_err_t zio_sim_crash(const zio_addr_t* host) noexcept {
    if (!is_host(host)) return error::invalid_argument;
    return guard([&] { return simulation::crash(capi::to_core(*host)); });
}

zio_err_t zio_sim_restart(const zio_addr_t* host) noexcept {
    if (!is_host(host)) return error::invalid_argument;
    return guard([&] { return simulation::restart(capi::to_core(*host)); });
}

int zio_sim_always(int holds, const char* what) noexcept {
    if (holds != 0) return holds;
    return guard([&] {
        simulation::check_always(false, text_of(what));
        return holds;
    });
}

int zio_sim_sometimes(int holds, const char* what) noexcept {
    return guard([&] {
        simulation::note_sometimes(holds != 0, text_of(what));
        return holds;
    });
}
