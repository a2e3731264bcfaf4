// SPDX-License-Identifier: MIT
#pragma once
// What the system calls a descriptor, and the pieces of memory that calls on it take.
#include <cstddef>
#include <cstdint>

namespace zio::os {

using Handle = std::intptr_t;
inline constexpr Handle no_handle = -1;

// The bytes of `zio_buf_t`; the contents are const for the calls that only read them.
struct Buffer {
    void* base;
    std::size_t size;
};

}  // namespace zio::os
