// SPDX-License-Identifier: MIT
// Addresses to and from `struct sockaddr`. The system's bytes may come unaligned and from anywhere,
// so they are copied into a structure of their own before a field is looked at.
#include "core/os/address.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "core/base/error.hpp"

namespace zio::os {

namespace {

constexpr std::size_t unix_header = offsetof(sockaddr_un, sun_path);
constexpr std::size_t unix_room = sizeof(sockaddr_un) - unix_header;
static_assert(unix_room <= sizeof(Address::path));
static_assert(sizeof(sockaddr_storage) <= sockaddr_size);

std::int32_t check_unix(const Address& address) {
    if (address.is_abstract()) {
        if (unix_abstract_limit == 0) return error::not_supported;
        return address.path_len <= unix_abstract_limit ? error::ok : error::name_too_long;
    }
    // A path may fill the system's field to the last byte; only the text form keeps one for a NUL.
    if (address.path_len > unix_room) return error::name_too_long;
    if (std::memchr(address.path, 0, address.path_len) != nullptr) return error::invalid_argument;
    return error::ok;
}

std::int64_t copy_out(const void* from, std::size_t size, void* out, std::size_t capacity) {
    if (size > capacity) return error::invalid_argument;
    std::memcpy(out, from, size);
    return static_cast<std::int64_t>(size);
}

std::int64_t ip4_to_sockaddr(const Address& address, void* out, std::size_t capacity) {
    sockaddr_in system{};
    system.sin_family = AF_INET;
    system.sin_port = htons(address.port);
    std::memcpy(&system.sin_addr, address.ip, 4);
    return copy_out(&system, sizeof system, out, capacity);
}

std::int64_t ip6_to_sockaddr(const Address& address, void* out, std::size_t capacity) {
    sockaddr_in6 system{};
    system.sin6_family = AF_INET6;
    system.sin6_port = htons(address.port);
    system.sin6_flowinfo = htonl(address.flow);
    system.sin6_scope_id = address.scope_id;
    std::memcpy(&system.sin6_addr, address.ip, 16);
    return copy_out(&system, sizeof system, out, capacity);
}

std::int64_t unix_to_sockaddr(const Address& address, void* out, std::size_t capacity) {
    sockaddr_un system{};
    system.sun_family = AF_UNIX;
    std::memcpy(system.sun_path, address.path, address.path_len);
    std::size_t size = unix_header + address.path_len;
    const bool is_path = address.path_len > 0 && !address.is_abstract();
    if (is_path && address.path_len < unix_room) ++size;  // its NUL
    return copy_out(&system, size, out, capacity);
}

std::int32_t unix_from_sockaddr(Address& out, const void* from, std::size_t size) {
    sockaddr_un system{};
    std::memcpy(&system, from, size < sizeof system ? size : sizeof system);
    const std::size_t named = size > unix_header ? size - unix_header : 0;
    std::size_t used = named;
    if (named > 0 && system.sun_path[0] != 0) {
        const std::size_t looked_at = named < unix_room ? named : unix_room;
        used = ::strnlen(system.sun_path, looked_at);
        if (used == unix_room && named > unix_room) return error::invalid_argument;
    } else if (named > unix_room) {
        return error::invalid_argument;
    }
    out.family = family_unix;
    out.path_len = static_cast<std::uint16_t>(used);
    std::memcpy(out.path, system.sun_path, used);
    return error::ok;
}

}  // namespace

constexpr std::size_t unix_path_limit = unix_room - 1;
#ifdef __linux__
constexpr std::size_t unix_abstract_limit = unix_room;
#else
constexpr std::size_t unix_abstract_limit = 0;
#endif

std::int32_t check_address(const Address& address) noexcept {
    if (address.reserved0 != 0) return error::invalid_argument;
    switch (address.family) {
        case family_version_4:
        case family_version_6:
            return error::ok;
        case family_unix:
            return check_unix(address);
        default:
            return error::family_not_supported;
    }
}

std::int64_t to_sockaddr(const Address& address, void* out, std::size_t capacity) noexcept {
    if (const std::int32_t error = check_address(address)) return error;
    switch (address.family) {
        case family_version_4:
            return ip4_to_sockaddr(address, out, capacity);
        case family_version_6:
            return ip6_to_sockaddr(address, out, capacity);
        default:
            return unix_to_sockaddr(address, out, capacity);
    }
}

std::int32_t from_sockaddr(Address& out, const void* from, std::size_t size) noexcept {
    sockaddr header{};
    constexpr std::size_t header_size = offsetof(sockaddr, sa_data);
    if (size < header_size) return error::invalid_argument;
    std::memcpy(&header, from, header_size);
    Address address{};
    switch (header.sa_family) {
        case AF_INET: {
            sockaddr_in system;
            if (size < sizeof system) return error::invalid_argument;
            std::memcpy(&system, from, sizeof system);
            address.family = family_version_4;
            address.port = ntohs(system.sin_port);
            std::memcpy(address.ip, &system.sin_addr, 4);
            break;
        }
        case AF_INET6: {
            sockaddr_in6 system;
            if (size < sizeof system) return error::invalid_argument;
            std::memcpy(&system, from, sizeof system);
            address.family = family_version_6;
            address.port = ntohs(system.sin6_port);
            address.scope_id = system.sin6_scope_id;
            address.flow = ntohl(system.sin6_flowinfo);
            std::memcpy(address.ip, &system.sin6_addr, 16);
            break;
        }
        case AF_UNIX:
            if (const std::int32_t error = unix_from_sockaddr(address, from, size)) return error;
            break;
        default:
            return error::family_not_supported;
    }
    out = address;
    return error::ok;
}

std::int64_t interface_index(const char* name, std::size_t size) noexcept {
    char text[IF_NAMESIZE];
    if (size == 0 || size >= sizeof text || std::memchr(name, 0, size) != nullptr) {
        return error::not_found;
    }
    // The system takes "lo:80" for "lo": the label of an alias. No interface's name has a colon.
    if (std::memchr(name, ':', size) != nullptr) return error::not_found;
    std::memcpy(text, name, size);
    text[size] = 0;
    const unsigned index = ::if_nametoindex(text);
    return index != 0 ? static_cast<std::int64_t>(index) : error::not_found;
}

}  // namespace zio::os
