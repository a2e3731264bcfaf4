// SPDX-License-Identifier: MIT
#include "core/runtime/scope.hpp"

#include "core/runtime/park.hpp"

namespace zio::runtime {

namespace {

std::uint32_t shield_depth(const Task& task) {
    return task.has(bit::shielded) ? head_of(task).shields : 0;
}

// The limit of the scopes that count at the present shield depth: a shield holds back those that
// were opened outside it, also when one of deeper shields has outlived these.
void find_limit(Task& task) {
    Head& head = head_of(task);
    const std::uint32_t depth = shield_depth(task);
    head.limit = forever;
    for (std::uint32_t i = 0; i < head.scope_count; ++i) {
        const Scope& scope = head.scopes[i];
        if (scope.shields >= depth && scope.at < head.limit) head.limit = scope.at;
    }
}

// Room for one more scope. A grown list stays with the stack.
ZIO_NOINLINE bool make_room(Task& task, Head& head) {
    if (!task.has(bit::scoped)) {
        head.scope_count = 0;
        head.limit = forever;
        if (head.scopes == nullptr) {
            head.scopes = head.first_scopes;
            head.scope_capacity = inline_scope_count;
        }
        return true;
    }
    const std::uint32_t larger = head.scope_capacity * 2;
    auto* scopes = static_cast<Scope*>(allocate(larger * sizeof(Scope), alignof(Scope)));
    if (scopes == nullptr) return false;
    for (std::uint32_t i = 0; i < head.scope_count; ++i) scopes[i] = head.scopes[i];
    drop_scopes(head);
    head.scopes = scopes;
    head.scope_capacity = larger;
    return true;
}

}  // namespace

void drop_scopes(Head& head) {
    if (head.scopes != nullptr && head.scopes != head.first_scopes) {
        release(head.scopes, head.scope_capacity * sizeof(Scope), alignof(Scope));
    }
    head.scopes = nullptr;
}

void limit_wait(Worker* w, Task* me, Deadline deadline) {
    Instant due = instant_of(deadline);
    if (me->has(bit::scoped) && !me->has(bit::held) && head_of(*me).limit < due) {
        due = head_of(*me).limit;
    }
    if (due == forever) return;
    me->due = due;
    if (me->heap_place != 0 && w->timers.instant_of(*me) <= due) return;
    w->timers.set(*me, due);
}

bool scope_fired(Task* me, Deadline deadline) {
    if (!me->has(bit::scoped)) return false;
    Head& head = head_of(*me);
    if (head.limit >= instant_of(deadline)) return false;
    const std::uint32_t depth = shield_depth(*me);
    for (std::uint32_t i = 0; i < head.scope_count; ++i) {
        Scope& scope = head.scopes[i];
        if (scope.at == head.limit && scope.shields >= depth) {
            scope.fired = true;
            return true;
        }
    }
    return false;
}

std::int32_t push_scope(std::uint64_t* token, Deadline deadline) {
    if (ZIO_UNLIKELY(token == nullptr || !is_deadline(deadline))) return error::invalid_argument;
    Worker* w = here();
    if (ZIO_UNLIKELY(w == nullptr)) return error::no_memory;
    Task* me = w->current;
    Head& head = head_of(*me);
    if (ZIO_UNLIKELY(!me->has(bit::scoped) ? true : head.scope_count == head.scope_capacity)) {
        if (!make_room(*me, head)) return error::no_memory;
    }
    const Instant at = deadline == immediate ? 1 : instant_of(deadline);
    const std::uint64_t serial = ++head.scope_serial;
    head.scopes[head.scope_count++] = {at, head.limit, serial, shield_depth(*me), false};
    if (at < head.limit) head.limit = at;
    me->bits |= bit::scoped;
    *token = serial;
    return 0;
}

bool pop_scope(std::uint64_t token) {
    Worker* w = here();
    if (ZIO_UNLIKELY(w == nullptr)) return false;
    Task* me = w->current;
    if (ZIO_UNLIKELY(!me->has(bit::scoped))) return false;
    Head& head = head_of(*me);
    const Scope& scope = head.scopes[head.scope_count - 1];
    if (ZIO_UNLIKELY(scope.token != token)) return false;
    const bool fired = scope.fired;
    const bool shields_moved = scope.shields != shield_depth(*me);
    head.limit = scope.outer;
    if (--head.scope_count == 0) {
        me->bits &= static_cast<std::uint16_t>(~bit::scoped);
        if (ZIO_UNLIKELY(head.scopes != head.first_scopes)) drop_scopes(head);
    } else if (ZIO_UNLIKELY(shields_moved || me->has(bit::shielded))) {
        find_limit(*me);
    }
    return fired;
}

bool scope_limits(Deadline deadline) {
    Worker* w = here();
    if (w == nullptr || !w->current->has(bit::scoped)) return false;
    return head_of(*w->current).limit < instant_of(deadline);
}

std::uint32_t swap_shields(std::uint32_t depth) {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return 0;
    Task* me = w->current;
    const std::uint32_t old = shield_depth(*me);
    head_of(*me).shields = depth;
    if (depth != 0) {
        me->bits |= bit::shielded;
    } else {
        me->bits &= static_cast<std::uint16_t>(~bit::shielded);
    }
    if (me->has(bit::scoped)) find_limit(*me);
    return old;
}

std::int32_t begin_shield() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return error::no_task;
    swap_shields(shield_depth(*w->current) + 1);
    return 0;
}

std::int32_t end_shield() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return error::no_task;
    const std::uint32_t depth = shield_depth(*w->current);
    if (depth == 0) return error::invalid_argument;
    swap_shields(depth - 1);
    return 0;
}

}  // namespace zio::runtime
