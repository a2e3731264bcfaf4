// SPDX-License-Identifier: MIT
// Only errors that a correct program can meet on Linux: the table of descriptors is full, memory or
// another resource is short, the other side or the network is gone, a security policy forbids, the
// kernel is older. Not: wrong arguments, bad descriptors, and "would block", which would be a lie
// that an edge-triggered poller never corrects.
#include "core/os/faults/sites.hpp"

#include <cerrno>
#include <cstring>

#include "core/base/error.hpp"

namespace zio::fault {

namespace {

constexpr Error lasting(int code) {
    return {code, false};
}
constexpr Error passing(int code) {
    return {code, true};
}

constexpr SiteInfo sites[] = {
    {Site::open_socket,
     "open_socket",
     false,
     {lasting(EMFILE), lasting(ENFILE), lasting(ENOBUFS), lasting(ENOMEM), lasting(EACCES)}},
    {Site::open_pair, "open_pair", false, {lasting(EMFILE), lasting(ENFILE), lasting(ENOMEM)}},
    {Site::bind, "bind", false, {lasting(EADDRINUSE), lasting(EACCES), lasting(ENOMEM)}},
    {Site::listen, "listen", false, {lasting(EADDRINUSE), lasting(ENOBUFS)}},
    {Site::connect,
     "connect",
     false,
     {lasting(ECONNREFUSED), lasting(ENETUNREACH), lasting(ETIMEDOUT), lasting(EADDRNOTAVAIL)}},
    // Its queue full: EAGAIN.
    {Site::connect_unix,
     "connect_unix",
     false,
     {lasting(ECONNREFUSED), lasting(ENOENT), lasting(EACCES), passing(EAGAIN)}},
    {Site::accept,
     "accept",
     false,
     {lasting(EMFILE), lasting(ENFILE), lasting(ENOMEM), lasting(ENOBUFS), passing(ECONNABORTED),
      passing(EPROTO), lasting(EPERM)}},
    {Site::local_address, "local_address", false, {lasting(ENOBUFS)}},
    {Site::peer_address, "peer_address", false, {lasting(ENOTCONN), lasting(ENOBUFS)}},
    // A security module, or a program of the control group.
    {Site::set_option, "set_option", false, {lasting(EACCES), lasting(EPERM)}},
    {Site::get_option, "get_option", false, {lasting(EACCES), lasting(EPERM)}},
    {Site::shutdown, "shutdown", false, {lasting(ENOTCONN)}},
    {Site::kind_of, "kind_of", false, {lasting(ENOMEM), lasting(EACCES)}},
    {Site::make_nonblocking, "make_nonblocking", false, {lasting(EACCES), lasting(EPERM)}},
    {Site::receive,
     "receive",
     true,
     {lasting(ECONNRESET), lasting(ETIMEDOUT), lasting(ENOMEM), lasting(EHOSTUNREACH)}},
    {Site::receive_vector,
     "receive_vector",
     true,
     {lasting(ECONNRESET), lasting(ETIMEDOUT), lasting(ENOMEM)}},
    {Site::send, "send", true, {lasting(EPIPE), lasting(ECONNRESET), lasting(ENOBUFS)}},
    {Site::send_vector,
     "send_vector",
     true,
     {lasting(EPIPE), lasting(ECONNRESET), lasting(ENOBUFS)}},
    {Site::read, "read", true, {lasting(EIO)}},
    {Site::read_vector, "read_vector", true, {lasting(EIO)}},
    {Site::write, "write", true, {lasting(EPIPE), lasting(EIO)}},
    {Site::write_vector, "write_vector", true, {lasting(EPIPE), lasting(EIO)}},
    // The room for a long list.
    {Site::wait_ready, "wait_ready", false, {passing(ENOMEM)}},
    {Site::open_wakeup, "open_wakeup", false, {lasting(EMFILE), lasting(ENFILE), lasting(ENOMEM)}},
    {Site::remove_path, "remove_path", false, {lasting(ENOENT), lasting(EACCES), lasting(EROFS)}},
    {Site::reserve, "reserve", false, {lasting(ENOMEM)}},
    // Page tables. A system that is out of pages for ever ends its programs.
    {Site::install_guards, "install_guards", false, {passing(ENOMEM)}},
    {Site::forbid, "forbid", false, {lasting(ENOMEM)}},
    {Site::discard, "discard", false, {lasting(EINVAL)}},  // the pages are locked
    {Site::try_guards, "try_guards", false, {lasting(EINVAL)}},
    {Site::epoll_create,
     "epoll_create",
     false,
     {lasting(EMFILE), lasting(ENFILE), lasting(ENOMEM)}},
    {Site::epoll_control, "epoll_control", false, {lasting(ENOMEM), lasting(ENOSPC)}},
    {Site::epoll_wait, "epoll_wait", false, {passing(EINTR)}},
    {Site::epoll_wait_precisely,
     "epoll_wait_precisely",
     false,
     {passing(EINTR), lasting(ENOSYS), lasting(EPERM)}},
    {Site::ring_setup,
     "ring_setup",
     false,
     {lasting(EPERM), lasting(ENOSYS), lasting(EINVAL), lasting(ENOMEM), lasting(EMFILE),
      lasting(ENFILE)}},
    {Site::ring_enter,
     "ring_enter",
     false,
     {passing(EINTR), passing(EAGAIN), passing(EBUSY), passing(ENOMEM)}},
    // A policy that came after the ring, no memory, an older kernel.
    {Site::ring_enroll, "ring_enroll", false, {lasting(ENOMEM), lasting(EINVAL), lasting(EPERM)}},
    {Site::ring_enable, "ring_enable", false, {lasting(EPERM)}},
    {Site::ring_map, "ring_map", false, {lasting(ENOMEM), lasting(EAGAIN)}},
    {Site::ring_receive,
     "ring_receive",
     true,
     {lasting(ECONNRESET), lasting(ENOMEM), passing(EINTR)}},
    {Site::ring_send, "ring_send", true, {lasting(EPIPE), lasting(ECONNRESET), lasting(ENOMEM)}},
    {Site::ring_accept,
     "ring_accept",
     false,
     {lasting(EMFILE), lasting(ENFILE), lasting(ENOMEM), passing(ECONNABORTED)}},
    {Site::ring_poll, "ring_poll", false, {lasting(ENOMEM)}},
    // Many times: an older kernel.
    {Site::ring_wake, "ring_wake", false, {passing(ENOMEM), lasting(EINVAL)}},
    {Site::ring_wake_once, "ring_wake_once", false, {passing(ENOMEM)}},
    {Site::ring_cancel, "ring_cancel", false, {passing(ENOENT), passing(EALREADY)}},
    {Site::allocate, "allocate", false, {lasting(ENOMEM)}},
    {Site::start_thread, "start_thread", false, {lasting(EAGAIN)}},
    {Site::at_thread_exit, "at_thread_exit", false, {lasting(ENOMEM)}},
    {Site::pin_thread, "pin_thread", false, {lasting(EINVAL), lasting(ENOMEM)}},
    // Small files of /proc and /sys.
    {Site::read_setting, "read_setting", false, {lasting(EMFILE), lasting(EACCES)}},
};
static_assert(sizeof sites / sizeof sites[0] == site_count);

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < site_count; ++i) {
        if (sites[i].site != static_cast<Site>(i) || sites[i].errors[0].code == 0) return false;
    }
    return true;
}
static_assert(is_in_order());

