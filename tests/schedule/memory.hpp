// SPDX-License-Identifier: MIT
#pragma once
// Memory of an execution: what the core allocates comes from an arena that never gives a block out
// twice, so that a use after the end of a block is found; what it reserves begins as zeroes; and
// the program's own variables are as they were after the set-up, whatever the execution before did.
#include <cstddef>

namespace zio::check {

// Once: puts the arena behind the core's allocator and its table of memory functions.
void prepare_memory();
// What the program's variables hold now is what each execution begins with.
void remember_variables();
// Before each execution.
void begin_memory();
// After each: every block was given back, and nobody has written to one since.
void end_memory();

// Finds a use of a block that was given back.
void touch(const void* place);

}  // namespace zio::check
