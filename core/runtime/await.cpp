// SPDX-License-Identifier: MIT
#include "core/runtime/await.hpp"

#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

namespace {

ZIO_NOINLINE std::int64_t failed(std::int64_t result) {
    note_os_error(static_cast<std::int32_t>(result));
    return result;
}

// Why an operation ended without an effect.
ZIO_NOINLINE std::int64_t without_effect(Task* me, const loop::Operation& operation,
                                         const Descriptor* descriptor, Deadline deadline) {
    if (descriptor != nullptr && descriptor->is_closing()) return error::closed;
    if (me->cancel_pending()) {
        if (const std::int32_t status = deliver_cancel(me)) return status;
    }
    if (operation.expired) {
        scope_fired(me, deadline);
        return error::timed_out;
    }
    return error::canceled;
}

ZIO_NOINLINE std::int64_t try_now(loop::Operation& operation) {
    const std::int64_t result = loop::attempt(operation, false);
    return result < 0 && result != error::would_block ? failed(result) : result;
}

}  // namespace

std::int64_t await(loop::Operation& operation, Descriptor* descriptor, os::Direction direction,
                   Deadline deadline) {
    if (ZIO_UNLIKELY(deadline == immediate)) return try_now(operation);
    Worker* w = here();
    if (ZIO_UNLIKELY(w == nullptr)) return error::no_memory;
    Task* me = w->current;
    if (const std::int32_t status = enter(w, me)) return status;
    if (ZIO_UNLIKELY(deadline != never && !w->timers.reserve(w->block_count + 2))) {
        return error::no_memory;
    }
    operation.waiter = me;
    if (w->loop.start(operation)) {
        return ZIO_LIKELY(operation.result >= 0) ? operation.result : failed(operation.result);
    }
    if (descriptor != nullptr && !descriptor->add_pending(w, operation, direction)) {
        w->loop.cancel(operation);  // it is closing
    }
    me->wait.object = &operation;
    const Resumed back = park(w, me, TaskState::operating, deadline);
    if (descriptor != nullptr) descriptor->remove_pending(direction);
    if (ZIO_LIKELY(operation.result >= 0)) return operation.result;
    if (operation.result == error::canceled) {
        return without_effect(back.me, operation, descriptor, deadline);
    }
    return failed(operation.result);
}

}  // namespace zio::runtime
