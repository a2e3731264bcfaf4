// SPDX-License-Identifier: MIT
// Options of sockets: what each is called here, and the two that are not a plain number.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "core/os/posix/calls.hpp"

namespace zio::os::calls {

namespace {

struct Name {
    int level;
    int option;
};

Name name_of(SocketOption option) {
    switch (option) {
        case SocketOption::reuse_address:
            return {SOL_SOCKET, SO_REUSEADDR};
        case SocketOption::reuse_port:
            return {SOL_SOCKET, SO_REUSEPORT};
        case SocketOption::only_version_6:
            return {IPPROTO_IPV6, IPV6_V6ONLY};
        case SocketOption::no_delay:
            return {IPPROTO_TCP, TCP_NODELAY};
        case SocketOption::keep_alive:
            return {SOL_SOCKET, SO_KEEPALIVE};
        case SocketOption::keep_alive_s:
            return {IPPROTO_TCP, TCP_KEEPIDLE};
        case SocketOption::receive_buffer:
            return {SOL_SOCKET, SO_RCVBUF};
        case SocketOption::send_buffer:
            return {SOL_SOCKET, SO_SNDBUF};
        case SocketOption::linger_ms:
            return {SOL_SOCKET, SO_LINGER};
        case SocketOption::quick_acknowledge:
            return {IPPROTO_TCP, TCP_QUICKACK};
        case SocketOption::fast_open:
            return {IPPROTO_TCP, TCP_FASTOPEN};
        case SocketOption::zero_copy:
            return {SOL_SOCKET, SO_ZEROCOPY};
        case SocketOption::error:
            return {SOL_SOCKET, SO_ERROR};
    }
    return {-1, -1};
}

std::int32_t set_number(Handle handle, int level, int option, int value) {
    return checked(::setsockopt(descriptor(handle), level, option, &value, sizeof value));
}

std::int32_t get_number(Handle handle, int level, int option, std::int64_t* value) {
    int number = 0;
    socklen_t size = sizeof number;
    const int result = ::getsockopt(descriptor(handle), level, option, &number, &size);
    if (result == 0) *value = number;
    return checked(result);
}

// A peer that does not answer is given up after the idle time and half as much again.
std::int32_t set_keep_alive(Handle handle, std::int64_t idle_s) {
    constexpr int probe_count = 3;
    constexpr std::int64_t longest_s = 32767;  // what the system takes
    if (idle_s < 0 || idle_s > longest_s) return error::invalid_argument;
    if (idle_s == 0) return set_number(handle, SOL_SOCKET, SO_KEEPALIVE, 0);
    const int idle = static_cast<int>(idle_s);
    const int interval = idle >= 2 * probe_count ? idle / (2 * probe_count) : 1;
    std::int32_t result = set_number(handle, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    if (result == 0) result = set_number(handle, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    if (result == 0) result = set_number(handle, IPPROTO_TCP, TCP_KEEPCNT, probe_count);
    if (result == 0) result = set_number(handle, SOL_SOCKET, SO_KEEPALIVE, 1);
    return result;
}

std::int32_t get_keep_alive(Handle handle, std::int64_t* idle_s) {
    const std::int32_t result = get_number(handle, SOL_SOCKET, SO_KEEPALIVE, idle_s);
    if (result < 0 || *idle_s == 0) return result;
    return get_number(handle, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
}

// The system counts seconds: what is given is rounded up, so that it is never cut short.
std::int32_t set_linger(Handle handle, std::int64_t value_ms) {
    if (value_ms < -1 || value_ms > INT32_MAX) return error::invalid_argument;
    linger choice{};
    choice.l_onoff = value_ms >= 0;
    choice.l_linger = value_ms > 0 ? static_cast<int>((value_ms + 999) / 1000) : 0;
    return checked(::setsockopt(descriptor(handle), SOL_SOCKET, SO_LINGER, &choice, sizeof choice));
}

std::int32_t get_linger(Handle handle, std::int64_t* value_ms) {
    linger choice{};
    socklen_t size = sizeof choice;
    const int result = ::getsockopt(descriptor(handle), SOL_SOCKET, SO_LINGER, &choice, &size);
    if (result == 0) *value_ms = choice.l_onoff != 0 ? std::int64_t{choice.l_linger} * 1000 : -1;
    return checked(result);
}

}  // namespace

std::int32_t set_option(Handle handle, SocketOption option, std::int64_t value) {
    if (option == SocketOption::keep_alive_s) return set_keep_alive(handle, value);
    if (option == SocketOption::linger_ms) return set_linger(handle, value);
    if (option == SocketOption::error || value < 0 || value > INT32_MAX) {
        return error::invalid_argument;
    }
    const Name name = name_of(option);
    return set_number(handle, name.level, name.option, static_cast<int>(value));
}

std::int32_t get_option(Handle handle, SocketOption option, std::int64_t* value) {
    if (option == SocketOption::keep_alive_s) return get_keep_alive(handle, value);
    if (option == SocketOption::linger_ms) return get_linger(handle, value);
    const Name name = name_of(option);
    const std::int32_t result = get_number(handle, name.level, name.option, value);
    if (result == 0 && option == SocketOption::error && *value != 0) {
        *value = error_from_code(static_cast<int>(*value));
    }
    return result;
}

}  // namespace zio::os::calls
