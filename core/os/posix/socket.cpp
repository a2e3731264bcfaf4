// SPDX-License-Identifier: MIT
// Making, naming and connecting sockets.
#include <sys/socket.h>

#include "core/os/posix/calls.hpp"

namespace zio::os::calls {

namespace {

constexpr int stream = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

int system_family(std::uint16_t family) {
    switch (family) {
        case family_version_4:
            return AF_INET;
        case family_version_6:
            return AF_INET6;
        case family_unix:
            return AF_UNIX;
        default:
            return -1;
    }
}

// What the calls that take an address want: a pointer and a size.
struct Target {
    SocketAddress storage;
    std::int64_t size;
    explicit Target(const Address& address)
        : size(to_sockaddr(address, storage.bytes, sizeof storage.bytes)) {}
    std::int32_t status() const { return size < 0 ? static_cast<std::int32_t>(size) : 0; }
    const sockaddr* system() const { return reinterpret_cast<const sockaddr*>(storage.bytes); }
    socklen_t length() const { return static_cast<socklen_t>(size); }
};

using AskName = int (*)(int, sockaddr*, socklen_t*);

std::int32_t ask_name(AskName ask, Handle handle, Address* out) {
    SocketAddress storage;
    socklen_t size = sizeof storage.bytes;
    const int result = ask(descriptor(handle), reinterpret_cast<sockaddr*>(storage.bytes), &size);
    if (result < 0) return checked(result);
    return from_sockaddr(*out, storage.bytes, size);
}

}  // namespace

std::int32_t open_socket(std::uint16_t family, Handle* out) {
    const int opened = ::socket(system_family(family), stream, 0);
    if (opened < 0) return checked(opened);
    *out = opened;
    return 0;
}

std::int32_t open_pair(Handle* first, Handle* second) {
    int opened[2];
    const int result = ::socketpair(AF_UNIX, stream, 0, opened);
    if (result < 0) return checked(result);
    *first = opened[0];
    *second = opened[1];
    return 0;
}

std::int32_t bind(Handle handle, const Address& address) {
    const Target target(address);
    if (target.status() < 0) return target.status();
    return checked(::bind(descriptor(handle), target.system(), target.length()));
}

std::int32_t listen(Handle handle, std::uint32_t backlog) {
    const int limited = backlog <= INT32_MAX ? static_cast<int>(backlog) : INT32_MAX;
    return checked(::listen(descriptor(handle), limited));
}

std::int32_t connect(Handle handle, const Address& address) {
    const Target target(address);
    if (target.status() < 0) return target.status();
    const int result = ::connect(descriptor(handle), target.system(), target.length());
    // A connect that a signal interrupts goes on by itself; a second call would be an error.
    if (result < 0 && errno == EINTR) return error::in_progress;
    return checked(result);
}

std::int32_t accept(Handle handle, Handle* out, Address* peer) {
    SocketAddress storage;
    socklen_t size = sizeof storage.bytes;
    auto* const name = reinterpret_cast<sockaddr*>(storage.bytes);
    const int accepted = restarted([&] {
        size = sizeof storage.bytes;
        return ::accept4(descriptor(handle), peer != nullptr ? name : nullptr,
                         peer != nullptr ? &size : nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
    if (accepted < 0) return accepted;
    // A peer whose name cannot be expressed is a peer all the same.
    if (peer != nullptr && from_sockaddr(*peer, storage.bytes, size) < 0) *peer = Address{};
    *out = accepted;
    return 0;
}

std::int32_t local_address(Handle handle, Address* out) {
    return ask_name(
        [](int fd, sockaddr* name, socklen_t* size) { return ::getsockname(fd, name, size); },
        handle, out);
}

std::int32_t peer_address(Handle handle, Address* out) {
    return ask_name(
        [](int fd, sockaddr* name, socklen_t* size) { return ::getpeername(fd, name, size); },
        handle, out);
}

std::int32_t shutdown(Handle handle, bool read_side, bool write_side) {
    if (!read_side && !write_side) return error::invalid_argument;
    const int how = !write_side ? SHUT_RD : !read_side ? SHUT_WR : SHUT_RDWR;
    return checked(::shutdown(descriptor(handle), how));
}

}  // namespace zio::os::calls
