// SPDX-License-Identifier: MIT
// The door to the real system. Constant-initialised: it works before the first constructor runs.
#include "core/os/table.hpp"

#include "core/os/posix/calls.hpp"

namespace zio::os {

constinit Table table = {
    .open_socket = calls::open_socket,
    .open_pair = calls::open_pair,
    .bind = calls::bind,
    .listen = calls::listen,
    .connect = calls::connect,
    .accept = calls::accept,
    .local_address = calls::local_address,
    .peer_address = calls::peer_address,
    .set_option = calls::set_option,
    .get_option = calls::get_option,
    .shutdown = calls::shutdown,
    .kind_of = calls::kind_of,
    .check_access = calls::check_access,
    .make_nonblocking = calls::make_nonblocking,
    .close = calls::close,
    .receive = calls::receive,
    .receive_vector = calls::receive_vector,
    .send = calls::send,
    .send_vector = calls::send_vector,
    .read = calls::read,
    .read_vector = calls::read_vector,
    .write = calls::write,
    .write_vector = calls::write_vector,
    .wait_ready = calls::wait_ready,
    .open_wakeup = calls::open_wakeup,
    .raise_wakeup = calls::raise_wakeup,
    .take_wakeups = calls::take_wakeups,
    .remove_path = calls::remove_path,
    .now = calls::now,
    .start_thread = start_thread,
    .join_thread = join_thread,
    .yield_thread = yield_thread,
};

}  // namespace zio::os
