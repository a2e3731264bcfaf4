// SPDX-License-Identifier: MIT
// zio/address.h: addresses, their text, and the system's form of them.
#include "capi/address.hpp"

#include "core/base/error.hpp"

using namespace zio;

zio_err_t zio_addr_parse(zio_addr_t* out, const char* s, size_t len,
                         uint16_t default_port) noexcept {
    if (out == nullptr || s == nullptr) return error::invalid_argument;
    os::Address address;
    const std::int32_t error = net::parse_address(address, s, len, default_port);
    if (error == error::ok) *out = capi::to_public(address);
    return error;
}

zio_ssize_t zio_addr_format(const zio_addr_t* a, char* buf, size_t len) noexcept {
    if (a == nullptr || (buf == nullptr && len != 0)) return error::invalid_argument;
    return net::format_address(capi::to_core(*a), buf, len);
}

zio_err_t zio_addr_from_sockaddr(zio_addr_t* out, const void* sa, uint32_t sa_len) noexcept {
    if (out == nullptr || sa == nullptr) return error::invalid_argument;
    os::Address address;
    const std::int32_t error = os::from_sockaddr(address, sa, sa_len);
    if (error == error::ok) *out = capi::to_public(address);
    return error;
}

zio_ssize_t zio_addr_to_sockaddr(const zio_addr_t* a, void* sa, uint32_t sa_cap) noexcept {
    if (a == nullptr || sa == nullptr) return error::invalid_argument;
    return os::to_sockaddr(capi::to_core(*a), sa, sa_cap);
}
