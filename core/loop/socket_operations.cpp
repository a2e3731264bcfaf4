// SPDX-License-Identifier: MIT
// An operation as one system call. What the call would have to wait for is left to the poller.
#include "core/loop/operation.hpp"

namespace zio::loop {

namespace {

// What a pipe in blocking mode takes without waiting, once it is ready: one page.
constexpr std::size_t pipe_room = 4096;

// 0: ready; `would_block`; or why the system does not tell.
std::int64_t look(const Operation& operation) {
    const bool reads = direction_of(operation.kind) == os::Direction::read;
    os::ReadyRequest request{operation.handle, reads ? os::ready_read : os::ready_write, 0};
    const std::int64_t count = os::table.wait_ready(&request, 1, 0);
    if (count > 0) return 0;
    return count < 0 ? count : error::would_block;
}

// A plain descriptor may be in blocking mode, which is not ours to change, so it is asked first. 0:
// the call will not block.
std::int64_t ask_first(const Operation& operation) {
    return operation.kept_descriptor ? 0 : look(operation);
}

bool is_empty(const VectorTransfer& transfer) {
    for (std::size_t i = 0; i < transfer.count; ++i) {
        if (transfer.buffers[i].size != 0) return false;
    }
    return true;
}

std::int64_t attempt_transfer(const Transfer& transfer) {
    if (transfer.size == 0) return 0;
    switch (transfer.kind) {
        case OperationKind::receive:
            return os::table.receive(transfer.handle, transfer.data, transfer.size, transfer.flags);
        case OperationKind::send:
            return os::table.send(transfer.handle, transfer.data, transfer.size, transfer.flags);
        case OperationKind::read:
            if (const std::int64_t asked = ask_first(transfer)) return asked;
            return os::table.read(transfer.handle, transfer.data, transfer.size);
        default:
            break;
    }
    if (const std::int64_t asked = ask_first(transfer)) return asked;
    std::size_t size = transfer.size;
    if (!transfer.kept_descriptor && size > pipe_room) size = pipe_room;
    return os::table.write(transfer.handle, transfer.data, size);
}

// The first piece that is not empty, and no more than a pipe has room for.
std::int64_t write_first_piece(const VectorTransfer& transfer) {
    std::size_t i = 0;
    while (transfer.buffers[i].size == 0) ++i;
    const os::Buffer& piece = transfer.buffers[i];
    return os::table.write(transfer.handle, piece.base,
                           piece.size < pipe_room ? piece.size : pipe_room);
}

std::int64_t attempt_vector(const VectorTransfer& transfer) {
    if (is_empty(transfer)) return 0;
    const os::Buffer* buffers = transfer.buffers;
    switch (transfer.kind) {
        case OperationKind::receive_vector:
            return os::table.receive_vector(transfer.handle, buffers, transfer.count,
                                            transfer.flags);
        case OperationKind::send_vector:
            return os::table.send_vector(transfer.handle, buffers, transfer.count, transfer.flags);
        case OperationKind::read_vector:
            if (const std::int64_t asked = ask_first(transfer)) return asked;
            return os::table.read_vector(transfer.handle, buffers, transfer.count);
        default:
            break;
    }
    if (const std::int64_t asked = ask_first(transfer)) return asked;
    if (!transfer.kept_descriptor) return write_first_piece(transfer);
    return os::table.write_vector(transfer.handle, buffers, transfer.count);
}

std::int64_t attempt_accept(const Accept& accept) {
    if (const std::int64_t asked = ask_first(accept)) return asked;
    os::Handle accepted = os::no_handle;
    const std::int32_t result = os::table.accept(accept.handle, &accepted, accept.peer);
    return result < 0 ? result : accepted;
}

// The error that a socket has kept for whoever asks, which takes it away; 0: none.
std::int64_t take_error(os::Handle handle) {
    std::int64_t outcome = 0;
    const std::int32_t asked = os::table.get_option(handle, os::SocketOption::error, &outcome);
    return asked < 0 ? asked : outcome;
}

std::int64_t attempt_connect(const Connect& connect, bool again) {
    if (!again) {
        const std::int32_t result = os::table.connect(connect.handle, connect.target);
        return result == error::in_progress ? error::would_block : result;
    }
    const std::int64_t outcome = take_error(connect.handle);
    if (outcome < 0) return outcome;
    os::Address peer;
    const std::int32_t connected = os::table.peer_address(connect.handle, &peer);
    if (connected != error::not_connected) return connected;
    // No error and no peer: the poller spoke too soon, or the connection was made and broken off
    // between the two looks, or somebody shut the socket down meanwhile.
    if (const std::int64_t asked = look(connect)) return asked;
    const std::int64_t since = take_error(connect.handle);
    return since < 0 ? since : error::connection_aborted;
}

std::int64_t attempt_ready(const Ready& ready) {
    os::ReadyRequest request{ready.handle, ready.wanted, 0};
    const std::int64_t count = os::table.wait_ready(&request, 1, 0);
    if (count <= 0) return count < 0 ? count : error::would_block;
    if ((request.got & os::ready_error) != 0) {
        os::HandleKind kind;
        if (os::table.kind_of(ready.handle, &kind) == error::bad_handle) return error::bad_handle;
    }
    return request.got;
}

}  // namespace

std::int64_t attempt(Operation& operation, bool again) {
    switch (operation.kind) {
        case OperationKind::receive:
        case OperationKind::send:
        case OperationKind::read:
        case OperationKind::write:
            return attempt_transfer(static_cast<Transfer&>(operation));
        case OperationKind::receive_vector:
        case OperationKind::send_vector:
        case OperationKind::read_vector:
        case OperationKind::write_vector:
            return attempt_vector(static_cast<VectorTransfer&>(operation));
        case OperationKind::accept:
            return attempt_accept(static_cast<Accept&>(operation));
        case OperationKind::connect:
            return attempt_connect(static_cast<Connect&>(operation), again);
        case OperationKind::ready:
            return attempt_ready(static_cast<Ready&>(operation));
    }
    return error::internal;
}

}  // namespace zio::loop
