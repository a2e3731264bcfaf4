// SPDX-License-Identifier: MIT
// The poller of Linux: edge-triggered epoll. A descriptor is registered once, for both directions.
#include "core/os/linux/epoll.hpp"

#include <new>
#include <utility>

#include "core/loop/readiness.hpp"

namespace zio::loop {

namespace {

constexpr std::size_t batch = 64;

// Urgent data counts as trouble: a transfer stops short at its mark though more may follow.
std::uint32_t bits_of(std::uint32_t events) {
    std::uint32_t bits = 0;
    if ((events & EPOLLIN) != 0) bits |= os::ready_read;
    if ((events & EPOLLOUT) != 0) bits |= os::ready_write;
    if ((events & (EPOLLRDHUP | EPOLLPRI)) != 0) bits |= os::ready_read | os::ready_hangup;
    if ((events & EPOLLHUP) != 0) bits |= os::ready_read | os::ready_write | os::ready_hangup;
    if ((events & EPOLLERR) != 0) bits |= os::ready_read | os::ready_write | os::ready_error;
    return bits;
}

class EpollPoller final : public Poller {
  public:
    EpollPoller(std::int32_t epoll, os::Handle wakeup) : epoll_(epoll), wakeup_(wakeup) {}
    ~EpollPoller() override {
        os::epoll_table.close(epoll_);
        os::table.close(wakeup_);
    }

    const char* name() const override { return "epoll"; }
    bool edge_triggered() const override { return true; }
    std::int32_t watch(os::Handle handle, std::uint32_t wanted) override;
    void unwatch(os::Handle handle) override {
        // Fails when the descriptor was closed behind our back; then the kernel has forgotten it.
        epoll_event ignored{};
        os::epoll_table.control(epoll_, EPOLL_CTL_DEL, static_cast<std::int32_t>(handle), &ignored);
    }
    std::size_t wait(ReadyEvent* events, std::size_t capacity, Instant until) override;
    void wake() override { os::table.raise_wakeup(wakeup_); }
    std::uint64_t take_wakes() override { return std::exchange(wake_count_, 0); }
    os::Handle pollable() const override { return epoll_; }

  private:
    std::int32_t wait_in_kernel(epoll_event* events, std::int32_t capacity, Instant until);

    const std::int32_t epoll_;
    const os::Handle wakeup_;
    std::uint64_t wake_count_ = 0;
    bool has_precise_wait_ = true;  // epoll_pwait2, since Linux 5.11
};

std::int32_t EpollPoller::watch(os::Handle handle, std::uint32_t wanted) {
    epoll_event event{};
    event.events = EPOLLET | EPOLLRDHUP;
    if ((wanted & os::ready_read) != 0) event.events |= EPOLLIN | EPOLLPRI;
    if ((wanted & os::ready_write) != 0) event.events |= EPOLLOUT;
    event.data.fd = static_cast<int>(handle);
    std::int32_t status = os::epoll_table.control(epoll_, EPOLL_CTL_ADD, event.data.fd, &event);
    if (status == error::exists) {
        status = os::epoll_table.control(epoll_, EPOLL_CTL_MOD, event.data.fd, &event);
    }
    // The user's share of the kernel's memory for this is used up.
    return status == error::no_space ? error::no_memory : status;
}

// A wait may end late but never early: times are rounded up.
std::int32_t EpollPoller::wait_in_kernel(epoll_event* events, std::int32_t capacity,
                                         Instant until) {
    if (until == 0) return os::epoll_table.wait(epoll_, events, capacity, 0);
    if (until >= forever) return os::epoll_table.wait(epoll_, events, capacity, -1);
    const Instant present = os::table.now();
    const Instant rest_ns = until > present ? until - present : 0;
    if (has_precise_wait_) {
        const std::int32_t count =
            os::epoll_table.wait_precisely(epoll_, events, capacity, rest_ns);
        if (count >= 0 || count == error::bad_handle) return count;
        has_precise_wait_ = false;
    }
    constexpr Instant ms = 1'000'000;
    const Instant rest_ms = (rest_ns + ms - 1) / ms;
    return os::epoll_table.wait(
        epoll_, events, capacity,
        rest_ms < INT32_MAX ? static_cast<std::int32_t>(rest_ms) : INT32_MAX);
}

std::size_t EpollPoller::wait(ReadyEvent* events, std::size_t capacity, Instant until) {
    epoll_event happened[batch];
    const auto limit = static_cast<std::int32_t>(capacity < batch ? capacity : batch);
    const std::int32_t count = wait_in_kernel(happened, limit, until);
    std::size_t filled = 0;
    for (std::int32_t i = 0; i < count; ++i) {
        if (happened[i].data.fd == wakeup_) {
            const std::int64_t raised = os::table.take_wakeups(wakeup_);
            if (raised > 0) wake_count_ += static_cast<std::uint64_t>(raised);
            continue;
        }
        events[filled++] = {happened[i].data.fd, bits_of(happened[i].events)};
    }
    return filled;
}

}  // namespace

Opened open_epoll(const BackendOptions&) {
    Opened opened;
    opened.reason = "epoll could not be opened";
    os::Handle wakeup = os::no_handle;
    opened.status = os::table.open_wakeup(&wakeup);
    if (opened.status < 0) return opened;
    const std::int32_t epoll = os::epoll_table.create();
    if (epoll < 0) {
        opened.status = epoll;
        os::table.close(wakeup);
        return opened;
    }
    std::unique_ptr<Poller> poller(new (std::nothrow) EpollPoller(epoll, wakeup));
    if (poller == nullptr) {
        os::epoll_table.close(epoll);
        os::table.close(wakeup);
    } else {
        opened.status = poller->watch(wakeup, os::ready_read);
        if (opened.status == 0) opened.backend = make_readiness_backend(std::move(poller));
    }
    if (opened.backend != nullptr) {
        opened.reason = "epoll works here";
    } else if (opened.status == 0) {
        opened.status = error::no_memory;
    }
    return opened;
}

}  // namespace zio::loop
