// SPDX-License-Identifier: MIT
#pragma once
// What a backend must do: the whole contract between a loop and the system. Writing one is
// described in docs/porting.md; tests/core/loop/contract_test.cpp is run against each of them.
//
// A backend belongs to one loop and is called by that loop's thread only, except for `wake`. It
// may be created on one thread and driven on another, but by one at a time.
#include <cstdint>
#include <memory>

#include "core/base/memory.hpp"
#include "core/base/queue.hpp"
#include "core/base/time.hpp"
#include "core/loop/operation.hpp"

namespace zio::loop {

using Completed = Queue<Operation>;

// How a kind of operation is done.
enum class Support : std::uint8_t { native, by_readiness, by_thread, none };

struct BackendOptions {
    std::uint32_t ring_entries = 0;  // 0: the backend's own choice
    std::uint64_t seed = 0;          // the simulated backend's
};

class Backend : public Allocated {
  public:
    virtual ~Backend() = default;

    virtual const char* name() const = 0;
    virtual Support support(OperationKind kind) const = 0;

    // Begins `operation`, whose state is `started`. True: it has finished at once, `result` is
    // set, and it will not be reported again. False: it comes back from `poll`, exactly once.
    virtual bool start(Operation& operation) = 0;

    // Asks for the end of an operation that has started and not finished; at most once for each.
    // It still comes back from `poll` exactly once: with `error::canceled` if it had no effect,
    // with its result if it had one. True: it has finished here and now instead, with
    // `error::canceled`, and `poll` will not report it.
    virtual bool cancel(Operation& operation) = 0;

    // Moves on: submits what is queued and appends what has finished to `completed`. Blocks until
    // something has finished, `wake` was called or `until` has passed; `until` 0 never blocks.
    // Fair: of many descriptors that are ready each gets its turn before any gets a second one.
    virtual void poll(Completed& completed, Instant until) = 0;

    // False: a poll would find nothing to report just now. Costs no system call; a backend that
    // would need one says true.
    virtual bool may_have_finished() const { return true; }

    // True when something started is waiting to be submitted by the next poll.
    virtual bool has_queued() const { return false; }

    // Any thread, also inside a signal handler: ends the present or the next blocking poll.
    virtual void wake() = 0;
    // How many calls of `wake` polls have consumed since this was last asked.
    virtual std::uint64_t take_wakes() = 0;

    // True: this backend remembers kept descriptors, and `forget` must be called in this loop
    // before such a descriptor's number is closed. Whoever still waits on the bare number gets
    // `error::bad_handle` from the next poll.
    virtual bool remembers() const = 0;
    virtual void forget(os::Handle handle) = 0;

    // One pollable descriptor that covers everything, for embedding; `no_handle`: there is none.
    virtual os::Handle pollable() const { return os::no_handle; }

    virtual Instant now() const = 0;
    // What spans of real time are measured by: the same clock, unless that is a test's. Any thread.
    virtual Instant real_now() const { return now(); }

    // True: the whole world is simulated, and polling drives it.
    virtual bool simulates() const { return false; }

    // The scheduler's door. A backend that replays from a seed decides which of `count` ready
    // tasks runs next (less than `count`).
    virtual bool chooses() const { return false; }
    virtual std::uint32_t choose(std::uint32_t) { return 0; }
    // The last poll came back because nothing can ever happen again: no operation, no time and no
    // other thread can change anything (only where time is simulated can that be known), or because
    // nobody waits any longer for what may (decorators/test_clock.hpp).
    virtual bool idle_for_ever() const { return false; }

  protected:
    Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;
};

// What came of opening a backend: the backend, or why not.
struct Opened {
    std::unique_ptr<Backend> backend;
    std::int32_t status = 0;  // why there is none
    const char* reason = "";  // one sentence, static text, also on success
};

// The backends of this build, best first, as their names ("io_uring", "epoll", "poll", "sim").
// `name` empty: the best one that works here. `reason` tells why this one was chosen or refused.
// An unknown name, or one that cannot be had, is an error and never another backend.
// The numbers are `enum zio_backend`.
enum class BackendChoice : std::uint8_t {
    automatic = 0,
    io_uring = 1,
    epoll = 2,
    kqueue = 3,
    iocp = 4,
    poll = 5,
    uv = 6,
    simulated = 7,
};
Opened open_backend(BackendChoice choice, const BackendOptions& options);
// `automatic` for the empty text, nothing for an unknown name.
bool choice_of(const char* name, BackendChoice* out);

}  // namespace zio::loop
