// SPDX-License-Identifier: MIT
#pragma once
// The text form of socket addresses, as `zio/address.h` describes it.
#include <cstddef>
#include <cstdint>

#include "core/os/address.hpp"

namespace zio::net {

using os::Address;

// `size` bytes of text; SIZE_MAX = it ends with a NUL. `out` is written on success only. 0,
// invalid_argument, name_too_long or not_supported.
std::int32_t parse_address(Address& out, const char* text, std::size_t size,
                           std::uint16_t default_port) noexcept;

// The length of the whole text, of which as much as fits, and a NUL, is in `out` when `room` is not
// 0; or an error of `os::check_address`.
std::int64_t format_address(const Address& address, char* out, std::size_t room) noexcept;

}  // namespace zio::net
