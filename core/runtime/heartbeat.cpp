// SPDX-License-Identifier: MIT
#include "core/runtime/heartbeat.hpp"

#include "core/os/thread.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

namespace {

constexpr std::int64_t period_ns = held_ns / 2;

// The list, and what else only changes with it. Held while the thread looks, so that no worker goes
// away under it; hooks run under it, so it may be held for long.
class Lock {
  public:
    void lock() {
        while (taken_.exchange(true, std::memory_order_acquire)) os::yield_thread();
    }
    void unlock() { taken_.store(false, std::memory_order_release); }

  private:
    Atomic<bool> taken_{false};
};

Lock life_lock;  // of those who begin and end
Lock watch_lock;
Runtime* watched = nullptr;
os::Thread thread;
Atomic<bool> shall_end{false};
Atomic<bool> sleeps{false};  // the thread sleeps for want of anybody awake
ObjectWord sleeper_word{0};
WaitList sleeper{nullptr, nullptr, &sleeper_word};

void wake_thread() {
    object_word::take_lock(sleeper_word);
    Task* chain = sleeper.take_all();
    object_word::release_lock(sleeper_word);
    wake_all(chain, 0);
}

// Returns after `deadline`, or when somebody has called wake_thread since `sleeps` was set.
void doze(Deadline deadline, bool until_woken) {
    Worker* w = here();
    if (w == nullptr) return os::yield_thread();  // no memory for a wait: it looks again
    Task* me = w->current;
    object_word::take_lock(sleeper_word);
    const bool wait = (!until_woken || sleeps.load(std::memory_order_seq_cst)) &&
                      !shall_end.load(std::memory_order_acquire);
    if (wait) {
        me->state = TaskState::listed;
        sleeper.append(*me);
    }
    object_word::release_lock(sleeper_word);
    if (wait) park(w, me, TaskState::listed, deadline);
}

void note_hold(Worker& w, const Task& task, Instant now) {
    Pulse& pulse = w.pulse;
    const Instant span = now - pulse.seen_at;
    if (tasks.limit() == 0) return;  // never so: this look shows us the table that the task is in
    const HandleBits handle = handle_of(task);
    if (!pulse.is_told) {
        pulse.count = pulse.count + 1;
        pulse.last_task = task_number(handle);
        char name[task_name_size] = {};
        if (task.extra != 0) copy_name(extra_of(task), name);
        pulse.name_lock.lock();
        for (std::size_t i = 0; i < task_name_size; ++i) pulse.last_name[i] = name[i];
        pulse.name_lock.unlock();
    }
    pulse.last_ns = span;
    pulse.last_at = now;
    if (span > pulse.longest_ns) pulse.longest_ns = span;
    const HoldHook& hook = w.runtime->hold_hook;
    if (!pulse.is_told && hook.function != nullptr) {
        hook.function(w.ordinal, as_pointer(handle), span, hook.data);
    }
    pulse.is_told = true;
}

// Whether somebody is awake.
bool look(Worker& w, Instant now) {
    Pulse& pulse = w.pulse;
    if (!pulse.is_awake.load(std::memory_order_seq_cst)) {
        pulse.seen = nullptr;
        return false;
    }
    const std::uint64_t switches = w.switch_count;
    const Task* task = w.current;
    if (task == &w.native || task != pulse.seen || switches != pulse.seen_switches) {
        pulse.seen = task != &w.native ? task : nullptr;
        pulse.seen_switches = switches;
        pulse.seen_at = now;
        pulse.is_told = false;
    } else if (now - pulse.seen_at >= held_ns) {
        note_hold(w, *task, now);
    }
    return true;
}

bool look_at_all() {
    watch_lock.lock();
    bool any_awake = false;
    for (Runtime* runtime = watched; runtime != nullptr; runtime = runtime->next_watched) {
        for (std::uint32_t i = 0; i < runtime->worker_count(); ++i) {
            Worker& w = runtime->worker(i);
            any_awake |= look(w, w.loop.real_now());
        }
    }
    watch_lock.unlock();
    return any_awake;
}

void watch(void*) {
    while (!shall_end.load(std::memory_order_acquire)) {
        if (look_at_all()) {
            doze(after(period_ns), false);
            continue;
        }
        sleeps.store(true, std::memory_order_seq_cst);
        if (!look_at_all()) doze(never, true);
        sleeps.store(false, std::memory_order_seq_cst);
    }
}

}  // namespace

void before_sleep(Pulse& pulse) {
    pulse.is_awake.store(false, std::memory_order_seq_cst);
}

void after_sleep(Pulse& pulse) {
    pulse.is_awake.store(true, std::memory_order_seq_cst);
    if (sleeps.exchange(false, std::memory_order_seq_cst)) wake_thread();
}

std::int32_t begin_watch(Runtime& runtime) {
    life_lock.lock();
    std::int32_t status = 0;
    if (watched == nullptr) {
        shall_end.store(false, std::memory_order_release);
        status = os::start_thread(&watch, nullptr, "zio-heartbeat", &thread);
    }
    if (status == 0) {
        watch_lock.lock();
        runtime.next_watched = watched;
        watched = &runtime;
        watch_lock.unlock();
    }
    life_lock.unlock();
    return status;
}

void end_watch(Runtime& runtime) {
    life_lock.lock();
    watch_lock.lock();
    Runtime** link = &watched;
    while (*link != nullptr && *link != &runtime) link = &(*link)->next_watched;
    if (*link != nullptr) *link = runtime.next_watched;
    const bool last = watched == nullptr;
    watch_lock.unlock();
    if (last) {
        shall_end.store(true, std::memory_order_release);
        wake_thread();
        os::join_thread(thread);
        thread = {};
    }
    life_lock.unlock();
}

std::int32_t set_hold_hook(HandleBits handle, HoldHook hook) {
    Runtime* runtime = nullptr;
    if (const std::int32_t status = Runtime::pin(handle, &runtime)) return status;
    const bool is_watched = runtime->is_watched();
    if (is_watched) {
        watch_lock.lock();
        runtime->hold_hook = hook;
        watch_lock.unlock();
    }
    runtime->unpin();
    return is_watched ? 0 : error::not_supported;
}

void forget_watch() {
    life_lock.unlock();
    watch_lock.unlock();
    watched = nullptr;
    thread = {};
    sleeps.store(false, std::memory_order_relaxed);
    sleeper_word.store(0, std::memory_order_relaxed);
    sleeper = {nullptr, nullptr, &sleeper_word};
}

}  // namespace zio::runtime
