// SPDX-License-Identifier: MIT
// Which descriptors are ready, by poll(2): the one wait that every system has.
#include <poll.h>

#include <ctime>

#include "core/base/memory.hpp"
#include "core/os/posix/calls.hpp"

namespace zio::os::calls {

namespace {

// The peer's end of stream makes a descriptor readable; it is a hang-up only for who asked for one,
// because the other direction still works.
short events_of(std::uint32_t wanted) {
    short events = 0;
    if ((wanted & ready_read) != 0) events |= POLLIN;
    if ((wanted & ready_write) != 0) events |= POLLOUT;
    if ((wanted & ready_hangup) != 0) events |= POLLRDHUP;
    return events;
}

std::uint32_t bits_of(short events) {
    std::uint32_t bits = 0;
    if ((events & POLLIN) != 0) bits |= ready_read;
    if ((events & POLLOUT) != 0) bits |= ready_write;
    if ((events & (POLLHUP | POLLRDHUP)) != 0) bits |= ready_hangup;
    if ((events & (POLLERR | POLLNVAL)) != 0) bits |= ready_error;
    return bits;
}

std::int64_t wait_with(pollfd* entries, ReadyRequest* requests, std::size_t count, Instant until) {
    bool has_bad_number = false;
    for (std::size_t i = 0; i < count; ++i) {
        entries[i] = {descriptor(requests[i].handle), events_of(requests[i].wanted), 0};
        has_bad_number |= entries[i].fd < 0;
    }
    if (has_bad_number) until = 0;
    timespec rest{};
    if (until != 0 && until < forever) {
        const Instant present = now();
        const Instant rest_ns = until > present ? until - present : 0;
        rest.tv_sec = static_cast<time_t>(rest_ns / second_ns);
        rest.tv_nsec = static_cast<long>(rest_ns % second_ns);
    }
    const int ready = ::ppoll(entries, count, until < forever ? &rest : nullptr, nullptr);
    if (ready < 0) return errno == EINTR ? 0 : error_from_code(errno);
    std::int64_t got_count = 0;
    for (std::size_t i = 0; i < count; ++i) {
        // The system passes over negative numbers in silence; here they are errors like others.
        requests[i].got = entries[i].fd < 0 ? ready_error : bits_of(entries[i].revents);
        got_count += requests[i].got != 0;
    }
    return got_count;
}

}  // namespace

std::int64_t wait_ready(ReadyRequest* requests, std::size_t count, Instant until) {
    constexpr std::size_t few = 32;
    if (count <= few) {
        pollfd entries[few];
        return wait_with(entries, requests, count, until);
    }
    void* memory = allocate(count * sizeof(pollfd), alignof(pollfd));
    if (memory == nullptr) return error::no_memory;
    const std::int64_t result = wait_with(static_cast<pollfd*>(memory), requests, count, until);
    release(memory, count * sizeof(pollfd), alignof(pollfd));
    return result;
}

}  // namespace zio::os::calls
