// SPDX-License-Identifier: MIT
#pragma once
// Many executions of one scenario in a process of its own, so that a finding, which may be a crash,
// ends no more than that; several such processes at once.
#include <string>
#include <vector>

#include "tests/schedule/scenario.hpp"

namespace zio::check {

inline constexpr unsigned mode_count = 4;
Settings settings_of(unsigned mode, std::uint64_t seed);

enum class Outcome : std::uint8_t { clean, found, broken };

struct Job {
    const Scenario* scenario = nullptr;
    int mutant = 0;
    unsigned mode = 0;
    double seconds = 0;
    // ---- what came of it
    Outcome outcome = Outcome::broken;
    unsigned long long executions = 0;  // with the one that found something
    unsigned long long steps = 0;
    std::uint64_t seed = 0;  // of the last
    std::string said;
};

// Once per process, before all else.
void prepare();
void run_all(std::vector<Job>& jobs);
// What was found, and how to see it again; empty when nothing was.
std::string describe(const Job& job);

}  // namespace zio::check
