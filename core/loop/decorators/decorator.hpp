// SPDX-License-Identifier: MIT
#pragma once
// A backend around another one, which it leaves as it is: everything that a decorator does not
// change goes straight through. Only loops that were given one pay for it.
#include <utility>

#include "core/loop/backend.hpp"

namespace zio::loop {

class Decorator : public Backend {
  public:
    const char* name() const override { return inner_->name(); }
    Support support(OperationKind kind) const override { return inner_->support(kind); }
    bool start(Operation& operation) override { return inner_->start(operation); }
    bool cancel(Operation& operation) override { return inner_->cancel(operation); }
    bool may_have_finished() const override { return inner_->may_have_finished(); }
    bool has_queued() const override { return inner_->has_queued(); }
    void wake() override { inner_->wake(); }
    std::uint64_t take_wakes() override { return inner_->take_wakes(); }
    bool remembers() const override { return inner_->remembers(); }
    void forget(os::Handle handle) override { inner_->forget(handle); }
    os::Handle pollable() const override { return inner_->pollable(); }
    Instant now() const override { return inner_->now(); }
    Instant real_now() const override { return inner_->real_now(); }
    bool simulates() const override { return inner_->simulates(); }
    bool chooses() const override { return inner_->chooses(); }
    std::uint32_t choose(std::uint32_t count) override { return inner_->choose(count); }
    bool idle_for_ever() const override { return inner_->idle_for_ever(); }

  protected:
    explicit Decorator(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}
    Backend& inner() const { return *inner_; }

  private:
    const std::unique_ptr<Backend> inner_;
};

}  // namespace zio::loop
