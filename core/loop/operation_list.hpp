// SPDX-License-Identifier: MIT
#pragma once
// Operations that wait in a backend, first come first served. Any of them may be canceled, so each
// knows its neighbours on both sides: `next` and `backend_link`.
#include "core/loop/operation.hpp"

namespace zio::loop {

class OperationList {
  public:
    bool empty() const { return first_ == nullptr; }
    Operation* first() const { return first_; }
    Operation* last() const { return last_; }

    void push(Operation& operation) {
        operation.next = nullptr;
        operation.backend_link = last_;
        (last_ != nullptr ? last_->next : first_) = &operation;
        last_ = &operation;
    }
    void remove(Operation& operation) {
        Operation* const before = operation.backend_link;
        Operation* const after = operation.next;
        ZIO_ASSERT(before != nullptr ? before->next == &operation : first_ == &operation);
        (before != nullptr ? before->next : first_) = after;
        (after != nullptr ? after->backend_link : last_) = before;
        operation.next = operation.backend_link = nullptr;
    }

  private:
    Operation* first_ = nullptr;
    Operation* last_ = nullptr;
};

}  // namespace zio::loop
