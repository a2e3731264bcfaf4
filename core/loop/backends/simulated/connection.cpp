// SPDX-License-Identifier: MIT
// What makes and ends connections: names, listeners, the handshake, closing.
#include "core/loop/backends/simulated/network.hpp"

namespace zio::loop::simulated {

namespace {

constexpr std::uint32_t backlog_limit = 4096;
constexpr Instant first_retry_ns = second_ns;  // a request that a full backlog dropped
constexpr Instant unix_retry_ns = second_ns / 1000;
constexpr unsigned retry_limit = 6;

bool has(const Socket& socket, os::SocketOption option) {
    return socket.option(option) != 0;
}

// Both would take some of the same connections.
bool overlap(const Socket& socket, const os::Address& address, const Socket& other) {
    const os::Address left = plain_address(address);
    const os::Address right = plain_address(other.local);
    if (left.port != right.port) return false;
    if (left.family == right.family) {
        return is_wildcard(left) || is_wildcard(right) || same_address(left, right);
    }
    // The wildcard of IPv6 covers IPv4 unless it was told not to.
    const bool left_is_wide = left.family == os::family_version_6 && is_wildcard(left) &&
                              !has(socket, os::SocketOption::only_version_6);
    const bool right_is_wide = right.family == os::family_version_6 && is_wildcard(right) &&
                               !has(other, os::SocketOption::only_version_6);
    return left_is_wide || right_is_wide;
}

bool may_share(const Socket& socket, const Socket& other) {
    if (has(socket, os::SocketOption::reuse_port) && has(other, os::SocketOption::reuse_port)) {
        return true;
    }
    return has(socket, os::SocketOption::reuse_address) &&
           has(other, os::SocketOption::reuse_address) && other.role != Role::listening;
}

}  // namespace

std::int32_t Network::check_bind(const Socket& socket, const os::Address& address) {
    if (ports_.users(address.port) == 0) return 0;
    for (const Socket* other : slots_) {
        if (other == nullptr || other == &socket || !other->has_port) continue;
        if (overlap(socket, address, *other) && !may_share(socket, *other)) {
            return error::address_in_use;
        }
    }
    return 0;
}

void Network::take_port(Socket& socket, const os::Address& address) {
    ZIO_ASSERT(!socket.has_port && address.port != 0);
    socket.local = address;
    socket.is_bound = socket.has_port = true;
    ports_.add_user(address.port);
    world_.record(What::bound, socket.serial, address.port);
}

std::int32_t Network::bind(Socket& socket, const os::Address& address) {
    const std::int32_t valid = os::check_address(address);
    if (valid < 0) return valid;
    if (socket.is_bound || socket.role != Role::fresh) return error::invalid_argument;
    if (address.family != socket.family) {
        // An address of IPv4 is too short for a socket of IPv6, which is noticed first.
        return socket.family == os::family_version_4 && address.family == os::family_version_6
                   ? error::family_not_supported
                   : error::invalid_argument;
    }
    if (socket.is_unix()) {
        if (is_unnamed(address)) return error::invalid_argument;
        if (paths_.find(address) != nullptr) return error::address_in_use;
        if (!paths_.add(address, socket)) return error::no_memory;
        socket.local = address;
        socket.is_bound = true;
        world_.record(What::bound, socket.serial, address.path_len);
        return 0;
    }
    if (!is_here(plain_address(address)) || is_down(address)) return error::address_not_available;
    os::Address chosen = address;
    if (chosen.port == 0) {
        chosen.port = ports_.find_ephemeral();
        if (chosen.port == 0) return error::address_in_use;
    }
    const std::int32_t free = check_bind(socket, chosen);
    if (free < 0) return free;
    take_port(socket, chosen);
    return 0;
}

std::int32_t Network::listen(Socket& socket, std::uint32_t backlog) {
    if (socket.role != Role::fresh && socket.role != Role::listening) {
        return error::invalid_argument;
    }
    if (!socket.is_bound) {
        if (socket.is_unix()) return error::invalid_argument;
        os::Address chosen = unnamed_address(socket.family);
        chosen.port = ports_.find_ephemeral();
        if (chosen.port == 0) return error::address_in_use;
        take_port(socket, chosen);
    }
    // Two that share a port by `reuse_address` alone may not both listen.
    if (!socket.is_unix() && socket.role == Role::fresh) {
        for (const Socket* other : listeners_) {
            if (overlap(socket, socket.local, *other) && !may_share(socket, *other)) {
                return error::address_in_use;
            }
        }
        if (!listeners_.reserve(listeners_.count() + 1)) return error::no_memory;
        listeners_.push(&socket);
    }
    if (backlog == 0) backlog = 1;
    socket.backlog = backlog < backlog_limit ? backlog : backlog_limit;
    socket.role = Role::listening;
    world_.record(What::listening, socket.serial, socket.backlog);
    return 0;
}

// Of several that share the port, chance decides, as a kernel's hash does.
Socket* Network::find_listener(const os::Address& target) {
    Socket* found = nullptr;
    std::uint32_t count = 0;
    bool found_exact = false;
    if (ports_.users(target.port) == 0) return nullptr;
    for (Socket* socket : listeners_) {
        if (!overlap(*socket, target, *socket)) continue;
        const bool exact = same_address(plain_address(socket->local), target);
        if (found_exact && !exact) continue;
        if (exact && !found_exact) count = 0;
        found_exact = exact;
        if (++count == 1 || of_ports_.below(count) == 0) found = socket;
    }
    return found;
}

std::int32_t Network::connect(Socket& socket, const os::Address& target) {
    const std::int32_t valid = os::check_address(target);
    if (valid < 0) return valid;
    if (socket.role == Role::connecting) return error::already;
    if (socket.is_down) return error::network_down;
    if (socket.role != Role::fresh) return error::is_connected;
    const std::int32_t earlier = socket.take_error();
    if (earlier < 0) return earlier;
    if (socket.is_unix() != (target.family == os::family_unix)) return error::invalid_argument;
    if (socket.is_unix()) return connect_unix(socket, target);
    if (target.family != socket.family) return error::family_not_supported;
    const os::Address plain = concrete_address(plain_address(target));
    if (!socket.has_port) {
        os::Address any = unnamed_address(socket.family);
        any.port = ports_.find_ephemeral();
        if (any.port == 0) return error::address_not_available;
        take_port(socket, any);
    }
    if (is_down(socket.local)) return error::network_down;
    const bool maps = socket.family == os::family_version_6;
    if (is_wildcard(plain_address(socket.local))) {
        os::Address local = concrete_address(unnamed_address(plain.family));
        local.port = socket.local.port;
        socket.local = maps ? mapped_address(local) : local;
    }
    socket.peer = maps ? mapped_address(plain) : plain;
    socket.role = Role::connecting;
    socket.handshake.step = Handshake::Step::request;
    socket.handshake.retry_count = 0;
    world_.record(What::connecting, socket.serial, plain.port);
    world_.events.plan(socket.handshake, world_.now() + latency(socket));
    return error::in_progress;
}

// Within the system there is no way to go: the outcome is known at once.
std::int32_t Network::connect_unix(Socket& socket, const os::Address& target) {
    if (is_unnamed(target)) return error::invalid_argument;
    socket.peer = target;
    world_.record(What::connecting, socket.serial, target.path_len);
    const PathNames::Name* name = paths_.find(target);
    if (name == nullptr && !target.is_abstract()) return error::not_found;
    if (name == nullptr || name->owner == nullptr || name->owner->role != Role::listening) {
        return error::connection_refused;
    }
    Socket& listener = *name->owner;
    if (listener.unaccepted_count >= listener.backlog) {
        socket.role = Role::connecting;
        socket.handshake.step = Handshake::Step::request;
        world_.events.plan(socket.handshake, world_.now() + unix_retry_ns);
        return error::in_progress;
    }
    const std::int32_t joined = join(socket, listener);
    if (joined < 0) return joined;
    socket.role = Role::connected;
    return 0;
}

void Handshake::happen() {
    network_.step(socket_);
}

void Network::step(Socket& socket) {
    if (!socket.is_unix() && are_parted(socket.local, socket.peer)) return request_later(socket);
    switch (socket.handshake.step) {
        case Handshake::Step::request:
            request(socket);
            return;
        case Handshake::Step::established:
            socket.role = Role::connected;
            world_.record(What::connected, socket.serial, 0);
            break;
        case Handshake::Step::refused:
            socket.role = Role::fresh;
            socket.pending_error = socket.handshake.refusal;
            world_.record(What::refused, socket.serial, socket.pending_error);
            break;
    }
    changed(socket);
}

void Network::refuse(Socket& client, std::int32_t why) {
    client.handshake.step = Handshake::Step::refused;
    client.handshake.refusal = why;
    world_.events.plan(client.handshake, world_.now() + latency(client));
}

// It got lost, or there was no room for it.
void Network::request_later(Socket& client) {
    const unsigned count = client.handshake.retry_count++;
    if (client.is_unix()) {
        world_.events.plan(client.handshake, world_.now() + unix_retry_ns);
    } else if (count < retry_limit) {
        world_.events.plan(client.handshake, world_.now() + (first_retry_ns << count));
    } else if (client.handshake.step == Handshake::Step::request) {
        client.role = Role::fresh;
        client.pending_error = error::transport_timed_out;
        world_.record(What::refused, client.serial, client.pending_error);
        changed(client);
    } else {
        // The answer has been under way for two minutes: what it says stands, whoever hears it.
        world_.events.plan(client.handshake, world_.now() + (first_retry_ns << retry_limit));
    }
}

// The request has come to the host.
void Network::request(Socket& client) {
    Socket* listener = nullptr;
    if (client.is_unix()) {
        const PathNames::Name* name = paths_.find(client.peer);
        if (name != nullptr && name->owner != nullptr && name->owner->role == Role::listening) {
            listener = name->owner;
        }
    } else {
        const os::Address target = plain_address(client.peer);
        if (!is_here(target)) return refuse(client, error::host_unreachable);
        listener = find_listener(target);
    }
    if (listener == nullptr) return refuse(client, error::connection_refused);
    if (!client.is_unix()) {
        if (world_.strikes(Fault::refuse, client.serial, client.luck)) {
            return refuse(client, error::connection_refused);
        }
        if (world_.strikes(Fault::lose, client.serial, client.luck)) return request_later(client);
    }
    if (listener->unaccepted_count >= listener->backlog) return request_later(client);
    const std::int32_t joined = join(client, *listener);
    if (joined < 0) return refuse(client, error::connection_refused);
    const Instant answered_at = world_.now() + latency(client);
    client.incoming().hold_until(answered_at);
    client.handshake.step = Handshake::Step::established;
    world_.events.plan(client.handshake, answered_at);
}

// The listener's end of a new connection, in its queue.
std::int32_t Network::join(Socket& client, Socket& listener) {
    Socket* server = make_socket(listener.family);
    if (server == nullptr) return error::no_memory;
    if (make_link(client, *server, client.is_unix()) == nullptr) {
        dispose(*server);
        return error::no_memory;
    }
    Link& link = *server->link;
    link.hosts[0] = plain_address(client.local);
    link.hosts[1] = plain_address(client.peer);
    server->program = listener.program;
    for (unsigned i = 0; i < option_count; ++i) server->options[i] = listener.options[i];
    server->role = Role::connected;
    server->local = client.peer;
    server->peer = client.local;
    if (!client.is_unix()) {
        const bool wide = listener.family == os::family_version_6;
        server->local =
            wide ? mapped_address(plain_address(client.peer)) : plain_address(client.peer);
        server->peer =
            wide ? mapped_address(plain_address(client.local)) : plain_address(client.local);
        server->has_port = server->is_bound = true;
        ports_.add_user(server->local.port);
    }
    listener.unaccepted.push(*server);
    ++listener.unaccepted_count;
    world_.record(What::connected, server->serial, static_cast<std::int64_t>(client.serial));
    changed(listener);
    return 0;
}

std::int32_t Network::accept(Socket& socket, os::Handle* out, os::Address* peer) {
    if (socket.role != Role::listening) return error::invalid_argument;
    Socket* accepted = socket.unaccepted.first();
    if (accepted == nullptr) return error::would_block;
    std::int32_t room = check_room_for_handle();
    if (room == 0) room = bad_luck();
    if (room < 0) return room;
    if (!give_handle(*accepted)) return error::no_memory;
    socket.unaccepted.pop();
    --socket.unaccepted_count;
    world_.record(What::accepted, socket.serial, static_cast<std::int64_t>(accepted->serial));
    *out = accepted->handle;
    if (peer != nullptr) *peer = accepted->peer;
    return 0;
}

std::int32_t Network::shutdown(Socket& socket, bool read_side, bool write_side) {
    if (socket.role == Role::listening && read_side) {
        stop_listening(socket);
        changed(socket);
        return 0;
    }
    if (socket.role != Role::connected) return socket.is_unix() ? 0 : error::not_connected;
    if (socket.is_reset && !socket.is_unix()) return error::not_connected;
    world_.record(What::shut, socket.serial, (read_side ? 1 : 0) + (write_side ? 2 : 0));
    if (read_side) socket.read_shut = true;
    if (write_side && !socket.write_shut) {
        socket.write_shut = true;
        socket.outgoing().end();
    }
    changed(socket);
    if (socket.is_unix() && socket.other() != nullptr) changed(*socket.other());
    return 0;
}

void Network::stop_listening(Socket& socket) {
    while (Socket* server = socket.unaccepted.pop()) {
        close_connection(*server, true);
        dispose(*server);
    }
    socket.unaccepted_count = 0;
    if (!socket.is_unix()) listeners_.remove(&socket);
    socket.role = Role::fresh;
}

void Network::close_connection(Socket& socket, bool aborts) {
    Link& link = *socket.link;
    Channel& outgoing = socket.outgoing();
    // What nobody read stays where it is: the window of the other end does not open any more.
    const bool has_unread = socket.incoming().arrived() > 0;
    link.ends[socket.end] = nullptr;
    socket.link = nullptr;
    Socket* other = link.ends[1 - socket.end];
    if (other == nullptr) {
        dispose(link);
        return;
    }
    if (aborts || has_unread) {
        outgoing.reset();
    } else {
        outgoing.end();
    }
    if (other->is_unix()) changed(*other);  // it knows already
}

void Network::close(Socket& socket) {
    world_.record(What::closed, socket.serial, 0);
    if (socket.role == Role::listening) stop_listening(socket);
    if (socket.link != nullptr) {
        const bool aborts =
            socket.option(os::SocketOption::linger_ms) == 0 || socket.role == Role::connecting;
        close_connection(socket, aborts && !socket.is_unix());
    }
    orphan(socket.reading);
    orphan(socket.writing);
    orphan(socket.watching);
    dispose(socket);
}

}  // namespace zio::loop::simulated
