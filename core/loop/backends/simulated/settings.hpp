// SPDX-License-Identifier: MIT
#pragma once
// What the environment says about a simulated run. Whoever starts the program sets it; in a set-uid
// program it says nothing.
//   ZIO_SEED         the seed
//   ZIO_SIM_OFF      mild faults that do not happen
//   ZIO_SIM_FAULTS   harsh faults that do
//   ZIO_SIM_CALM     virtual seconds after which no harsh fault happens any more
//   ZIO_SIM_LIMIT    virtual seconds after which the program is stopped
//   ZIO_SIM_TRACE    the file that tells what happened
//   ZIO_SIM_HOPES    the file that tells, instead of the trace, what was sometimes true
//   ZIO_SIM_ONLY     a file with the only faults that may happen
#include <cstdint>

#include "core/loop/backends/simulated/faults.hpp"

namespace zio::loop::simulated {

struct Settings {
    std::uint64_t seed = 1;
    Faults faults;
    Instant limit_ns = forever;
    const char* trace = nullptr;
    const char* only = nullptr;
    const char* reason = "";  // where the seed is from; or what is wrong
};

// `seed` 0: the environment's. False: something there is wrong, and `reason` says what.
bool read_settings(std::uint64_t seed, Settings* out);

}  // namespace zio::loop::simulated
