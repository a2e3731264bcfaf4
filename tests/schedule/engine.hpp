// SPDX-License-Identifier: MIT
#pragma once
// Virtual threads: those of a scenario, one at a time on the one thread of this process. Before
// each use of a shared word (core/base/check.hpp) the engine decides by its seed who goes on, what
// of the stores kept back becomes visible, and how late it is. So an execution is a function of its
// seed.
#include <cstdarg>
#include <cstdint>

#include "core/base/check.hpp"
#include "core/base/time.hpp"

namespace zio::check {

// `walk`: anybody goes on, at each step with the same chance. `priorities`: who has the highest
// one, and these change at one to three steps (probabilistic concurrency testing, depth 2 to 4).
enum class Policy : std::uint8_t { walk, priorities };
// `buffered`: a thread's stores wait in a buffer of its own until they drain, one after the other,
// at an exchange, a strict store, a system call or any moment. `sequential`: no buffers.
enum class Model : std::uint8_t { sequential, buffered };

struct Settings {
    Policy policy;
    Model model;
    std::uint64_t seed;
    bool traces;  // each step on standard error
};

inline constexpr unsigned thread_limit = 16;
inline constexpr int status_found = 3;

// Once, first of all.
void prepare_engine();
// Runs `scenario` as the first virtual thread, to the end of all of them. A finding ends the
// process with `status_found` and a line on standard error.
void execute(const Settings& settings, void (*scenario)());
std::uint64_t step_count();  // of the last execution

[[noreturn]] void found(const char* format, ...) __attribute__((format(printf, 1, 2)));
#define ZIO_EXPECT(condition) \
    ((condition) ? void()     \
                 : ::zio::check::found("%s:%d: not so: %s", __FILE__, __LINE__, #condition))

// ---- what stands for the system
bool is_running();  // inside an execution
unsigned start(void (*entry)(void* data), void* data, const char* name);
void join(unsigned thread);
unsigned current();
// Called when the calling thread ends; null: nothing.
void at_exit_of_thread(void (*leave)(void* data), void* data);
// A system call: everything kept back is stored, others may go on.
void enter_system();
// The same for a piece of memory that ends.
void settle_block(const void* start, std::size_t size);
// Waits until `unblock` or until `until`.
void block(const char* why, Instant until);
void unblock(unsigned thread);
Instant now();                // each look takes a while
unsigned random(unsigned n);  // less than n
inline bool chance(unsigned one_in) {
    return random(one_in) == 0;
}

}  // namespace zio::check
