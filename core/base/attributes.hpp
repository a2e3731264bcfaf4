// SPDX-License-Identifier: MIT
#pragma once
// The few compiler attributes that the hot paths need, under one name each.

// A function that must not cost a call, whatever the optimiser thinks of its size.
#define ZIO_INLINE inline __attribute__((always_inline))
// A slow path. `nothrow` lets a noexcept caller leave by a jump instead of a call, so that the
// fast path needs no frame and one frame fewer lies under the user's.
#define ZIO_NOINLINE __attribute__((noinline, nothrow))
// The same for a declaration, so that the wall of the C ABI costs its callers nothing.
#define ZIO_NOTHROW __attribute__((nothrow))
#define ZIO_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define ZIO_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
// One load relative to the thread pointer; the general model would be a function call.
#define ZIO_THREAD_LOCAL thread_local __attribute__((tls_model("initial-exec")))
