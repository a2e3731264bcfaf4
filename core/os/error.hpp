// SPDX-License-Identifier: MIT
#pragma once
// Between the system's error codes and the one vocabulary of core/base/error.hpp.
#include <cstdint>

#include "core/base/error.hpp"

namespace zio::os {

// The error for a code of this system: 0 for 0, the negated Linux number of its POSIX name,
// `transport_timed_out` for "timed out", `unknown` for everything else.
std::int32_t error_from_code(int os_code) noexcept;

// The system's code behind an error; 0 for those that are the library's own (`timed_out` is: it
// always means the caller's deadline) and for what this system has no code for.
int code_from_error(std::int32_t error) noexcept;

}  // namespace zio::os
