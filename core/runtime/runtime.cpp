// SPDX-License-Identifier: MIT
#include "core/runtime/runtime.hpp"

#include "core/base/memory.hpp"
#include "core/base/mutant.hpp"
#include "core/os/environment.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/fork.hpp"
#include "core/runtime/thread.hpp"

namespace zio::runtime {

constinit RuntimeTable runtimes{reserve_slots, object_word::free};

namespace {

constexpr std::uint64_t least_stack = context::stack_size_least;
constexpr std::uint64_t default_stack = std::uint64_t{256} * 1024;
// Of all workers together: a tenth of the address space.
constexpr std::uint32_t most_stacks = 1U << 25;

loop::BackendChoice named_choice(loop::BackendChoice choice, std::int32_t* status) {
    if (choice != loop::BackendChoice::automatic) return choice;
    const char* name = os::environment("ZIO_BACKEND");
    if (name != nullptr && !loop::choice_of(name, &choice)) {
        set_error_detail("ZIO_BACKEND names no backend that this library knows");
        *status = error::invalid_argument;
    }
    return choice;
}

// `asked` 0: the environment's word, else as many as can run at once. A simulated run is the same
// on every machine.
std::uint32_t wanted_workers(std::uint32_t asked, bool is_simulated) {
    constexpr std::uint32_t simulated_processors = 2;
    if (asked == 0) {
        const char* text = os::environment("ZIO_WORKERS");
        for (; text != nullptr && *text >= '0' && *text <= '9' && asked <= most_workers; ++text) {
            asked = asked * 10 + static_cast<std::uint32_t>(*text - '0');
        }
        if (text != nullptr && *text != '\0') asked = 0;
    }
    if (asked == 0) asked = is_simulated ? simulated_processors : os::usable_processors();
    return asked < most_workers ? asked : most_workers;
}

context::GuardMode guard_mode() {
    const char* wanted = os::environment("ZIO_STACK_GUARD");
    if (wanted == nullptr) return context::GuardMode::automatic;
    if (wanted[0] == 'm' && wanted[1] == 'p') return context::GuardMode::access_rights;
    return wanted[1] == 'a' ? context::GuardMode::advice : context::GuardMode::automatic;
}

}  // namespace

// One more worker. The caller has room for it in `workers_`.
std::int32_t Runtime::open_worker(loop::BackendChoice choice, const RuntimeOptions& options) {
    loop::Opened opened = loop::open_backend(choice, options.backend_options);
    if (worker_count_ == 0) reason_ = opened.reason;
    if (opened.backend == nullptr) {
        set_error_detail(opened.reason);
        return opened.status;
    }
    if (const std::int32_t status = decorate(opened.backend)) return status;
    const std::uint16_t number = reserve_worker_number();
    if (number == 0) return error::no_memory;
    auto* created = zio::create<Worker>(std::move(opened.backend), number);
    if (created == nullptr) {
        release_worker_number(number);
        return error::no_memory;
    }
    Worker& w = *created;
    w.runtime = this;
    w.runtime_handle = handle_;
    w.ordinal = worker_count_;
    workers_[worker_count_++] = created;
    context::StackOptions stacks;
    stacks.usable = stack_size_;
    stacks.head_size = sizeof(Head);
    stacks.guards = guard_mode();
    if (worker_room_ > most_stacks / stacks.slots) stacks.slots = most_stacks / worker_room_;
    std::int32_t status = w.stacks.open(stacks);
    if (status == 0 && !w.timers.reserve(64)) status = error::no_memory;
    if (status != 0) {
        set_error_detail(w.stacks.explanation());
        return status;
    }
    if (options.has_hooks) {
        w.hooks = options.hooks;
        w.task_bits |= bit::hooked;
    }
    w.worker_hooks = options.worker_hooks;
    w.has_test_clock = clock_ != nullptr;
    w.is_steered |= w.has_test_clock;
    if (context::sanitizer::active()) w.task_bits |= bit::marked;
    w.native.bits |= static_cast<std::uint16_t>(w.task_bits & bit::marked);
    w.initial_bits = w.task_bits;
    if (task_limit_ != 0) w.slow_down_spawns();
    return 0;
}

// All workers have the same backend: the one that the first of them found best.
std::int32_t Runtime::open_workers(loop::BackendChoice choice, const RuntimeOptions& options) {
    std::uint32_t wanted =
        wanted_workers(options.workers, choice == loop::BackendChoice::simulated);
    workers_ = static_cast<Worker**>(allocate(wanted * sizeof(Worker*), alignof(Worker*)));
    if (workers_ == nullptr) return error::no_memory;
    worker_room_ = wanted;
    while (worker_count_ < wanted) {
        if (const std::int32_t status = open_worker(choice, options)) return status;
        if (worker_count_ > 1) continue;
        loop::choice_of(workers_[0]->loop.backend().name(), &choice);
    }
    const bool may_wait_awake =
        options.worker_hooks.before_block == nullptr && !workers_[0]->has_test_clock;
    const bool gives_way = may_wait_awake && (options.flags & runtime_give_way) != 0;
    for (std::uint32_t i = 0; i < wanted; ++i) {
        workers_[i]->shares = wanted > 1;
        workers_[i]->gives_way = gives_way && !workers_[i]->chooses;
    }
    const bool may_spin = wanted > 1 && may_wait_awake && !workers_[0]->chooses;
    may_spin_ = may_spin ? MaySpin::ask : MaySpin::no;
    return 0;
}

// Read from files of the system, some 100 us: not before a worker has come to rest a few times.
bool Runtime::may_spin() {
    MaySpin answer = may_spin_;
    if (answer == MaySpin::ask) {
        answer = os::usable_processors() > 1 ? MaySpin::yes : MaySpin::no;
        may_spin_ = answer;
    }
    return answer == MaySpin::yes;
}

void Runtime::drop_workers() {
    while (worker_count_ > 0) zio::destroy(workers_[--worker_count_]);
    release(workers_, worker_room_ * sizeof(Worker*), alignof(Worker*));
    workers_ = nullptr;
}

std::int32_t Runtime::open(const RuntimeOptions& options) {
    std::int32_t status = 0;
    const loop::BackendChoice choice = named_choice(options.backend, &status);
    if (status != 0) return status;
    stack_size_ = options.stack_size != 0 ? options.stack_size : default_stack;
    if (stack_size_ < least_stack) stack_size_ = least_stack;
    if (stack_size_ > context::stack_size_most) return error::invalid_argument;
    task_limit_ = options.max_tasks;
    status = open_test_mode(options);
    if (status == 0) status = open_workers(choice, options);
    // A system that refuses a second ring may still have room for something smaller.
    if (status != 0 && choice == loop::BackendChoice::automatic && worker_count_ > 0) {
        drop_workers();
        status = open_workers(loop::BackendChoice::epoll, options);
        if (status == 0) reason_ = "io_uring could not be had for every worker";
    }
    if (status != 0) return status;
    reports_overflow_ = (options.flags & runtime_report_overflow) != 0;
    if (reports_overflow_) status = report_overflows();
    const bool wants_watch = (options.flags & runtime_heartbeat) != 0;
    if (status != 0 || !wants_watch || workers_[0]->is_simulated) return status;
    for (std::uint32_t i = 0; i < worker_count_; ++i) workers_[i]->pulse.is_watched = true;
    status = begin_watch(*this);
    is_watched_ = status == 0;
    if (status != 0) set_error_detail("the system gives no thread for the heartbeat");
    return status;
}

// What an `open` that failed has made.
void Runtime::undo_open() {
    if (workers_ != nullptr) drop_workers();
    close_test_mode();
    if (reports_overflow_) forget_overflows();
    reports_overflow_ = false;
}

// Nothing of what the slot held before; the handle is set.
void Runtime::begin_life() {
    workers_ = nullptr;
    worker_count_ = 0;
    reports_overflow_ = is_watched_ = false;
    hold_hook = {};
    fork_count_ = fork_count();
    clock_ = nullptr;
    reason_ = "";
    admission_.store(0, std::memory_order_relaxed);
    driver_.store(nullptr, std::memory_order_relaxed);
    last_driver_.store(nullptr, std::memory_order_relaxed);
    accept_backoffs_.store(0, std::memory_order_relaxed);
    waiters_ = WaitList{};
    waiters_.owner = &word;
    stop_posted_.store(false, std::memory_order_relaxed);
    stopped_count_.store(0, std::memory_order_relaxed);
    is_hired_.store(false, std::memory_order_relaxed);
    is_started_.store(false, std::memory_order_relaxed);
    idle_count_.store(0, std::memory_order_relaxed);
    searching_count_.store(0, std::memory_order_relaxed);
}

std::int32_t Runtime::create(const RuntimeOptions& options, HandleBits* out) {
    Runtime* runtime = runtimes.take();
    if (runtime == nullptr) return error::no_memory;
    const std::uint32_t old = word_generation(runtime->word.load(std::memory_order_relaxed));
    const std::uint32_t generation = old == 0 ? 1 : old;
    runtime->handle_ = runtimes.handle_of(*runtime, generation);
    runtime->options_ = options;
    runtime->begin_life();
    const std::int32_t status = runtime->open(options);
    if (status != 0) {
        runtime->undo_open();
        runtime->end_life(generation - 1);  // nobody has seen it
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
    if (ZIO_UNLIKELY(inherited_at(handle) != nullptr)) return error::forked;
    std::uint64_t old = runtime->word.load(std::memory_order_relaxed);
    do {
        // A destroy that is not decided yet may still find live tasks and change nothing.
        while (ZIO_MUTANT(53, false, (old & object_word::closing) != 0) &&
               word_generation(old) == generation_of(handle)) {
            os::table.yield_thread();
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
    } while (!ZIO_MUTANT(51, check::compare_exchange_in_two_steps(admission_, old, old + 1),
                         admission_.compare_exchange_weak(old, old + 1, std::memory_order_acq_rel,
                                                          std::memory_order_relaxed)));
    return 0;
}

// Ends are read first: what ends meanwhile was created before, so that a sum of 0 is true.
std::uint64_t Runtime::live_count() const {
    std::uint64_t ended = 0;
    for (std::uint32_t i = 0; i < worker_count_; ++i) ended += workers_[i]->ended_count.observe();
    std::uint64_t created = admission_.load(std::memory_order_acquire) & ~stopping;
    for (std::uint32_t i = 0; i < worker_count_; ++i) created += workers_[i]->created_count;
    return created - ended;
}

RuntimeStatistics Runtime::statistics() const {
    RuntimeStatistics out{};
    out.workers = worker_count_;
    out.tasks_live = live_count();
    out.tasks_spawned = out.tasks_live;
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        const Worker& w = *workers_[i];
        const std::uint64_t submitted = w.loop.submitted_count();
        out.tasks_spawned += w.ended_count;
        out.switches += w.switch_count;
        out.steals += w.steal_count;
        out.operations_submitted += submitted;
        out.operations_completed += submitted - w.loop.pending_count();
        out.polls += w.loop.poll_count();
        out.slept_ns += w.loop.slept_ns();
        out.wakes_sent += w.loop.wake_count();
        out.stacks_mapped += w.stacks.statistics().mapped;
        out.timers_armed += w.timers.count();
        out.holds += w.pulse.count;
        const std::uint64_t longest_ns = w.pulse.longest_ns;
        if (longest_ns > out.longest_hold_ns) out.longest_hold_ns = longest_ns;
    }
    out.accept_backoffs = accept_backoffs_.load(std::memory_order_relaxed);
    return out;
}

const char* backend_name(HandleBits handle) {
    Runtime* runtime = nullptr;
    if (Runtime::pin(handle, &runtime) != 0) return nullptr;
    const char* name = runtime->worker(0).loop.backend().name();
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
