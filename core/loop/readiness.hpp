// SPDX-License-Identifier: MIT
#pragma once
// Makes a completion backend out of a poller: try the call, and if it would block, wait until the
// descriptor is ready and try again. Everything that epoll, kqueue, poll and libuv have in common
// is in readiness.cpp, once; a poller only answers "which descriptors are ready?".
#include <memory>

#include "core/loop/backend.hpp"

namespace zio::loop {

struct ReadyEvent {
    os::Handle handle;
    std::uint32_t bits;  // os::ready_*
};

// The contract of a poller. One thread calls it, except for `wake`.
class Poller : public Allocated {
  public:
    virtual ~Poller() = default;

    virtual const char* name() const = 0;

    // True (edge-triggered): one `watch` for both directions lasts until `unwatch`, and `wait`
    // reports a change once. False (level-triggered): `watch` says what is wanted from now on, and
    // `wait` reports it again and again while it lasts.
    virtual bool edge_triggered() const = 0;

    // Reports os::ready_read / ready_write of `handle` from now on, beginning with what is true
    // now. May change the bits of a handle that is watched already. `not_permitted`: the system
    // cannot poll it because it is always ready (a regular file).
    virtual std::int32_t watch(os::Handle handle, std::uint32_t wanted) = 0;
    virtual void unwatch(os::Handle handle) = 0;

    // Fills `events`, blocks until there is one, a wake or `until` (0: never). The number filled.
    virtual std::size_t wait(ReadyEvent* events, std::size_t capacity, Instant until) = 0;

    virtual void wake() = 0;  // any thread
    virtual std::uint64_t take_wakes() = 0;
    virtual os::Handle pollable() const { return os::no_handle; }
};

// Null when there is no memory.
std::unique_ptr<Backend> make_readiness_backend(std::unique_ptr<Poller> poller);

}  // namespace zio::loop
