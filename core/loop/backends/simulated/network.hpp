// SPDX-License-Identifier: MIT
#pragma once
// The sockets of a simulated world. Its functions are those of `os::Table` and follow the same
// contract; what a real kernel leaves open here differs from call to call, as the seed says.
// connection.cpp has what makes and ends connections, transfer.cpp what goes through them.
#include <cstdint>

#include "core/loop/backends/simulated/home.hpp"
#include "core/loop/backends/simulated/socket.hpp"
#include "core/loop/backends/simulated/world.hpp"

namespace zio::loop::simulated {

// Descriptors from here on are simulated ones. No host gives out numbers that large.
inline constexpr os::Handle first_handle = os::Handle{1} << 28;
constexpr bool is_simulated(os::Handle handle) {
    return handle >= first_handle;
}

class Network {
  public:
    Network(World& world, Homes& homes);
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    ~Network();

    World& world() { return world_; }
    // Null: no such descriptor.
    Socket* find(os::Handle handle);

    std::int32_t open_socket(std::uint16_t family, os::Handle* out);
    std::int32_t open_pair(os::Handle* first, os::Handle* second);
    std::int32_t bind(Socket& socket, const os::Address& address);
    std::int32_t listen(Socket& socket, std::uint32_t backlog);
    // For one that is under way already: its outcome, or `error::already`.
    std::int32_t connect(Socket& socket, const os::Address& target);
    std::int32_t accept(Socket& socket, os::Handle* out, os::Address* peer);
    std::int32_t peer_address(const Socket& socket, os::Address* out) const;
    std::int32_t set_option(Socket& socket, os::SocketOption option, std::int64_t value);
    std::int32_t get_option(Socket& socket, os::SocketOption option, std::int64_t* value);
    std::int32_t shutdown(Socket& socket, bool read_side, bool write_side);
    void close(Socket& socket);
    std::int32_t remove_path(const char* path);
    // That program has ended.
    void close_all_of(std::uint32_t program);

    // ---- hosts, which are addresses (weather.cpp)
    // Nothing gets from one to the other any more, until they are healed. A connection notices
    // nothing but silence.
    std::int32_t part(const os::Address& one, const os::Address& other);
    void heal(const os::Address& one, const os::Address& other);
    void heal_all();
    // Its sockets fail, and it is silent; then, later, it says that it knows of no connection.
    std::int32_t crash(const os::Address& host);
    void restart(const os::Address& host);
    // A cut that chance made is over.
    void mend(Link& link);

    std::int64_t receive(Socket& socket, const os::Buffer* buffers, std::size_t count,
                         std::uint32_t flags);
    std::int64_t send(Socket& socket, const os::Buffer* buffers, std::size_t count);
    // The os::ready_* bits that are true, of those that `wanted` asks for.
    std::uint32_t readiness(const Socket& socket, std::uint32_t wanted) const;

    // Does an operation now, once; `error::would_block` if it has to wait.
    std::int64_t attempt(Socket& socket, Operation& operation, bool again);
    // An operation waits for its socket from now on, or no longer does.
    void enqueue(Socket& socket, Waiter& waiter);
    void dequeue(Socket& socket, Waiter& waiter);
    // The loop of that number is gone, and so are its operations.
    void forget_operations(std::uint32_t home);
    // Others wait before it.
    bool has_queue(Socket& socket, const Operation& operation) const;
    bool may_go_on(const Socket& socket, const Operation& operation) const;

    // What events tell.
    void arrived(Link& link, unsigned from, std::size_t size, bool ends, bool resets);
    void step(Socket& socket);  // its handshake

  private:
    static constexpr std::int64_t default_window = 64 * 1024;

    Socket* make_socket(std::uint16_t family);
    void dispose(Socket& socket);
    Link* make_link(Socket& first, Socket& second, bool local);
    void dispose(Link& link);
    bool give_handle(Socket& socket);
    std::int32_t check_room_for_handle();
    bool reserve_events();

    std::int32_t check_bind(const Socket& socket, const os::Address& address);
    void take_port(Socket& socket, const os::Address& address);
    Socket* find_listener(const os::Address& target);
    void request(Socket& client);
    void refuse(Socket& client, std::int32_t why);
    std::int32_t join(Socket& client, Socket& listener);
    std::int32_t connect_unix(Socket& socket, const os::Address& target);
    void close_connection(Socket& socket, bool aborts);
    void stop_listening(Socket& socket);
    void orphan(Queue<Waiter>& queue);
    Instant latency(Socket& socket);

    struct Pair {
        os::Address one, other;
    };
    bool is_down(const os::Address& host) const;
    bool are_parted(const os::Address& one, const os::Address& other) const;
    void look_at_links();
    void take_down(Socket& socket);
    // Sends it again, ever less often; refuses it at last.
    void request_later(Socket& client);
    // What chance does to a connection whenever something is sent.
    void strike(Link& link);
    std::int32_t bad_luck();

    std::size_t limited(Socket& socket, std::size_t size);
    std::int64_t receive_nothing(Socket& socket);
    // Its state is another: operations that wait for it may go on.
    void changed(Socket& socket);

    World& world_;
    Homes& homes_;
    Random harsh_;
    Chances luck_;  // with descriptors and memory
    Array<Link*> links_;
    Array<Pair> parted_;
    Array<os::Address> down_;
    Random of_distances_;
    Random of_sockets_;
    Random of_ports_;
    Ports ports_;
    PathNames paths_;
    Array<Socket*> listeners_;  // of TCP
    Array<Socket*> slots_;
    Array<std::uint32_t> free_slots_;
    std::uint64_t socket_serial_ = 0;
    std::uint64_t link_serial_ = 0;
    std::uint32_t socket_count_ = 0;
    std::uint32_t link_count_ = 0;
};

}  // namespace zio::loop::simulated
