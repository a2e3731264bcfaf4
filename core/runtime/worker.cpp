// SPDX-License-Identifier: MIT
#include "core/runtime/worker.hpp"

#include "core/base/mutant.hpp"
#include "core/runtime/detour.hpp"
#include "core/runtime/fork.hpp"
#include "core/runtime/interrupt.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/spawn.hpp"
#include "core/runtime/switch.hpp"

namespace zio::runtime {

__thread Worker* current_worker __attribute__((tls_model("initial-exec"))) = nullptr;
WorkerPort worker_ports[worker_limit];
SpinLock numbers_lock;

namespace {

// How long a worker that has other work to do leaves the backend alone after an empty poll.
constexpr Instant poll_pause_ns = 20'000;

// A simulated run chooses among so many; those it passes over go to the end. Were it all, a turn
// would take as long as there are ready tasks.
constexpr std::uint32_t most_choices = 64;
// After so many ends, and no more often than that, an idle worker gives the pages of stacks that
// it does not need back.
constexpr std::uint64_t ends_before_trim = 1024;
constexpr Instant trim_pause_ns = second_ns;
constexpr std::uint64_t warm_stacks = 256;
// How soon a worker that has no room for a task from elsewhere looks again.
constexpr Instant room_pause_ns = 5'000'000;

std::uint32_t next_number = 0;
std::uint64_t numbers_used[worker_limit / 64] = {1};  // number 0 is nobody

}  // namespace

std::uint16_t reserve_worker_number() {
    numbers_lock.lock();
    std::uint16_t found = 0;
    for (std::uint32_t tried = 0; tried < worker_limit && found == 0; ++tried) {
        next_number = (next_number + 1) % worker_limit;  // round robin: it rests before its reuse
        const auto number = static_cast<std::uint16_t>(next_number);
        std::uint64_t& used = numbers_used[number / 64];
        const std::uint64_t mask = std::uint64_t{1} << (number % 64);
        if ((used & mask) != 0) continue;
        used |= mask;
        found = number;
    }
    numbers_lock.unlock();
    return found;
}

void release_worker_number(std::uint16_t number) {
    numbers_lock.lock();
    numbers_used[number / 64] &= ~(std::uint64_t{1} << (number % 64));
    numbers_lock.unlock();
}

bool post(std::uint16_t number, InboxNode& node, unsigned tag) {
    WorkerPort& port = worker_ports[number];
    const Inbox::Pushed pushed = port.inbox.push(node, tag);
    // A worker counts on the wake it was promised before it leaves, so it is still there.
    if (pushed == Inbox::Pushed::owes_wake) {
        port.worker.load(std::memory_order_acquire)->loop.wake();
    }
    return pushed != Inbox::Pushed::closed;
}

Worker::Worker(std::unique_ptr<loop::Backend> backend, std::uint16_t number)
    : index(number), loop(std::move(backend), &worker_ports[number].inbox) {
    chooses = loop.backend().chooses();
    is_simulated = loop.backend().simulates();
    is_steered = chooses || is_simulated;
    native.state = TaskState::ready;
    native.word.store(word::one_generation | word::bias, std::memory_order_relaxed);
    native.home.store(number, std::memory_order_relaxed);
    native.due = forever;
    native.stack = reinterpret_cast<char*>(&native_head) - sizeof(void*);
    worker_ports[number].worker.store(this, std::memory_order_release);
    worker_ports[number].inbox.reopen();
}

// The number rests until nobody can be about to post to it: a hired worker's thread has been
// joined.
Worker::~Worker() {
    leave();
    release_worker_number(index);
}

void Worker::leave() {
    if (has_left_) return;
    has_left_ = true;
    ZIO_ASSERT(!has_ready());
    do {
        drain_mail();
        complete_operations();
    } while ((native.word.load(std::memory_order_acquire) & word::posted) != 0 ||
             !loop.close_inbox());
    worker_ports[index].worker.store(nullptr, std::memory_order_release);
}

Worker* worker_of_this_thread() {
    return current_worker;
}

// The first of the ready tasks becomes the one that the seed chose. The oldest fresh one takes
// part: `pick` takes it when nothing is left of the slice.
void Worker::rotate_by_choice() {
    left = 1;  // every suspension point is a choice
    std::uint32_t count = 0;
    for (Task* task = ready_first; task != nullptr && count < most_choices; task = task->next) {
        ++count;
    }
    const std::uint32_t choices = oldest != nullptr ? count + 1 : count;
    if (choices < 2) return;
    std::uint32_t chosen = loop.backend().choose(choices);
    if (chosen == count) {
        left = 0;
        return;
    }
    for (; chosen > 0; --chosen) append_ready(this, pop_ready(this, ready_first));
}

void Worker::call_hook(WorkerHook hook) {
    if (hook == nullptr) return;
    const NoSuspend region(this, native);
    hook(ordinal, worker_hooks.data);
}

void Worker::block_until(Instant until) {
    const bool had_ready = has_ready();  // who stands still has
    call_hook(worker_hooks.before_block);
    if (has_ready() != had_ready) until = loop.now();  // that was the hook
    if (pulse.is_watched) before_sleep(pulse);
    os::probe::blocked(ordinal, until);
    loop.poll_until(until);
    if (pulse.is_watched) after_sleep(pulse);
    call_hook(worker_hooks.after_block);
}

// True: something came while others had the processor.
bool Worker::give_way(Instant until) {
    if (loop.pending_count() == 0 || !give_way_.is_due()) return false;
    const Instant begin = loop.now();
    // First what waits to be submitted; the kernel may take nothing more just now.
    constexpr unsigned most_polls = 8;
    for (unsigned i = 0; i < most_polls && loop.has_queued() && !loop.has_completed(); ++i) {
        loop.poll();
    }
    if (loop.has_completed() || loop.has_mail()) return true;
    if (loop.has_queued()) return false;
    for (;;) {
        os::yield_thread();
        if (loop.may_have_finished()) loop.poll();
        if (loop.has_completed() || loop.has_mail()) {
            give_way_.found_something();
            return true;
        }
        const Instant now = loop.now();
        if (now - begin >= GiveWay::span_ns || now >= until) break;
    }
    give_way_.found_nothing();
    return false;
}

void Worker::sleep(Instant until) {
    if (!gives_way || !give_way(until)) block_until(until);
}

// Called before the worker sleeps, when a burst may be over.
void Worker::trim_stacks() {
    if (ended_count - trimmed_ended_count_ < ends_before_trim) return;
    const Instant now = loop.real_now();
    if (now < next_trim_at_) return;
    next_trim_at_ = now + trim_pause_ns;
    trimmed_ended_count_ = ended_count;
    const std::uint64_t live = runtime != nullptr ? runtime->live_count() : 0;
    const std::uint64_t keep = live > warm_stacks ? live : warm_stacks;
    stacks.trim(static_cast<std::uint32_t>(keep < UINT32_MAX ? keep : UINT32_MAX));
}

bool Worker::turn(const Task& wanted) {
    if (ZIO_UNLIKELY(is_inherited)) return false;
    if (ZIO_UNLIKELY(background_first != nullptr)) note_suspensions();
    left = left_at_first = slice;
    if (ZIO_UNLIKELY(loop.has_mail())) drain_mail();
    if (ZIO_UNLIKELY(stacks_to_return != nullptr)) return_stacks();
    if (ZIO_UNLIKELY(obeys) && ZIO_UNLIKELY(stands())) stand();
    if (ZIO_UNLIKELY(shares)) {
        if (surplus.count() != 0 && (!has_ready() || surplus.is_stale(loop.real_now()))) {
            surplus.take_back(this);
        }
        if (oldest != nullptr) {
            offer_slowly(this, ready_first != nullptr);
        } else {
            kept_count = background_first != nullptr ? kept_count : 0;
        }
    }
    start_adopted();
    if (ZIO_UNLIKELY(background_first != nullptr)) admit_background(this);
    if (ZIO_UNLIKELY(stopping)) runtime->note_ends();
    Instant next = forever;
    Instant now = 0;
    if (!timers.empty()) {
        now = loop.now();
        next = expire(now);
    }
    // Others' ends make room, and so may the system.
    if (ZIO_UNLIKELY(unadopted != nullptr)) {
        const Instant again = loop.now() + (has_test_clock ? 0 : room_pause_ns);
        if (again < next) next = again;
    }
    if (has_ready() || !wanted.waits()) {
        // Others want the processor too: the backend is asked now and then, the sooner the more it
        // had to say the last time.
        if (loop.pending_count() != 0 || is_steered) {
            if (now == 0) now = loop.now();
            if (poll_found_work || is_steered || now >= next_poll_at || loop.has_queued()) {
                loop.poll();
                poll_found_work = loop.has_completed();
                next_poll_at = now + poll_pause_ns;
            }
        }
    } else {
        trim_stacks();
        shares ? rest(next) : sleep(next);
        poll_found_work = true;
    }
    note_time(now);
    complete_operations();
    if (ZIO_UNLIKELY(owes_look_) && has_ready()) pass_on_call();
    if (ZIO_UNLIKELY(chooses)) rotate_by_choice();
    return ZIO_LIKELY(!is_steered) || !loop.backend().idle_for_ever() || !wanted.waits();
}

// Nobody stands on them any more. An owner that has left has given them all back to the system.
void Worker::return_stacks() {
    while (StackReturn* back = stacks_to_return) {
        stacks_to_return = back->next;
        back->deliver = [](Worker& owner, Mail& mail) {
            --owner.block_count;  // see Surplus::take_half
            owner.stacks.give(static_cast<StackReturn&>(mail).stack);
        };
        post(back->home, back->node, mail_tag);
    }
}

// `now` when the turn asked for it, else 0. Nobody's wait is so important that each turn would.
void Worker::note_time(Instant now) {
    constexpr std::uint32_t most_turns = 16;
    if (loop.woke_at() > now) now = loop.woke_at();
    if (now > turn_at) {
        turn_at = now;
        turns_without_clock_ = 0;
    } else if (++turns_without_clock_ >= most_turns) {
        turn_at = loop.now();
        turns_without_clock_ = 0;
    }
}

// Tasks that came from elsewhere and have room here.
void Worker::start_adopted() {
    while (unadopted != nullptr) {
        Task* task = unadopted;
        is_full = !take_in(this, *task);
        if (is_full) return;
        unadopted = task->next;
        task->state = TaskState::fresh;
        queue_fresh(this, task);
    }
}

bool Worker::run_until_ready(Task& wanted) {
    while (wanted.waits()) {
        if (!turn(wanted)) return false;
        if (!wanted.waits()) break;
        Task* task = pick_by_class(this);
        if (task == &native) continue;
        switch_to(this, &native, task);
        while (errand.task != nullptr) do_errand(this);
    }
    return true;
}

void Worker::complete_operations() {
    while (loop::Operation* operation = loop.next_completed()) {
        make_ready(this, static_cast<Task*>(operation->waiter), 0);
    }
}

void Worker::drain_mail() {
    for (InboxNode* chain = loop.take_mail(); chain != nullptr;) {
        unsigned tag = 0;
        InboxNode* node = Inbox::take_first(chain, &tag);
        if (tag == mail_tag) {
            auto* mail = reinterpret_cast<Mail*>(node);
            mail->deliver(*this, *mail);
        } else {
            receive(this, Task::of_mail(*node));
            ZIO_IF_MUTANT(22, chain = node->next;)
        }
    }
}

// Timers are lazy: a wait that ends early leaves its entry, a later instant does not move it. What
// surfaces is looked at again, also before the worker sleeps, so that stale entries wake nobody.
Instant Worker::expire(Instant now) {
    while (!timers.empty()) {
        const auto top = timers.top();
        Task& task = *top.item;
        const bool waiting = task.waits() && task.due != forever;
        if (waiting && task.due == top.at && top.at > now) return top.at;
        if (waiting && task.due > now) {
            timers.set(task, task.due);
            continue;
        }
        timers.remove(task);
        if (!waiting) continue;
        task.due = forever;
        interrupt(this, &task, error::timed_out);
    }
    return forever;
}

}  // namespace zio::runtime
