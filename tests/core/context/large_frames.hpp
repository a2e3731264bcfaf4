// SPDX-License-Identifier: MIT
#pragma once
// Recursion without end through frames of a given size, compiled without stack probes: of each
// frame only its far end is touched, as by code that was built carelessly elsewhere.
#include <cstddef>

namespace zio::test {

// The frame sizes in KiB that there are: 4, 8, 16, 32, 48, 60, and 0 for a small frame.
void recurse_in_frames_of(int kib);

}  // namespace zio::test
