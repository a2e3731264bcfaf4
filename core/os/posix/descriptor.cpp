// SPDX-License-Identifier: MIT
// What is not a socket (pipes, terminals, event counters, files), and what all descriptors share.
//
// Writing to a pipe without readers raises SIGPIPE, and no flag of write(2) prevents it. The signal
// is sent to the writing thread itself, so it is held back for this thread during the call and
// taken back if the call failed with EPIPE. That leaves the process's handlers alone, which belong
// to the host, and needs no agreement about who blocks what. It costs two cheap calls per write;
// sockets have MSG_NOSIGNAL and never come here.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "core/os/posix/calls.hpp"
#include "core/os/posix/pieces.hpp"

namespace zio::os::calls {

namespace {

// Holds SIGPIPE back while it lives. `take_back` removes the one that the call raised; one that was
// pending before belongs to somebody else and stays.
class HeldPipeSignal {
  public:
    HeldPipeSignal() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
        was_held_ = sigismember(&before_, SIGPIPE) == 1;
        if (was_held_) {
            sigset_t pending;
            ::sigpending(&pending);
            was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        }
    }
    ~HeldPipeSignal() {
        if (!was_held_) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    HeldPipeSignal(const HeldPipeSignal&) = delete;
    HeldPipeSignal& operator=(const HeldPipeSignal&) = delete;

    void take_back() {
        if (was_pending_) return;
        const timespec at_once{};
        while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }

  private:
    sigset_t pipe_;
    sigset_t before_;
    bool was_held_ = false;
    bool was_pending_ = false;
};

}  // namespace

std::int64_t read(Handle handle, void* data, std::size_t size) {
    return restarted([&] { return ::read(descriptor(handle), data, piece_size(size)); });
}

std::int64_t read_vector(Handle handle, const Buffer* buffers, std::size_t count) {
    const int limited = static_cast<int>(piece_count(count));
    return restarted([&] { return ::readv(descriptor(handle), pieces(buffers), limited); });
}

std::int64_t write(Handle handle, const void* data, std::size_t size) {
    HeldPipeSignal held;
    const std::int64_t result =
        restarted([&] { return ::write(descriptor(handle), data, piece_size(size)); });
    if (result == error::broken_pipe) held.take_back();
    return result;
}

std::int64_t write_vector(Handle handle, const Buffer* buffers, std::size_t count) {
    HeldPipeSignal held;
    const int limited = static_cast<int>(piece_count(count));
    const std::int64_t result =
        restarted([&] { return ::writev(descriptor(handle), pieces(buffers), limited); });
    if (result == error::broken_pipe) held.take_back();
    return result;
}

std::int32_t kind_of(Handle handle, HandleKind* out) {
    struct stat status;
    const int result = ::fstat(descriptor(handle), &status);
    if (result < 0) return checked(result);
    *out = HandleKind::other;
    if (S_ISFIFO(status.st_mode)) {
        *out = HandleKind::pipe_or_terminal;
    } else if (S_ISCHR(status.st_mode)) {
        if (::isatty(descriptor(handle)) == 1) *out = HandleKind::pipe_or_terminal;
    } else if (S_ISSOCK(status.st_mode)) {
        int type = 0;
        int listening = 0;
        socklen_t size = sizeof(int);
        ::getsockopt(descriptor(handle), SOL_SOCKET, SO_TYPE, &type, &size);
        size = sizeof(int);
        ::getsockopt(descriptor(handle), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
        if (type != SOCK_STREAM) {
            *out = HandleKind::other_socket;
        } else {
            *out = listening != 0 ? HandleKind::listening_socket : HandleKind::stream_socket;
        }
    }
    return 0;
}

std::int32_t check_access(Handle handle, Direction direction) {
    const int flags = ::fcntl(descriptor(handle), F_GETFL);
    if (flags < 0) return checked(flags);
    const int missing = direction == Direction::read ? O_WRONLY : O_RDONLY;
    return (flags & O_ACCMODE) == missing ? error::bad_handle : 0;
}

std::int32_t make_nonblocking(Handle handle) {
    const int flags = ::fcntl(descriptor(handle), F_GETFL);
    if (flags < 0) return checked(flags);
    const int kept = ::fcntl(descriptor(handle), F_GETFD);
    if (kept < 0) return checked(kept);
    if ((kept & FD_CLOEXEC) == 0) {
        const int result = ::fcntl(descriptor(handle), F_SETFD, kept | FD_CLOEXEC);
        if (result < 0) return checked(result);
    }
    if ((flags & O_NONBLOCK) != 0) return 0;
    return checked(::fcntl(descriptor(handle), F_SETFL, flags | O_NONBLOCK));
}

std::int32_t close(Handle handle) {
    // Never again after a signal: the number is free by then and may be somebody else's.
    const int result = ::close(descriptor(handle));
    if (result < 0 && (errno == EINTR || errno == EINPROGRESS)) return 0;
    return checked(result);
}

std::int32_t remove_path(const char* path) {
    return restarted([&] { return ::unlink(path); });
}

}  // namespace zio::os::calls
