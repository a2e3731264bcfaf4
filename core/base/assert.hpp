// SPDX-License-Identifier: MIT
#pragma once
// Invariants. ZIO_ASSERT stays on in release builds: a broken invariant stops the process at the
// line that noticed it, rather than corrupting a stack later. Never for what a caller passes in.

namespace zio {
// Prints file, line and condition on standard error and aborts.
[[noreturn, gnu::cold]] void assert_failed(const char* condition, const char* file,
                                           int line) noexcept;
}  // namespace zio

#define ZIO_ASSERT(condition)                    \
    (__builtin_expect(!!(condition), 1) ? void() \
                                        : ::zio::assert_failed(#condition, __FILE__, __LINE__))
