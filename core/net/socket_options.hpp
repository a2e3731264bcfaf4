// SPDX-License-Identifier: MIT
#pragma once
// What a new socket is given before it connects or listens.
#include "core/os/address.hpp"
#include "core/os/table.hpp"

namespace zio::net {

inline constexpr std::uint32_t socket_reuse_port = 1 << 0;
inline constexpr std::uint32_t socket_only_version_6 = 1 << 1;
inline constexpr std::uint32_t socket_no_delay = 1 << 2;
inline constexpr std::uint32_t socket_keep_alive = 1 << 3;
inline constexpr std::uint32_t socket_fast_open = 1 << 4;
inline constexpr std::uint32_t socket_zero_copy = 1 << 5;

struct SocketOptions {
    std::uint32_t flags = 0;
    std::uint32_t backlog = 0;  // 0: the system's most
    std::uint32_t receive_buffer = 0;
    std::uint32_t send_buffer = 0;
    std::uint32_t keep_alive_s = 0;
    const os::Address* bind_address = nullptr;
};

// Applies them. An accepted socket inherits what the listener was given.
std::int32_t apply_options(os::Handle handle, const SocketOptions& options, bool listens,
                           std::uint16_t family);

}  // namespace zio::net
