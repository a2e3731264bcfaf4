// SPDX-License-Identifier: MIT
// The poller of last resort, and of plain threads that wait for one thing at a time: the list of
// what is wanted, given to `os::table.wait_ready` at each wait. Nothing is opened before the first
// wait that may block, and nothing is held in the system.
#include <atomic>
#include <new>
#include <utility>

#include "core/loop/descriptor_map.hpp"
#include "core/loop/readiness.hpp"

namespace zio::loop {

namespace {

constexpr Instant slice_ns = 10'000'000;

// Wakes for an owner that may not have a descriptor to be woken through yet. One word: twice the
// number of wakes so far, or, once opened, twice the descriptor plus one. A waker sees one or the
// other, so each wake is either in the number that the owner takes when it opens, or raised after.
class LazyWakeup {
  public:
    ~LazyWakeup() {
        const Word word = word_.load(std::memory_order_relaxed);
        if (is_opened(word)) os::table.close(handle_in(word));
    }
    // Any thread, also inside a signal handler.
    void raise() {
        Word word = word_.load(std::memory_order_acquire);
        do {
            if (is_opened(word)) {
                os::table.raise_wakeup(handle_in(word));
                return;
            }
        } while (!word_.compare_exchange_weak(word, word + 2, std::memory_order_acq_rel,
                                              std::memory_order_acquire));
    }

