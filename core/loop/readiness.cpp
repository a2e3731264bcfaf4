// SPDX-License-Identifier: MIT
// Readiness into completions.
//
// An operation is tried when it starts. If it would block it joins the queue of its descriptor and
// direction, and the first in the queue is tried once for each event: one event, one call.
//
// With an edge-triggered poller a kept descriptor is registered at its first wait and stays so. The
// loop then remembers which directions may be ready, and makes no call only to hear "would block":
// a transfer shorter than what was asked for has emptied (or filled) the socket, so the next one
// waits for the event that must come. Where that does not follow (a hang-up, an error or urgent
// data was reported, a peek) the direction counts as ready until a call says otherwise. A direction
// that is ready while operations wait in its queue gets one turn per poll, as events do.
//
// With a level-triggered poller, and for plain descriptors, the poller is told what is wanted for
// as long as somebody waits, and nothing stays behind.
#include "core/loop/readiness.hpp"

#include <new>
#include <utility>

#include "core/loop/descriptor_map.hpp"
#include "core/loop/operation_list.hpp"

namespace zio::loop {

namespace {

constexpr std::uint32_t both = os::ready_read | os::ready_write;
constexpr std::uint32_t trouble = os::ready_hangup | os::ready_error;
constexpr std::size_t batch = 64;
constexpr Instant retry_pause_ns = 1'000'000;

// Operation::backend_flags
constexpr std::uint8_t tried_before = 1;
constexpr std::uint8_t delayed = 2;
constexpr std::uint8_t orphaned = 4;

std::uint32_t bit_of(os::Direction direction) {
    return direction == os::Direction::read ? os::ready_read : os::ready_write;
}

// What this loop knows of one descriptor number: one cache line.
struct Descriptor {
    OperationList waiting[os::direction_count];
    OperationList watching;  // of kind `ready`
    Descriptor* next = nullptr;
    std::int32_t handle = -1;
    std::uint8_t ready = 0;       // edge: directions that may be ready
    std::uint8_t wanted : 4 = 0;  // level: what the poller was told
    std::uint8_t registered : 1 = false;
    std::uint8_t kept : 1 = false;
    std::uint8_t uncertain : 1 = false;  // a short transfer proves nothing
    std::uint8_t has_turn : 1 = false;

    OperationList& queue_of(const Operation& operation) {
        if (operation.kind == OperationKind::ready) return watching;
        return waiting[static_cast<unsigned>(direction_of(operation.kind))];
    }
    bool is_idle() const { return waiting[0].empty() && waiting[1].empty() && watching.empty(); }
};
static_assert(sizeof(void*) != 8 || sizeof(Descriptor) == 64);

bool is_short(const Operation& operation, std::int64_t moved) {
    // More than this is never moved at once, so a longer request is always cut short.
    constexpr std::size_t surely_moved = std::size_t{1} << 30;
    std::size_t asked = 0;
    std::uint32_t flags = 0;
    switch (operation.kind) {
        case OperationKind::receive:
        case OperationKind::send:
            asked = static_cast<const Transfer&>(operation).size;
            flags = static_cast<const Transfer&>(operation).flags;
            break;
        case OperationKind::receive_vector:
        case OperationKind::send_vector: {
            const auto& transfer = static_cast<const VectorTransfer&>(operation);
            for (std::size_t i = 0; i < transfer.count; ++i) asked += transfer.buffers[i].size;
            flags = transfer.flags;
            break;
        }
        default:
            return false;  // a terminal gives a line at a time: nothing follows from it
    }
    if ((flags & os::message_peek) != 0 || moved <= 0) return false;
    const auto count = static_cast<std::size_t>(moved);
    return count < asked && count < surely_moved;
}

bool is_delayable(const Operation& operation) {
    return operation.kind == OperationKind::connect &&
           static_cast<const Connect&>(operation).target.family == os::family_unix;
}

class ReadinessBackend final : public Backend {
  public:
    explicit ReadinessBackend(std::unique_ptr<Poller> poller)
        : poller_(std::move(poller)), edge_triggered_(poller_->edge_triggered()) {}

