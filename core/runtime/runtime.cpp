// SPDX-License-Identifier: MIT
#include "core/runtime/runtime.hpp"

#include "core/base/memory.hpp"
#include "core/os/environment.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/thread.hpp"

namespace zio::runtime {

constinit RuntimeTable runtimes{reserve_slots, object_word::free};

namespace {

constexpr std::uint64_t least_stack = context::stack_size_least;
constexpr std::uint64_t default_stack = std::uint64_t{256} * 1024;

loop::BackendChoice named_choice(loop::BackendChoice choice, std::int32_t* status) {
    if (choice != loop::BackendChoice::automatic) return choice;
    const char* name = os::environment("ZIO_BACKEND");
    if (name != nullptr && !loop::choice_of(name, &choice)) {
        set_error_detail("ZIO_BACKEND names no backend that this library knows");
        *status = error::invalid_argument;
    }
    return choice;
}

context::GuardMode guard_mode() {
    const char* wanted = os::environment("ZIO_STACK_GUARD");
    if (wanted == nullptr) return context::GuardMode::automatic;
    if (wanted[0] == 'm' && wanted[1] == 'p') return context::GuardMode::access_rights;
    return wanted[1] == 'a' ? context::GuardMode::advice : context::GuardMode::automatic;
}

}  // namespace

std::int32_t Runtime::open(const RuntimeOptions& options) {
    std::int32_t status = 0;
    const loop::BackendChoice choice = named_choice(options.backend, &status);
    if (status != 0) return status;
    stack_size_ = options.stack_size != 0 ? options.stack_size : default_stack;
    if (stack_size_ < least_stack) stack_size_ = least_stack;
    if (stack_size_ > context::stack_size_most) return error::invalid_argument;
    loop::Opened opened = loop::open_backend(choice, options.backend_options);
    reason_ = opened.reason;
    if (opened.backend == nullptr) {
        set_error_detail(opened.reason);
        return opened.status;
    }
    const std::uint16_t number = reserve_worker_number();
    if (number == 0) return error::no_memory;
    worker_ = zio::create<Worker>(std::move(opened.backend), number);
    if (worker_ == nullptr) {
        release_worker_number(number);
        return error::no_memory;
    }
    Worker& w = *worker_;
    w.runtime = this;
    w.runtime_handle = handle_;
    context::StackOptions stacks;
    stacks.usable = stack_size_;
    stacks.head_size = sizeof(Head);
    stacks.guards = guard_mode();
    status = w.stacks.open(stacks);
    if (status == 0 && !w.timers.reserve(64)) status = error::no_memory;
    if (status != 0) {
        set_error_detail(w.stacks.explanation());
        return status;
    }
    if (options.has_hooks) {
        w.hooks = options.hooks;
        w.initial_bits |= bit::hooked;
    }
    w.worker_hooks = options.worker_hooks;
    if (context::sanitizer::active()) w.initial_bits |= bit::marked;
    w.native.bits |= static_cast<std::uint16_t>(w.initial_bits & bit::marked);
    task_limit_ = options.max_tasks;
    if (task_limit_ != 0) w.initial_bits |= bit::spawn_slowly;
    reports_overflow_ = (options.flags & runtime_report_overflow) != 0;
    if (reports_overflow_) status = report_overflows();
    return status;
}

std::int32_t Runtime::create(const RuntimeOptions& options, HandleBits* out) {
    Runtime* runtime = runtimes.take();
    if (runtime == nullptr) return error::no_memory;
    const std::uint32_t old = word_generation(runtime->word.load(std::memory_order_relaxed));
    const std::uint32_t generation = old == 0 ? 1 : old;
    runtime->handle_ = runtimes.handle_of(*runtime, generation);
    runtime->worker_ = nullptr;
    runtime->reason_ = "";
    runtime->admission_.store(0, std::memory_order_relaxed);
    runtime->driver_.store(nullptr, std::memory_order_relaxed);
    runtime->last_driver_.store(nullptr, std::memory_order_relaxed);
    runtime->accept_backoffs_.store(0, std::memory_order_relaxed);
    runtime->waiters_.owner = &runtime->word;
    runtime->stop_posted_.store(false, std::memory_order_relaxed);
    const std::int32_t status = runtime->open(options);
    if (status != 0) {
        if (runtime->worker_ != nullptr) zio::destroy(runtime->worker_);
        runtime->worker_ = nullptr;
        runtime->word.store(object_word::of_generation(generation) | object_word::free,
                            std::memory_order_release);
        runtimes.give(*runtime);
        return status;
    }
    runtime->word.store(object_word::of_generation(generation) + object_word::one_reference,
                        std::memory_order_release);
    *out = runtime->handle_;
    return 0;
}

std::int32_t Runtime::pin(HandleBits handle, Runtime** out) {
    Runtime* runtime = runtimes.at(handle);
    if (runtime == nullptr) return error::bad_handle;
    std::uint64_t old = runtime->word.load(std::memory_order_relaxed);
    do {
        // A destroy that is not decided yet may still find live tasks and change nothing.
        while ((old & object_word::closing) != 0 && word_generation(old) == generation_of(handle)) {
            os::yield_thread();
            old = runtime->word.load(std::memory_order_relaxed);
        }
        if (word_generation(old) != generation_of(handle) || generation_of(handle) == 0 ||
            (old & object_word::free) != 0) {
            return error::bad_handle;
        }
        if ((old & object_word::references) == object_word::references) return error::no_buffers;
    } while (!runtime->word.compare_exchange_weak(old, old + object_word::one_reference,
                                                  std::memory_order_acquire,
                                                  std::memory_order_relaxed));
    *out = runtime;
    return 0;
}

void Runtime::unpin() {
    word.fetch_sub(object_word::one_reference, std::memory_order_release);
}

std::int32_t Runtime::admit() {
    std::uint64_t old = admission_.load(std::memory_order_relaxed);
    do {
        if ((old & stopping) != 0) return error::stopping;
    } while (!admission_.compare_exchange_weak(old, old + 1, std::memory_order_acq_rel,
                                               std::memory_order_relaxed));
    return 0;
}

std::uint64_t Runtime::live_count() const {
    return worker_->created_count + (admission_.load(std::memory_order_acquire) & ~stopping) -
           worker_->ended_count;
}

RuntimeStatistics Runtime::statistics() const {
    const context::StackStatistics stacks = worker_->stacks.statistics();
    RuntimeStatistics out{};
    out.workers = 1;
    out.tasks_live = live_count();
    out.tasks_spawned = out.tasks_live + worker_->ended_count;
    out.switches = worker_->switch_count;
    out.operations_submitted = worker_->loop.submitted_count();
    out.operations_completed = out.operations_submitted - worker_->loop.pending_count();
    out.polls = worker_->loop.poll_count();
    out.slept_ns = worker_->loop.slept_ns();
    out.wakes_sent = worker_->loop.wake_count();
    out.stacks_mapped = stacks.mapped;
    out.timers_armed = worker_->timers.count();
    out.accept_backoffs = accept_backoffs_.load(std::memory_order_relaxed);
    return out;
}

const char* backend_name(HandleBits handle) {
    Runtime* runtime = nullptr;
    if (Runtime::pin(handle, &runtime) != 0) return nullptr;
    const char* name = runtime->worker().loop.backend().name();
    runtime->unpin();
    return name;
}

const char* backend_reason(HandleBits handle) {
    Runtime* runtime = nullptr;
    if (Runtime::pin(handle, &runtime) != 0) return nullptr;
    const char* reason = runtime->backend_reason();
    runtime->unpin();
    return reason;
}

std::int32_t statistics_of(HandleBits handle, RuntimeStatistics* out) {
    Runtime* runtime = nullptr;
    if (const std::int32_t status = Runtime::pin(handle, &runtime)) return status;
    *out = runtime->statistics();
    runtime->unpin();
    return 0;
}

}  // namespace zio::runtime
