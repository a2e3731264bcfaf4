// SPDX-License-Identifier: MIT
#pragma once
// Stacks of one size: a reservation cut into slots of an odd number of pages (an even stride makes
// the tops of a thousand stacks fall into few sets of the second-level TLB). Each slot is a guard
// at the bottom and the stack above it; the owner's head lies at the very top:
//
//   slot base        low                          first stack pointer      slot end
//   |  guard >= 64 K |  usable, grows down        |8 | head | colour, pad  |
//
// Owned by one worker, no locks; others may look at the counts. A ready stack is known by its first
// stack pointer.
#include <cstddef>
#include <cstdint>

#include "core/base/attributes.hpp"
#include "core/base/relaxed.hpp"

namespace zio::context {

struct StackBounds {
    char* low;         // the guard lies directly below
    std::size_t size;  // [low, low + size) is the task's
};

struct StackLayout {
    std::size_t usable;     // bytes a task is promised, the head not counted
    std::size_t head_size;  // bytes at the top for the owner
    std::uint32_t slots;    // wanted; fewer when the address space is limited
};

// How stacks are guarded, and why one was refused. One for all classes of a pool.
struct StackPolicy {
    bool by_advice;              // a guard costs no mapping
    char explanation[200] = {};  // of the last refusal; a sentence
};

class StackClass {
  public:
    StackClass() = default;
    StackClass(const StackClass&) = delete;
    StackClass& operator=(const StackClass&) = delete;
    ~StackClass() { close(); }

    // 0, no_memory or no_stack (with the policy's explanation). `policy` must outlive the class.
    std::int32_t open(const StackLayout& layout, StackPolicy* policy);
    void close();
    bool is_open() const { return base_ != nullptr; }

    // A stack, the most recently used first, or null: see the policy's explanation.
    ZIO_INLINE char* take() {
        if (ZIO_UNLIKELY(ready_count_ == 0)) return take_slow();
        const std::uint32_t place = ready_count_ - 1;
        ready_count_ = place;
        return ready_[place];
    }
    ZIO_INLINE void give(char* stack) {
        const std::uint32_t place = ready_count_;
        ready_[place] = stack;
        ready_count_ = place + 1;
    }

    // Makes sure that `total` stacks can be out at once; below that take() never gives null. False:
    // as before.
    bool guarantee(std::uint32_t total);
    std::uint32_t guaranteed() const { return guaranteed_; }

    StackBounds bounds(const char* stack) const;
    // The stack whose guard holds `address`, or null. Async-signal-safe.
    char* guarded_stack(const void* address) const;
    bool contains(const void* address) const;  // async-signal-safe
    // Gives the pages of all cached stacks but the `keep` most recently used back to the system,
    // what the owner had in their heads included. Guards stay. Returns how many stacks that were.
    std::uint32_t trim(std::uint32_t keep);

    std::uint32_t capacity() const { return capacity_; }
    std::uint32_t handed_count() const { return handed_; }  // slots that were ever in use
    std::uint32_t cached_count() const { return ready_count_ + cold_count_; }
    std::size_t slot_size() const { return slot_size_; }

  private:
    ZIO_NOINLINE char* take_slow();
    char* slot_at(std::uint32_t slot) const { return base_ + slot * slot_size_; }
    char* first_stack_pointer(std::uint32_t slot) const;
    void lay_out(const StackLayout& layout);
    std::size_t array_size(std::uint32_t count) const;
    std::size_t reservation_size(std::uint32_t count) const;
    bool reserve(std::uint32_t wanted);
    bool guard_until(std::uint32_t total);
    bool advise_guards(std::uint32_t count);
    bool forbid_guards(std::uint32_t count);
    void explain_no_slots();
    void explain_no_mappings();

    // One array: first the stacks whose pages were given back, then, from `ready_` on, the warm
    // ones.
    char** ready_ = nullptr;
    Relaxed<std::uint32_t> ready_count_{0};
    Relaxed<std::uint32_t> cold_count_{0};
    Relaxed<std::uint32_t> handed_{0};  // slots [0, handed_) are out or cached
    std::uint32_t guarded_ = 0;         // slots [0, guarded_) have their guard
    std::uint32_t capacity_ = 0;
    std::uint32_t guaranteed_ = 0;
    std::uint32_t forbidden_ = 0;  // guards that cost mappings
    char* base_ = nullptr;
    std::size_t slot_size_ = 0;
    std::size_t guard_size_ = 0;
    std::size_t head_room_ = 0;
    StackPolicy* policy_ = nullptr;
};

}  // namespace zio::context
