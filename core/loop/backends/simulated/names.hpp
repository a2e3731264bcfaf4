// SPDX-License-Identifier: MIT
#pragma once
// Addresses of a simulated world: one host, which has the loopback addresses and no others, its
// ports, and the names of its Unix sockets.
#include <cstdint>

#include "core/loop/backends/simulated/array.hpp"
#include "core/os/address.hpp"

namespace zio::loop::simulated {

struct Socket;

bool is_wildcard(const os::Address& address);
// The host has this address (the wildcard counts: connecting to it means the host itself).
bool is_here(const os::Address& address);
bool is_unnamed(const os::Address& address);
bool same_address(const os::Address& left, const os::Address& right);
os::Address unnamed_address(std::uint16_t family);
// The address that a connection to `address` really has: the wildcard becomes the loopback address.
os::Address concrete_address(const os::Address& address);
// IPv4 in IPv6's clothes (::ffff:a.b.c.d) as plain IPv4, and the other way round.
os::Address plain_address(const os::Address& address);
os::Address mapped_address(const os::Address& address);

// How many sockets have each port, and which is the next free one for who does not care.
class Ports {
  public:
    std::uint32_t users(std::uint16_t port) const { return users_[port]; }
    void add_user(std::uint16_t port) { ++users_[port]; }
    void drop_user(std::uint16_t port) {
        ZIO_ASSERT(users_[port] > 0);
        --users_[port];
    }
    // 0: every one is in use.
    std::uint16_t find_ephemeral();

  private:
    static constexpr std::uint16_t first_ephemeral = 32768;
    static constexpr std::uint16_t last_ephemeral = 60999;

    std::uint16_t next_ = first_ephemeral;
    std::uint32_t users_[65536] = {};
};

// The names of Unix sockets. A path stays when its socket is closed, until somebody removes it.
class PathNames {
  public:
    struct Name {
        os::Address address;
        Socket* owner;  // null: a path that nobody listens to any more
        Name(const os::Address& name, Socket* listener) : address(name), owner(listener) {}
    };

    ~PathNames();
    Name* find(const os::Address& address);
    // False: no memory.
    bool add(const os::Address& address, Socket& owner);
    void leave(Socket& owner);
    bool remove(const char* path);

  private:
    void remove_at(std::uint32_t place);

    Array<Name*> names_;
};

}  // namespace zio::loop::simulated
