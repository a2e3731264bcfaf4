// SPDX-License-Identifier: MIT
#pragma once
// A program for replays: an echo server and five clients, which sleep between their messages, on
// one loop without tasks. It checks its own bytes.
#include <cstdint>

#include "core/loop/backends/simulated/simulation.hpp"

namespace zio::loop::simulated {

struct Outcome {
    Report report;
    unsigned echoed_count = 0;  // messages that came back whole
    unsigned wrong_count = 0;
};

Outcome run_program(std::uint64_t seed);

}  // namespace zio::loop::simulated
