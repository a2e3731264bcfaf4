// SPDX-License-Identifier: MIT
// A counter that ends waits: an eventfd.
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/os/posix/calls.hpp"

namespace zio::os::calls {

std::int32_t open_wakeup(Handle* out) {
    const int opened = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (opened < 0) return checked(opened);
    *out = opened;
    return 0;
}

std::int32_t raise_wakeup(Handle handle) {
    const int interrupted_errno = errno;  // called inside signal handlers
    const std::uint64_t one = 1;
    const auto result = restarted([&] { return ::write(descriptor(handle), &one, sizeof one); });
    errno = interrupted_errno;
    return result < 0 ? static_cast<std::int32_t>(result) : 0;
}

std::int64_t take_wakeups(Handle handle) {
    std::uint64_t count = 0;
    const auto result = restarted([&] { return ::read(descriptor(handle), &count, sizeof count); });
    if (result == error::would_block) return 0;
    return result < 0 ? result : static_cast<std::int64_t>(count);
}

}  // namespace zio::os::calls
