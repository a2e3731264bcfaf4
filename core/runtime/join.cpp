// SPDX-License-Identifier: MIT
#include "core/runtime/join.hpp"

#include "core/base/memory.hpp"
#include "core/base/mutant.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

namespace {

Atomic<JoinRequest*> requests{nullptr};  // from all threads, newest first

void push_request(JoinRequest& request) {
    request.next = requests.load(std::memory_order_relaxed);
    while (!requests.compare_exchange_weak(request.next, &request, std::memory_order_acq_rel,
                                           std::memory_order_relaxed)) {
    }
}

void free_request(JoinRequest* request) {
    destroy(request);
}

void answer(JoinRequest* request, std::int32_t status, std::int32_t result) {
    Task& joiner = *request->joiner;
    request->status = status;
    request->result = result;
    auto expected = JoinRequest::pending;
    if (ZIO_MUTANT(
            31,
            check::compare_exchange_in_two_steps(request->state, expected, JoinRequest::answered),
            request->state.compare_exchange_strong(expected, JoinRequest::answered,
                                                   std::memory_order_acq_rel))) {
        wake_by_mail(joiner, 0);  // the joiner, this very task perhaps, frees the request
    } else {
        free_request(request);
    }
}

// Those who gave up do not pile up on a target that lives long.
void drop_abandoned(JoinRequest*& list) {
    for (JoinRequest** place = &list; *place != nullptr;) {
        JoinRequest* request = *place;
        if (request->state.load(std::memory_order_acquire) != JoinRequest::abandoned) {
            place = &request->next;
            continue;
        }
        *place = request->next;
        free_request(request);
    }
}

struct Reply {
    bool is_due;
    std::int32_t status;
    std::int32_t result;
};

// Attaches a request to its target, or says what it is to be answered. At home, or under the lock
// of those without a home.
Reply attach(JoinRequest* request) {
    Task& target = *request->target;
    if (target.generation() != request->generation) return {true, error::bad_handle, 0};
    if (target.state == TaskState::done) return {true, 0, target.verdict};
    if (!need_extra(target)) return {true, error::no_memory, 0};
    JoinRequest*& first = extra_of(target).join_requests;
    request->next = first;
    first = request;
    return {false, 0, 0};
}

// Canceled while joining: the target is canceled too, and waited for whatever the deadline.
ZIO_NOINLINE std::int32_t join_canceled(Worker* w, Task* me, Task* target, std::int32_t* result) {
    request_cancel_here(w, target);
    if (target->state != TaskState::done) {
        const HoldBack held(*me);
        link_joiner(*target, *me);
        park(w, me, TaskState::joining, never);
        if (result != nullptr) *result = static_cast<std::int32_t>(me->wait.value);
    } else if (result != nullptr) {
        *result = target->verdict;
    }
    return 0;
}

void keep_cancel_pending(Task* me) {
    me->bits &= static_cast<std::uint16_t>(~bit::delivered);
    me->word.fetch_or(word::cancel, std::memory_order_relaxed);
}

ZIO_NOINLINE std::int32_t join_wait(Worker* w, Task* me, Task* target, std::int32_t* result,
                                    Deadline deadline) {
    link_joiner(*target, *me);
    Resumed back;
    if (ZIO_LIKELY(target->state == TaskState::fresh && target->priority == 0 && w->left > 0)) {
        take_fresh(w, target);  // the one that is waited for runs first
        offer(w);
        me->state = TaskState::joining;
        me->wait.value = static_cast<std::int64_t>(w->turn_at);
        if (ZIO_UNLIKELY(me->has(bit::scoped) || deadline != never)) limit_wait(w, me, deadline);
        os::probe::park(me, static_cast<int>(TaskState::joining));
        back = switch_to_fresh(w, me, target);
        if (ZIO_UNLIKELY(back.me->due != forever)) back.me->due = forever;
    } else {
        back = park(w, me, TaskState::joining, deadline);
    }
    me = back.me;
    if (ZIO_LIKELY(me->verdict == 0)) {
        if (result != nullptr) *result = static_cast<std::int32_t>(me->wait.value);
        return 0;
    }
    if (me->verdict == error::canceled) {
        const std::int32_t status = join_canceled(back.worker, me, target, result);
        keep_cancel_pending(me);
        return status;
    }
    scope_fired(me, deadline);
    return error::timed_out;
}

// A joiner of another home, a plain thread for one. Holds a shared reference meanwhile.
struct RemoteJoin {
    Worker* w;
    Task* me;
    Task* target;
    std::uint32_t generation;

