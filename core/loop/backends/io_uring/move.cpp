// SPDX-License-Identifier: MIT
// Which thread may enter the ring, and what becomes of it when another one comes to drive the loop
// (see io_uring.hpp).
#include "core/loop/backends/io_uring/io_uring.hpp"
#include "core/os/error.hpp"

namespace zio::loop::io_uring {

namespace {

// How soon the end of another thread is noticed.
constexpr Instant look_again_ns = 10'000'000;

}  // namespace

// False: this thread cannot have the ring. `status_` tells why; 0: another one holds operations.
bool IoUring::move_here(std::uint64_t thread, Completed& completed) {
    status_ = 0;
    if (owner_ != 0 && !leave_ring(completed)) return false;
    owner_ = 0;
    const std::int32_t status = bind();
    if (status < 0) {
        ring_.close(false);
        status_ = os::error_from_code(-status);
        return false;
    }
    owner_ = thread;
    owner_id_ = os::thread_id();
    owner_since_ = ++turn_;
    return true;
}

// Makes the ring free for another thread, or gives it up.
bool IoUring::leave_ring(Completed& completed) {
    if ((ring_.setup_flags() & IORING_SETUP_SINGLE_ISSUER) == 0) {
        ring_.forget_registration(false);
        return true;
    }
    const bool was_alive = !holds_none() && os::is_thread_alive(owner_id_);
    // What had finished by then did have an effect. Only an entry of that thread can add to it.
    reap(completed);
    if (!holds_none() && (was_alive || ring_.has_overflowed())) return false;
    ring_.close(false);
    wake_is_armed_ = false;
    for (const Place place : {kernel, cancel_queued, cancel_sent}) {
        while (Operation* operation = lists_[place].first()) {
            take(*operation);
            if (operation->state == OperationState::canceling) {
                complete(*operation, error::canceled, completed);
                continue;
            }
            // The old ring's wait may live a little longer, and of two waits that accept only one
            // hears of a connection; but a wait for readiness always does.
            if (operation->kind == OperationKind::accept) {
                operation->backend_flags |= by_readiness;
            }
            queue(*operation);
        }
    }
    return true;
}

std::int32_t IoUring::bind() {
    if (!ring_.is_open()) {
        const std::int32_t status = open();
        if (status < 0) return status;
    }
    const std::int32_t status = ring_.enable();
    // A thread has sixteen places for registered rings; without one it just takes a little longer.
    if (status == 0) ring_.register_descriptor();
    return status;
}

void IoUring::wait_elsewhere(Completed& completed, Instant until) {
    refuse(starting, completed);
    refuse(receives, completed);
    retry_delayed(completed);
    if (batch_ != 0) return;
    os::ReadyRequest request{wakeup_, os::ready_read, 0};
    Instant end = until < retry_at_ ? until : retry_at_;
    if (ring_.is_open() && end > look_again_ns) {
        const Instant look_again = now() + look_again_ns;
        if (look_again < end) end = look_again;
    }
    if (os::table.wait_ready(&request, 1, end) > 0) count_wakes();
}

void IoUring::refuse(Place place, Completed& completed) {
    Operation* next = nullptr;
    for (Operation* operation = lists_[place].first(); operation != nullptr; operation = next) {
        next = operation->next;
        take(*operation);
        complete(*operation, status_ != 0 ? status_ : error::busy, completed);
    }
}

}  // namespace zio::loop::io_uring
