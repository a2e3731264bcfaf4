// SPDX-License-Identifier: MIT
#pragma once
// The stacks of one worker: a class of the default size, which the hot path uses, and one class per
// power of two for tasks that ask for a size of their own. No locks: only the owner calls, but for
// guarded_stack(), which a signal handler may.
//
// Guards are installed by advice where the kernel really honours it; else by access rights, which
// cost mappings: then the process stops at 80 % of what it may have, before malloc and fopen fail,
// and explanation() says so.
#include <cstddef>
#include <cstdint>

#include "core/context/stack_class.hpp"

namespace zio::context {

enum class GuardMode : std::uint8_t { automatic, advice, access_rights };

struct StackOptions {
    std::size_t usable = 256 * 1024;  // default size, rounded up
    std::size_t head_size = 0;        // bytes at each stack's top for the owner
    std::uint32_t slots = 1'200'000;  // stacks of the default size, address space permitting
    GuardMode guards = GuardMode::automatic;
};

inline constexpr std::size_t stack_size_least = 16 * 1024;  // and room for a signal's frame
inline constexpr std::size_t stack_size_most = std::size_t{1} << 30;

struct StackStatistics {
    std::uint64_t mapped;  // stacks that were ever in use, so have pages or page tables
    std::uint64_t cached;  // of those, ready for the next task
    std::uint64_t reserved_bytes;
};

// The owner's head lies directly above the word at the first stack pointer, 16-byte aligned.
ZIO_INLINE char* head_of_stack(char* stack) {
    return stack + sizeof(void*);
}

class StackPool {
  public:
    // 0, invalid_argument, no_memory or no_stack.
    std::int32_t open(const StackOptions& options);
    void close();

    // Promises that `total` default stacks can be out at once: take() cannot fail below that.
    bool guarantee(std::uint32_t total) { return standard_.guarantee(total); }
    ZIO_INLINE std::uint32_t guaranteed() const { return standard_.guaranteed(); }
    // First stack pointers, the most recently used first.
    ZIO_INLINE char* take() { return standard_.take(); }
    ZIO_INLINE void give(char* stack) { standard_.give(stack); }

    // A stack with at least `usable` bytes; `*from` is where it goes back to. Null when refused.
    // Asking for the default size or nothing (0) gives one of the default class.
    char* take_sized(std::size_t usable, StackClass** from);
    void give_sized(char* stack, StackClass* from) { from->give(stack); }

    StackBounds bounds(const char* stack) const;
    // The stack in whose guard `address` lies, with its bounds, or null. Async-signal-safe.
    char* guarded_stack(const void* address, StackBounds* bounds) const;
    bool is_guard(const void* address) const { return guarded_stack(address, nullptr) != nullptr; }

    // Keeps the `keep` most recently used cached stacks of each class, gives the pages of the
    // others back. Returns how many that were.
    std::uint64_t trim(std::uint32_t keep);
    StackStatistics statistics() const;
    // Stacks of the default size that are out; a hint for other threads.
    std::uint32_t in_use() const { return standard_.handed_count() - standard_.cached_count(); }
    // Why the last stack was refused; a sentence for people, valid for the process' life.
    const char* explanation() const { return policy_.explanation; }
    bool guards_by_advice() const { return policy_.by_advice; }

  private:
    static constexpr unsigned least_shift = 14;  // 16 KiB
    static constexpr unsigned most_shift = 30;   // 1 GiB
    static constexpr unsigned class_count = most_shift - least_shift + 1;

    StackClass standard_;
    StackClass sized_[class_count];
    std::size_t standard_usable_ = 0;
    std::size_t head_size_ = 0;
    std::uint32_t slots_ = 0;
    StackPolicy policy_{};
};

}  // namespace zio::context
