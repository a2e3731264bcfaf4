// SPDX-License-Identifier: MIT
#pragma once
// The functions behind the production `os::table`, one system call each. Only table.cpp names them
// all; which files define them is the build's choice, system by system.
#include <cerrno>

#include "core/os/error.hpp"
#include "core/os/table.hpp"

namespace zio::os::calls {

std::int32_t open_socket(std::uint16_t family, Handle* out);
std::int32_t open_pair(Handle* first, Handle* second);
std::int32_t bind(Handle handle, const Address& address);
std::int32_t listen(Handle handle, std::uint32_t backlog);
std::int32_t connect(Handle handle, const Address& address);
std::int32_t accept(Handle handle, Handle* out, Address* peer);
std::int32_t local_address(Handle handle, Address* out);
std::int32_t peer_address(Handle handle, Address* out);
std::int32_t set_option(Handle handle, SocketOption option, std::int64_t value);
std::int32_t get_option(Handle handle, SocketOption option, std::int64_t* value);
std::int32_t shutdown(Handle handle, bool read_side, bool write_side);
std::int32_t kind_of(Handle handle, HandleKind* out);
std::int32_t check_access(Handle handle, Direction direction);
std::int32_t make_nonblocking(Handle handle);
std::int32_t close(Handle handle);

std::int64_t receive(Handle handle, void* data, std::size_t size, std::uint32_t flags);
std::int64_t receive_vector(Handle handle, const Buffer* buffers, std::size_t count,
                            std::uint32_t flags);
std::int64_t send(Handle handle, const void* data, std::size_t size, std::uint32_t flags);
std::int64_t send_vector(Handle handle, const Buffer* buffers, std::size_t count,
                         std::uint32_t flags);
std::int64_t read(Handle handle, void* data, std::size_t size);
std::int64_t read_vector(Handle handle, const Buffer* buffers, std::size_t count);
std::int64_t write(Handle handle, const void* data, std::size_t size);
std::int64_t write_vector(Handle handle, const Buffer* buffers, std::size_t count);

std::int64_t wait_ready(ReadyRequest* requests, std::size_t count, Instant until);
std::int32_t open_wakeup(Handle* out);
std::int32_t raise_wakeup(Handle handle);
std::int64_t take_wakeups(Handle handle);
std::int32_t remove_path(const char* path);
Instant now();

// A descriptor outside the range of `int` is none; the system says so.
inline int descriptor(Handle handle) {
    return handle >= 0 && handle <= INT32_MAX ? static_cast<int>(handle) : -1;
}

// The result of a call that says "-1, see errno".
template <class Number>
inline Number checked(Number result) {
    return result >= 0 ? result : static_cast<Number>(error_from_code(errno));
}

// The same, and a call that a signal interrupted before it did anything is made again.
template <class Call>
inline auto restarted(Call call) {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return checked(result);
    }
}

}  // namespace zio::os::calls
