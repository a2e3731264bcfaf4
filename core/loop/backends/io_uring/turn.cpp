// SPDX-License-Identifier: MIT
// One turn: fill the ring, enter the kernel once, let it hand out what it holds back, and serve
// exactly the batch that was complete by then, in the kernel's order. What completes meanwhile
// belongs to the next turn.
//
// With DEFER_TASKRUN the kernel runs about twenty of its deferred completions for each entry and
// keeps the rest, so it is entered again while it says that there are more *and* the last entry
// brought some; the flag alone may stay set with nothing behind it.
#include <cerrno>

#include "core/base/attributes.hpp"
#include "core/loop/backends/io_uring/encode.hpp"
#include "core/loop/backends/io_uring/io_uring.hpp"
#include "core/os/error.hpp"
#include "core/os/faults/submission.hpp"

namespace zio::loop::io_uring {

namespace {

constexpr Instant pause_ns = 1'000'000;
constexpr unsigned drain_limit = 256;

Instant earlier(Instant first, Instant second) {
    return first < second ? first : second;
}

}  // namespace

void IoUring::poll(Completed& completed, Instant until) {
    batch_ = 0;
    is_woken_ = false;
    for (;;) {
        const std::uint64_t thread = this_thread();
        if (ZIO_LIKELY(thread == owner_) || move_here(thread, completed)) {
            turn(completed, until);
        } else {
            wait_elsewhere(completed, until);
        }
        if (batch_ != 0 || is_woken_ || until == 0) return;
        if (until < forever && now() >= until) return;
    }
}

void IoUring::turn(Completed& completed, Instant until) {
    ++turn_;
    is_stalled_ = false;
    fill();
    enter(until);
    reap(completed);
    retry_delayed(completed);
}

// Everything that is queued becomes submissions, but of the receives only the oldest.
void IoUring::fill() {
    recheck_cancels();
    if (!wake_is_armed_) {
        io_uring_sqe* submission = slot();
        if (submission == nullptr) return;
        encode_wake(wakeup_, wake_many_times_, *submission);
        ZIO_FAULT_SUBMISSION(*submission, true);
        wake_is_armed_ = true;
    }
    while (Operation* operation = lists_[cancel_queued].first()) {
        io_uring_sqe* submission = slot();
        if (submission == nullptr) return;
        move(*operation, cancel_sent);
        encode_cancel(*operation, *submission);
        ZIO_FAULT_SUBMISSION(*submission, true);
    }
    while (Operation* operation = lists_[starting].first()) {
        if (!submit(*operation)) return;
    }
    for (std::uint32_t width = window_.width(); width > 0; --width) {
        Operation* operation = lists_[receives].first();
        if (operation == nullptr || !submit(*operation)) return;
    }
}

// Room for a submission. Null: the kernel does not take those before it.
io_uring_sqe* IoUring::slot() {
    io_uring_sqe* submission = ring_.take();
    if (ZIO_LIKELY(submission != nullptr)) return submission;
    note(ring_.enter(ring_.queued_count(), 0, 0, nullptr));
    submission = ring_.take();
    if (submission == nullptr) is_stalled_ = true;
    return submission;
}

bool IoUring::submit(Operation& operation) {
    io_uring_sqe* submission = slot();
    if (submission == nullptr) return false;
    move(operation, kernel);
    operation.backend_index = turn_;
    if ((operation.backend_flags & by_readiness) != 0) {
        encode_readiness(operation, *submission);
    } else {
        encode(operation, *submission);
    }
    ZIO_FAULT_SUBMISSION(*submission, false);
    return true;
}

void IoUring::enter(Instant until) {
    const std::uint32_t before = ring_.completion_tail();
    const bool has_completed = before != ring_.completion_head();
    if (until != 0 && !has_completed && (is_stalled_ || lists_[receives].empty())) {
        enter_and_wait(until);
    } else if (ring_.queued_count() != 0 || ring_.has_deferred() || ring_.has_overflowed()) {
        note(ring_.enter(ring_.queued_count(), 0, IORING_ENTER_GETEVENTS, nullptr));
    } else {
        return;
    }
    drain(before);
}

void IoUring::enter_and_wait(Instant until) {
    Instant end = earlier(until, earlier(retry_at_, recheck_at_));
    std::uint32_t submit_count = ring_.queued_count();
    if (is_stalled_) {
        // Only completions can make room, and trying again would end the wait at once.
        end = earlier(end, now() + pause_ns);
        submit_count = 0;
    }
    std::uint32_t flags = IORING_ENTER_GETEVENTS;
    if ((ring_.features() & os::io_uring_feature_no_iowait) != 0) {
        flags |= os::io_uring_enter_no_iowait;  // to wait for a network is not to wait for a disk
    }
    if (end == forever) {
        note(ring_.enter(submit_count, 1, flags, nullptr));
        return;
    }
    const Instant present = now();
    const Instant rest_ns = end > present ? end - present : 0;
    __kernel_timespec rest{};
    rest.tv_sec = static_cast<std::int64_t>(rest_ns / second_ns);
    rest.tv_nsec = static_cast<std::int64_t>(rest_ns % second_ns);
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(&rest);
    note(ring_.enter(submit_count, 1, flags | IORING_ENTER_EXT_ARG, &argument));
}

void IoUring::drain(std::uint32_t before) {
    if ((ring_.setup_flags() & IORING_SETUP_DEFER_TASKRUN) == 0) return;
    const std::uint32_t enough = ring_.completion_capacity() / 2;
    for (unsigned pass = 0; pass < drain_limit && ring_.has_deferred(); ++pass) {
        const std::uint32_t tail = ring_.completion_tail();
        if (tail == before || tail - ring_.completion_head() > enough) return;
        before = tail;
        note(ring_.enter(0, 0, IORING_ENTER_GETEVENTS, nullptr));
    }
}

// What an entry may answer beside a count. EBADR, which tells that a completion was lost, is not
// among them: the operation it was for would wait for ever.
void IoUring::note(std::int32_t entered) {
    if (entered >= 0 || entered == -EINTR || entered == -ETIME) return;
    ZIO_ASSERT(entered == -EAGAIN || entered == -EBUSY || entered == -ENOMEM);
    is_stalled_ = true;
}

void IoUring::reap(Completed& completed) {
    const std::uint32_t tail = ring_.completion_tail();
    std::uint32_t head = ring_.completion_head();
    if (head == tail) return;
    for (; head != tail; ++head) {
        const io_uring_cqe& completion = ring_.completion(head);
        if (completion.user_data == wake_cookie) {
            woke(completion.res, completion.flags);
        } else if (completion.user_data == cancel_cookie) {
            cancel_answered(completion.res);
        } else {
            const auto cookie = static_cast<std::uintptr_t>(completion.user_data);
            ended(*reinterpret_cast<Operation*>(cookie), completion.res, completed);
        }
    }
    ring_.release(head);
}

void IoUring::woke(std::int32_t result, std::uint32_t flags) {
    ZIO_ASSERT(result != -EBADF);  // somebody closed a descriptor that is ours
    if (result == -EINVAL) wake_many_times_ = false;
    if ((flags & IORING_CQE_F_MORE) == 0) wake_is_armed_ = false;
    if (result > 0) count_wakes();
}

void IoUring::count_wakes() {
    const std::int64_t count = os::table.take_wakeups(wakeup_);
    if (count <= 0) return;
    wake_count_ += static_cast<std::uint64_t>(count);
    is_woken_ = true;
}

// A cancel finds nothing when its operation has completed already, which is common, or while the
// operation is between two of its states, which is not: then it is sent again, after a pause.
void IoUring::cancel_answered(std::int32_t result) {
    if (result < 0 && recheck_at_ == forever && !lists_[cancel_sent].empty()) {
        recheck_at_ = now() + pause_ns;
    }
}

void IoUring::recheck_cancels() {
    if (recheck_at_ == forever) return;
    if (!lists_[cancel_sent].empty()) {
        if (now() < recheck_at_) return;
        while (Operation* operation = lists_[cancel_sent].first()) {
            move(*operation, cancel_queued);
        }
    }
    recheck_at_ = forever;
}

void IoUring::ended(Operation& operation, std::int32_t result, Completed& completed) {
    take(operation);
    const std::int64_t outcome = outcome_of(operation, result);
    if (outcome == error::would_block) {
        queue(operation);
    } else {
        complete(operation, outcome, completed);
    }
}

// `would_block`: it had no effect and is to be submitted again.
std::int64_t IoUring::outcome_of(Operation& operation, std::int32_t result) {
    const bool is_canceling = operation.state == OperationState::canceling;
    if (result == -ECANCELED || result == -EINTR || result == -EAGAIN) {
        if (is_canceling) return error::canceled;
        if (result == -EAGAIN) operation.backend_flags |= by_readiness;
        if (result == -ECANCELED) {
            // Nobody asked: the thread that submitted it has ended.
            const auto age = static_cast<std::int32_t>(operation.backend_index - owner_since_);
            if (age >= 0) return error::canceled;
        }
        return error::would_block;
    }
    if ((operation.backend_flags & by_readiness) != 0) {
        if (result < 0) return os::error_from_code(-result);
        return is_canceling ? error::canceled : attempt(operation, true);
    }
    if (direction_of(operation.kind) == os::Direction::read) {
        if (operation.kind != OperationKind::accept) {
            window_.count(operation.handle);
        } else {
            productive(operation.handle) = operation.backend_index == turn_;
        }
    }
    if (result < 0) return os::error_from_code(-result);
    if (operation.kind == OperationKind::accept) {
        auto& accept = static_cast<Accept&>(operation);
        // A peer whose name cannot be expressed is a peer all the same.
        if (accept.peer != nullptr &&
            os::from_sockaddr(*accept.peer, accept.backend_address, accept.peer_size) < 0) {
            *accept.peer = os::Address{};
        }
    }
    return result;
}

void IoUring::complete(Operation& operation, std::int64_t outcome, Completed& completed) {
    operation.finish(outcome);
    completed.push(operation);
    ++batch_;
}

}  // namespace zio::loop::io_uring
