// SPDX-License-Identifier: MIT
#pragma once
// What the tasks of a runtime do: one line each.
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

// Writes at most `size` bytes, always terminated when there is room for one; returns the length of
// the whole text. Only on the worker's own thread, or while nobody drives it.
std::size_t dump(Runtime& runtime, char* text, std::size_t size);

// The same from any thread: another thread's runtime is asked by message.
std::int64_t dump_of(HandleBits runtime, char* text, std::size_t size);

}  // namespace zio::runtime
