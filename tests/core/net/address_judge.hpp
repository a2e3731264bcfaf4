// SPDX-License-Identifier: MIT
#pragma once
// What the text of an IP address must mean, with inet_pton as the judge. Every way to read the text
// is tried; none of the parser's own decisions is repeated.
#include <arpa/inet.h>
#include <net/if.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/os/address.hpp"

namespace zio::net {

inline bool is_canonical_number(const std::string& text, unsigned long long most) {
    if (text.empty() || text.size() > 10) return false;
    if (text.find_first_not_of("0123456789") != std::string::npos) return false;
    if (text.size() > 1 && text[0] == '0') return false;
    return std::stoull(text) <= most;
}

inline std::optional<os::Address> judge_ip(const std::string& text, bool is_version_6) {
    os::Address address{};
    if (text.find('\0') != std::string::npos) return std::nullopt;
    if (inet_pton(is_version_6 ? AF_INET6 : AF_INET, text.c_str(), address.ip) != 1) {
        return std::nullopt;
    }
    address.family = is_version_6 ? os::family_version_6 : os::family_version_4;
    return address;
}

// A scope is a number, or else the name of an interface of this machine that is no number.
inline std::optional<os::Address> judge_scoped(const std::string& text) {
    const std::size_t percent = text.find('%');
    std::optional<os::Address> address = judge_ip(text.substr(0, percent), true);
    if (!address || percent == std::string::npos) return address;
    const std::string scope = text.substr(percent + 1);
    if (is_canonical_number(scope, UINT32_MAX)) {
        address->scope_id = static_cast<std::uint32_t>(std::stoull(scope));
        return address;
    }
    if (scope.find_first_not_of("0123456789") == std::string::npos) return std::nullopt;
    // The system takes "lo:80" for "lo", which would hide that a port needs brackets.
    if (scope.find_first_of(std::string(":\0", 2)) != std::string::npos) return std::nullopt;
    if (scope.size() >= IF_NAMESIZE) return std::nullopt;
    address->scope_id = if_nametoindex(scope.c_str());
    return address->scope_id != 0 ? address : std::nullopt;
}

inline std::optional<os::Address> judge_port(std::optional<os::Address> address,
                                             const std::string& port) {
    if (!address || !is_canonical_number(port, UINT16_MAX)) return std::nullopt;
    address->port = static_cast<std::uint16_t>(std::stoul(port));
    return address;
}

// The address that a text without "unix:" means; none when it means none.
inline std::optional<os::Address> judge(const std::string& text, std::uint16_t default_port) {
    std::optional<os::Address> bare = judge_ip(text, false);
    if (!bare) bare = judge_scoped(text);
    if (bare) {
        bare->port = default_port;
        return bare;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    const std::string host = text.substr(0, colon);
    const std::string port = text.substr(colon + 1);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        return judge_port(judge_scoped(host.substr(1, host.size() - 2)), port);
    }
    return judge_port(judge_ip(host, false), port);
}

}  // namespace zio::net
