// SPDX-License-Identifier: MIT
#include "core/context/stack_pool.hpp"

#include <bit>
#include <cstdio>

#include "core/base/assert.hpp"
#include "core/base/error.hpp"
#include "core/os/memory.hpp"

namespace zio::context {
namespace {
// Address space for one size other than the default. Less where stacks are limited in number
// anyway, which includes emulators, for whom reserving is work.
constexpr std::uint64_t class_bytes = std::uint64_t{256} << 30;
constexpr std::uint64_t class_bytes_by_rights = std::uint64_t{64} << 30;

std::size_t usable_least() {
    return stack_size_least + os::signal_frame_size();
}
std::size_t larger(std::size_t a, std::size_t b) {
    return a > b ? a : b;
}
}  // namespace

std::int32_t StackPool::open(const StackOptions& options) {
    if (options.usable > stack_size_most || options.head_size > os::page_size()) {
        return error::invalid_argument;
    }
    if (options.guards == GuardMode::advice && !os::guards_work()) {
        std::snprintf(policy_.explanation, sizeof policy_.explanation,
                      "guards by advice were asked for, but this kernel does not have them");
        return error::no_stack;
    }
    policy_.by_advice = options.guards != GuardMode::access_rights && os::guards_work();
    standard_usable_ = larger(options.usable, usable_least());
    head_size_ = options.head_size;
    slots_ = options.slots;
    return standard_.open({standard_usable_, head_size_, slots_}, &policy_);
}

void StackPool::close() {
    standard_.close();
    for (StackClass& sized : sized_) sized.close();
}

char* StackPool::take_sized(std::size_t usable, StackClass** from) {
    if (usable == 0 || usable == standard_usable_) {
        *from = &standard_;
        return standard_.take();
    }
    if (usable > stack_size_most) {
        std::snprintf(policy_.explanation, sizeof policy_.explanation,
                      "a stack of more than 1 GiB was asked for");
        return nullptr;
    }
    const auto width = static_cast<unsigned>(std::bit_width(usable - 1));
    const unsigned index = width > least_shift ? width - least_shift : 0;
    StackClass& sized = sized_[index];
    if (!sized.is_open()) {
        const std::size_t size = larger(std::size_t{1} << (index + least_shift), usable_least());
        StackLayout layout{size, head_size_, slots_};
        const std::uint64_t fit =
            (policy_.by_advice ? class_bytes : class_bytes_by_rights) / layout.usable;
        if (layout.slots > fit) layout.slots = static_cast<std::uint32_t>(fit);
        if (sized.open(layout, &policy_) != 0) return nullptr;
    }
    *from = &sized;
    return sized.take();
}

StackBounds StackPool::bounds(const char* stack) const {
    if (standard_.contains(stack)) return standard_.bounds(stack);
    for (const StackClass& sized : sized_) {
        if (sized.contains(stack)) return sized.bounds(stack);
    }
    const bool stack_is_ours = false;
    ZIO_ASSERT(stack_is_ours);
    return {};
}

char* StackPool::guarded_stack(const void* address, StackBounds* bounds) const {
    const StackClass* owner = &standard_;
    char* stack = standard_.guarded_stack(address);
    for (unsigned i = 0; i < class_count && stack == nullptr; i++) {
        owner = &sized_[i];
        stack = owner->guarded_stack(address);
    }
    if (stack != nullptr && bounds != nullptr) *bounds = owner->bounds(stack);
    return stack;
}

std::uint64_t StackPool::trim(std::uint32_t keep) {
    std::uint64_t trimmed = standard_.trim(keep);
    for (StackClass& sized : sized_) trimmed += sized.trim(keep);
    return trimmed;
}

StackStatistics StackPool::statistics() const {
    StackStatistics sum{};
    const auto add = [&sum](const StackClass& one) {
        sum.mapped += one.handed_count();
        sum.cached += one.cached_count();
        sum.reserved_bytes += std::uint64_t{one.capacity()} * one.slot_size();
    };
    add(standard_);
    for (const StackClass& sized : sized_) add(sized);
    return sum;
}

}  // namespace zio::context
