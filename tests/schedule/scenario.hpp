// SPDX-License-Identifier: MIT
#pragma once
// A scenario: a small program on the core, run over and over with other seeds. It has ended well
// when all its threads have ended, what it expects is so, and nothing is left.
#include <span>
#include <utility>

#include "core/os/thread.hpp"
#include "tests/schedule/engine.hpp"
#include "tests/schedule/system.hpp"

namespace zio::check {

struct Scenario {
    const char* name;
    void (*run)();
};

std::span<const Scenario> engine_scenarios();  // of the engine itself, of which some must fail
std::span<const Scenario> base_scenarios();
std::span<const Scenario> task_scenarios();
std::span<const Scenario> crew_scenarios();
std::span<const Scenario> object_scenarios();

// A virtual thread that runs `body` until it is joined.
template <class Body>
class Started {
  public:
    Started(const char* name, Body body) : body_(std::move(body)) {
        ZIO_EXPECT(os::start_thread([](void* self) { static_cast<Started*>(self)->body_(); }, this,
                                    name, &thread_) == 0);
    }
    Started(const Started&) = delete;
    Started& operator=(const Started&) = delete;
    ~Started() { join(); }
    void join() {
        if (thread_.id != 0) os::join_thread(thread_);
        thread_.id = 0;
    }

  private:
    Body body_;
    os::Thread thread_;
};

}  // namespace zio::check
