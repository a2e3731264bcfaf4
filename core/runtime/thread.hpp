// SPDX-License-Identifier: MIT
#pragma once
// Plain threads that block in the library, and what belongs to the process as a whole.
#include "core/runtime/worker.hpp"

namespace zio::runtime {

// The report of stack overflows, counted over the runtimes that asked for it.
std::int32_t report_overflows();
void forget_overflows();

}  // namespace zio::runtime
