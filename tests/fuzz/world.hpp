// SPDX-License-Identifier: MIT
#pragma once
// A simulated world for one input, with a runtime in it. It begins with its seed and ends empty:
// no task lives, no descriptor is left, and its hash tells whether two runs were the same.
#include <cstdint>

#include "zio/rt.h"

namespace zio::fuzz {

struct Outcome {
    std::uint64_t hash;
    std::uint64_t event_count;
    std::uint64_t spawned_count;
};

// Runs `entry(ud)` as the main task, which must have ended all of its tasks, closed all of its
// streams and return 0.
Outcome run_world(std::uint64_t seed, zio_task_fn entry, void* ud);

}  // namespace zio::fuzz
