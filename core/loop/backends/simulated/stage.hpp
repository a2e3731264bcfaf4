// SPDX-License-Identifier: MIT
#pragma once
// A world that several programs share. `zio-sim` makes the memory and starts the programs; each
// maps it at the same address, so that whatever lies there may point to whatever else lies there.
// What belongs to a process alone, like descriptors of the host and operations, stays outside.
//
// The programs take turns, as the threads of one do. The world begins when all have come; when the
// last of them in the order of the command line has ended, the others are asked to end by SIGTERM.
#include <cstdint>

#include "core/loop/backends/simulated/lock.hpp"

namespace zio::loop::simulated {

struct Simulation;

inline constexpr std::uint32_t most_programs = 32;

// At the beginning of the memory. tools/sim/stage.c fills in the first two fields and reads the
// next two; the rest begins as zeroes.
struct Stage {
    static constexpr std::uint32_t right_magic = 0x7a696f31;

    std::uint32_t magic;
    std::uint32_t program_count;
    std::uint8_t arrived[most_programs];
    std::uint8_t left[most_programs];

    Lock lock;         // of the simulation
    Lock memory_lock;  // of the next three
    std::uint64_t size;
    std::uint64_t used;
    void* spare[64];  // by the power of two that is their size
    Simulation* present;
    std::uint32_t is_ending;
};

// Null: this process has its world for itself.
Stage* stage();
// The place of this program among those that share the world.
std::uint32_t own_program();
// Joins the world that ZIO_SIM_WORLD names, if it does, once. 0 or an error.
std::int32_t enter_stage();
// A forked child has a world of its own.
void forget_stage();

}  // namespace zio::loop::simulated