bool is_word(const char* text, const char* word, std::size_t size) {
    return std::strlen(text) == size && std::memcmp(text, word, size) == 0;
}

}  // namespace

const Exempt exempt[] = {
    {"table.check_access", "asks for the mode of an open descriptor, which is at hand"},
    {"table.close", "the number is free whatever it answers"},
    {"table.raise_wakeup", "an eventfd is full after 2^64 - 2 wakes"},
    {"table.take_wakeups", "fails only when nothing was raised, which is 0"},
    {"table.now", "the monotonic clock is always there"},
    {"table.join_thread", "fails only for what is no thread to join"},
    {"table.yield_thread", "never fails"},
    {"memory_table.show_in_dumps", "advice, whose refusal is nobody's error"},
    {"memory_table.release", "gives back what one reservation made, so nothing is split"},
    {"memory_table.resident", "an estimate for a dump"},
    {"epoll_table.close", "the number is free whatever it answers"},
    {"io_uring_table.unmap", "gives back what one mapping made, so nothing is split"},
    {"io_uring_table.close", "the number is free whatever it answers"},
};
const std::size_t exempt_count = sizeof exempt / sizeof exempt[0];

const SiteInfo& info_of(Site site) noexcept {
    return sites[static_cast<std::size_t>(site)];
}

Site site_of(const char* name, std::size_t size) noexcept {
    for (const SiteInfo& info : sites) {
        if (is_word(info.name, name, size)) return info.site;
    }
    return Site::count;
}

const Error* find_error(Site site, int code) noexcept {
    for (const Error& error : info_of(site).errors) {
        if (error.code == code && code != 0) return &error;
    }
    return nullptr;
}

const char* name_of_code(int code) noexcept {
    // ZIO_ETIMEDOUT is the caller's deadline, ZIO_EAGAIN and the others have the system's numbers.
    const char* name = error_name(-code);
    constexpr char prefix[] = "ZIO_";
    const bool has_prefix = std::strncmp(name, prefix, sizeof prefix - 1) == 0;
    return has_prefix ? name + sizeof prefix - 1 : name;
}

int code_of(const char* name, std::size_t size) noexcept {
    int number = 0;
    for (std::size_t i = 0; i < size && number >= 0; ++i) {
        const bool is_digit = name[i] >= '0' && name[i] <= '9' && number < 1000;
        number = is_digit ? number * 10 + (name[i] - '0') : -1;
    }
    if (number > 0) return number;
    for (int code = 1; code < 134; ++code) {
        if (is_word(name_of_code(code), name, size)) return code;
    }
    return 0;
}

}  // namespace zio::fault
