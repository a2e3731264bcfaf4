// SPDX-License-Identifier: MIT
#pragma once
// What is going to happen in a simulated world, in the order of instants and, at one instant, in
// the order of planning.
#include <cstdint>

#include "core/base/time.hpp"
#include "core/loop/backends/simulated/array.hpp"

namespace zio::loop::simulated {

// A member of whatever it happens to. Planned at most once at a time. It knows its kind by a number
// and not by a virtual function, whose address is another in each program.
class Event {
  public:
    enum class Kind : std::uint8_t { arrival, handshake, mending };

    explicit Event(Kind kind) : kind_(kind) {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    bool planned() const { return place_ != 0; }
    void happen();

  protected:
    ~Event() { ZIO_ASSERT(!planned()); }

  private:
    friend class EventQueue;
    std::uint32_t place_ = 0;  // in the heap, from 1
    const Kind kind_;
};

class EventQueue {
  public:
    // Room for `count` events in all; planning more of them than that is a mistake.
    bool reserve(std::uint32_t count) { return heap_.reserve(count); }

    // An event that is planned already moves.
    void plan(Event& event, Instant at);
    void drop(Event& event);
    // `forever` when nothing is planned.
    Instant next_at() const { return heap_.empty() ? forever : heap_[0].at; }
    // Takes the next event out.
    Event& take();

  private:
    struct Entry {
        Instant at;
        std::uint64_t sequence;
        Event* event;
        bool before(const Entry& other) const {
            return at != other.at ? at < other.at : sequence < other.sequence;
        }
    };

    void put(std::uint32_t place, const Entry& entry) {
        heap_[place] = entry;
        entry.event->place_ = place + 1;
    }
    void settle(std::uint32_t place, Entry entry);

    Array<Entry> heap_;
    std::uint64_t sequence_ = 0;
};

}  // namespace zio::loop::simulated
