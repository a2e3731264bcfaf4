// SPDX-License-Identifier: MIT
#pragma once
// A runtime with workers on virtual threads, for scenarios.
#include "core/runtime/join.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/spawn.hpp"
#include "tests/schedule/scenario.hpp"

namespace zio::check {

// Where a task or thread marks that it has come so far. No step of an execution: what the scenario
// knows of itself shall not order what it watches.
using Mark = unsigned;

template <class Body>
std::int32_t run_body(void* body) {
    return (*static_cast<Body*>(body))();
}

// Spawns a task that runs `body`, which outlives it. 0: refused.
template <class Body>
HandleBits spawn(HandleBits runtime, Body& body, const runtime::SpawnOptions& options = {}) {
    HandleBits out = 0;
    const std::int32_t status =
        runtime::spawn_slowly(runtime, &out, &run_body<Body>, &body, options);
    return status == 0 ? out : 0;
}

inline runtime::RuntimeOptions options_of(std::uint32_t workers) {
    runtime::RuntimeOptions options;
    options.backend = loop::BackendChoice::poll;
    options.workers = workers;
    options.stack_size = 64 * 1024;
    return options;
}

// Every task's slot is free again.
inline void expect_no_tasks() {
    for (std::uint32_t i = 0; i < runtime::tasks.limit(); ++i) {
        const std::uint64_t word = runtime::tasks.slot(i).word.load(std::memory_order_relaxed);
        if ((word & runtime::word::flags) != runtime::word::free) {
            found("slot %u of a task is not free at the end: %llx", i,
                  static_cast<unsigned long long>(word));
        }
    }
}

class World {
  public:
    explicit World(std::uint32_t workers, bool starts = true) {
        ZIO_EXPECT(runtime::Runtime::create(options_of(workers), &handle_) == 0);
        if (starts) ZIO_EXPECT(runtime::Runtime::start(handle_) == 0);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() { end(); }

    HandleBits handle() const { return handle_; }
    void forget() { handle_ = 0; }  // somebody else has destroyed it
    void end() {
        if (handle_ == 0) return;
        ZIO_EXPECT(runtime::Runtime::shutdown(handle_, never) == 0);
        ZIO_EXPECT(runtime::Runtime::destroy(handle_) == 0);
        handle_ = 0;
    }

  private:
    HandleBits handle_ = 0;
};

inline std::int32_t join_result(HandleBits task, Deadline deadline = never) {
    std::int32_t result = -1;
    const std::int32_t status = runtime::join(task, &result, deadline);
    return status != 0 ? status : result;
}
inline void give_back(HandleBits task) {
    ZIO_EXPECT(runtime::unreference_slowly(task) == 0);
}

}  // namespace zio::check
