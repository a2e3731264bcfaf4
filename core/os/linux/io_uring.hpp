// SPDX-License-Identifier: MIT
#pragma once
// The door to io_uring: one entry = one system call, in a table of its own so that a test can fail,
// count or change any of them.
//
// Results are 0 or a count, or minus the kernel's error number, untranslated: completions carry the
// same numbers, and some of them (a timeout that passed) never mean an error to anybody above.
#include <linux/io_uring.h>

#include <cstddef>
#include <cstdint>

namespace zio::os {

// What kernels know that are newer than the oldest headers we build with.
inline constexpr std::uint32_t io_uring_setup_no_sqarray = 1u << 16;
inline constexpr std::uint32_t io_uring_enter_no_iowait = 1u << 7;
inline constexpr std::uint32_t io_uring_feature_no_iowait = 1u << 17;

struct IoUringTable {
    std::int32_t (*setup)(std::uint32_t entries, io_uring_params* parameters);
    // `argument` may be null; otherwise `flags` has IORING_ENTER_EXT_ARG.
    std::int32_t (*enter)(std::int32_t ring, std::uint32_t submit_count, std::uint32_t wait_count,
                          std::uint32_t flags, const io_uring_getevents_arg* argument);
    std::int32_t (*enroll)(std::int32_t ring, std::uint32_t what, void* argument,
                           std::uint32_t count);
    std::int32_t (*map)(std::int32_t ring, std::size_t size, std::uint64_t offset, void** out);
    void (*unmap)(void* memory, std::size_t size);
    void (*close)(std::int32_t ring);
};

extern IoUringTable io_uring_table;

// The switch kernel.io_uring_disabled: 0, 1 (for the unprivileged) or 2; -1 where there is none.
std::int32_t io_uring_disabled();

// Identifies this process: a child after fork is another one.
std::int32_t process_id();

// The calling thread's number in the system, and whether a thread of this process still has it.
std::int32_t thread_id();
bool is_thread_alive(std::int32_t thread);

}  // namespace zio::os
