// SPDX-License-Identifier: MIT
#include "core/runtime/await.hpp"

#include "core/base/mutant.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

namespace {

// An error, or the end of the stream. Of a descriptor that was closed meanwhile neither is the
// other side's doing: a close in a hurry ends the connection before it ends the calls.
ZIO_NOINLINE std::int64_t moved_nothing(const loop::Operation& operation,
                                        const Descriptor* descriptor) {
    const std::int64_t result = operation.lacks_memory ? error::no_memory : operation.result;
    const bool has_effect = result == 0 && operation.kind == loop::OperationKind::accept;
    if (descriptor != nullptr && descriptor->is_closing() && !has_effect) return error::closed;
    if (result < 0 && result != error::would_block) {
        note_os_error(static_cast<std::int32_t>(result));
    }
    return result;
}

// Why an operation ended without an effect.
ZIO_NOINLINE std::int64_t without_effect(Task* me, loop::Operation& operation,
                                         const Descriptor* descriptor, Deadline deadline,
                                         Ending ending) {
    if (descriptor != nullptr && descriptor->is_closing()) return error::closed;
    if (me->cancel_pending()) {
        if (const std::int32_t status = deliver_cancel(me)) return status;
    }
    if (operation.expired) {
        // What is there is given whatever the time. The loop may not have looked since it came, or
        // since the operation started.
        operation.result = loop::attempt(operation, false);
        // Asked a second time, some systems say so of a connection that was made meanwhile.
        const bool is_connect = operation.kind == loop::OperationKind::connect;
        if (is_connect && operation.result == error::is_connected) operation.result = 0;
        const bool is_late =
            operation.result == error::would_block || operation.result == error::already;
        if (!is_late) return moved_nothing(operation, descriptor);
        if (ending == Ending::of_the_call) scope_fired(me, deadline);
        return error::timed_out;
    }
    // Nobody here asked for it: a simulation has found that the wait would never end.
    return me->has(bit::thread) ? error::deadlock : error::canceled;
}

ZIO_NOINLINE std::int64_t try_now(loop::Operation& operation, const Descriptor* descriptor) {
    operation.result = loop::attempt(operation, false);
    return operation.result > 0 ? operation.result : moved_nothing(operation, descriptor);
}

}  // namespace

std::int64_t await(loop::Operation& operation, Descriptor* descriptor, os::Direction direction,
                   Deadline deadline, Ending ending) {
    if (ZIO_UNLIKELY(deadline == immediate)) return try_now(operation, descriptor);
    Worker* w = here();
    if (ZIO_UNLIKELY(w == nullptr)) return error::no_memory;
    Task* me = w->current;
    if (const std::int32_t status = enter(w, me)) return status;
    if (ZIO_UNLIKELY(deadline != never && !w->timers.reserve(w->block_count + 2))) {
        return error::no_memory;
    }
    operation.waiter = me;
    if (w->loop.start(operation)) {
        return ZIO_LIKELY(operation.result > 0) ? operation.result
                                                : moved_nothing(operation, descriptor);
    }
    if (descriptor != nullptr && !descriptor->add_pending(w, operation, direction)) {
        w->loop.cancel(operation);  // it is closing
    }
    me->wait.object = &operation;
    const Resumed back = park(w, me, TaskState::operating, deadline);
    if (descriptor != nullptr) descriptor->remove_pending(direction);
    ZIO_IF_MUTANT(62, if (back.me->cancel_pending()) return deliver_cancel(back.me);)
    if (ZIO_LIKELY(operation.result > 0)) return operation.result;
    if (operation.result == error::canceled) {
        return without_effect(back.me, operation, descriptor, deadline, ending);
    }
    return moved_nothing(operation, descriptor);
}

}  // namespace zio::runtime
