// SPDX-License-Identifier: MIT
// zio/stream.h: connected sockets.
#include "zio/stream.h"

#include "capi/address.hpp"
#include "capi/guard.hpp"
#include "capi/socket.hpp"
#include "core/net/stream.hpp"

using namespace zio;
using capi::bits_of;
using capi::guard;
using capi::place_of;
using net::Stream;
using net::StreamOption;

static_assert(static_cast<int>(StreamOption::no_delay) == ZIO_OPT_NODELAY);
static_assert(static_cast<int>(StreamOption::keep_alive_s) == ZIO_OPT_KEEPALIVE_S);
static_assert(static_cast<int>(StreamOption::receive_buffer) == ZIO_OPT_RCVBUF);
static_assert(static_cast<int>(StreamOption::send_buffer) == ZIO_OPT_SNDBUF);
static_assert(static_cast<int>(StreamOption::linger_ms) == ZIO_OPT_LINGER_MS);
static_assert(static_cast<int>(StreamOption::quick_acknowledge) == ZIO_OPT_QUICKACK);
static_assert(sizeof(zio_buf_t) == sizeof(os::Buffer) && sizeof(zio_cbuf_t) == sizeof(os::Buffer));
static_assert(offsetof(zio_buf_t, len) == offsetof(os::Buffer, size) &&
              offsetof(zio_cbuf_t, len) == offsetof(os::Buffer, size));
static_assert(net::socket_reuse_port == ZIO_SO_REUSEPORT);
static_assert(net::socket_only_version_6 == ZIO_SO_V6ONLY);
static_assert(net::socket_no_delay == ZIO_SO_NODELAY);
static_assert(net::socket_keep_alive == ZIO_SO_KEEPALIVE);
static_assert(net::socket_fast_open == ZIO_SO_FASTOPEN);
static_assert(net::socket_zero_copy == ZIO_SO_ZEROCOPY);

namespace zio::capi {

std::int32_t read_socket_options(const zio_sock_options_t* given, SocketChoice& out) {
    zio_sock_options_t options;
    if (const std::int32_t status = read_options(given, options)) return status;
    constexpr std::uint32_t known = ZIO_SO_REUSEPORT | ZIO_SO_V6ONLY | ZIO_SO_NODELAY |
                                    ZIO_SO_KEEPALIVE | ZIO_SO_FASTOPEN | ZIO_SO_ZEROCOPY;
    if ((options.flags & ~known) != 0) return error::invalid_argument;
    out.options.flags = options.flags;
    out.options.backlog = options.backlog;
    out.options.receive_buffer = options.rcvbuf;
    out.options.send_buffer = options.sndbuf;
    out.options.keep_alive_s = options.keepalive_s;
    if (options.bind_addr != nullptr) {
        out.bind_address = to_core(*options.bind_addr);
        out.options.bind_address = &out.bind_address;
    }
    return 0;
}

}  // namespace zio::capi

zio_err_t zio_connect(zio_stream_t** out, const zio_addr_t* a, const zio_sock_options_t* o,
                      zio_deadline_t dl) noexcept {
    return guard([&]() -> std::int32_t {
        capi::SocketChoice choice;
        if (out == nullptr || a == nullptr) return error::invalid_argument;
        if (const std::int32_t status = capi::read_socket_options(o, choice)) return status;
        const os::Address to = capi::to_core(*a);
        return Stream::connect(to, choice.options, dl, place_of(out));
    });
}

zio_err_t zio_stream_pair(zio_stream_t** a, zio_stream_t** b) noexcept {
    return guard([&]() -> std::int32_t {
        if (a == nullptr || b == nullptr) return error::invalid_argument;
        return Stream::pair(place_of(a), place_of(b));
    });
}

zio_err_t zio_stream_from_fd(zio_stream_t** out, zio_fd_t fd) noexcept {
    return guard([&]() -> std::int32_t {
        if (out == nullptr) return error::invalid_argument;
        return Stream::from_handle(fd, place_of(out));
    });
}

zio_ssize_t zio_stream_read(zio_stream_t* s, void* buf, size_t len, zio_deadline_t dl) noexcept {
    return guard([&] { return Stream::read(bits_of(s), buf, len, dl); });
}

zio_ssize_t zio_stream_readv(zio_stream_t* s, const zio_buf_t* bufs, size_t n,
                             zio_deadline_t dl) noexcept {
    return guard([&] {
        return Stream::read_vector(bits_of(s), reinterpret_cast<const os::Buffer*>(bufs), n, dl);
    });
}

zio_err_t zio_stream_read_exact(zio_stream_t* s, void* buf, size_t len, size_t* done,
                                zio_deadline_t dl) noexcept {
    return guard([&] { return Stream::read_exact(bits_of(s), buf, len, done, dl); });
}

zio_ssize_t zio_stream_peek(zio_stream_t* s, void* buf, size_t len, zio_deadline_t dl) noexcept {
    return guard([&] { return Stream::read(bits_of(s), buf, len, dl, os::message_peek); });
}

zio_ssize_t zio_stream_write(zio_stream_t* s, const void* buf, size_t len,
                             zio_deadline_t dl) noexcept {
    return guard([&] { return Stream::write(bits_of(s), buf, len, dl); });
}

zio_ssize_t zio_stream_writev(zio_stream_t* s, const zio_cbuf_t* bufs, size_t n,
                              zio_deadline_t dl) noexcept {
    return guard([&] {
        return Stream::write_vector(bits_of(s), reinterpret_cast<const os::Buffer*>(bufs), n, dl);
    });
}

zio_err_t zio_stream_write_all(zio_stream_t* s, const void* buf, size_t len, size_t* done,
                               zio_deadline_t dl) noexcept {
    return guard([&] { return Stream::write_all(bits_of(s), buf, len, done, dl); });
}

zio_err_t zio_stream_shutdown(zio_stream_t* s, zio_deadline_t dl) noexcept {
    return guard([&] { return Stream::shutdown(bits_of(s), dl); });
}

zio_err_t zio_stream_close(zio_stream_t* s) noexcept {
    return guard([&] { return Stream::close(bits_of(s)); });
}

zio_err_t zio_stream_abort(zio_stream_t* s) noexcept {
    return guard([&] { return Stream::abort(bits_of(s)); });
}

zio_err_t zio_stream_addr(zio_stream_t* s, zio_addr_t* local, zio_addr_t* peer) noexcept {
    return guard([&] {
        return Stream::addresses(bits_of(s), reinterpret_cast<os::Address*>(local),
                                 reinterpret_cast<os::Address*>(peer));
    });
}

zio_fd_t zio_stream_fd(zio_stream_t* s) noexcept {
    return Stream::descriptor_of(bits_of(s));
}

zio_err_t zio_stream_set_option(zio_stream_t* s, uint32_t option, int64_t value) noexcept {
    return guard(
        [&] { return Stream::set_option(bits_of(s), static_cast<StreamOption>(option), value); });
}

zio_err_t zio_stream_get_option(zio_stream_t* s, uint32_t option, int64_t* value) noexcept {
    return guard(
        [&] { return Stream::get_option(bits_of(s), static_cast<StreamOption>(option), value); });
}