    const char* name() const override { return poller_->name(); }
    Support support(OperationKind) const override { return Support::by_readiness; }
    bool start(Operation& operation) override;
    bool cancel(Operation& operation) override;
    void poll(Completed& completed, Instant until) override;
    void wake() override { poller_->wake(); }
    std::uint64_t take_wakes() override { return std::exchange(wake_count_, 0); }
    bool remembers() const override { return edge_triggered_; }
    void forget(os::Handle handle) override;
    os::Handle pollable() const override { return poller_->pollable(); }
    Instant now() const override { return os::table.now(); }

  private:
    bool wait(Operation& operation);
    std::int32_t watch(Descriptor& descriptor, const Operation& operation);
    std::int32_t watch_wanted(Descriptor& descriptor, bool again);
    void unwatch(Descriptor& descriptor);
    void settle(Descriptor& descriptor);
    void learn(Descriptor& descriptor, const Operation& operation, std::int64_t outcome);
    void serve(Descriptor& descriptor, os::Direction direction, Completed& completed);
    void serve_watching(Descriptor& descriptor, Completed& completed);
    void serve_event(const ReadyEvent& event, Completed& completed);
    void serve_turns(Completed& completed);
    void retry_delayed(Completed& completed);
    void end_orphans(Completed& completed);
    void complete(Operation& operation, std::int64_t outcome, Completed& completed) {
        operation.finish(outcome);
        completed.push(operation);
        ++completed_count_;
    }

