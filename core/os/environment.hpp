// SPDX-License-Identifier: MIT
#pragma once
// Switches that whoever starts the program sets.

namespace zio::os {

// The value of an environment variable; null when it is not set, and always null in a program that
// runs with more rights than its caller (set-uid), which must not be steered from outside.
const char* environment(const char* name) noexcept;

}  // namespace zio::os
