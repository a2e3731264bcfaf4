// SPDX-License-Identifier: MIT
// zio/listener.h: sockets that accept streams.
#include "zio/listener.h"

#include "capi/guard.hpp"
#include "capi/socket.hpp"
#include "core/net/listener.hpp"

using namespace zio;
using capi::bits_of;
using capi::guard;
using capi::place_of;
using net::Listener;

zio_err_t zio_listen(zio_listener_t** out, const zio_addr_t* a,
                     const zio_sock_options_t* o) noexcept {
    return guard([&]() -> std::int32_t {
        capi::SocketChoice choice;
        if (out == nullptr || a == nullptr) return error::invalid_argument;
        if (const std::int32_t status = capi::read_socket_options(o, choice)) return status;
        return Listener::listen(capi::to_core(*a), choice.options, place_of(out));
    });
}

zio_err_t zio_listener_from_fd(zio_listener_t** out, zio_fd_t fd) noexcept {
    return guard([&]() -> std::int32_t {
        if (out == nullptr) return error::invalid_argument;
        return Listener::from_handle(fd, place_of(out));
    });
}

zio_err_t zio_accept(zio_listener_t* l, zio_stream_t** out, zio_addr_t* peer,
                     zio_deadline_t dl) noexcept {
    return guard([&]() -> std::int32_t {
        if (out == nullptr) return error::invalid_argument;
        return Listener::accept(bits_of(l), place_of(out), reinterpret_cast<os::Address*>(peer),
                                dl);
    });
}

zio_err_t zio_listener_addr(zio_listener_t* l, zio_addr_t* out) noexcept {
    return guard(
        [&] { return Listener::address(bits_of(l), reinterpret_cast<os::Address*>(out)); });
}

zio_err_t zio_listener_close(zio_listener_t* l) noexcept {
    return guard([&] { return Listener::close(bits_of(l)); });
}
