// SPDX-License-Identifier: MIT
// What a worker does when it has nothing to run and other workers are there: it looks for work of
// theirs, waits awake for a moment, sleeps. And what it does when it shall stand still.
//
// Nobody sleeps while there is work that it could take: a worker announces its sleep and then looks
// once more; whoever puts work out does so and then looks who sleeps. Both go through one counter,
// so one of the two sees the other. One worker at most is called for each put, and none while one
// is awake and searching, for that one looks again after it has given up. Who was called, or was
// seen searching, and runs something else passes the call on. tests/models/idle.pml.
#include "core/base/mutant.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

namespace {

// Waking a sleeper costs both sides more than a short wait awake; a long one wastes the processor.
constexpr Instant longest_spin_ns = 50'000;
constexpr Instant shortest_spin_ns = 3'000;
// After spins that found nothing, one of so many rests tries again, the rarer the more often that
// was in vain: once, for so long that a worker which has to be woken first can answer meanwhile.
// Else two that wait for each other would both sleep for ever between their messages, each too late
// for the other's short look.
constexpr std::uint32_t most_rests_before_trial = 4096;
constexpr Instant trial_spin_ns = 50'000;
// A look at the clock that comes later than this: somebody else had the processor meanwhile.
constexpr Instant preempted_ns = 15'000;
constexpr unsigned looks_at_once = 16;
// Asking the backend is a system call, and whoever sends through it needs a processor, too: what it
// has must not wait for long, but is no reason to stay awake.
constexpr Instant pause_between_polls_ns = 15'000;

}  // namespace

void offer_slowly(Worker* w, bool is_busy) {
    w->until_offer = 4;
    Runtime& runtime = *w->runtime;
    if (!runtime.has_idle_worker() || w->surplus.count() != 0) return;
    if (!w->surplus.is_worthwhile(w->loop.real_now())) {
        w->until_offer = w->surplus.starts_until_look();
        return;
    }
    w->until_offer = 1;
    if (w->surplus.put(w, is_busy)) runtime.call_idle_worker();
}

// Who drives a runtime spawns the main task, which stays.
std::int32_t offer_spawned_slowly(Worker* w) {
    if (w->current != &w->native) offer_slowly(w, true);
    return 0;
}

bool Worker::others_have_surplus() const {
    const std::uint32_t count = runtime->worker_count();
    for (std::uint32_t i = 0; i < count; ++i) {
        if (i != ordinal && runtime->worker(i).surplus.count() != 0) return true;
    }
    return false;
}

// How many tasks of others have room here, for their timers and their stacks.
std::uint32_t Worker::room_for_more() {
    std::uint32_t more = Surplus::most_at_once;
    while (more > 0 &&
           (!timers.reserve(block_count + more + 2) || !stacks.guarantee(block_count + more))) {
        more /= 2;
    }
    return more;
}

bool Worker::steal() {
    const std::uint32_t count = runtime->worker_count();
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t victim = (next_victim_ + i) % count;
        Surplus& source = runtime->worker(victim).surplus;
        if (victim == ordinal || source.count() == 0) continue;
        const std::uint32_t taken = source.take_half(this, room_for_more());
        if (taken == 0) continue;
        next_victim_ = victim;
        stolen_from_ = &source;
        stolen_at_ = loop.real_now();
        steal_count = steal_count + taken;
        owes_look_ = true;
        return true;
    }
    return false;
}

void Worker::judge_stolen_work() {
    if (stolen_from_ == nullptr) return;
    stolen_from_->judge(loop.real_now() - stolen_at_);
    stolen_from_ = nullptr;
}

