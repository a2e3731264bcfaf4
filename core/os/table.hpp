// SPDX-License-Identifier: MIT
#pragma once
// The door to the system for everything about descriptors, time, wake-ups and threads: one entry =
// one system call. Nothing in core calls the system for these except through `os::table`, so a
// simulator can put its own world behind it and a test can fail any call.
//
// Contract of every entry: it never blocks (but those that wait), it restarts after a signal by
// itself, and it returns 0 or a count, or a negative number of core/base/error.hpp;
// `error::would_block` means "ask the poller, then try again". Descriptors are created
// non-blocking and not inherited by programs that are executed. Writing to a closed peer is an
// error value, never a signal. errno does not leave these functions.
#include <cstddef>
#include <cstdint>

#include "core/base/time.hpp"
#include "core/os/address.hpp"
#include "core/os/handle.hpp"
#include "core/os/thread.hpp"

namespace zio::os {

// Flags of receive and send.
inline constexpr std::uint32_t message_peek = 1;
inline constexpr std::uint32_t message_wait_all = 2;
inline constexpr std::uint32_t message_more = 4;

// Readiness, the bits of `enum zio_ready`.
inline constexpr std::uint32_t ready_read = 1;
inline constexpr std::uint32_t ready_write = 2;
inline constexpr std::uint32_t ready_hangup = 4;
inline constexpr std::uint32_t ready_error = 8;

enum class Direction : std::uint8_t { read, write };
inline constexpr unsigned direction_count = 2;

enum class SocketOption : std::uint8_t {
    reuse_address,
    reuse_port,
    only_version_6,
    no_delay,
    keep_alive,      // 0 or 1
    keep_alive_s,    // idle time, interval and count follow from it
    receive_buffer,  // bytes
    send_buffer,     // bytes
    linger_ms,       // -1: off; 0: closing resets the connection
    quick_acknowledge,
    fast_open,
    zero_copy,
    error,  // get only: takes the pending error of the socket, negative or 0
};

// What a descriptor that came from outside is.
enum class HandleKind : std::uint8_t {
    stream_socket,
    listening_socket,  // of the stream kind, too
    other_socket,
    pipe_or_terminal,
    other,
};

struct ReadyRequest {
    Handle handle;
    std::uint32_t wanted;
    std::uint32_t got;
};

struct Table {
    std::int32_t (*open_socket)(std::uint16_t family, Handle* out);  // a stream socket
    std::int32_t (*open_pair)(Handle* first, Handle* second);        // connected Unix sockets
    std::int32_t (*bind)(Handle, const Address&);
    std::int32_t (*listen)(Handle, std::uint32_t backlog);
    std::int32_t (*connect)(Handle, const Address&);             // in_progress: wait until writable
    std::int32_t (*accept)(Handle, Handle* out, Address* peer);  // `peer` may be null
    std::int32_t (*local_address)(Handle, Address* out);
    std::int32_t (*peer_address)(Handle, Address* out);
    std::int32_t (*set_option)(Handle, SocketOption, std::int64_t value);
    std::int32_t (*get_option)(Handle, SocketOption, std::int64_t* value);
    std::int32_t (*shutdown)(Handle, bool read_side, bool write_side);
    std::int32_t (*kind_of)(Handle, HandleKind* out);
    std::int32_t (*check_access)(Handle, Direction);  // bad_handle: not open for that
    std::int32_t (*make_nonblocking)(Handle);         // and close-on-exec
    std::int32_t (*close)(Handle);

    std::int64_t (*receive)(Handle, void* data, std::size_t size, std::uint32_t flags);
    std::int64_t (*receive_vector)(Handle, const Buffer*, std::size_t count, std::uint32_t flags);
    std::int64_t (*send)(Handle, const void* data, std::size_t size, std::uint32_t flags);
    std::int64_t (*send_vector)(Handle, const Buffer*, std::size_t count, std::uint32_t flags);
    // For what is not a socket. They may block where the descriptor does: ask `wait_ready` first.
    std::int64_t (*read)(Handle, void* data, std::size_t size);
    std::int64_t (*read_vector)(Handle, const Buffer*, std::size_t count);
    std::int64_t (*write)(Handle, const void* data, std::size_t size);
    std::int64_t (*write_vector)(Handle, const Buffer*, std::size_t count);

    // Waits for any of `requests` until `until` (0: only looks); the number that are ready. Of
    // those about descriptors the only one that may block; a signal ends it early with 0.
    std::int64_t (*wait_ready)(ReadyRequest* requests, std::size_t count, Instant until);

    // A counter that other threads raise to end a wait: its descriptor is readable meanwhile.
    std::int32_t (*open_wakeup)(Handle* out);
    std::int32_t (*raise_wakeup)(Handle);  // async-signal-safe
    std::int64_t (*take_wakeups)(Handle);  // how often it was raised

    std::int32_t (*remove_path)(const char* path);  // the name of a Unix listener
    Instant (*now)();                               // monotonic, one second or more

    // Those of core/os/thread.hpp.
    std::int32_t (*start_thread)(void (*entry)(void* data), void* data, const char* name,
                                 Thread* out);
    void (*join_thread)(Thread);
    void (*yield_thread)();

    bool simulated = false;  // a simulator stands behind this table now
};

extern Table table;

}  // namespace zio::os
