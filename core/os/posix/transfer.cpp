// SPDX-License-Identifier: MIT
// Bytes to and from sockets. MSG_DONTWAIT makes each call non-blocking whatever mode the descriptor
// is in, so a socket that somebody else left in blocking mode never holds the thread.
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/os/posix/calls.hpp"
#include "core/os/posix/pieces.hpp"

namespace zio::os::calls {

namespace {

int message_flags(std::uint32_t flags) {
    int system_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if ((flags & message_peek) != 0) system_flags |= MSG_PEEK;
    if ((flags & message_wait_all) != 0) system_flags |= MSG_WAITALL;
    if ((flags & message_more) != 0) system_flags |= MSG_MORE;
    return system_flags;
}

msghdr message_of(const Buffer* buffers, std::size_t count) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces(buffers));
    message.msg_iovlen = piece_count(count);
    return message;
}

}  // namespace

std::int64_t receive(Handle handle, void* data, std::size_t size, std::uint32_t flags) {
    return restarted(
        [&] { return ::recv(descriptor(handle), data, piece_size(size), message_flags(flags)); });
}

std::int64_t receive_vector(Handle handle, const Buffer* buffers, std::size_t count,
                            std::uint32_t flags) {
    msghdr message = message_of(buffers, count);
    return restarted([&] { return ::recvmsg(descriptor(handle), &message, message_flags(flags)); });
}

std::int64_t send(Handle handle, const void* data, std::size_t size, std::uint32_t flags) {
    return restarted(
        [&] { return ::send(descriptor(handle), data, piece_size(size), message_flags(flags)); });
}

std::int64_t send_vector(Handle handle, const Buffer* buffers, std::size_t count,
                         std::uint32_t flags) {
    const msghdr message = message_of(buffers, count);
    return restarted([&] { return ::sendmsg(descriptor(handle), &message, message_flags(flags)); });
}

}  // namespace zio::os::calls
