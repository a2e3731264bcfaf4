// SPDX-License-Identifier: MIT
// When may a clock jump that many threads live by? A loop in a poll that may block is asleep, as
// the clock counts, until that poll returns, though its thread may be awake already: so it also
// says when it was woken. When the last one falls asleep and none was woken, nobody runs anything,
// and nobody will unless something comes from outside. The last one waits for that, in its own
// poll, for a moment of real time; if nobody has fallen asleep anew meanwhile, nobody was awake.
#include "core/loop/decorators/test_clock.hpp"

namespace zio::loop {

namespace {

// A timeout that fires while the answer is on its way makes a test fail that is right. A TCP that
// waits for an acknowledgement before it sends a rest gets that after 40 ms; and another program
// needs its turns on the processor.
constexpr Instant quiet_with_operations_ns = 60'000'000;
// Where bytes are to leave it may be waiting for a timer that is 200 ms.
constexpr Instant quiet_with_outward_ns = 300'000'000;

Instant earlier(Instant first, Instant second) {
    return first < second ? first : second;
}

}  // namespace

TestClock::TestClock(Mode mode, Instant quiet_ns)
    : mode_(mode), quiet_ns_(quiet_ns), now_(os::table.now()) {}

std::unique_ptr<Backend> TestClock::wrap(std::unique_ptr<Backend> backend) {
    auto* const clocked = new (std::nothrow) ClockedBackend(*this, std::move(backend));
    if (clocked != nullptr && loop_count_.load(std::memory_order_relaxed) == 1) first_ = clocked;
    return std::unique_ptr<Backend>(clocked);
}

void TestClock::limit_first(Instant real_until) {
    first_->limit_ = real_until;
}

bool TestClock::is_quiet() const {
    if (asleep_count_ != loop_count_.load(std::memory_order_relaxed)) return false;
    for (const ClockedBackend* one = asleep_; one != nullptr; one = one->next_asleep_) {
        if (one->is_stirred()) return false;
    }
    return true;
}

Instant TestClock::next_at() const {
    Instant next = forever;
    for (const ClockedBackend* one = asleep_; one != nullptr; one = one->next_asleep_) {
        next = earlier(next, one->until_);
    }
    return next;
}

Instant TestClock::quiet_ns() const {
    if (quiet_ns_ != 0) return quiet_ns_;
    if (pending_outward_count_.load(std::memory_order_relaxed) != 0) return quiet_with_outward_ns;
    return pending_count_.load(std::memory_order_relaxed) != 0 ? quiet_with_operations_ns : 0;
}

void TestClock::count_pending(const Operation& operation, std::int32_t change) {
    pending_count_.fetch_add(change, std::memory_order_relaxed);
    if (direction_of(operation.kind) == os::Direction::write) {
        pending_outward_count_.fetch_add(change, std::memory_order_relaxed);
    }
}

void TestClock::move_to(Instant instant, const ClockedBackend* caller) {
    now_.store(instant, std::memory_order_release);
    ++event_count_;
    for (ClockedBackend* one = asleep_; one != nullptr; one = one->next_asleep_) {
        if (one != caller && one->until_ <= instant) one->wake_for_time();
    }
}

void TestClock::advance(Instant span_ns) {
    lock_.lock();
    const Instant present = now();
    const Instant rest = forever - 1 - present;
    move_to(present + earlier(span_ns, rest), nullptr);
    lock_.unlock();
}

// Until which real instant the sleeper polls; a jump is due when nothing has come by then.
Instant TestClock::fall_asleep(ClockedBackend& sleeper, Instant until) {
    lock_.lock();
    if (!sleeper.is_asleep_) {
        sleeper.is_asleep_ = true;
        sleeper.next_asleep_ = asleep_;
        asleep_ = &sleeper;
        ++asleep_count_;
        ++event_count_;
    }
    sleeper.until_ = until;
    sleeper.seen_events_ = event_count_;
    const Instant next = mode_ == Mode::jumps && is_quiet() ? next_at() : forever;
    lock_.unlock();
    if (next == forever) return forever;
    const Instant present = now();
    const Instant ahead_ns = next > present ? next - present : 0;
    return sleeper.real_now() + earlier(quiet_ns(), ahead_ns);  // never slower than the real clock
}

void TestClock::get_up(ClockedBackend& sleeper) {
    if (!sleeper.is_asleep_) return;
    lock_.lock();
    ClockedBackend** link = &asleep_;
    while (*link != &sleeper) link = &(*link)->next_asleep_;
    *link = sleeper.next_asleep_;
    sleeper.is_asleep_ = false;
    --asleep_count_;
    lock_.unlock();
}

void TestClock::jump(ClockedBackend& sleeper) {
    lock_.lock();
    const Instant next = next_at();
    if (sleeper.seen_events_ == event_count_ && next > now() && next != forever && is_quiet()) {
        move_to(next, &sleeper);
    }
    lock_.unlock();
}

ClockedBackend::ClockedBackend(TestClock& clock, std::unique_ptr<Backend> inner)
    : Decorator(std::move(inner)), clock_(clock) {
    clock_.loop_count_.fetch_add(1, std::memory_order_relaxed);
}

ClockedBackend::~ClockedBackend() {
    clock_.loop_count_.fetch_sub(1, std::memory_order_relaxed);
}

bool ClockedBackend::start(Operation& operation) {
    if (inner().start(operation)) return true;
    clock_.count_pending(operation, 1);
    return false;
}

bool ClockedBackend::cancel(Operation& operation) {
    if (!inner().cancel(operation)) return false;
    clock_.count_pending(operation, -1);
    return true;
}

void ClockedBackend::wake() {
    wakes_sent_.fetch_add(1, std::memory_order_acq_rel);
    inner().wake();
}

void ClockedBackend::wake_for_time() {
    wakes_for_time_.fetch_add(1, std::memory_order_relaxed);
    wake();
}

// True: something finished, or somebody else called `wake`.
bool ClockedBackend::poll_inner(Completed& completed, Instant until) {
    Completed arrived;
    bool has_finished = false;
    inner().poll(arrived, until);
    while (Operation* operation = arrived.pop()) {
        completed.push(*operation);
        clock_.count_pending(*operation, -1);
        has_finished = true;
    }
    std::uint64_t wakes = inner().take_wakes();
    wakes_seen_.fetch_add(wakes, std::memory_order_relaxed);
    const std::uint64_t for_time = wakes_for_time_.load(std::memory_order_relaxed);
    const std::uint64_t own = wakes < for_time ? wakes : for_time;
    wakes_for_time_.fetch_sub(own, std::memory_order_relaxed);
    wakes -= own;
    wake_count_ += wakes;
    return has_finished || wakes != 0;
}

void ClockedBackend::poll(Completed& completed, Instant until) {
    const bool may_block = until > clock_.now();
    is_past_limit_ = limit_ != forever && real_now() >= limit_;
    if (!may_block || is_past_limit_) {
        poll_inner(completed, 0);
        return;
    }
    while (clock_.now() < until && !is_past_limit_) {
        const Instant quiet_at = clock_.fall_asleep(*this, until);
        if (poll_inner(completed, earlier(quiet_at, limit_))) break;
        const Instant real = real_now();
        if (real >= quiet_at) clock_.jump(*this);
        is_past_limit_ = real >= limit_;
    }
    clock_.get_up(*this);
}

}  // namespace zio::loop
