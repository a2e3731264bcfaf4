// SPDX-License-Identifier: MIT
#include "core/context/stack_class.hpp"

#include <atomic>
#include <cstdio>

#include "core/base/assert.hpp"
#include "core/base/error.hpp"
#include "core/os/memory.hpp"

namespace zio::context {
namespace {

constexpr std::size_t guard_least = 64 * 1024;
constexpr std::size_t colours = 16;  // tops on page boundaries would share the same cache sets
constexpr std::size_t colour_step = 64;
constexpr std::uint32_t batch = 64;       // slots per system call, at most
constexpr std::uint32_t first_batch = 8;  // most runtimes of a moment need no more

// Guards by access rights in the whole process. Each splits a mapping in two.
std::atomic<std::uint32_t> forbidden_in_process{0};
std::uint32_t forbidden_limit() {
    const std::uint64_t limit = os::mapping_limit() / 2 * 8 / 10;
    return limit < UINT32_MAX ? static_cast<std::uint32_t>(limit) : UINT32_MAX;
}

std::uint32_t budget_left() {
    const std::uint32_t used = forbidden_in_process.load(std::memory_order_relaxed);
    return used < forbidden_limit() ? forbidden_limit() - used : 0;
}
bool take_from_budget() {
    if (forbidden_in_process.fetch_add(1, std::memory_order_relaxed) < forbidden_limit())
        return true;
    forbidden_in_process.fetch_sub(1, std::memory_order_relaxed);
    return false;
}

std::size_t round_up(std::size_t value, std::size_t unit) {
    return (value + unit - 1) / unit * unit;
}

std::uint32_t least(std::uint32_t a, std::uint32_t b) {
    return a < b ? a : b;
}

}  // namespace

void StackClass::lay_out(const StackLayout& layout) {
    const std::size_t page = os::page_size();
    // The first stack pointer is 8 below a multiple of 16, as after a call; the head follows it.
    head_room_ = (layout.head_size + 7) / 16 * 16 + 8 + 16;
    guard_size_ = round_up(guard_least, page);
    const std::size_t top = head_room_ + (colours - 1) * colour_step;
    slot_size_ = guard_size_ + round_up(layout.usable + top, page);
    if (slot_size_ / page % 2 == 0) slot_size_ += page;
}

// One reservation: the array of cached stacks, in whole pages, and then the stacks.
std::size_t StackClass::array_size(std::uint32_t count) const {
    return round_up(count * sizeof(char*), os::page_size());
}
std::size_t StackClass::reservation_size(std::uint32_t count) const {
    return array_size(count) + count * slot_size_;
}

// As much as fits. Where a limit was met, a quarter of that: others live in this process, too.
bool StackClass::reserve(std::uint32_t wanted) {
    auto& memory = os::memory_table;
    char* reserved = memory.reserve(reservation_size(wanted));
    std::uint32_t count = wanted;
    while (reserved == nullptr && count > 1) {
        count /= 2;
        reserved = memory.reserve(reservation_size(count));
    }
    if (reserved == nullptr) return false;
    if (count < wanted && count >= 4) {
        memory.release(reserved, reservation_size(count));
        count /= 4;
        reserved = memory.reserve(reservation_size(count));
        if (reserved == nullptr) return false;
    }
    ready_ = reinterpret_cast<char**>(reserved);
    capacity_ = count;
    // A handler may look up an address while we open: the base comes last.
    __atomic_store_n(&base_, reserved + array_size(count), __ATOMIC_RELEASE);
    return true;
}

std::int32_t StackClass::open(const StackLayout& layout, StackPolicy* policy) {
    ZIO_ASSERT(!is_open());
    policy_ = policy;
    lay_out(layout);
    std::uint32_t slots = layout.slots > 0 ? layout.slots : 1;
    // More than the budget allows can never be used. (Emulators pay for reserving, too.)
    if (!policy->by_advice && slots > forbidden_limit()) slots = forbidden_limit() + 1;
    if (reserve(slots)) return 0;
    std::snprintf(policy_->explanation, sizeof policy_->explanation,
                  "address space limit reached: no room for one stack of %zu KiB (see ulimit -v)",
                  slot_size_ / 1024);
    return error::no_stack;
}

void StackClass::close() {
    if (!is_open()) return;
    char* reserved = base_ - array_size(capacity_);
    __atomic_store_n(&base_, nullptr, __ATOMIC_RELEASE);
    os::memory_table.release(reserved, reservation_size(capacity_));
    forbidden_in_process.fetch_sub(forbidden_, std::memory_order_relaxed);
    ready_ = nullptr;
    ready_count_ = cold_count_ = handed_ = 0;
    guarded_ = capacity_ = guaranteed_ = forbidden_ = 0;
}

char* StackClass::first_stack_pointer(std::uint32_t slot) const {
    return slot_at(slot + 1) - slot % colours * colour_step - head_room_;
}

void StackClass::explain_no_slots() {
    std::snprintf(policy_->explanation, sizeof policy_->explanation,
                  "address space limit reached: all %u stacks of %zu KiB that were reserved are in "
                  "use",
                  capacity_, slot_size_ / 1024);
}

void StackClass::explain_no_mappings() {
    std::snprintf(policy_->explanation, sizeof policy_->explanation,
                  "mapping limit reached: without guard advice of the kernel each stack costs two "
                  "mappings, and vm.max_map_count (%llu) leaves room for %u stacks",
                  static_cast<unsigned long long>(os::mapping_limit()), forbidden_limit());
}

bool StackClass::advise_guards(std::uint32_t count) {
    os::MemoryRange ranges[batch];
    for (std::uint32_t i = 0; i < count; i++) ranges[i] = {slot_at(guarded_ + i), guard_size_};
    if (os::memory_table.install_guards(ranges, count) != 0) return false;
    guarded_ += count;
    return true;
}

// Stops where the budget or the system does; what was done stays usable.
bool StackClass::forbid_guards(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; i++) {
        if (!take_from_budget()) break;
        if (os::memory_table.forbid(slot_at(guarded_), guard_size_) != 0) {
            forbidden_in_process.fetch_sub(1, std::memory_order_relaxed);
            break;
        }
        forbidden_++;
        guarded_++;
        if (i + 1 == count) return true;
    }
    explain_no_mappings();
    return false;
}

