// SPDX-License-Identifier: MIT
#include "core/net/socket_options.hpp"

#include "core/base/error.hpp"

namespace zio::net {

namespace {

using os::SocketOption;

// A list of options that stops at the first one the system refuses.
class Setter {
  public:
    explicit Setter(os::Handle handle) : handle_(handle) {}
    void set(bool wanted, SocketOption option, std::int64_t value) {
        if (wanted && status_ == 0) status_ = os::table.set_option(handle_, option, value);
    }
    std::int32_t status() const { return status_; }

  private:
    os::Handle handle_;
    std::int32_t status_ = 0;
};

}  // namespace

std::int32_t apply_options(os::Handle handle, const SocketOptions& options, bool listens,
                           std::uint16_t family) {
    const std::uint32_t flags = options.flags;
    const bool tcp = family != os::family_unix;
    Setter setter(handle);
    // A port on which connections of an earlier listener linger can be taken again at once.
    setter.set(tcp && listens, SocketOption::reuse_address, 1);
    setter.set(tcp && (flags & socket_reuse_port) != 0, SocketOption::reuse_port, 1);
    // Said either way: what holds otherwise is a setting of the system.
    const bool only_version_6 = (flags & socket_only_version_6) != 0;
    setter.set(family == os::family_version_6 && (listens || only_version_6),
               SocketOption::only_version_6, only_version_6 ? 1 : 0);
    setter.set(tcp && (flags & socket_no_delay) != 0, SocketOption::no_delay, 1);
    const bool keeps_alive = (flags & socket_keep_alive) != 0 || options.keep_alive_s != 0;
    setter.set(tcp && keeps_alive, SocketOption::keep_alive, 1);
    setter.set(tcp && options.keep_alive_s != 0, SocketOption::keep_alive_s, options.keep_alive_s);
    setter.set(options.receive_buffer != 0, SocketOption::receive_buffer, options.receive_buffer);
    setter.set(options.send_buffer != 0, SocketOption::send_buffer, options.send_buffer);
    setter.set(tcp && (flags & socket_fast_open) != 0, SocketOption::fast_open, 1);
    setter.set((flags & socket_zero_copy) != 0, SocketOption::zero_copy, 1);
    return setter.status();
}

}  // namespace zio::net