// True: something came. Lengthens or shortens the next spin by what others on this machine brought.
bool Worker::spin(Instant until) {
    const bool is_trial = spin_ns_ == 0;
    if (is_trial) {
        if (++spins_skipped_ < rests_before_trial_ || !runtime->may_spin()) return false;
        spins_skipped_ = 0;
        spin_ns_ = trial_spin_ns;
    }
    runtime->begin_search();
    owes_look_ = true;
    const Instant begin = loop.now();
    Instant last = begin;
    Instant polled_at = begin;
    bool found = false;
    for (;;) {
        for (unsigned i = 0; i < looks_at_once && !found; ++i) {
            found = loop.has_mail() || others_have_surplus();
            spin_pause();
        }
        const Instant now = loop.now();
        if (found || now - begin >= spin_ns_ || now >= until) break;
        if (loop.pending_count() != 0 && now - polled_at >= pause_between_polls_ns) {
            loop.poll();
            if (loop.has_completed()) break;
            polled_at = now;
        }
        if (now - last > preempted_ns) {
            spin_ns_ = 0;
            break;
        }
        last = now;
    }
    runtime->end_search();
    if (found) {
        spin_ns_ = longest_spin_ns;
        rests_before_trial_ = rests_before_trial;
    } else if (is_trial) {
        spin_ns_ = 0;
        if (rests_before_trial_ < most_rests_before_trial) rests_before_trial_ *= 2;
    } else {
        spin_ns_ /= 2;
        if (spin_ns_ < shortest_spin_ns) spin_ns_ = 0;
    }
    return found || loop.has_completed();
}

void Worker::rest(Instant until) {
    judge_stolen_work();
    if (steal() || spin(until)) return;
    Idle expected = Idle::no;
    const bool announced =
        idle.compare_exchange_strong(expected, Idle::asleep, std::memory_order_acq_rel);
    if (announced) runtime->count_idle(1);
    if (ZIO_MUTANT(40, true, !announced || !steal())) sleep(until);
    if (!announced) return;
    expected = Idle::asleep;
    if (ZIO_MUTANT(43, check::compare_exchange_in_two_steps(idle, expected, Idle::no),
                   idle.compare_exchange_strong(expected, Idle::no, std::memory_order_acq_rel))) {
        runtime->count_idle(-1);
    } else {
        owes_look_ = true;  // it was called
    }
}

// It was called, or seen searching, for work that it may not have taken: what is left is announced
// again before it turns to what it has.
void Worker::pass_on_call() {
    owes_look_ = false;
    runtime->count_idle(0);  // in order with those who put out and those who fall asleep
    if (ZIO_MUTANT(42, false, others_have_surplus())) runtime->call_idle_worker();
}

// ---- standing still

// One order often comes a moment after the other, and after the answer to it, so it is waited for
// awake, not longer than a wake costs. (Who lends its processor to others gets it back in 3 ms when
// they compute.)
bool Worker::awaits_mail_awake(Instant until) {
    // In a simulation others go on only when this one waits, and a test clock may stand still.
    if (is_steered) return loop.has_mail();
    constexpr Instant span_ns = 30'000;
    const Instant begin = loop.now();
    for (Instant now = begin; now - begin < span_ns && now < until; now = loop.now()) {
        for (unsigned i = 0; i < looks_at_once; ++i) {
            if (loop.has_mail()) return true;
            spin_pause();
        }
    }
    return loop.has_mail();
}

void Worker::turn_without_tasks(const Task* wanted) {
    if (loop.has_mail()) drain_mail();
    const Instant next = timers.empty() ? forever : expire(loop.now());
    complete_operations();
    const bool over =
        wanted != nullptr ? !wanted->waits() : duty_word.load(std::memory_order_acquire) != 0;
    if (over || awaits_mail_awake(next)) return;
    block_until(next);
    complete_operations();
}

void Worker::wait_without_tasks(const Task& wanted) {
    while (wanted.waits()) turn_without_tasks(&wanted);
}

// Until the word says that this worker shall run, or leave.
void Worker::stand() {
    for (;;) {
        std::uint8_t old = duty_word.load(std::memory_order_acquire);
        if ((old & duty::leave) != 0) {
            if (native.waits()) make_ready(this, &native, 0);
            return;
        }
        const bool runs = (old & duty::run) != 0;
        const std::uint8_t wanted = runs ? duty::run | duty::runs : 0;
        if (old != wanted) {
            if (!duty_word.compare_exchange_strong(old, wanted, std::memory_order_acq_rel)) {
                continue;
            }
            if (ZIO_MUTANT(48, false, !runs)) runtime->wake_waiters();  // it stands
        }
        if (runs) return;
        turn_without_tasks(nullptr);
    }
}

}  // namespace zio::runtime
