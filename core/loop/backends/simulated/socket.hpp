// SPDX-License-Identifier: MIT
#pragma once
// A socket of a simulated world, and what connects two of them.
#include <cstdint>

#include "core/base/queue.hpp"
#include "core/loop/backends/simulated/channel.hpp"
#include "core/loop/backends/simulated/home.hpp"
#include "core/loop/backends/simulated/names.hpp"

namespace zio::loop::simulated {

//   fresh ──listen()──► listening ──shutdown()──► fresh
//     │  ▲
//     │  └── refused ──┐
//     └──connect()──► connecting ──► connected      (accepted sockets and pairs begin there)
enum class Role : std::uint8_t { fresh, connecting, connected, listening };

inline constexpr unsigned option_count = static_cast<unsigned>(os::SocketOption::error);

// The end of a cut that chance made.
class Mending final : public Event {
  public:
    Mending(Network& network, Link& link) : Event(Kind::mending), network_(network), link_(link) {}
    void happen();

  private:
    Network& network_;
    Link& link_;
};

struct Link {
    Link(Network& network, std::uint64_t number, bool local, Random latency, Random harsh)
        : serial(number),
          luck(harsh),
          mending(network, *this),
          ways{{network, *this, 0, local, latency.split(0)},
               {network, *this, 1, local, latency.split(1)}} {}

    bool is_cut() const { return is_parted || mending.planned(); }

    const std::uint64_t serial;
    Chances luck;
    bool is_parted = false;  // its hosts do not reach each other
    os::Address hosts[2];    // of its ends, without ports; of TCP
    Mending mending;
    Socket* ends[2] = {nullptr, nullptr};  // null: closed
    Channel ways[2];                       // from the end of the same number
};

// The way of a connection request to the listener, and of the answer back.
class Handshake final : public Event {
  public:
    enum class Step : std::uint8_t { request, established, refused };

    Handshake(Network& network, Socket& socket)
        : Event(Kind::handshake), network_(network), socket_(socket) {}
    void happen();

    Step step = Step::request;
    unsigned retry_count = 0;
    std::int32_t refusal = 0;

  private:
    Network& network_;
    Socket& socket_;
};

struct Socket {
    Socket(Network& network, std::uint16_t its_family, std::uint64_t number, Random of_sizes,
           Random of_distances, Random harsh)
        : serial(number),
          family(its_family),
          sizes(of_sizes),
          luck(harsh),
          distances(of_distances),
          local(unnamed_address(its_family)),
          peer(unnamed_address(its_family)),
          handshake(network, *this) {}

    bool is_unix() const { return family == os::family_unix; }
    std::int64_t& option(os::SocketOption which) { return options[static_cast<unsigned>(which)]; }
    std::int64_t option(os::SocketOption which) const {
        return options[static_cast<unsigned>(which)];
    }
    Channel& incoming() const { return link->ways[1 - end]; }
    Channel& outgoing() const { return link->ways[end]; }
    Socket* other() const { return link != nullptr ? link->ends[1 - end] : nullptr; }
    std::int32_t take_error() {
        const std::int32_t taken = pending_error;
        pending_error = 0;
        return taken;
    }

    Socket* next = nullptr;  // in a listener's queue
    const std::uint64_t serial;
    os::Handle handle = os::no_handle;
    std::uint32_t program = 0;  // that has it
    const std::uint16_t family;
    Role role = Role::fresh;
    bool is_bound = false;
    bool has_port = false;  // counted in Ports
    bool read_shut = false;
    bool write_shut = false;
    bool is_reset = false;
    bool is_down = false;  // its host crashed
    std::int32_t pending_error = 0;
    std::int64_t options[option_count] = {};
    Chances sizes;     // of short transfers
    Chances luck;      // with its connection
    Random distances;  // of its handshake

    Link* link = nullptr;
    unsigned end = 0;
    os::Address local;
    os::Address peer;
    Handshake handshake;

    Queue<Socket> unaccepted;
    std::uint32_t unaccepted_count = 0;
    std::uint32_t backlog = 0;

    // Operations that wait for this socket, first come first served in each direction.
    Queue<Waiter> reading;
    Queue<Waiter> writing;
    Queue<Waiter> watching;  // `ready`
};

}  // namespace zio::loop::simulated
