// SPDX-License-Identifier: MIT
#pragma once
// What a program may ask of the simulated world it runs in. Nothing is simulated, most of the time:
// then all of this does nothing and says `error::not_supported`, or 0. From any thread.
#include <cstdint>

#include "core/base/time.hpp"
#include "core/os/address.hpp"

namespace zio::loop::simulation {

bool is_active();
std::uint64_t seed();
// From a stream of its own: what else happens stays the same.
std::uint64_t random();
// Time passes, and what was planned for meanwhile happens.
std::int32_t advance(Instant duration_ns);
std::int32_t part(const os::Address& one, const os::Address& other);
std::int32_t heal(const os::Address& one, const os::Address& other);
std::int32_t heal_all();
std::int32_t crash(const os::Address& host);
std::int32_t restart(const os::Address& host);
// False in a simulation ends the program: the run was to show that this holds.
void check_always(bool holds, const char* what);
// Counted, for who looks whether it was ever true.
void note_sometimes(bool holds, const char* what);

}  // namespace zio::loop::simulation
