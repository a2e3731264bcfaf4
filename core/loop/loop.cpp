// SPDX-License-Identifier: MIT
#include "core/loop/loop.hpp"

#include "core/base/mutant.hpp"

namespace zio::loop {

Loop::~Loop() {
    ZIO_ASSERT(pending_count_ == 0);
    ZIO_ASSERT(mail_ == nullptr);
}

void Loop::cancel(Operation& operation) {
    if (operation.state != OperationState::started) return;
    operation.state = OperationState::canceling;
    if (backend_->cancel(operation)) completed_.push(operation);
}

void Loop::poll() {
    poll_count_ = poll_count_ + 1;
    backend_->poll(completed_, 0);
    settle_wakes();
}

void Loop::poll_until(Instant until) {
    if (!completed_.empty() || mail_ != nullptr || until == 0 || !inbox_.park()) {
        poll();
        return;
    }
    poll_count_ = poll_count_ + 1;
    const Instant before = now();
    backend_->poll(completed_, until);
    woke_at_ = now();
    slept_ns_ = slept_ns_ + (woke_at_ - before);
    bool promised = false;
    mail_ = inbox_.drain(true, &promised);
    if (ZIO_MUTANT(9, false, promised)) ++owed_wakes_;
    settle_wakes();
}

InboxNode* Loop::take_mail() {
    InboxNode* chain = mail_;
    mail_ = nullptr;
    if (chain == nullptr && inbox_.has_mail()) chain = inbox_.drain(false, nullptr);
    return chain;
}

bool Loop::close_inbox() {
    if (mail_ != nullptr || !inbox_.close()) return false;
    while (ZIO_MUTANT(10, false, owed_wakes_ > 0)) {
        backend_->poll(completed_, forever);
        settle_wakes();
    }
    return true;
}

}  // namespace zio::loop
