// SPDX-License-Identifier: MIT
#pragma once
// What scenarios know of the system that stands behind the core in a check build.
#include <cstdint>

namespace zio::check {

void prepare_system();

// Descriptors are numbers that nobody opens; how often each was closed.
inline constexpr unsigned handle_limit = 16;
extern std::uint8_t close_counts[handle_limit];

// As flags of a Transfer: it ends by a cancel only.
inline constexpr std::uint32_t never_finishes = 1U << 31;

}  // namespace zio::check
