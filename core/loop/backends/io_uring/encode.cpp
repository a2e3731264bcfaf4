// SPDX-License-Identifier: MIT
#include "core/loop/backends/io_uring/encode.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <new>

namespace zio::loop::io_uring {

namespace {

static_assert(sizeof(os::Buffer) == sizeof(iovec));
static_assert(offsetof(os::Buffer, base) == offsetof(iovec, iov_base));
static_assert(offsetof(os::Buffer, size) == offsetof(iovec, iov_len));
static_assert(sizeof(VectorTransfer::backend_header) >= sizeof(msghdr));
static_assert(sizeof(Accept::backend_address) >= sizeof(sockaddr_storage));

// A submission counts bytes in 32 bits; what is longer is moved in part, as any transfer may be.
constexpr std::size_t size_limit = std::size_t{1} << 30;

std::uint64_t word(const volatile void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

// A number outside the range of `int` is no descriptor, and the kernel says so.
std::int32_t descriptor(os::Handle handle) {
    return handle >= 0 && handle <= INT32_MAX ? static_cast<std::int32_t>(handle) : -1;
}

// Never MSG_DONTWAIT: the ring is to wait, also on a socket that is in non-blocking mode.
std::uint32_t message_flags(std::uint32_t flags) {
    std::uint32_t system_flags = MSG_NOSIGNAL;
    if ((flags & os::message_peek) != 0) system_flags |= MSG_PEEK;
    if ((flags & os::message_wait_all) != 0) system_flags |= MSG_WAITALL;
    if ((flags & os::message_more) != 0) system_flags |= MSG_MORE;
    return system_flags;
}

void encode_transfer(const Transfer& transfer, io_uring_sqe& submission) {
    submission.opcode = transfer.kind == OperationKind::receive ? IORING_OP_RECV : IORING_OP_SEND;
    submission.addr = word(transfer.data);
    submission.len =
        static_cast<std::uint32_t>(transfer.size < size_limit ? transfer.size : size_limit);
    submission.msg_flags = message_flags(transfer.flags);
}

void encode_vector(VectorTransfer& transfer, io_uring_sqe& submission) {
    auto* header = new (transfer.backend_header) msghdr{};
    header->msg_iov = reinterpret_cast<iovec*>(const_cast<os::Buffer*>(transfer.buffers));
    header->msg_iovlen = transfer.count < vector_limit ? transfer.count : vector_limit;
    submission.opcode =
        transfer.kind == OperationKind::receive_vector ? IORING_OP_RECVMSG : IORING_OP_SENDMSG;
    submission.addr = word(header);
    submission.len = 1;
    submission.msg_flags = message_flags(transfer.flags);
}

void encode_accept(Accept& accept, io_uring_sqe& submission) {
    submission.opcode = IORING_OP_ACCEPT;
    submission.accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (accept.peer == nullptr) return;
    accept.peer_size = sizeof accept.backend_address;
    submission.addr = word(accept.backend_address);
    submission.addr2 = word(&accept.peer_size);
}

std::uint32_t events_of(const Operation& operation) {
    if (operation.kind != OperationKind::ready) {
        return direction_of(operation.kind) == os::Direction::read ? POLLIN : POLLOUT;
    }
    const std::uint32_t wanted = static_cast<const Ready&>(operation).wanted;
    std::uint32_t events = 0;
    if ((wanted & os::ready_read) != 0) events |= POLLIN;
    if ((wanted & os::ready_write) != 0) events |= POLLOUT;
    if ((wanted & os::ready_hangup) != 0) events |= POLLRDHUP;
    return events;
}

}  // namespace

void encode(Operation& operation, io_uring_sqe& submission) {
    submission.fd = descriptor(operation.handle);
    submission.user_data = word(&operation);
    switch (operation.kind) {
        case OperationKind::receive:
        case OperationKind::send:
            encode_transfer(static_cast<Transfer&>(operation), submission);
            return;
        case OperationKind::receive_vector:
        case OperationKind::send_vector:
            encode_vector(static_cast<VectorTransfer&>(operation), submission);
            return;
        case OperationKind::accept:
            encode_accept(static_cast<Accept&>(operation), submission);
            return;
        default:
            ZIO_ASSERT(!"this kind is done by readiness");
    }
}

void encode_readiness(Operation& operation, io_uring_sqe& submission) {
    submission.opcode = IORING_OP_POLL_ADD;
    submission.fd = descriptor(operation.handle);
    submission.poll32_events = poll_mask(events_of(operation));
    submission.user_data = word(&operation);
}

void encode_cancel(Operation& operation, io_uring_sqe& submission) {
    submission.opcode = IORING_OP_ASYNC_CANCEL;
    submission.fd = -1;
    submission.addr = word(&operation);
    submission.user_data = cancel_cookie;
}

void encode_wake(os::Handle wakeup, bool many_times, io_uring_sqe& submission) {
    submission.opcode = IORING_OP_POLL_ADD;
    submission.fd = descriptor(wakeup);
    submission.poll32_events = poll_mask(POLLIN);
    submission.len = many_times ? IORING_POLL_ADD_MULTI : 0;
    submission.user_data = wake_cookie;
}

bool is_empty(const Operation& operation) {
    switch (operation.kind) {
        case OperationKind::receive:
        case OperationKind::send:
            return static_cast<const Transfer&>(operation).size == 0;
        case OperationKind::receive_vector:
        case OperationKind::send_vector: {
            const auto& transfer = static_cast<const VectorTransfer&>(operation);
            for (std::size_t i = 0; i < transfer.count; ++i) {
                if (transfer.buffers[i].size != 0) return false;
            }
            return true;
        }
        default:
            return false;
    }
}

}  // namespace zio::loop::io_uring
