// SPDX-License-Identifier: MIT
#pragma once
// Socket addresses with the same bytes on every system, and the way to and from the system's own.
#include <cstddef>
#include <cstdint>

namespace zio::os {

inline constexpr std::uint16_t family_none = 0;
inline constexpr std::uint16_t family_version_4 = 1;
inline constexpr std::uint16_t family_version_6 = 2;
inline constexpr std::uint16_t family_unix = 3;

// The bytes of `zio_addr_t`. Fields that the family does not use are zero.
struct Address {
    std::uint16_t family;     // family_*
    std::uint16_t port;       // in the machine's order
    std::uint32_t scope_id;   // IPv6: the interface, 0 = none
    std::uint8_t ip[16];      // network order, 4 or 16 used
    char path[112];           // Unix: a path, or path[0] == 0 and an abstract name
    std::uint16_t path_len;   // bytes used without a path's final NUL, 0 = unnamed
    std::uint16_t reserved0;  // zero
    std::uint32_t flow;       // IPv6: traffic class and flow label, in the machine's order

    bool is_abstract() const { return path_len > 0 && path[0] == 0; }
};
static_assert(sizeof(Address) == 144 && alignof(Address) == 4);

// A `struct sockaddr` of this system: enough bytes for any family above, aligned as it must be.
inline constexpr std::size_t sockaddr_size = 128;
struct alignas(8) SocketAddress {
    unsigned char bytes[sockaddr_size];
};

// The longest name a Unix socket may have here: a path, which keeps a byte for its NUL, and an
// abstract name, its leading NUL counted (0 where the system has none).
extern const std::size_t unix_path_limit;
extern const std::size_t unix_abstract_limit;

// 0 or invalid_argument, family_not_supported, name_too_long, not_supported: whether the system can
// express the address.
std::int32_t check_address(const Address& address) noexcept;

// Writes the system's form, at most `capacity` bytes, unaligned if need be. The length for the
// system, or an error of `check_address`, or invalid_argument when it does not fit.
std::int64_t to_sockaddr(const Address& address, void* out, std::size_t capacity) noexcept;

// Reads the system's form, `size` bytes as the system gave them. 0, invalid_argument (too short, or
// a Unix name without an end) or family_not_supported. A Unix peer without a name is `size` of the
// family alone.
std::int32_t from_sockaddr(Address& out, const void* from, std::size_t size) noexcept;

// The index of the network interface of that name, or not_found.
std::int64_t interface_index(const char* name, std::size_t size) noexcept;

}  // namespace zio::os
