// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/names.hpp"

#include <cstring>

namespace zio::loop::simulated {

using os::family_unix;
using os::family_version_4;
using os::family_version_6;

namespace {

constexpr std::uint8_t loopback_4[4] = {127, 0, 0, 1};
constexpr std::uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_zero(const std::uint8_t* bytes, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

unsigned ip_size(const os::Address& address) {
    return address.family == family_version_4 ? 4 : 16;
}

}  // namespace

bool is_wildcard(const os::Address& address) {
    return is_zero(address.ip, ip_size(address));
}

bool is_here(const os::Address& address) {
    if (is_wildcard(address)) return true;
    if (address.family == family_version_4) return address.ip[0] == loopback_4[0];
    return is_zero(address.ip, 15) && address.ip[15] == 1;
}

bool is_unnamed(const os::Address& address) {
    return address.path_len == 0;
}

bool same_address(const os::Address& left, const os::Address& right) {
    if (left.family != right.family) return false;
    if (left.family == family_unix) {
        return left.path_len == right.path_len &&
               std::memcmp(left.path, right.path, left.path_len) == 0;
    }
    return left.port == right.port && std::memcmp(left.ip, right.ip, ip_size(left)) == 0;
}

os::Address unnamed_address(std::uint16_t family) {
    os::Address address{};
    address.family = family;
    return address;
}

os::Address concrete_address(const os::Address& address) {
    os::Address concrete = address;
    if (address.family == family_unix || !is_wildcard(address)) return concrete;
    if (address.family == family_version_4) {
        std::memcpy(concrete.ip, loopback_4, sizeof loopback_4);
    } else {
        concrete.ip[15] = 1;
    }
    return concrete;
}

os::Address plain_address(const os::Address& address) {
    if (address.family != family_version_6 ||
        std::memcmp(address.ip, mapped_prefix, sizeof mapped_prefix) != 0) {
        return address;
    }
    os::Address plain = unnamed_address(family_version_4);
    plain.port = address.port;
    std::memcpy(plain.ip, address.ip + sizeof mapped_prefix, 4);
    return plain;
}

os::Address mapped_address(const os::Address& address) {
    if (address.family != family_version_4) return address;
    os::Address mapped = unnamed_address(family_version_6);
    mapped.port = address.port;
    std::memcpy(mapped.ip, mapped_prefix, sizeof mapped_prefix);
    std::memcpy(mapped.ip + sizeof mapped_prefix, address.ip, 4);
    return mapped;
}

std::uint16_t Ports::find_ephemeral() {
    constexpr unsigned count = last_ephemeral - first_ephemeral + 1;
    for (unsigned tried = 0; tried < count; ++tried) {
        const std::uint16_t port = next_;
        next_ = port == last_ephemeral ? first_ephemeral : static_cast<std::uint16_t>(port + 1);
        if (users_[port] == 0) return port;
    }
    return 0;
}

PathNames::~PathNames() {
    while (!names_.empty()) remove_at(names_.count() - 1);
}

PathNames::Name* PathNames::find(const os::Address& address) {
    for (Name* name : names_) {
        if (same_address(name->address, address)) return name;
    }
    return nullptr;
}

bool PathNames::add(const os::Address& address, Socket& owner) {
    if (!names_.reserve(names_.count() + 1)) return false;
    Name* name = make<Name>(address, &owner);
    if (name == nullptr) return false;
    names_.push(name);
    return true;
}

void PathNames::leave(Socket& owner) {
    for (std::uint32_t i = 0; i < names_.count(); ++i) {
        if (names_[i]->owner != &owner) continue;
        if (names_[i]->address.is_abstract()) {
            remove_at(i);
        } else {
            names_[i]->owner = nullptr;
        }
        return;
    }
}

bool PathNames::remove(const char* path) {
    const std::size_t size = std::strlen(path);
    for (std::uint32_t i = 0; i < names_.count(); ++i) {
        const os::Address& address = names_[i]->address;
        if (address.is_abstract() || address.path_len != size ||
            std::memcmp(address.path, path, size) != 0) {
            continue;
        }
        remove_at(i);
        return true;
    }
    return false;
}

void PathNames::remove_at(std::uint32_t place) {
    Name* name = names_[place];
    names_.remove_at(place);
    unmake(name);
}

}  // namespace zio::loop::simulated