    std::int32_t wait(std::int32_t* result, Deadline deadline) {
        auto* request = create<JoinRequest>();
        if (request == nullptr) return error::no_memory;
        request->target = target;
        request->generation = generation;
        request->joiner = me;
        request->state.store(JoinRequest::pending, std::memory_order_relaxed);
        me->wait.object = request;
        me->wait.value = static_cast<std::int64_t>(w->turn_at);
        me->state = TaskState::joining_remote;  // before the answer can come: it comes by mail
        ZIO_IF_MUTANT(30, (void)send(*target, generation, word::join, 0);)
        push_request(*request);
        // After an unref too many nobody may be there any more who takes the list.
        if (ZIO_MUTANT(30, 0, send(*target, generation, word::join, 0)) != 0) {
            take_join_requests(nullptr);
        }
        me = park(w, me, TaskState::joining_remote, deadline).me;
        if (me->verdict != 0) return me->verdict;
        const std::int32_t status = request->status;
        if (status == 0 && result != nullptr) *result = request->result;
        free_request(request);
        return status;
    }
    void send_cancel() { (void)send(*target, generation, word::cancel | word::interrupt, 0); }
    std::int32_t run(std::int32_t* result, Deadline deadline, bool cancel_first) {
        if (const std::int32_t status = send(*target, generation, 0, 1)) return status;
        if (cancel_first) send_cancel();
        std::int32_t status = 0;
        if (target->state.observe() == TaskState::done) {
            if (result != nullptr) *result = target->verdict;
        } else if (deadline == immediate) {
            status = error::would_block;
        } else if (cancel_first) {
            const HoldBack held(*me);
            status = wait(result, never);
        } else {
            status = wait(result, deadline);
            if (status == error::canceled) {
                send_cancel();
                const HoldBack held(*me);
                status = wait(result, never);
                keep_cancel_pending(me);
            } else if (status == error::timed_out) {
                scope_fired(me, deadline);
            }
        }
        send(*target, generation, word::merge, -1);
        return status;
    }
};

// Whether the target is at home here; one that lies in this worker's own surplus comes home. Holds
// until the next switch: a task that nobody joins yet may be taken by another worker then.
bool is_near(Worker* w, Task& target) {
    const std::uint16_t home = target.home.load(std::memory_order_relaxed);
    if (home == w->index) return true;
    return (home & ~surplus_posted) == (in_surplus | w->index) && w->surplus.take_back(w, target);
}

ZIO_NOINLINE std::int32_t join_slowly(HandleBits handle, std::int32_t* result, Deadline deadline) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    Task* target = live_task_at(handle);
    if (target == nullptr) return tasks.dead(handle);
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (target == me) return error::deadlock;
    const bool local = is_near(w, *target);
    if (deadline == immediate) {
        if (!local) return RemoteJoin{w, me, target, generation_of(handle)}.run(result, 0, false);
        if (target->state != TaskState::done) return error::would_block;
        if (result != nullptr) *result = target->verdict;
        return 0;
    }
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (me->cancel_pending() && !me->has(bit::shielded)) {
        if (local) return join_canceled(w, me, target, result);
        return RemoteJoin{w, me, target, generation_of(handle)}.run(result, never, true);
    }
    if (const std::int32_t status = enter(w, me)) {
        if (status != error::canceled) return status;
        keep_cancel_pending(me);  // it came while others ran
        return join_slowly(handle, result, deadline);
    }
    // The entry may have let others run.
    if (!is_near(w, *target))
        return RemoteJoin{w, me, target, generation_of(handle)}.run(result, deadline, false);
    if (task_at(handle) != target) return error::bad_handle;
    if (target->state == TaskState::done) {
        if (result != nullptr) *result = target->verdict;
        return 0;
    }
    if (deadline != never && !w->timers.reserve(w->block_count + 2)) return error::no_memory;
    return join_wait(w, me, target, result, deadline);
}

}  // namespace

void link_joiner(Task& target, Task& joiner) {
    Task* first = target.joiners;
    joiner.wait.previous = nullptr;
    joiner.wait.next = first;
    joiner.wait.object = &target;
    if (ZIO_UNLIKELY(first != nullptr)) first->wait.previous = &joiner;
    target.joiners = &joiner;
}

void leave_joiners(Task& joiner) {
    Task& target = *static_cast<Task*>(joiner.wait.object);
    Task* previous = joiner.wait.previous;
    Task* next = joiner.wait.next;
    (previous != nullptr ? previous->wait.next : target.joiners) = next;
    if (next != nullptr) next->wait.previous = previous;
}

