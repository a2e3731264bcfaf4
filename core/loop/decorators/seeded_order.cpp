// SPDX-License-Identifier: MIT
// A loop that has nothing else to do waits a little before each turn while it holds something back:
// what is to overtake that must have time to come.
#include "core/loop/decorators/seeded_order.hpp"

namespace zio::loop {

namespace {

constexpr Instant turn_ns = 100'000;

// Operation::order_lot, above the turns and the rank.
constexpr std::uint8_t asked_to_end = 1 << 6;
constexpr std::uint8_t held_back = 1 << 7;

simulated::Random stream_of(simulated::Stream stream, std::uint64_t seed, std::uint32_t number) {
    return simulated::Random(seed).split(static_cast<std::uint64_t>(stream)).split(number);
}

}  // namespace

SeededOrder::SeededOrder(std::unique_ptr<Backend> inner, std::uint64_t seed, std::uint32_t number)
    : Decorator(std::move(inner)),
      schedule_(stream_of(simulated::Stream::schedule, seed, number)),
      lots_(stream_of(simulated::Stream::completion, seed, number)) {}

std::uint32_t SeededOrder::choose(std::uint32_t count) {
    return static_cast<std::uint32_t>(schedule_.below(count));
}

// Nobody else has seen that it has finished: it counts as under way until it is released.
void SeededOrder::hold(Operation& operation, unsigned turns_from_now) {
    operation.state = OperationState::started;
    operation.order_lot |= held_back;
    held_[(turn_ + turns_from_now) % turns][(operation.order_lot >> turn_bits) % ranks].push(
        operation);
    ++held_count_;
}

// Ends the present turn. True: something came of it.
bool SeededOrder::release(Completed& completed) {
    const std::uint32_t before = held_count_;
    for (Queue<Operation>& rank : held_[turn_]) {
        while (Operation* operation = rank.pop()) {
            operation->state = OperationState::finished;
            completed.push(*operation);
            --held_count_;
        }
    }
    turn_ = (turn_ + 1) % turns;
    return held_count_ != before;
}

bool SeededOrder::start(Operation& operation) {
    operation.order_lot = static_cast<std::uint8_t>(lots_.below(turns * ranks));
    if (!inner().start(operation)) return false;
    const unsigned turns_from_now = operation.order_lot % turns;
    if (turns_from_now == 0) return true;
    hold(operation, turns_from_now);
    return false;
}

bool SeededOrder::cancel(Operation& operation) {
    if ((operation.order_lot & held_back) != 0) return false;
    operation.order_lot |= asked_to_end;
    return inner().cancel(operation);
}

void SeededOrder::poll(Completed& completed, Instant until) {
    for (;;) {
        Instant end = until;
        if (held_count_ != 0 && until != 0) {
            const Instant turn_end = inner().now() + turn_ns;
            if (turn_end < until) end = turn_end;
        }
        Completed arrived;
        inner().poll(arrived, end);
        while (Operation* operation = arrived.pop()) {
            const bool is_awaited = (operation->order_lot & asked_to_end) != 0;
            hold(*operation, is_awaited ? 0 : operation->order_lot % turns);
        }
        const std::uint64_t wakes = inner().take_wakes();
        wake_count_ += wakes;
        if (release(completed) || wakes != 0 || until == 0) return;
        if (until < forever && inner().now() >= until) return;
    }
}

}  // namespace zio::loop
