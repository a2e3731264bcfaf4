// SPDX-License-Identifier: MIT
// Monotonic time.
#include <ctime>

#include "core/os/posix/calls.hpp"

namespace zio::os::calls {

Instant now() {
    timespec time;
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    // One second is added because the system starts at zero, where instants are special values.
    return (static_cast<Instant>(time.tv_sec) + 1) * second_ns + static_cast<Instant>(time.tv_nsec);
}

}  // namespace zio::os::calls
