// SPDX-License-Identifier: MIT
// What goes through connections, and the operations that wait for it.
#include <algorithm>

#include "core/loop/backends/simulated/network.hpp"

namespace zio::loop::simulated {

namespace {

constexpr std::uint32_t single_byte_per_mille = 50;

constexpr std::uint32_t end_bits = os::ready_hangup | os::ready_error;

std::size_t window_of(const Socket& socket) {
    constexpr std::int64_t smallest = 2048;
    return static_cast<std::size_t>(
        std::max(socket.option(os::SocketOption::send_buffer), smallest));
}

// No more will be readable than what has arrived.
bool read_side_is_over(const Socket& socket) {
    return socket.read_shut || socket.is_reset || socket.incoming().end_arrived();
}

// What is sent goes nowhere.
bool write_side_is_over(const Socket& socket) {
    if (socket.write_shut || socket.is_reset) return true;
    // Within the system everybody knows at once.
    return socket.is_unix() && (socket.other() == nullptr || socket.other()->read_shut);
}

}  // namespace

Instant Network::latency(Socket& socket) {
    if (!world_.faults.latency) return 0;
    return 5'000 + socket.distances.below(200'000);
}

std::size_t Network::limited(Socket& socket, std::size_t size) {
    if (size == 1) {  // cannot be shorter, but a chance has passed
        socket.sizes.next();
        return size;
    }
    std::uint64_t how = 0;
    if (!world_.strikes(Fault::short_io, socket.serial, socket.sizes, &how)) return size;
    if ((how >> 32) % 1000 < single_byte_per_mille) return 1;
    return 1 + socket.sizes.random.split(how).below(size);
}

std::int64_t Network::receive(Socket& socket, const os::Buffer* buffers, std::size_t count,
                              std::uint32_t flags) {
    if (socket.is_down) return error::network_down;
    if (socket.role == Role::connecting) return error::would_block;
    if (socket.role != Role::connected) {
        return socket.is_unix() ? error::invalid_argument : error::not_connected;
    }
    Pieces pieces(buffers, count);
    const std::size_t wanted = pieces.size();
    if (wanted == 0) return 0;
    Channel& incoming = socket.incoming();
    if (incoming.arrived() == 0) return receive_nothing(socket);
    const bool peeks = (flags & os::message_peek) != 0;
    std::size_t size = std::min(wanted, incoming.arrived());
    if (!peeks && (flags & os::message_wait_all) == 0) size = limited(socket, size);
    incoming.receive(pieces, size, peeks);
    world_.record(What::received, socket.serial, static_cast<std::int64_t>(size));
    if (!peeks && socket.other() != nullptr) changed(*socket.other());
    return static_cast<std::int64_t>(size);
}

// An end that came in order outranks what came after it.
std::int64_t Network::receive_nothing(Socket& socket) {
    if (socket.incoming().end_arrived()) return 0;
    if (socket.pending_error < 0) return socket.take_error();
    return read_side_is_over(socket) ? 0 : error::would_block;
}

std::int64_t Network::send(Socket& socket, const os::Buffer* buffers, std::size_t count) {
    if (socket.is_down) return error::network_down;
    if (socket.role == Role::connecting) return error::would_block;
    if (socket.role != Role::connected) {
        return socket.is_unix() ? error::not_connected : error::broken_pipe;
    }
    if (!socket.is_unix() && socket.pending_error < 0) return socket.take_error();
    if (write_side_is_over(socket)) return error::broken_pipe;
    Pieces pieces(buffers, count);
    const std::size_t wanted = pieces.size();
    if (wanted == 0) return 0;
    const std::size_t window = window_of(socket);
    Channel& outgoing = socket.outgoing();
    const std::size_t room = outgoing.room(window);
    if (room == 0) return error::would_block;
    if (!outgoing.reserve(window)) return error::no_memory;
    const std::size_t size = limited(socket, std::min(wanted, room));
    world_.record(What::sent, socket.serial, static_cast<std::int64_t>(size));
    outgoing.send(pieces, size);
    if (!socket.is_unix()) strike(*socket.link);
    return static_cast<std::int64_t>(size);
}

void Network::arrived(Link& link, unsigned from, std::size_t size, bool ends, bool resets) {
    Socket* reader = link.ends[1 - from];
    const std::uint64_t subject = 2 * link.serial + from;
    if (size > 0) world_.record(What::arrived, subject, static_cast<std::int64_t>(size));
    if (ends) world_.record(What::end_of_stream, subject, 0);
    if (resets) world_.record(What::reset, subject, 0);
    if (reader == nullptr) {
        // Nobody is there to read it: the writer is told so.
        if (size > 0) link.ways[1 - from].reset();
        return;
    }
    if (resets) {
        reader->is_reset = true;
        reader->pending_error =
            link.ways[from].end_arrived() ? error::broken_pipe : error::connection_reset;
    }
    changed(*reader);
}

