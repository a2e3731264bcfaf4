// SPDX-License-Identifier: MIT
#pragma once
// One failure at a time: in a build with ZIO_FAULTS=ON chosen calls fail as the system could make
// them fail. What goes through the tables of core/os is wrapped there (core/os/faults); the few
// places beside them ask here. In any other build nothing of this exists: ZIO_FAULT_AT is the
// constant 0, the others are nothing.
#ifdef ZIO_FAULTS

#include <cstdint>

namespace zio::fault {

// What can fail; core/os/faults/sites.cpp tells with which errors, and what is not here and why.
enum class Site : std::uint8_t {
    open_socket,
    open_pair,
    bind,
    listen,
    connect,
    connect_unix,
    accept,
    local_address,
    peer_address,
    set_option,
    get_option,
    shutdown,
    kind_of,
    make_nonblocking,
    receive,
    receive_vector,
    send,
    send_vector,
    read,
    read_vector,
    write,
    write_vector,
    wait_ready,
    open_wakeup,
    remove_path,
    reserve,
    install_guards,
    forbid,
    discard,
    try_guards,
    epoll_create,
    epoll_control,
    epoll_wait,
    epoll_wait_precisely,
    ring_setup,
    ring_enter,
    ring_enroll,
    ring_enable,
    ring_map,
    ring_receive,
    ring_send,
    ring_accept,
    ring_poll,
    ring_wake,
    ring_wake_once,
    ring_cancel,
    allocate,
    start_thread,
    at_thread_exit,
    pin_thread,
    read_setting,
    count,
};

// A call is about to be made: 0, or the system's number of the error that it gives instead.
int error_at(Site site) noexcept;
// Memory that was allocated and not released, in blocks.
void count_blocks(int more) noexcept;

}  // namespace zio::fault

#define ZIO_FAULT_AT(site) ::zio::fault::error_at(::zio::fault::Site::site)
#define ZIO_FAULT_BLOCKS(more) ::zio::fault::count_blocks(more)

#else

#define ZIO_FAULT_AT(site) 0
#define ZIO_FAULT_BLOCKS(more) static_cast<void>(0)

#endif