bool StackClass::guard_until(std::uint32_t total) {
    if (total > capacity_) {
        explain_no_slots();
        return false;
    }
    while (guarded_ < total) {
        const std::uint32_t wanted = guarded_ < first_batch ? first_batch : least(batch, guarded_);
        const std::uint32_t count = least(wanted, capacity_ - guarded_);
        const std::uint32_t before = guarded_;
        if (policy_->by_advice && advise_guards(count)) continue;
        // Advice that worked before and is refused now: the system is short of memory. Rights may
        // still be had.
        if (!forbid_guards(count) && guarded_ == before) return false;
    }
    return true;
}

bool StackClass::guarantee(std::uint32_t total) {
    if (policy_->by_advice) {
        guaranteed_ = capacity_;  // guards follow on demand
        if (total <= capacity_) return true;
        explain_no_slots();
        return false;
    }
    if (total > guarded_ && total - guarded_ > budget_left()) {
        explain_no_mappings();
        return false;
    }
    const bool done = guard_until(total);
    guaranteed_ = guarded_;
    return done;
}

ZIO_NOINLINE char* StackClass::take_slow() {
    if (cold_count_ > 0) {
        cold_count_ = cold_count_ - 1;
        return *--ready_;
    }
    if (handed_ == guarded_ && !guard_until(handed_ + 1)) {
        const bool stack_was_guaranteed = handed_ < guaranteed_;
        ZIO_ASSERT(!stack_was_guaranteed);
        return nullptr;
    }
    const std::uint32_t count = least(batch, guarded_ - handed_);
    os::memory_table.show_in_dumps(slot_at(handed_), count * slot_size_);
    for (std::uint32_t i = count; i-- > 0;) give(first_stack_pointer(handed_ + i));
    handed_ = handed_ + count;
    return take();
}

bool StackClass::contains(const void* address) const {
    const char* base = __atomic_load_n(&base_, __ATOMIC_ACQUIRE);
    const auto offset =
        reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base);
    return base != nullptr && offset < capacity_ * slot_size_;
}

StackBounds StackClass::bounds(const char* stack) const {
    ZIO_ASSERT(contains(stack));
    const auto slot =
        static_cast<std::uint32_t>(static_cast<std::size_t>(stack - base_) / slot_size_);
    char* low = slot_at(slot) + guard_size_;
    return {low, static_cast<std::size_t>(first_stack_pointer(slot) - low)};
}

char* StackClass::guarded_stack(const void* address) const {
    if (!contains(address)) return nullptr;
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - base_);
    const auto slot = static_cast<std::uint32_t>(offset / slot_size_);
    if (slot >= guarded_ || offset % slot_size_ >= guard_size_) return nullptr;
    return first_stack_pointer(slot);
}

std::uint32_t StackClass::trim(std::uint32_t keep) {
    std::uint32_t trimmed = 0;
    while (ready_count_ > keep) {
        os::MemoryRange ranges[batch];
        const std::uint32_t count = least(batch, ready_count_ - keep);
        for (std::uint32_t i = 0; i < count; i++) {
            char* low = bounds(ready_[i]).low;
            ranges[i] = {low, slot_size_ - guard_size_};
        }
        if (os::memory_table.discard(ranges, count) != 0) break;
        ready_ += count;
        cold_count_ = cold_count_ + count;
        ready_count_ = ready_count_ - count;
        trimmed += count;
    }
    return trimmed;
}

}  // namespace zio::context