    const std::unique_ptr<Poller> poller_;
    const bool edge_triggered_;
    DescriptorMap<Descriptor> descriptors_;
    Queue<Descriptor> turns_;
    std::uint32_t turn_count_ = 0;
    OperationList delayed_;
    OperationList orphans_;  // their descriptor was forgotten while they waited
    Instant retry_at_ = forever;
    std::uint64_t completed_count_ = 0;
    std::uint64_t wake_count_ = 0;
};

bool ReadinessBackend::start(Operation& operation) {
    Descriptor* descriptor = descriptors_.find(operation.handle);
    bool tries = true;
    if (descriptor != nullptr && operation.kind < OperationKind::connect) {
        const os::Direction direction = direction_of(operation.kind);
        const bool is_known = operation.kept_descriptor && descriptor->kept;
        tries = descriptor->queue_of(operation).empty() &&
                (!is_known || (descriptor->ready & bit_of(direction)) != 0);
    }
    if (!tries) return wait(operation);
    const std::int64_t outcome = attempt(operation, false);
    if (descriptor != nullptr) learn(*descriptor, operation, outcome);
    if (outcome == error::would_block) return wait(operation);
    operation.finish(outcome);
    return true;
}

// Puts the operation in its queue. True: that failed, and it has finished with the reason.
bool ReadinessBackend::wait(Operation& operation) {
    if (is_delayable(operation)) {
        // The listener's queue is full, and the system reports nothing when that changes.
        if (delayed_.empty()) retry_at_ = now() + retry_pause_ns;
        operation.backend_flags = delayed;
        delayed_.push(operation);
        return false;
    }
    Descriptor* descriptor = descriptors_.find_or_make(operation.handle);
    if (descriptor == nullptr) {
        operation.finish(error::no_memory);
        return true;
    }
    descriptor->handle = static_cast<std::int32_t>(operation.handle);
    operation.backend_flags = tried_before;
    descriptor->queue_of(operation).push(operation);
    const std::int32_t status = watch(*descriptor, operation);
    if (status == 0) return false;
    descriptor->queue_of(operation).remove(operation);
    settle(*descriptor);
    // What the system cannot poll is always ready.
    const std::int64_t outcome =
        status == error::not_permitted ? attempt(operation, true) : std::int64_t{status};
    operation.finish(outcome != error::would_block ? outcome : status);
    return true;
}

std::int32_t ReadinessBackend::watch(Descriptor& descriptor, const Operation& operation) {
    if (!edge_triggered_) return watch_wanted(descriptor, !operation.kept_descriptor);
    // A plain descriptor may have been closed and its number given out again behind our back, even
    // while others wait on it: the poller is told each time.
    if (descriptor.registered && operation.kept_descriptor) {
        descriptor.kept = true;
        return 0;
    }
    const std::int32_t status = poller_->watch(operation.handle, both);
    if (status < 0) return status;
    descriptor.registered = true;
    if (operation.kept_descriptor) descriptor.kept = true;
    return 0;
}

std::int32_t ReadinessBackend::watch_wanted(Descriptor& descriptor, bool again) {
    std::uint32_t wanted = 0;
    if (!descriptor.waiting[0].empty()) wanted |= os::ready_read;
    if (!descriptor.waiting[1].empty()) wanted |= os::ready_write;
    const Operation* watcher = descriptor.watching.first();
    for (; watcher != nullptr; watcher = watcher->next) {
        wanted |= static_cast<const Ready*>(watcher)->wanted & (both | os::ready_hangup);
    }
    if (descriptor.registered && !again && wanted == descriptor.wanted) return 0;
    const std::int32_t status = poller_->watch(descriptor.handle, wanted);
    if (status < 0) return status;
    descriptor.registered = true;
    descriptor.wanted = wanted & 15u;
    return 0;
}

void ReadinessBackend::unwatch(Descriptor& descriptor) {
    if (descriptor.registered) poller_->unwatch(descriptor.handle);
    descriptor.registered = descriptor.kept = descriptor.uncertain = false;
    descriptor.ready = 0;
    descriptor.wanted = 0;
}

// After operations have left: the poller is to know only what is still needed.
void ReadinessBackend::settle(Descriptor& descriptor) {
    if (!descriptor.registered || descriptor.kept) return;
    if (descriptor.is_idle()) {
        unwatch(descriptor);
    } else if (!edge_triggered_) {
        watch_wanted(descriptor, false);
    }
}

void ReadinessBackend::learn(Descriptor& descriptor, const Operation& operation,
                             std::int64_t outcome) {
    if (operation.kind == OperationKind::ready) return;
    const bool is_exhausted =
        outcome == error::would_block || (!descriptor.uncertain && is_short(operation, outcome));
    if (is_exhausted) descriptor.ready &= ~bit_of(direction_of(operation.kind)) & both;
}

void ReadinessBackend::serve(Descriptor& descriptor, os::Direction direction,
                             Completed& completed) {
    OperationList& waiting = descriptor.waiting[static_cast<unsigned>(direction)];
    Operation* operation = waiting.first();
    if (operation == nullptr) return;
    const std::int64_t outcome =
        attempt(*operation, (operation->backend_flags & tried_before) != 0);
    learn(descriptor, *operation, outcome);
    if (outcome == error::would_block) return;
    waiting.remove(*operation);
    complete(*operation, outcome, completed);
    const bool may_go_on = (descriptor.ready & bit_of(direction)) != 0 && !waiting.empty();
    if (may_go_on && !descriptor.has_turn) {
        descriptor.has_turn = true;
        turns_.push(descriptor);
        ++turn_count_;
    }
}

void ReadinessBackend::serve_watching(Descriptor& descriptor, Completed& completed) {
    Operation* next = nullptr;
    for (Operation* watcher = descriptor.watching.first(); watcher != nullptr; watcher = next) {
        next = watcher->next;
        const std::int64_t outcome = attempt(*watcher, true);
        if (outcome == error::would_block) continue;
        descriptor.watching.remove(*watcher);
        complete(*watcher, outcome, completed);
    }
}

void ReadinessBackend::serve_event(const ReadyEvent& event, Completed& completed) {
    Descriptor* descriptor = descriptors_.find(event.handle);
    // An event may be older than the end of what it was for.
    if (descriptor == nullptr || !descriptor->registered) return;
    if (edge_triggered_) {
        descriptor->ready |= event.bits & both;
        if ((event.bits & trouble) != 0) descriptor->uncertain = true;
    }
    serve_watching(*descriptor, completed);
    if ((event.bits & os::ready_read) != 0) serve(*descriptor, os::Direction::read, completed);
    if ((event.bits & os::ready_write) != 0) serve(*descriptor, os::Direction::write, completed);
    settle(*descriptor);
}

// One turn for each descriptor that had one coming when this poll began.
void ReadinessBackend::serve_turns(Completed& completed) {
    for (std::uint32_t count = std::exchange(turn_count_, 0); count > 0; --count) {
        Descriptor* descriptor = turns_.pop();
        descriptor->has_turn = false;
        const std::uint32_t ready = descriptor->ready;
        if ((ready & os::ready_read) != 0) serve(*descriptor, os::Direction::read, completed);
        if ((ready & os::ready_write) != 0) serve(*descriptor, os::Direction::write, completed);
        settle(*descriptor);
    }
}

void ReadinessBackend::retry_delayed(Completed& completed) {
    if (delayed_.empty() || now() < retry_at_) return;
    Operation* const last = delayed_.last();
    for (std::size_t i = 0; i < batch; ++i) {
        Operation& operation = *delayed_.first();
        delayed_.remove(operation);
        const std::int64_t outcome = attempt(operation, false);
        if (outcome == error::would_block) {
            delayed_.push(operation);
        } else {
            complete(operation, outcome, completed);
        }
        if (&operation == last) break;
    }
    retry_at_ = now() + retry_pause_ns;
}

void ReadinessBackend::end_orphans(Completed& completed) {
    while (Operation* operation = orphans_.first()) {
        orphans_.remove(*operation);
        complete(*operation, error::bad_handle, completed);
    }
}

bool ReadinessBackend::cancel(Operation& operation) {
    if ((operation.backend_flags & delayed) != 0) {
        delayed_.remove(operation);
    } else if ((operation.backend_flags & orphaned) != 0) {
        orphans_.remove(operation);
    } else {
        Descriptor* descriptor = descriptors_.find(operation.handle);
        ZIO_ASSERT(descriptor != nullptr);
        descriptor->queue_of(operation).remove(operation);
        settle(*descriptor);
    }
    operation.finish(error::canceled);
    return true;
}

void ReadinessBackend::forget(os::Handle handle) {
    Descriptor* descriptor = descriptors_.find(handle);
    if (descriptor == nullptr) return;
    // Somebody may wait on the bare number, which is about to be closed under him.
    OperationList* const queues[] = {&descriptor->waiting[0], &descriptor->waiting[1],
                                     &descriptor->watching};
    for (OperationList* queue : queues) {
        while (Operation* operation = queue->first()) {
            queue->remove(*operation);
            operation->backend_flags = orphaned;
            orphans_.push(*operation);
        }
    }
    unwatch(*descriptor);
}

void ReadinessBackend::poll(Completed& completed, Instant until) {
    const std::uint64_t before = completed_count_;
    for (;;) {
        end_orphans(completed);
        serve_turns(completed);
        const bool is_busy = completed_count_ != before || !turns_.empty();
        Instant end = is_busy ? 0 : until;
        if (!delayed_.empty() && retry_at_ < end) end = retry_at_;
        ReadyEvent events[batch];
        const std::size_t count = poller_->wait(events, batch, end);
        for (std::size_t i = 0; i < count; ++i) serve_event(events[i], completed);
        retry_delayed(completed);
        const std::uint64_t wakes = poller_->take_wakes();
        wake_count_ += wakes;
        if (completed_count_ != before || wakes != 0 || until == 0) return;
        // Nothing came of it: the event was spurious, or a signal ended the wait.
        if (until < forever && now() >= until) return;
    }
}

}  // namespace

std::unique_ptr<Backend> make_readiness_backend(std::unique_ptr<Poller> poller) {
    if (poller == nullptr) return nullptr;
    return std::unique_ptr<Backend>(new (std::nothrow) ReadinessBackend(std::move(poller)));
}

}  // namespace zio::loop