std::uint32_t Network::readiness(const Socket& socket, std::uint32_t wanted) const {
    std::uint32_t bits = 0;
    if (socket.pending_error < 0 || socket.is_down)
        bits = os::ready_read | os::ready_write | os::ready_error;
    bool is_over = false;  // the read side
    switch (socket.role) {
        case Role::connecting:
            break;
        case Role::listening:
            if (socket.unaccepted.first() != nullptr) bits |= os::ready_read;
            break;
        case Role::fresh:
            bits |= os::ready_write | os::ready_hangup;
            break;
        case Role::connected:
            is_over = read_side_is_over(socket);
            if (is_over || socket.incoming().arrived() > 0) bits |= os::ready_read;
            if (write_side_is_over(socket) || socket.outgoing().room(window_of(socket)) > 0) {
                bits |= os::ready_write;
            }
            if ((is_over && (socket.write_shut || socket.is_reset)) ||
                (socket.is_unix() && socket.other() == nullptr)) {
                bits |= os::ready_hangup;
            }
            break;
    }
    // That the peer sends no more is a hang-up for who asks for one; the other way still works.
    if (is_over) bits |= os::ready_hangup & wanted;
    return bits & (wanted | end_bits);
}

bool Network::may_go_on(const Socket& socket, const Operation& operation) const {
    return readiness(socket, wanted_by(operation)) != 0;
}

std::int64_t Network::attempt(Socket& socket, Operation& operation, bool again) {
    switch (operation.kind) {
        case OperationKind::receive:
        case OperationKind::read: {
            auto& transfer = static_cast<Transfer&>(operation);
            const os::Buffer whole{transfer.data, transfer.size};
            return receive(socket, &whole, 1, transfer.flags);
        }
        case OperationKind::send:
        case OperationKind::write: {
            auto& transfer = static_cast<Transfer&>(operation);
            const os::Buffer whole{transfer.data, transfer.size};
            return send(socket, &whole, 1);
        }
        case OperationKind::receive_vector:
        case OperationKind::read_vector: {
            auto& transfer = static_cast<VectorTransfer&>(operation);
            return receive(socket, transfer.buffers, transfer.count, transfer.flags);
        }
        case OperationKind::send_vector:
        case OperationKind::write_vector: {
            auto& transfer = static_cast<VectorTransfer&>(operation);
            return send(socket, transfer.buffers, transfer.count);
        }
        case OperationKind::accept: {
            os::Handle accepted = os::no_handle;
            const std::int32_t result =
                accept(socket, &accepted, static_cast<Accept&>(operation).peer);
            return result < 0 ? result : accepted;
        }
        case OperationKind::connect: {
            if (!again) {
                const std::int32_t result =
                    connect(socket, static_cast<Connect&>(operation).target);
                return result == error::in_progress ? error::would_block : result;
            }
            if (socket.role == Role::connecting) return error::would_block;
            const std::int32_t outcome = socket.take_error();
            if (outcome < 0) return outcome;
            return socket.role == Role::connected ? 0 : error::not_connected;
        }
        case OperationKind::ready: {
            const std::uint32_t bits = readiness(socket, static_cast<Ready&>(operation).wanted);
            return bits != 0 ? static_cast<std::int64_t>(bits) : error::would_block;
        }
    }
    return error::internal;
}

namespace {

Queue<Waiter>& queue_of(Socket& socket, OperationKind kind) {
    if (kind == OperationKind::ready) return socket.watching;
    return direction_of(kind) == os::Direction::read ? socket.reading : socket.writing;
}

}  // namespace

bool Network::has_queue(Socket& socket, const Operation& operation) const {
    return operation.kind != OperationKind::ready && !queue_of(socket, operation.kind).empty();
}

void Network::enqueue(Socket& socket, Waiter& waiter) {
    queue_of(socket, waiter.kind).push(waiter);
    changed(socket);
}

void Network::dequeue(Socket& socket, Waiter& waiter) {
    const bool was_here = queue_of(socket, waiter.kind).remove(waiter);
    ZIO_ASSERT(was_here);
    changed(socket);  // the one behind it is first now
}

void Network::forget_operations(std::uint32_t home) {
    for (Socket* socket : slots_) {
        if (socket == nullptr) continue;
        for (Queue<Waiter>* queue : {&socket->reading, &socket->writing, &socket->watching}) {
            for (Waiter* each = queue->first(); each != nullptr;) {
                Waiter* const next = each->next;
                if (each->home == home) queue->remove(*each);
                each = next;
            }
        }
    }
}

void Network::changed(Socket& socket) {
    for (Waiter* first : {socket.reading.first(), socket.writing.first()}) {
        if (first != nullptr && readiness(socket, first->wanted) != 0)
            homes_.of(*first).mark(*first);
    }
    for (Waiter* each = socket.watching.first(); each != nullptr; each = each->next) {
        if (readiness(socket, each->wanted) != 0) homes_.of(*each).mark(*each);
    }
}

// The socket is gone; they end in their homes' next polls.
void Network::orphan(Queue<Waiter>& queue) {
    while (Waiter* waiter = queue.pop()) {
        waiter->is_orphaned = true;
        homes_.of(*waiter).mark(*waiter);
    }
}

}  // namespace zio::loop::simulated