void wake_joiners(Worker* w, Task& target, std::int32_t result) {
    for (Task* joiner = target.joiners; joiner != nullptr;) {
        Task* next = joiner->wait.next;
        joiner->wait.value = result;
        make_ready(w, joiner, 0);
        joiner = next;
    }
    target.joiners = nullptr;
}

JoinRequest* take_attached(Task& target) {
    if (target.extra == 0) return nullptr;
    JoinRequest*& first = extra_of(target).join_requests;
    JoinRequest* const all = first;
    first = nullptr;
    return all;
}

void answer_all(JoinRequest* first, std::int32_t result) {
    while (first != nullptr) {
        JoinRequest* request = first;
        first = request->next;
        answer(request, 0, result);
    }
}

void end_unstarted(Worker* w, Task& task) {
    wake_joiners(w, task, task.verdict);
    answer_requests(task, task.verdict);
}

void take_join_requests(Worker* w) {
    JoinRequest* chain = nullptr;
    for (bool look_again = true;;) {
        if (chain == nullptr) {
            if (!look_again) return;
            look_again = false;
            chain = requests.exchange(nullptr, std::memory_order_acq_rel);
            continue;
        }
        JoinRequest* request = chain;
        chain = request->next;
        if (request->state.load(std::memory_order_acquire) == JoinRequest::abandoned) {
            free_request(request);
            continue;
        }
        Task& target = *request->target;
        const std::uint32_t generation = request->generation;
        const std::uint16_t home = target.home.load(std::memory_order_acquire);
        Reply reply{};
        if (target.generation() != generation) {  // and so for ever
            reply = {true, error::bad_handle, 0};
        } else if (w != nullptr && home == w->index) {
            if (target.extra != 0) drop_abandoned(extra_of(target).join_requests);
            reply = attach(request);
        } else if (home == no_home) {
            ZIO_UNLESS_MUTANT(35) homeless_lock.lock();
            reply = attach(request);
            ZIO_UNLESS_MUTANT(35) homeless_lock.unlock();
        } else {  // another home's: passed on, and out of sight from then on
            ZIO_UNLESS_MUTANT(33) push_request(*request);
            if (ZIO_MUTANT(34, 0, send(target, generation, word::join, 0)) != 0) look_again = true;
        }
        if (reply.is_due) answer(request, reply.status, reply.result);
    }
}

bool abandon_request(Task& joiner) {
    auto* request = static_cast<JoinRequest*>(joiner.wait.object);
    auto expected = JoinRequest::pending;
    return ZIO_MUTANT(
        32, check::compare_exchange_in_two_steps(request->state, expected, JoinRequest::abandoned),
        request->state.compare_exchange_strong(expected, JoinRequest::abandoned,
                                               std::memory_order_acq_rel));
}

std::int32_t join(HandleBits handle, std::int32_t* result, Deadline deadline) {
    Worker* w = current_worker;
    Task* target = task_at(handle);
    if (ZIO_UNLIKELY(target == nullptr)) return tasks.dead(handle);
    if (ZIO_UNLIKELY(w == nullptr || deadline != never)) {
        return join_slowly(handle, result, deadline);
    }
    Task* me = w->current;
    if (ZIO_UNLIKELY(target == me || !at_home(w, target) || me->cancel_pending() || w->left <= 1)) {
        return join_slowly(handle, result, deadline);
    }
    --w->left;
    if (target->state == TaskState::done) {
        if (result != nullptr) *result = target->verdict;
        return 0;
    }
    if (ZIO_UNLIKELY(target->state == TaskState::unused)) return error::bad_handle;
    return join_wait(w, me, target, result, deadline);
}

std::int32_t request_cancel(HandleBits handle) {
    Task* target = live_task_at(handle);
    if (target == nullptr) return tasks.dead(handle);
    Worker* w = current_worker;
    if (!at_home(w, target)) {
        return send(*target, generation_of(handle), word::cancel | word::interrupt, 0);
    }
    request_cancel_here(w, target);
    return 0;
}

std::int32_t cancel_and_join(HandleBits handle, std::int32_t* result) {
    Task* target = live_task_at(handle);
    if (target == nullptr) return tasks.dead(handle);
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (target == me) return error::deadlock;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (!is_near(w, *target)) {
        return RemoteJoin{w, me, target, generation_of(handle)}.run(result, never, true);
    }
    return join_canceled(w, me, target, result);
}

}  // namespace zio::runtime