    // The rest is for the owner. How many wakes came that were not taken yet.
    std::uint64_t take() {
        Word word = word_.load(std::memory_order_acquire);
        while (!is_opened(word)) {
            if (word == 0) return 0;
            if (word_.compare_exchange_weak(word, 0, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
                return word / 2;
            }
        }
        const std::int64_t raised = os::table.take_wakeups(handle_in(word));
        return raised > 0 ? static_cast<std::uint64_t>(raised) : 0;
    }
    // The descriptor to wait on, `no_handle` if it cannot be had, or was not needed so far and is
    // not now. Adds to `taken` what came before it was there.
    os::Handle handle(bool is_needed, std::uint64_t* taken) {
        const Word word = word_.load(std::memory_order_acquire);
        if (is_opened(word)) return handle_in(word);
        os::Handle opened = os::no_handle;
        if (!is_needed) return opened;
        if (os::table.open_wakeup(&opened) < 0) return os::no_handle;
        const Word mine = static_cast<Word>(opened) * 2 + 1;
        *taken += word_.exchange(mine, std::memory_order_acq_rel) / 2;
        return opened;
    }

  private:
    using Word = std::uintptr_t;
    static bool is_opened(Word word) { return (word & 1) != 0; }
    static os::Handle handle_in(Word word) { return static_cast<os::Handle>(word >> 1); }
    std::atomic<Word> word_{0};
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

class PollPoller final : public Poller {
  public:
    ~PollPoller() override { release_entries(); }

    const char* name() const override { return "poll"; }
    bool edge_triggered() const override { return false; }
    std::int32_t watch(os::Handle handle, std::uint32_t wanted) override;
    void unwatch(os::Handle handle) override;
    std::size_t wait(ReadyEvent* events, std::size_t capacity, Instant until) override;
    void wake() override { wakeup_.raise(); }
    std::uint64_t take_wakes() override { return std::exchange(wake_count_, 0); }

  private:
    struct Place {
        std::uint32_t in_entries = 0;  // 0: not watched
    };
    static std::size_t bytes(std::size_t count) { return count * sizeof(os::ReadyRequest); }
    void release_entries() {
        if (entries_ != few_) release(entries_, bytes(capacity_), alignof(os::ReadyRequest));
    }
    bool reserve(std::size_t wanted);
    void scan(Instant until);
    std::size_t report(ReadyEvent* events, std::size_t capacity);

    DescriptorMap<Place> places_;
    // A wait for the wake-up alone must not need memory: it may be what ends a shortage.
    static constexpr std::size_t few = 4;
    os::ReadyRequest few_[few] = {};
    os::ReadyRequest* entries_ = few_;  // the first is the wake-up
    std::size_t capacity_ = few;
    std::size_t count_ = 1;
    // Entries before this one may have been found ready by the last scan and not reported yet. They
    // are reported from the end, because a removed entry is replaced by the last one.
    std::size_t unreported_ = 0;
    std::uint64_t wake_count_ = 0;
    LazyWakeup wakeup_;
};

bool PollPoller::reserve(std::size_t wanted) {
    if (wanted <= capacity_) return true;
    const std::size_t larger = 2 * capacity_;
    void* memory = allocate(bytes(larger), alignof(os::ReadyRequest));
    if (memory == nullptr) return false;
    auto* entries = static_cast<os::ReadyRequest*>(memory);
    for (std::size_t i = 0; i < larger; ++i) {
        entries[i] = i < capacity_ ? entries_[i] : os::ReadyRequest{os::no_handle, 0, 0};
    }
    release_entries();
    entries_ = entries;
    capacity_ = larger;
    return true;
}

std::int32_t PollPoller::watch(os::Handle handle, std::uint32_t wanted) {
    Place* place = places_.find_or_make(handle);
    if (place == nullptr || !reserve(count_ + 1)) return error::no_memory;
    if (place->in_entries == 0) {
        place->in_entries = static_cast<std::uint32_t>(count_++);
        entries_[place->in_entries] = {handle, 0, 0};
    }
    entries_[place->in_entries].wanted = wanted;
    return 0;
}

void PollPoller::unwatch(os::Handle handle) {
    Place* place = places_.find(handle);
    if (place == nullptr || place->in_entries == 0) return;
    const std::uint32_t hole = std::exchange(place->in_entries, 0);
    const os::ReadyRequest last = entries_[--count_];
    if (hole == count_) return;
    entries_[hole] = last;
    places_.find(last.handle)->in_entries = hole;
}

void PollPoller::scan(Instant until) {
    std::uint64_t came_before = 0;
    const os::Handle wakeup = wakeup_.handle(until != 0, &came_before);
    const bool has_wakeup = wakeup != os::no_handle;
    if (!has_wakeup) {
        came_before = wakeup_.take();
        // No descriptor left in the process: wakes are looked for now and then.
        const Instant slice_end = until != 0 ? os::table.now() + slice_ns : 0;
        if (slice_end < until) until = slice_end;
    }
    wake_count_ += came_before;
    if (came_before != 0) until = 0;
    os::ReadyRequest* const requests = entries_ + (has_wakeup ? 0 : 1);
    const std::size_t count = count_ - (has_wakeup ? 0 : 1);
    if (has_wakeup) entries_[0] = {wakeup, os::ready_read, 0};
    if (os::table.wait_ready(requests, count, until) <= 0) return;
    if (has_wakeup && entries_[0].got != 0) wake_count_ += wakeup_.take();
    unreported_ = count_;
}

std::size_t PollPoller::report(ReadyEvent* events, std::size_t capacity) {
    constexpr std::uint32_t trouble = os::ready_hangup | os::ready_error;
    if (unreported_ > count_) unreported_ = count_;
    std::size_t filled = 0;
    while (unreported_ > 1 && filled < capacity) {
        os::ReadyRequest& entry = entries_[--unreported_];
        std::uint32_t got = std::exchange(entry.got, 0);
        if (got == 0) continue;
        if ((got & trouble) != 0) got |= os::ready_read | os::ready_write;
        events[filled++] = {entry.handle, got};
    }
    return filled;
}

// What one scan found is reported before the next scan, so that all have their turn.
std::size_t PollPoller::wait(ReadyEvent* events, std::size_t capacity, Instant until) {
    const std::size_t filled = report(events, capacity);
    if (filled != 0) return filled;
    scan(until);
    return report(events, capacity);
}

}  // namespace

Opened open_poll(const BackendOptions&) {
    Opened opened;
    std::unique_ptr<Poller> poller(new (std::nothrow) PollPoller);
    opened.backend = make_readiness_backend(std::move(poller));
    opened.status = opened.backend != nullptr ? 0 : error::no_memory;
    opened.reason = opened.backend != nullptr ? "poll works everywhere" : "no memory for poll";
    return opened;
}

}  // namespace zio::loop
