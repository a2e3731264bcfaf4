// SPDX-License-Identifier: MIT
// Start and cancel: which operations are tried on the spot and which are queued for the next turn.
//
// Receives are queued without a try: after an answer the next request is rarely there yet, and the
// submission looks itself. A send is worth a submission only in a crowd: with eight or more
// completions in a turn the batch saves more than the wait costs; alone it is sent at once. Pipes
// and terminals are tried, then waited for (a READ through the ring would wait for the whole buffer
// on some kernels). Accepts are tried while the listener has a queue.
#include "core/loop/backends/io_uring/io_uring.hpp"

#include <atomic>

#include "core/base/attributes.hpp"
#include "core/loop/backends/io_uring/encode.hpp"

namespace zio::loop::io_uring {

namespace {

constexpr std::uint32_t crowd = 8;
constexpr Instant retry_pause_ns = 1'000'000;

std::atomic<std::uint64_t> thread_count{0};
ZIO_THREAD_LOCAL std::uint64_t thread_number = 0;

}  // namespace

std::uint64_t this_thread() {
    if (ZIO_UNLIKELY(thread_number == 0)) {
        thread_number = thread_count.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    return thread_number;
}

IoUring::~IoUring() {
    ring_.close(owner_ == this_thread());
    os::table.close(wakeup_);
}

Support IoUring::support(OperationKind kind) const {
    switch (kind) {
        case OperationKind::receive:
        case OperationKind::send:
        case OperationKind::receive_vector:
        case OperationKind::send_vector:
        case OperationKind::accept:
            return Support::native;
        default:
            return Support::by_readiness;
    }
}

bool IoUring::start(Operation& operation) {
    operation.backend_flags = nowhere;
    switch (operation.kind) {
        case OperationKind::receive:
        case OperationKind::receive_vector:
            if (is_empty(operation)) break;
            put(operation, receives);
            return false;
        case OperationKind::send:
        case OperationKind::send_vector:
            if (batch_ < crowd || is_empty(operation)) break;
            put(operation, starting);
            return false;
        case OperationKind::accept:
            if (productive(operation.handle) != 0) break;
            put(operation, starting);
            return false;
        default:
            break;
    }
    const std::int64_t outcome = attempt(operation, false);
    if (outcome != error::would_block) {
        operation.finish(outcome);
        return true;
    }
    wait(operation);
    return false;
}

// The try found that `operation` has to wait.
void IoUring::wait(Operation& operation) {
    switch (operation.kind) {
        case OperationKind::accept:
            productive(operation.handle) = 0;
            break;
        case OperationKind::receive:
        case OperationKind::send:
        case OperationKind::receive_vector:
        case OperationKind::send_vector:
            break;
        case OperationKind::connect:
            // A Unix listener's queue is full, and the system reports nothing when that changes.
            if (static_cast<Connect&>(operation).target.family == os::family_unix) {
                if (lists_[delayed].empty()) retry_at_ = now() + retry_pause_ns;
                put(operation, delayed);
                return;
            }
            operation.backend_flags |= by_readiness;
            break;
        default:
            operation.backend_flags |= by_readiness;
            break;
    }
    queue(operation);
}

// For the next submission.
void IoUring::queue(Operation& operation) {
    const bool receives_data =
        operation.kind == OperationKind::receive || operation.kind == OperationKind::receive_vector;
    const bool is_direct = (operation.backend_flags & by_readiness) == 0;
    put(operation, receives_data && is_direct ? receives : starting);
}

bool IoUring::cancel(Operation& operation) {
    if (place_of(operation) == kernel) {
        move(operation, cancel_queued);
        return false;
    }
    take(operation);
    operation.finish(error::canceled);
    return true;
}

bool IoUring::may_have_finished() const {
    return !ring_.is_open() || ring_.has_completed() || ring_.has_deferred() ||
           ring_.has_overflowed();
}

bool IoUring::has_queued() const {
    return !lists_[starting].empty() || !lists_[receives].empty() ||
           !lists_[cancel_queued].empty() || (ring_.is_open() && ring_.queued_count() != 0);
}

std::uint64_t IoUring::take_wakes() {
    const std::uint64_t count = wake_count_;
    wake_count_ = 0;
    return count;
}

void IoUring::retry_delayed(Completed& completed) {
    if (lists_[delayed].empty() || now() < retry_at_) return;
    constexpr unsigned many = 64;
    Operation* const last = lists_[delayed].last();
    for (unsigned i = 0; i < many; ++i) {
        Operation& operation = *lists_[delayed].first();
        take(operation);
        const std::int64_t outcome = attempt(operation, false);
        if (outcome == error::would_block) {
            put(operation, delayed);
        } else {
            complete(operation, outcome, completed);
        }
        if (&operation == last) break;
    }
    retry_at_ = lists_[delayed].empty() ? forever : now() + retry_pause_ns;
}

}  // namespace zio::loop::io_uring
