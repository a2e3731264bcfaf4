// SPDX-License-Identifier: MIT
#include "core/runtime/runtime.hpp"

#include "core/base/memory.hpp"
#include "core/context/overflow.hpp"
#include "core/os/environment.hpp"
#include "core/os/memory.hpp"
#include "core/os/thread.hpp"
#include "core/runtime/dump.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/spawn.hpp"
#include "core/runtime/thread.hpp"

namespace zio::runtime {

constinit RuntimeTable runtimes{reserve_slots, object_word::free};

namespace {

constexpr std::uint64_t least_stack = context::stack_size_least;
constexpr std::uint64_t default_stack = std::uint64_t{256} * 1024;

const void* this_thread() {
    static ZIO_THREAD_LOCAL char mark;
    return &mark;
}

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
    if (options.max_tasks != 0) {
        w.block_limit = static_cast<std::uint32_t>(
            options.max_tasks < UINT32_MAX - 1 ? options.max_tasks + 1 : UINT32_MAX);
    }
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
        if (word_generation(old) != generation_of(handle) || generation_of(handle) == 0 ||
            (old & (object_word::closing | object_word::free)) != 0) {
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
    out.turns = worker_->turn_count;
    out.operations_submitted = worker_->loop.submitted_count();
    out.operations_completed = out.operations_submitted - worker_->loop.pending_count();
    out.polls = worker_->loop.poll_count();
    out.slept_ns = worker_->loop.slept_ns();
    out.stacks_mapped = stacks.mapped;
    out.timers_armed = worker_->timers.count();
    out.accept_backoffs = accept_backoffs_.load(std::memory_order_relaxed);
    return out;
}

// The calling thread becomes the worker's. A started task may have cached the address of the old
// thread's errno or thread-locals, so another thread must wait until all of them have ended.
std::int32_t Runtime::begin_driving() {
    if (current_worker != nullptr) {
        return current_worker == worker_ ? error::deadlock : error::busy;
    }
    const void* nobody = nullptr;
    if (!driver_.compare_exchange_strong(nobody, this_thread(), std::memory_order_acq_rel)) {
        return error::busy;
    }
    Worker& w = *worker_;
    const context::StackStatistics stacks = w.stacks.statistics();
    if (last_driver_ != nullptr && last_driver_ != this_thread() && stacks.mapped > stacks.cached) {
        driver_.store(nullptr, std::memory_order_release);
        return error::busy;
    }
    if (reports_overflow_) {
        if (const std::int32_t status = overflow_stack_.install()) {
            driver_.store(nullptr, std::memory_order_release);
            return status;
        }
    }
    last_driver_ = this_thread();
    w.errno_at = os::errno_address();
    w.exceptions = context::exception_globals();
    w.fp_control = context::save_fp_control();
    if (w.native.has(bit::marked)) context::sanitizer::adopt(w.native_head.mark);
    current_worker = worker_;
    if (w.worker_hooks.on_start != nullptr) w.worker_hooks.on_start(0, w.worker_hooks.data);
    return 0;
}

void Runtime::end_driving() {
    const WorkerHooks& hooks = worker_->worker_hooks;
    if (hooks.on_stop != nullptr) hooks.on_stop(0, hooks.data);
    if (reports_overflow_) overflow_stack_.remove();
    current_worker = nullptr;
    // What was said on the native stack concerns the thread that drove it.
    if (worker_->native_head.error_detail != nullptr) {
        set_error_detail(worker_->native_head.error_detail);
        worker_->native_head.error_detail = nullptr;
    }
    driver_.store(nullptr, std::memory_order_release);
    wake_waiters();
}

void Runtime::wake_waiters() {
    object_word::take_lock(word);
    Task* chain = waiters_.take_all();
    object_word::release_lock(word);
    wake_all(chain, 0);
}

// The mail lies in this frame, so nothing ends the wait before it was delivered.
std::int32_t Runtime::ask(void (*question)(Runtime&, void* data), void* data) {
    if (current_worker == worker_) {
        question(*this, data);
        return 0;
    }
    struct Question : Mail {
        Runtime* runtime;
        void (*run)(Runtime&, void*);
        void* data;
        std::atomic<bool> answered;
    };
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    Question mail{};
    mail.runtime = this;
    mail.run = question;
    mail.data = data;
    mail.deliver = [](Worker&, Mail& delivered) {
        auto& self = static_cast<Question&>(delivered);
        Runtime& runtime = *self.runtime;
        self.run(runtime, self.data);
        self.answered.store(true, std::memory_order_release);  // the last touch of the mail
        runtime.wake_waiters();
    };
    bool wake_owed = false;
    if (post(worker_->index, mail.node, mail_tag, &wake_owed) && wake_owed) {
        wake_worker(worker_->index);
    }
    const HoldBack held(*me);
    while (!mail.answered.load(std::memory_order_acquire)) {
        if (!is_driven() && current_worker == nullptr && begin_driving() == 0) {
            worker_->drain_mail();
            end_driving();
            continue;
        }
        object_word::take_lock(word);
        const bool wait = is_driven() && !mail.answered.load(std::memory_order_acquire);
        if (wait) {
            me->state = TaskState::listed;
            waiters_.append(*me);
        }
        object_word::release_lock(word);
        if (wait) park(w, me, TaskState::listed, never);
    }
    return 0;
}

std::int32_t Runtime::run_main(TaskFunction entry, void* data) {
    Worker& w = *worker_;
    HandleBits main = 0;
    if (const std::int32_t status = spawn(0, &main, entry, data)) return status;
    Task& task = *task_at(main);
    link_joiner(task, w.native);
    w.native.state = TaskState::joining;
    std::int32_t result = 0;
    if (w.run_until_ready(w.native)) {
        result = static_cast<std::int32_t>(w.native.wait.value);
    } else {
        leave_joiners(w.native);
        w.native.state = TaskState::ready;
        set_error_detail(describe_deadlock());
        result = error::deadlock;
    }
    unreference_slowly(main);
    return result;
}

std::int32_t Runtime::run(HandleBits handle, TaskFunction entry, void* data) {
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    std::int32_t status = entry == nullptr ? error::invalid_argument : runtime->begin_driving();
    if (status == 0) {
        status = (runtime->admission_.load(std::memory_order_acquire) & stopping) != 0
                     ? error::stopping
                     : runtime->run_main(entry, data);
        runtime->end_driving();
    }
    runtime->unpin();
    return status;
}

void Runtime::stop_here() {
    Worker& w = *worker_;
    if (!w.stopping) {
        w.stopping = true;
        w.initial_bits |= bit::spawn_slowly;
        const std::uint32_t limit = tasks.limit();
        for (std::uint32_t i = 0; i < limit; ++i) {
            Task& task = tasks.slot(i);
            if (at_home(&w, &task) && task.state >= TaskState::launched &&
                task.state != TaskState::done) {
                request_cancel_here(&w, &task);
            }
        }
    }
    note_ends();
}

void Runtime::note_ends() {
    if (live_count() != 0) return;
    wake_waiters();
}

bool Runtime::drive_until_ended(Deadline deadline) {
    Worker& w = *worker_;
    w.drain_mail();
    stop_here();
    while (live_count() != 0) {
        w.native.state = TaskState::listed;
        object_word::take_lock(word);
        waiters_.append(w.native);
        object_word::release_lock(word);
        limit_wait(&w, &w.native, deadline == immediate ? 1 : deadline);
        if (!w.run_until_ready(w.native)) {
            withdraw(w.native);
            w.native.state = TaskState::ready;
            w.native.verdict = error::timed_out;
        }
        w.native.due = forever;
        if (w.native.verdict == error::timed_out) return live_count() == 0;
    }
    return true;
}

// A message asks the home to stop; who asked waits for the end of the last task, or of whoever
// drives the tasks.
std::int32_t Runtime::stop_from_elsewhere(Deadline deadline) {
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (!stop_posted_.exchange(true, std::memory_order_acq_rel)) {
        stop_mail_.deliver = [](Worker& home, Mail&) {
            home.runtime->stop_here();
        };
        bool wake_owed = false;
        if (post(worker_->index, stop_mail_.node, mail_tag, &wake_owed) && wake_owed) {
            wake_worker(worker_->index);
        }
    }
    while (live_count() != 0) {
        object_word::take_lock(word);
        const bool wait = is_driven() && live_count() != 0;
        if (wait) {
            me->state = TaskState::listed;
            waiters_.append(*me);
        }
        object_word::release_lock(word);
        if (!wait) break;
        me = park(w, me, TaskState::listed, deadline == immediate ? 1 : deadline).me;
        if (me->verdict != 0) return me->verdict == error::timed_out ? error::busy : me->verdict;
    }
    return live_count() == 0 ? 0 : error::busy;
}

std::int32_t Runtime::shutdown(HandleBits handle, Deadline deadline) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    std::int32_t status = 0;
    if (current_worker == runtime->worker_) {
        status = error::deadlock;  // it would wait for itself
    } else {
        runtime->admission_.fetch_or(stopping, std::memory_order_acq_rel);
        const bool on_worker = current_worker != nullptr;
        status = on_worker ? error::busy : runtime->begin_driving();
        if (status == 0) {
            if (!runtime->drive_until_ended(deadline)) {
                set_error_detail(runtime->describe_deadlock());
                status = error::busy;
            }
            runtime->end_driving();
        } else if (runtime->is_driven()) {
            status = runtime->stop_from_elsewhere(deadline);
            if (status == error::busy) set_error_detail("tasks of the runtime are still alive");
        }
    }
    runtime->unpin();
    return status;
}

std::int32_t Runtime::close() {
    const std::int32_t status = begin_driving();
    if (status != 0) return status == error::deadlock ? error::busy : status;
    worker_->drain_mail();
    const bool live = live_count() != 0;
    end_driving();
    if (live) {
        set_error_detail("the runtime has live tasks: shut it down first");
        return error::busy;
    }
    return 0;
}

std::int32_t Runtime::destroy(HandleBits handle) {
    if (handle == 0) return 0;
    Runtime* runtime = nullptr;
    if (const std::int32_t status = pin(handle, &runtime)) return status;
    // From here the handle is dead; it comes to life again when tasks turn out to live.
    std::uint64_t old = runtime->word.load(std::memory_order_relaxed);
    do {
        if ((old & object_word::closing) != 0) {
            runtime->unpin();
            return error::bad_handle;
        }
    } while (!runtime->word.compare_exchange_weak(
        old, old | object_word::closing, std::memory_order_acq_rel, std::memory_order_relaxed));
    constexpr std::uint64_t own_two = 2 * object_word::one_reference;
    std::int32_t status = runtime->is_driven() ? error::busy : 0;
    while (status == 0 &&
           (runtime->word.load(std::memory_order_acquire) & object_word::references) > own_two) {
        if (runtime->is_driven()) status = error::busy;  // a spawner on its way is gone at once
        spin_pause();
    }
    if (status == 0) status = runtime->close();
    if (status != 0) {
        runtime->word.fetch_and(~object_word::closing, std::memory_order_release);
        runtime->unpin();
        return status;
    }
    leave_blocks(runtime->worker_);
    runtime->worker_->stacks.close();
    zio::destroy(runtime->worker_);
    runtime->worker_ = nullptr;
    if (runtime->reports_overflow_) forget_overflows();
    const std::uint32_t generation = generation_of(handle) + 1;
    runtime->word.store(object_word::of_generation(generation) | object_word::free,
                        std::memory_order_release);
    runtimes.give(*runtime);
    return 0;
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
