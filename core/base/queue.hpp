// SPDX-License-Identifier: MIT
#pragma once
// Intrusive first-in first-out queue: no allocation, an element is on at most one queue, and the
// `next` member belongs to that queue meanwhile.

namespace zio {

template <class Item>
class Queue {
  public:
    Queue() = default;
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    bool empty() const { return first_ == nullptr; }
    Item* first() const { return first_; }

    void push(Item& item) {
        item.next = nullptr;
        if (last_ != nullptr) {
            last_->next = &item;
        } else {
            first_ = &item;
        }
        last_ = &item;
    }
    Item* pop() {
        Item* item = first_;
        if (item != nullptr) {
            first_ = item->next;
            if (first_ == nullptr) last_ = nullptr;
            item->next = nullptr;
        }
        return item;
    }
    // Takes `item` out of the middle; false when it is not here. Linear.
    bool remove(Item& item) {
        Item* before = nullptr;
        for (Item* here = first_; here != nullptr; before = here, here = here->next) {
            if (here != &item) continue;
            (before != nullptr ? before->next : first_) = item.next;
            if (last_ == &item) last_ = before;
            item.next = nullptr;
            return true;
        }
        return false;
    }

  private:
    Item* first_ = nullptr;
    Item* last_ = nullptr;
};

}  // namespace zio
