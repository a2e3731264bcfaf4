// SPDX-License-Identifier: MIT
#include "core/runtime/group.hpp"

#include "core/base/mutant.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/spawn.hpp"

namespace zio::runtime {

namespace {

using GroupTable = SlotTable<Group, HandleType::group>;
constinit GroupTable groups{reserve_slots, object_word::free};

// LOCK is given up after so many members, so that nobody spins for long.
constexpr unsigned told_at_once = 64;

void link(Task*& list, Task& task) {
    Extra& extra = extra_of(task);
    extra.group_previous = nullptr;
    extra.group_next = list;
    if (list != nullptr) extra_of(*list).group_previous = &task;
    list = &task;
}
void unlink(Task*& list, Task& task) {
    const Extra& extra = extra_of(task);
    Task* previous = extra.group_previous;
    Task* next = extra.group_next;
    (previous != nullptr ? extra_of(*previous).group_next : list) = next;
    if (next != nullptr) extra_of(*next).group_previous = previous;
}

// Cancels every member but the caller itself, which may be one. A linked member has not ended, and
// cannot while LOCK is held; its message is delivered after the unlock, POSTED keeps it.
void tell_members(Group& group, std::uint32_t generation) {
    for (;;) {
        Task* posted[told_at_once];
        unsigned count = 0;
        if (!object_word::take_lock_of(group.word, generation)) return;
        while (group.members != nullptr && count < told_at_once) {
            Task& member = *group.members;
            unlink(group.members, member);
            link(group.told, member);
            extra_of(member).group_told = true;
            if (ZIO_MUTANT(54, true, mark(member, word::cancel | word::interrupt))) {
                posted[count++] = &member;
            }
        }
        const bool more = group.members != nullptr;
        object_word::release_lock(group.word);
        for (unsigned i = 0; i < count; ++i) {
            ZIO_IF_MUTANT(54, if (!mark(*posted[i], word::cancel | word::interrupt)) continue;)
            deliver(*posted[i]);
        }
        if (!more) return;
    }
}

bool is_member(const Group& group, const Task* task) {
    return task != nullptr && task->extra != 0 && extra_of(*task).group == &group;
}

Group* group_at(HandleBits handle) {
    Group* group = groups.at(handle);
    return group != nullptr && generation_of(handle) != 0 ? group : nullptr;
}

// Waits under no lock until no member is left. 0, or what ended the wait.
std::int32_t wait_empty(Worker* w, Group& group, std::uint32_t generation, Deadline deadline) {
    Task* me = w->current;
    if (!object_word::take_lock_of(group.word, generation)) return error::closed;
    if (group.members == nullptr && group.told == nullptr) {
        object_word::release_lock(group.word);
        return 0;
    }
    if (deadline == immediate) {
        object_word::release_lock(group.word);
        return error::would_block;
    }
    me->state = TaskState::listed;
    group.waiters.append(*me);
    object_word::release_lock(group.word);
    return end_of_wait(park(w, me, TaskState::listed, deadline).me, deadline);
}

std::int32_t cancel_all(Group& group, std::uint32_t generation) {
    if (!object_word::take_lock_of(group.word, generation)) return error::bad_handle;
    group.canceled = true;
    object_word::release_lock(group.word);
    tell_members(group, generation);
    return 0;
}

// The result of the round; a wait that returned it opens the next one.
std::int32_t take_result(Group& group, std::uint32_t generation) {
    if (!object_word::take_lock_of(group.word, generation)) return error::closed;
    const std::int32_t result = group.first_error;
    group.canceled = false;
    group.finished = true;
    object_word::release_lock(group.word);
    return result;
}

}  // namespace

std::int32_t Group::create(HandleBits runtime, std::uint32_t flags, HandleBits* out) {
    if (out == nullptr || (flags & ~group_fail_fast) != 0) return error::invalid_argument;
    if (runtime != 0) {
        Runtime* pinned = nullptr;
        if (const std::int32_t status = Runtime::pin(runtime, &pinned)) return status;
        pinned->unpin();
    } else if (current_worker != nullptr) {
        runtime = current_worker->runtime_handle;
    } else {
        return error::no_task;
    }
    Group* group = groups.take();
    if (group == nullptr) return error::no_memory;
    const std::uint32_t old = word_generation(group->word.load(std::memory_order_relaxed));
    const std::uint32_t generation = old == 0 ? 1 : old;
    group->runtime = runtime;
    group->members = group->told = nullptr;
    group->waiters.owner = &group->word;
    group->flags = flags;
    group->first_error = 0;
    group->canceled = group->finished = false;
    group->word.store(object_word::of_generation(generation), std::memory_order_release);
    *out = groups.handle_of(*group, generation);
    return 0;
}

std::int32_t enter_group(Group& group, std::uint32_t generation, Task& task) {
    // spawn_member has checked the handle, but destroy may have come in between.
    if (!object_word::take_lock_of(group.word, generation)) return error::bad_handle;
    if (ZIO_MUTANT(55, false, group.canceled)) {
        object_word::release_lock(group.word);
        return error::canceled;
    }
    if (group.finished) {  // a new round forgets the old result
        group.finished = false;
        group.first_error = 0;
    }
    extra_of(task).group_told = false;
    link(group.members, task);
    object_word::release_lock(group.word);
    return 0;
}

void leave_group(Task& task, std::int32_t result) {
    Extra& extra = extra_of(task);
    Group& group = *extra.group;
    const bool fails_fast = result < 0 && (group.flags & group_fail_fast) != 0;
    if (fails_fast) {  // while it is still a member the group cannot go away
        object_word::take_lock(group.word);
        const bool first = !group.canceled;
        const std::uint32_t generation =
            word_generation(group.word.load(std::memory_order_relaxed));
        if (first) {
            if (group.first_error == 0) group.first_error = result;
            group.canceled = true;
        }
        object_word::release_lock(group.word);
        if (first) tell_members(group, generation);
    }
    object_word::take_lock(group.word);
    unlink(extra.group_told ? group.told : group.members, task);
    const bool counts = result < 0 && !(result == error::canceled && group.canceled);
    if (counts && group.first_error == 0) group.first_error = result;
    Task* chain = nullptr;
    if (group.members == nullptr && group.told == nullptr) chain = group.waiters.take_all();
    extra.group = nullptr;
    object_word::release_lock(group.word);  // the last touch of the group
    wake_all(chain, 0);
}

std::int32_t spawn_member(HandleBits handle, TaskFunction entry, void* data,
                          const SpawnOptions& given) {
    Group* group = group_at(handle);
    if (group == nullptr) return groups.dead(handle);
    if (entry == nullptr) return error::invalid_argument;
    if (!object_word::take_lock_of(group->word, generation_of(handle))) return error::bad_handle;
    const HandleBits runtime = group->runtime;
    const bool canceled = group->canceled;
    object_word::release_lock(group->word);
    if (canceled) return error::canceled;
    SpawnOptions options = given;
    options.group = group;
    options.group_generation = generation_of(handle);
    return spawn_slowly(runtime, nullptr, entry, data, options);
}

std::int32_t Group::wait(HandleBits handle, Deadline deadline) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    Group* group = group_at(handle);
    if (group == nullptr) return groups.dead(handle);
    const std::uint32_t generation = generation_of(handle);
    if (!object_word::take_lock_of(group->word, generation)) return error::bad_handle;
    object_word::release_lock(group->word);
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (is_member(*group, me)) return error::deadlock;
    std::int32_t status = 0;
    if (deadline != immediate) status = enter(w, me);
    if (status == 0) {
        if (deadline != never && !w->timers.reserve(w->block_count + 2)) return error::no_memory;
        status = wait_empty(w, *group, generation, deadline);
    }
    if (status == error::canceled) {  // a canceled waiter cancels what it waits for, and waits
        status = cancel_all(*group, generation);
        const HoldBack held(*me);
        if (status == 0) status = wait_empty(w, *group, generation, never);
        me->bits &= static_cast<std::uint16_t>(~bit::delivered);
        me->word.fetch_or(word::cancel, std::memory_order_relaxed);
    }
    return status != 0 ? status : take_result(*group, generation);
}

