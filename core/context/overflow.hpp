// SPDX-License-Identifier: MIT
#pragma once
// The report of a stack overflow: a handler for SIGSEGV and SIGBUS, on a stack of its own, that
// names the task whose guard was touched and then lets the handler that was there before go on.
// Opt-in: nothing is installed unless the owner asks.
#include <cstddef>
#include <cstdint>

namespace zio::context {

struct OverflowedTask {
    std::uint64_t id;
    const char* name;         // null: no name
    std::size_t stack_bytes;  // usable size
};

// Is `address` in the guard of one of your stacks, and whose? Runs in a signal handler: it may only
// read memory. The kind of guard changes what else the system says, so only the address counts.
using FindOverflowed = bool (*)(const void* address, OverflowedTask* out);

// For the process. A second call replaces `find` and installs nothing again; 0 or an error.
std::int32_t install_overflow_report(FindOverflowed find);
// Puts the handlers back that were there before, unless somebody has put others on top meanwhile:
// then ours stays and only passes on.
void remove_overflow_report();

// The alternate stack of the calling thread; every thread that runs tasks needs one. A larger one
// that the thread already has is kept.
class AlternateStack {
  public:
    AlternateStack() = default;
    AlternateStack(const AlternateStack&) = delete;
    AlternateStack& operator=(const AlternateStack&) = delete;
    ~AlternateStack() { remove(); }
    std::int32_t install();
    void remove();  // on the same thread

  private:
    char* memory_ = nullptr;
    std::size_t size_ = 0;
    void* previous_ = nullptr;
    std::size_t previous_size_ = 0;
    int previous_flags_ = 0;
};

}  // namespace zio::context
