// SPDX-License-Identifier: MIT
#pragma once
// Socket options as the core takes them, shared by streams and listeners.
#include "capi/address.hpp"
#include "capi/options.hpp"
#include "core/net/socket_options.hpp"

namespace zio::capi {

struct SocketChoice {
    net::SocketOptions options;
    os::Address bind_address;  // what `options` points to
};

std::int32_t read_socket_options(const zio_sock_options_t* given, SocketChoice& out);

}  // namespace zio::capi
