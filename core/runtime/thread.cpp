// SPDX-License-Identifier: MIT
#include "core/runtime/thread.hpp"

#include "core/base/memory.hpp"
#include "core/context/overflow.hpp"
#include "core/os/environment.hpp"
#include "core/os/error.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/fork.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

namespace {

ZIO_THREAD_LOCAL Worker* own_worker = nullptr;
// Of a thread that has no worker.
ZIO_THREAD_LOCAL const char* own_detail = nullptr;
ZIO_THREAD_LOCAL std::int32_t own_os_error = 0;

void leave(void* worker) {
    own_worker = nullptr;
    zio::destroy(static_cast<Worker*>(worker));
}

// A plain thread waits on the poll backend, which costs nothing until it is used; a thread of a
// simulated process drives the simulation.
ZIO_NOINLINE Worker* make_own_worker() {
    auto choice = loop::BackendChoice::automatic;
    const char* name = os::environment("ZIO_BACKEND");
    if (name != nullptr) loop::choice_of(name, &choice);
    const bool simulated = os::table.simulated || choice == loop::BackendChoice::simulated;
    choice = simulated ? loop::BackendChoice::simulated : loop::BackendChoice::poll;
    loop::Opened opened = loop::open_backend(choice, {});
    if (opened.backend == nullptr) return nullptr;
    const std::uint16_t number = reserve_worker_number();
    if (number == 0) return nullptr;
    auto* worker = zio::create<Worker>(std::move(opened.backend), number);
    if (worker == nullptr || !worker->timers.reserve(4) || !os::at_thread_exit(&leave, worker)) {
        if (worker != nullptr) {
            zio::destroy(worker);
        } else {
            release_worker_number(number);
        }
        return nullptr;
    }
    worker->is_thread = true;
    worker->native.bits |= bit::thread;
    own_worker = worker;
    return worker;
}

// The task or thread that is running, null for a thread that has no worker.
Task* running() {
    if (current_worker != nullptr) return current_worker->current;
    return own_worker != nullptr ? &own_worker->native : nullptr;
}

// ---- stack overflow: whose guard was it? In a signal handler, on the faulting thread.
Atomic<std::uint32_t> reporters{0};

bool find_overflowed(const void* address, context::OverflowedTask* out) {
    Worker* w = current_worker;
    if (w == nullptr) return false;
    context::StackBounds bounds{};
    Task* task = w->current;
    if (task == &w->native || stacks_of(*w, *task).guarded_stack(address, &bounds) == nullptr) {
        return false;
    }
    out->id = task_number(handle_of(*task));
    out->name =
        task->extra != 0 && extra_of(*task).name[0] != '\0' ? extra_of(*task).name : nullptr;
    out->stack_bytes = bounds.size;
    return true;
}

}  // namespace

void part_with_thread_worker() {
    if (own_worker == nullptr) return;
    keep_inherited(*own_worker);
    own_worker = nullptr;
    (void)os::at_thread_exit(&leave, nullptr);
}

Worker* thread_worker() {
    return ZIO_LIKELY(own_worker != nullptr) ? own_worker : make_own_worker();
}

void set_error_detail(const char* text) {
    Task* task = running();
    (task != nullptr ? head_of(*task).error_detail : own_detail) = text;
}

const char* error_detail() {
    Task* task = running();
    const char* text = task != nullptr ? head_of(*task).error_detail : own_detail;
    return text != nullptr ? text : "";
}

void note_os_error(std::int32_t error) {
    const std::int32_t code = os::code_from_error(error);
    if (code == 0) return;
    Task* task = running();
    (task != nullptr ? head_of(*task).os_error : own_os_error) = code;
}

std::int32_t last_os_error() {
    Task* task = running();
    return task != nullptr ? head_of(*task).os_error : own_os_error;
}

Instant now() {
    if (ZIO_UNLIKELY(test_clock_count.load(std::memory_order_relaxed) != 0)) return test_now();
    return os::table.now();
}

Deadline after(std::int64_t span_ns) {
    if (span_ns <= 0) return 1;  // an instant that has passed
    const Instant at = now() + static_cast<Instant>(span_ns);
    return at < forever ? static_cast<Deadline>(at) : never;
}

std::int32_t report_overflows() {
    reporters.fetch_add(1, std::memory_order_acq_rel);
    return context::install_overflow_report(&find_overflowed);
}

void forget_overflows() {
    if (reporters.fetch_sub(1, std::memory_order_acq_rel) == 1) context::remove_overflow_report();
}

}  // namespace zio::runtime
