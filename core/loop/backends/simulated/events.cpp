// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/events.hpp"

namespace zio::loop::simulated {

void EventQueue::plan(Event& event, Instant at) {
    drop(event);
    const Entry entry{at, ++sequence_, &event};
    heap_.push(entry);
    settle(heap_.count() - 1, entry);
}

void EventQueue::drop(Event& event) {
    if (!event.planned()) return;
    const std::uint32_t place = event.place_ - 1;
    event.place_ = 0;
    const Entry last = heap_.pop();
    if (last.event != &event) settle(place, last);
}

Event& EventQueue::take() {
    Event& event = *heap_[0].event;
    drop(event);
    return event;
}

// Finds the place of `entry`, up or down from a place whose own entry is not needed.
void EventQueue::settle(std::uint32_t place, Entry entry) {
    while (place > 0) {
        const std::uint32_t parent = (place - 1) / 2;
        if (!entry.before(heap_[parent])) break;
        put(place, heap_[parent]);
        place = parent;
    }
    for (;;) {
        std::uint32_t child = 2 * place + 1;
        if (child >= heap_.count()) break;
        if (child + 1 < heap_.count() && heap_[child + 1].before(heap_[child])) ++child;
        if (!heap_[child].before(entry)) break;
        put(place, heap_[child]);
        place = child;
    }
    put(place, entry);
}

}  // namespace zio::loop::simulated
