// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/network.hpp"

#include "core/loop/backends/simulated/stage.hpp"

namespace zio::loop::simulated {

// Every kind of event is the network's.
void Event::happen() {
    switch (kind_) {
        case Kind::arrival:
            return static_cast<Channel*>(this)->happen();
        case Kind::handshake:
            return static_cast<Handshake*>(this)->happen();
        case Kind::mending:
            return static_cast<Mending*>(this)->happen();
    }
}

Network::Network(World& world, Homes& homes)
    : world_(world),
      homes_(homes),
      harsh_(world.stream(Stream::harsh)),
      luck_(harsh_.split(0)),
      of_distances_(world.stream(Stream::latency)),
      of_sockets_(world.stream(Stream::short_io)),
      of_ports_(world.stream(Stream::network)) {}

// Descriptors that nobody closed go with their world.
Network::~Network() {
    for (Socket* socket : slots_) {
        if (socket != nullptr) close(*socket);
    }
    ZIO_ASSERT(socket_count_ == 0 && link_count_ == 0);
}

void Network::close_all_of(std::uint32_t program) {
    for (Socket* socket : slots_) {
        if (socket != nullptr && socket->program == program) close(*socket);
    }
}

Socket* Network::find(os::Handle handle) {
    const os::Handle slot = handle - first_handle;
    if (slot < 0 || slot >= static_cast<os::Handle>(slots_.count())) return nullptr;
    return slots_[static_cast<std::uint32_t>(slot)];
}

// Three per connection, one per socket; so that planning one never fails.
bool Network::reserve_events() {
    return world_.events.reserve(socket_count_ + 3 * link_count_ + 4);
}

Socket* Network::make_socket(std::uint16_t family) {
    if (!reserve_events()) return nullptr;
    const std::uint64_t serial = ++socket_serial_;
    Socket* socket =
        make<Socket>(*this, family, serial, of_sockets_.split(serial),
                     of_distances_.split(2 * serial + 1), harsh_.split(2 * serial + 1));
    if (socket == nullptr) return nullptr;
    ++socket_count_;
    socket->program = own_program();
    socket->option(os::SocketOption::receive_buffer) = default_window;
    socket->option(os::SocketOption::send_buffer) = default_window;
    socket->option(os::SocketOption::linger_ms) = -1;
    return socket;
}

void Network::dispose(Socket& socket) {
    world_.events.drop(socket.handshake);
    if (socket.has_port) ports_.drop_user(socket.local.port);
    if (socket.is_unix()) paths_.leave(socket);
    if (socket.handle != os::no_handle) {
        const auto slot = static_cast<std::uint32_t>(socket.handle - first_handle);
        slots_[slot] = nullptr;
        free_slots_.push(slot);
    }
    --socket_count_;
    unmake(&socket);
}

Link* Network::make_link(Socket& first, Socket& second, bool local) {
    if (!reserve_events() || !links_.reserve(link_count_ + 1)) return nullptr;
    const std::uint64_t serial = ++link_serial_;
    Link* link =
        make<Link>(*this, serial, local, of_distances_.split(2 * serial), harsh_.split(2 * serial));
    if (link == nullptr) return nullptr;
    ++link_count_;
    links_.push(link);
    link->ends[0] = &first;
    link->ends[1] = &second;
    first.link = second.link = link;
    first.end = 0;
    second.end = 1;
    return link;
}

void Network::dispose(Link& link) {
    --link_count_;
    links_.remove(&link);
    world_.events.drop(link.mending);
    unmake(&link);
}

std::int32_t Network::check_room_for_handle() {
    if (slots_.count() - free_slots_.count() >= world_.faults.handle_limit) {
        return error::too_many_files;
    }
    // As many free slots as there are slots at most, so that closing never fails.
    if (!free_slots_.reserve(slots_.count() + 1) || !slots_.reserve(slots_.count() + 1)) {
        return error::no_memory;
    }
    return 0;
}

bool Network::give_handle(Socket& socket) {
    if (check_room_for_handle() < 0) return false;
    std::uint32_t slot;
    if (free_slots_.empty()) {
        slot = slots_.count();
        slots_.push(&socket);
    } else {
        slot = free_slots_.pop();
        slots_[slot] = &socket;
    }
    socket.handle = first_handle + static_cast<os::Handle>(slot);
    world_.record(What::opened, socket.serial, slot);
    return true;
}

std::int32_t Network::open_socket(std::uint16_t family, os::Handle* out) {
    if (family < os::family_version_4 || family > os::family_unix) {
        return error::family_not_supported;
    }
    std::int32_t room = check_room_for_handle();
    if (room == 0) room = bad_luck();
    if (room < 0) return room;
    Socket* socket = make_socket(family);
    if (socket == nullptr) return error::no_memory;
    if (!give_handle(*socket)) {
        dispose(*socket);
        return error::no_memory;
    }
    *out = socket->handle;
    return 0;
}

std::int32_t Network::open_pair(os::Handle* first, os::Handle* second) {
    os::Handle handles[2];
    std::int32_t opened = open_socket(os::family_unix, &handles[0]);
    if (opened < 0) return opened;
    opened = open_socket(os::family_unix, &handles[1]);
    if (opened < 0) {
        close(*find(handles[0]));
        return opened;
    }
    Socket& one = *find(handles[0]);
    Socket& other = *find(handles[1]);
    if (make_link(one, other, true) == nullptr) {
        close(one);
        close(other);
        return error::no_memory;
    }
    one.role = other.role = Role::connected;
    *first = handles[0];
    *second = handles[1];
    return 0;
}

std::int32_t Network::peer_address(const Socket& socket, os::Address* out) const {
    if (socket.role != Role::connected || (socket.is_reset && !socket.is_unix())) {
        return error::not_connected;
    }
    *out = socket.peer;
    return 0;
}

namespace {

// 0, or why a socket of this kind has no such option.
std::int32_t check_option(const Socket& socket, os::SocketOption option) {
    switch (option) {
        case os::SocketOption::only_version_6:
            if (socket.is_unix()) return error::not_supported;
            return socket.family == os::family_version_6 ? 0 : error::no_protocol_option;
        case os::SocketOption::no_delay:
        case os::SocketOption::quick_acknowledge:
        case os::SocketOption::fast_open:
        case os::SocketOption::keep_alive_s:
            return socket.is_unix() ? error::not_supported : 0;
        default:
            return 0;
    }
}

}  // namespace

std::int32_t Network::set_option(Socket& socket, os::SocketOption option, std::int64_t value) {
    constexpr std::int64_t longest_keep_alive_s = 32767;
    const bool is_linger = option == os::SocketOption::linger_ms;
    if (option == os::SocketOption::error || value < (is_linger ? -1 : 0) || value > INT32_MAX) {
        return error::invalid_argument;
    }
    const std::int32_t has_it = check_option(socket, option);
    if (has_it < 0) return has_it;
    switch (option) {
        case os::SocketOption::keep_alive_s:
            if (value > longest_keep_alive_s) return error::invalid_argument;
            socket.option(os::SocketOption::keep_alive) = value != 0;
            break;
        case os::SocketOption::linger_ms:
            if (value > 0) value = (value + 999) / 1000 * 1000;
            break;
        case os::SocketOption::receive_buffer:
        case os::SocketOption::send_buffer:
            break;
        default:
            value = value != 0;
    }
    socket.option(option) = value;
    world_.record(What::option, socket.serial, value);
    if (option == os::SocketOption::send_buffer) changed(socket);
    return 0;
}

std::int32_t Network::get_option(Socket& socket, os::SocketOption option, std::int64_t* value) {
    if (option == os::SocketOption::error) {
        *value = socket.take_error();
        return 0;
    }
    const std::int32_t has_it = check_option(socket, option);
    if (has_it < 0) return has_it;
    *value = socket.option(option);
    if (option == os::SocketOption::keep_alive_s &&
        socket.option(os::SocketOption::keep_alive) == 0) {
        *value = 0;
    }
    return 0;
}

std::int32_t Network::remove_path(const char* path) {
    return paths_.remove(path) ? 0 : error::not_found;
}

}  // namespace zio::loop::simulated
