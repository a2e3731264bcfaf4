// SPDX-License-Identifier: MIT
#pragma once
// The system's error codes, for the rows above that do not see the system.
#include <cstdint>

#include "core/os/error.hpp"

namespace zio::runtime {

inline std::int32_t error_of_system(std::int32_t code) noexcept {
    return os::error_from_code(code);
}

}  // namespace zio::runtime
