// SPDX-License-Identifier: MIT
#pragma once
// Connected sockets, TCP and Unix alike. Every call takes the turn of its direction, runs one or
// more operations that lie in its frame, and gives the turn back.
#include "core/net/socket_options.hpp"
#include "core/os/address.hpp"
#include "core/runtime/descriptor.hpp"

namespace zio::net {

using os::Address;
using os::Buffer;

enum class StreamOption : std::uint32_t {
    no_delay = 1,
    keep_alive_s = 2,
    receive_buffer = 3,
    send_buffer = 4,
    linger_ms = 5,
    quick_acknowledge = 6,
};

class Stream : public runtime::Descriptor {
  public:
    Stream* next = nullptr;
    bool write_ended = false;  // belongs to whoever has the turn to write

    static std::int32_t connect(const Address& to, const SocketOptions& options, Deadline deadline,
                                HandleBits* out);
    static std::int32_t pair(HandleBits* first, HandleBits* second);
    // Takes the descriptor on success only.
    static std::int32_t from_handle(os::Handle handle, HandleBits* out);
    // For a socket of our own making. On failure it is closed.
    static std::int32_t adopt(os::Handle handle, HandleBits* out);

    static std::int64_t read(HandleBits stream, void* data, std::size_t size, Deadline deadline,
                             std::uint32_t flags = 0);
    static std::int64_t read_vector(HandleBits stream, const Buffer* buffers, std::size_t count,
                                    Deadline deadline);
    static std::int32_t read_exact(HandleBits stream, void* data, std::size_t size,
                                   std::size_t* done, Deadline deadline);
    static std::int64_t write(HandleBits stream, const void* data, std::size_t size,
                              Deadline deadline);
    static std::int64_t write_vector(HandleBits stream, const Buffer* buffers, std::size_t count,
                                     Deadline deadline);
    static std::int32_t write_all(HandleBits stream, const void* data, std::size_t size,
                                  std::size_t* done, Deadline deadline);
    static std::int32_t shutdown(HandleBits stream, Deadline deadline);
    static std::int32_t close(HandleBits stream);
    static std::int32_t abort(HandleBits stream);

    static std::int32_t addresses(HandleBits stream, Address* local, Address* peer);
    static os::Handle descriptor_of(HandleBits stream);
    static std::int32_t set_option(HandleBits stream, StreamOption option, std::int64_t value);
    static std::int32_t get_option(HandleBits stream, StreamOption option, std::int64_t* value);
    // Whether the handle is alive now.
    static std::int32_t check(HandleBits stream);
};

}  // namespace zio::net
