// SPDX-License-Identifier: MIT
#include "core/os/environment.hpp"

#include <cstdlib>

namespace zio::os {

const char* environment(const char* name) noexcept {
    return ::secure_getenv(name);
}

}  // namespace zio::os
