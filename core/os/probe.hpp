// SPDX-License-Identifier: MIT
#pragma once
// Probes for tracers (bpftrace, perf, gdb, systemtap): places with a name and arguments, listed in
// a note of the library. Each is one `nop` that a tracer replaces while it looks. Provider: zio.
//
// Arguments are what lies in registers anyway, so a task is the address of its block, which is its
// own as long as it lives. docs/guide/seeing-inside.md has the list. Nothing where the system has
// no <sys/sdt.h>, or with ZIO_PROBES=OFF.
#include <cstdint>

#include "core/base/attributes.hpp"

#if !defined(ZIO_WITHOUT_PROBES) && __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define ZIO_PROBE1(name, a) STAP_PROBE1(zio, name, a)
#define ZIO_PROBE2(name, a, b) STAP_PROBE2(zio, name, a, b)
#define ZIO_PROBE3(name, a, b, c) STAP_PROBE3(zio, name, a, b, c)
#else
#define ZIO_PROBE1(name, a) (void)(a)
#define ZIO_PROBE2(name, a, b) (void)(a), (void)(b)
#define ZIO_PROBE3(name, a, b, c) (void)(a), (void)(b), (void)(c)
#endif

namespace zio::os::probe {

// A task has been made; `entry` is its function.
ZIO_INLINE void spawn(const void* task, const void* entry) {
    ZIO_PROBE2(spawn, task, entry);
}
// It is about to wait; `reason` is a number of runtime::TaskState.
ZIO_INLINE void park(const void* task, int reason) {
    ZIO_PROBE2(park, task, reason);
}
// Its wait is over: it is ready, and runs when its turn comes. `verdict`: 0 or why it ended early.
ZIO_INLINE void wake(const void* task, std::int32_t verdict) {
    ZIO_PROBE2(wake, task, verdict);
}
// It begins or goes on, on this thread. A worker's own stack, where the loop turns, counts as one.
ZIO_INLINE void run(const void* task) {
    ZIO_PROBE1(run, task);
}
// Somebody asked it to stop.
ZIO_INLINE void cancel(const void* task) {
    ZIO_PROBE1(cancel, task);
}
// `kind` is a number of loop::OperationKind.
ZIO_INLINE void operation_start(const void* operation, std::uint8_t kind, std::int64_t descriptor) {
    ZIO_PROBE3(operation_start, operation, kind, descriptor);
}
ZIO_INLINE void operation_end(const void* operation, std::int64_t result) {
    ZIO_PROBE2(operation_end, operation, result);
}
// A worker has nothing to do and waits in its backend, at most until the instant `until`.
ZIO_INLINE void blocked(std::uint32_t worker, std::uint64_t until) {
    ZIO_PROBE2(blocked, worker, until);
}

}  // namespace zio::os::probe