std::int32_t Group::cancel(HandleBits handle) {
    Group* group = group_at(handle);
    if (group == nullptr) return groups.dead(handle);
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (is_member(*group, me)) {
        if (!object_word::take_lock_of(group->word, generation_of(handle))) {
            return error::bad_handle;
        }
        object_word::release_lock(group->word);
        return error::deadlock;
    }
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (const std::int32_t status = cancel_all(*group, generation_of(handle))) return status;
    const HoldBack held(*me);
    const std::int32_t status = wait_empty(w, *group, generation_of(handle), never);
    return status == error::closed ? 0
                                   : status;  // a group is destroyed when its members have ended
}

std::int32_t Group::destroy(HandleBits handle) {
    if (handle == 0) return 0;
    Group* found = group_at(handle);
    if (found == nullptr) return groups.dead(handle);
    Group& group = *found;
    const std::uint32_t generation = generation_of(handle);
    for (;;) {
        if (!object_word::take_lock_of(group.word, generation)) return error::bad_handle;
        if (group.members == nullptr && group.told == nullptr) break;  // nobody to wait for
        object_word::release_lock(group.word);
        // More than once when somebody waited for it meanwhile and opened a new round.
        if (const std::int32_t status = cancel(handle)) return status;
    }
    Task* chain = group.waiters.take_all();
    group.word.store(object_word::of_generation(generation + 1) | object_word::free,
                     std::memory_order_release);
    wake_all(chain, error::closed);
    groups.give(group);
    return 0;
}

}  // namespace zio::runtime
