// SPDX-License-Identifier: MIT
#include "core/os/linux/epoll.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/os/error.hpp"

namespace zio::os {

namespace {

std::int32_t checked(long result) {
    return result >= 0 ? static_cast<std::int32_t>(result) : error_from_code(errno);
}
std::int32_t checked_wait(long count) {
    return count < 0 && errno == EINTR ? 0 : checked(count);
}

std::int32_t create() {
    return checked(::epoll_create1(EPOLL_CLOEXEC));
}

std::int32_t control(std::int32_t epoll, std::int32_t operation, std::int32_t descriptor,
                     epoll_event* event) {
    return checked(::epoll_ctl(epoll, operation, descriptor, event));
}

std::int32_t wait(std::int32_t epoll, epoll_event* events, std::int32_t capacity,
                  std::int32_t timeout_ms) {
    return checked_wait(::epoll_wait(epoll, events, capacity, timeout_ms));
}

std::int32_t wait_precisely(std::int32_t epoll, epoll_event* events, std::int32_t capacity,
                            Instant timeout_ns) {
#ifdef SYS_epoll_pwait2
    const struct {
        std::int64_t seconds;
        std::int64_t nanoseconds;
    } rest{static_cast<std::int64_t>(timeout_ns / second_ns),
           static_cast<std::int64_t>(timeout_ns % second_ns)};
    return checked_wait(
        ::syscall(SYS_epoll_pwait2, epoll, events, capacity, &rest, nullptr, std::size_t{0}));
#else
    (void)epoll, (void)events, (void)capacity, (void)timeout_ns;
    return error_from_code(ENOSYS);
#endif
}

void close(std::int32_t epoll) {
    ::close(epoll);
}

}  // namespace

constinit EpollTable epoll_table = {
    .create = create,
    .control = control,
    .wait = wait,
    .wait_precisely = wait_precisely,
    .close = close,
};

}  // namespace zio::os
