// SPDX-License-Identifier: MIT
#pragma once
// Operations and their completion, without tasks: a backend, the queue of what has finished, and
// the inbox through which other threads reach the loop's owner. Two consumers: a worker whose
// tasks wait, and `zio_loop` whose callbacks run.
#include <memory>

#include "core/base/attributes.hpp"
#include "core/base/inbox.hpp"
#include "core/base/relaxed.hpp"
#include "core/loop/backend.hpp"

namespace zio::loop {

class Loop {
  public:
    // `inbox` is given when pushers must be able to reach it after the loop has gone.
    explicit Loop(std::unique_ptr<Backend> backend, Inbox* inbox = nullptr)
        : backend_(std::move(backend)), inbox_(inbox != nullptr ? *inbox : own_inbox_) {}
    ~Loop();

    // Begins `operation`. True: it has finished at once and `result` is set. False: it comes back
    // from `next_completed`, exactly once.
    ZIO_INLINE bool start(Operation& operation) {
        ZIO_ASSERT(operation.state == OperationState::idle);
        operation.state = OperationState::started;
        submitted_count_ = submitted_count_ + 1;
        os::probe::operation_start(&operation, static_cast<std::uint8_t>(operation.kind),
                                   operation.handle);
        if (backend_->start(operation)) {
            ZIO_ASSERT(operation.state == OperationState::finished);
            return true;
        }
        pending_count_ = pending_count_ + 1;
        return false;
    }

    // Asks once for the end of an operation; a second request, or one for an operation that has
    // finished already, changes nothing. The operation comes back from `next_completed` as ever.
    void cancel(Operation& operation);

    // The next operation that has finished, null when there is none.
    ZIO_INLINE Operation* next_completed() {
        Operation* operation = completed_.pop();
        if (operation != nullptr) {
            ZIO_ASSERT(operation->state == OperationState::finished);
            ZIO_ASSERT(pending_count_ > 0);
            pending_count_ = pending_count_ - 1;
        }
        return operation;
    }

    bool has_completed() const { return !completed_.empty(); }
    bool has_queued() const { return backend_->has_queued(); }
    bool may_have_finished() const { return backend_->may_have_finished(); }

    // Moves on without blocking.
    void poll();
    // Moves on, and blocks until something finished, mail came or `until` has passed.
    void poll_until(Instant until);

    // What other threads pushed, oldest first (see Inbox::take_first).
    InboxNode* take_mail();
    bool has_mail() const { return mail_ != nullptr || inbox_.has_mail(); }

    // Any thread: leaves `node` for the owner and ends its sleep. False: the owner is gone.
    bool push(InboxNode& node, unsigned tag) {
        const Inbox::Pushed pushed = inbox_.push(node, tag);
        if (pushed == Inbox::Pushed::owes_wake) backend_->wake();
        return pushed != Inbox::Pushed::closed;
    }
    // The same for who pushed on the inbox itself and owes the wake.
    void wake() { backend_->wake(); }

    // The owner leaves: refuses further mail and waits for the wakes it was promised. False: there
    // is mail, take it first.
    bool close_inbox();

    // For good, in a forked child: closes what its copy of the backend holds of the system.
    void part_with_backend() { backend_.reset(); }

    Backend& backend() { return *backend_; }
    Instant now() const { return backend_->now(); }
    Instant real_now() const { return backend_->real_now(); }
    std::uint32_t pending_count() const { return pending_count_; }
    std::uint64_t submitted_count() const { return submitted_count_; }
    std::uint64_t poll_count() const { return poll_count_; }
    std::uint64_t slept_ns() const { return slept_ns_; }
    // When the owner last came back from a wait.
    Instant woke_at() const { return woke_at_; }
    // How often another thread ended the owner's sleep.
    std::uint64_t wake_count() const { return wake_count_; }

  private:
    void settle_wakes() {
        const std::uint64_t seen = backend_->take_wakes();
        owed_wakes_ -= static_cast<std::int64_t>(seen);
        wake_count_ = wake_count_ + seen;
    }

    std::unique_ptr<Backend> backend_;
    Completed completed_;
    InboxNode* mail_ = nullptr;  // drained while going to sleep, not yet taken
    Relaxed<std::uint32_t> pending_count_{0};
    std::int64_t owed_wakes_ = 0;  // promised by pushers and not yet seen
    Relaxed<std::uint64_t> submitted_count_{0};
    Relaxed<std::uint64_t> poll_count_{0};
    Relaxed<std::uint64_t> slept_ns_{0};
    Relaxed<std::uint64_t> wake_count_{0};
    Instant woke_at_ = 0;
    alignas(64) Inbox own_inbox_;  // what other threads write
    Inbox& inbox_;
};

}  // namespace zio::loop
