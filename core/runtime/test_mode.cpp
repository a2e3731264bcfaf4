// SPDX-License-Identifier: MIT
// Runtimes for tests: real I/O with a clock that jumps, or in an order that a seed decides. Both
// are decorators of the backend, so that a runtime without them is what it always was.
#include <charconv>
#include <string_view>

#include "core/base/memory.hpp"
#include "core/loop/decorators/seeded_order.hpp"
#include "core/os/environment.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

Atomic<std::uint32_t> test_clock_count{0};

namespace {

// The environment's word, where the options leave it open. A driven clock needs a program that
// drives it.
std::int32_t read_clock(ClockChoice* clock) {
    const char* text = os::environment("ZIO_CLOCK");
    if (*clock != ClockChoice::real || text == nullptr) return 0;
    const std::string_view word = text;
    if (word == "auto") *clock = ClockChoice::jumps;
    if (word == "auto" || word == "real" || word.empty()) return 0;
    set_error_detail("ZIO_CLOCK is neither auto nor real");
    return error::invalid_argument;
}

std::int32_t read_order(OrderChoice* order) {
    const char* text = os::environment("ZIO_ORDER");
    if (*order != OrderChoice::real || text == nullptr) return 0;
    const std::string_view word = text;
    if (word == "seeded") *order = OrderChoice::seeded;
    if (word == "seeded" || word == "real" || word.empty()) return 0;
    set_error_detail("ZIO_ORDER is neither seeded nor real");
    return error::invalid_argument;
}

// The same seed as a simulated world's: what the program says, else ZIO_SEED, else 1.
std::int32_t read_seed(std::uint64_t* seed) {
    if (*seed != 0) return 0;
    *seed = 1;
    const char* text = os::environment("ZIO_SEED");
    if (text == nullptr) return 0;
    const std::string_view word = text;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), *seed);
    if (read.ec == std::errc{} && read.ptr == word.data() + word.size()) return 0;
    set_error_detail("ZIO_SEED is not a number");
    return error::invalid_argument;
}

}  // namespace

std::int32_t Runtime::open_test_mode(const RuntimeOptions& options) {
    ClockChoice clock = options.clock;
    order_ = options.order;
    order_seed_ = options.backend_options.seed;
    std::int32_t status = read_clock(&clock);
    if (status == 0) status = read_order(&order_);
    if (status == 0 && order_ == OrderChoice::seeded) status = read_seed(&order_seed_);
    if (status != 0 || clock == ClockChoice::real) return status;
    const auto mode =
        clock == ClockChoice::driven ? loop::TestClock::Mode::driven : loop::TestClock::Mode::jumps;
    clock_ = zio::create<loop::TestClock>(mode, options.clock_quiet_ns);
    if (clock_ == nullptr) return error::no_memory;
    test_clock_count.fetch_add(1, std::memory_order_relaxed);
    return 0;
}

void Runtime::close_test_mode() {
    if (clock_ == nullptr) return;
    test_clock_count.fetch_sub(1, std::memory_order_relaxed);
    zio::destroy(clock_);
    clock_ = nullptr;
}

// What a simulated world has of its own is not put around it once more.
std::int32_t Runtime::decorate(std::unique_ptr<loop::Backend>& backend) {
    if (backend->simulates()) {
        if (options_.clock == ClockChoice::driven) {
            set_error_detail("the clock of a simulated world cannot be driven");
            return error::not_supported;
        }
        close_test_mode();
        return 0;
    }
    if (order_ == OrderChoice::seeded) {
        backend.reset(new (std::nothrow)
                          loop::SeededOrder(std::move(backend), order_seed_, worker_count_));
    }
    if (backend != nullptr && clock_ != nullptr) backend = clock_->wrap(std::move(backend));
    return backend != nullptr ? 0 : error::no_memory;
}

// Whoever drives in `shutdown` is a plain thread, whose deadline is on the real clock.
void Runtime::limit_driving(Deadline deadline) {
    if (clock_ != nullptr) clock_->limit_first(instant_of(deadline));
}

Instant test_now() {
    const Worker* w = current_worker;
    return w != nullptr ? w->loop.now() : os::table.now();
}

// Of other workers each is asked in its turn, so that what was due is ready when this returns. Who
// may not wait for that, or waits in vain for a worker that a task holds, need not: the clock has
// woken them all.
std::int32_t Runtime::advance(HandleBits handle, Instant span_ns) {
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    const std::int32_t status = runtime->clock_ != nullptr ? 0 : error::not_supported;
    if (status == 0) runtime->clock_->advance(span_ns);
    for (std::uint32_t i = 0; status == 0 && i < runtime->worker_count(); ++i) {
        (void)runtime->ask(
            runtime->worker(i),
            [](Worker& asked, void*) {
                if (!asked.timers.empty()) asked.expire(asked.loop.now());
            },
            nullptr);
    }
    runtime->unpin();
    return status;
}

}  // namespace zio::runtime
