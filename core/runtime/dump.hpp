// SPDX-License-Identifier: MIT
#pragma once
// What the tasks of a runtime do: one line each.
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

// Writes at most `size` bytes, always terminated when there is room for one; returns the length of
// the whole text, or an error. From any thread: each worker is asked by message and tells about its
// own tasks.
std::int64_t dump_of(HandleBits runtime, char* text, std::size_t size);

}  // namespace zio::runtime
