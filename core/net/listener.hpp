// SPDX-License-Identifier: MIT
#pragma once
// Sockets that accept streams.
#include "core/net/socket_options.hpp"
#include "core/runtime/descriptor.hpp"

namespace zio::net {

class Listener : public runtime::Descriptor {
  public:
    Listener* next = nullptr;

    static std::int32_t listen(const os::Address& address, const SocketOptions& options,
                               HandleBits* out);
    static std::int32_t from_handle(os::Handle handle, HandleBits* out);
    static std::int32_t accept(HandleBits listener, HandleBits* out, os::Address* peer,
                               Deadline deadline);
    static std::int32_t address(HandleBits listener, os::Address* out);
    static std::int32_t close(HandleBits listener);

  private:
    static std::int32_t make(os::Handle handle, const os::Address* path, HandleBits* out);
    std::int32_t back_off(std::int64_t span_ns, Deadline deadline);

    char path_[sizeof(os::Address::path) + 1] = {};  // that listen made and close removes
};

}  // namespace zio::net
