// SPDX-License-Identifier: MIT
#pragma once
// What a loop has in a simulated world: those of its operations that may go on, in no order yet.
// The network marks them there; the loop's backend takes them out when it is polled.
#include <cstdint>

#include "core/loop/backends/simulated/array.hpp"
#include "core/loop/operation.hpp"

namespace zio::loop::simulated {

// In Operation::backend_flags.
inline constexpr std::uint8_t flag_marked = 1;    // is in `Home::ready`
inline constexpr std::uint8_t flag_late = 2;      // canceled, is in `Home::late`
inline constexpr std::uint8_t flag_orphaned = 4;  // its socket was closed under it
inline constexpr std::uint8_t flag_real = 8;      // on a descriptor of the host

struct Home {
    // A canceled operation ends at this instant at the latest.
    struct Late {
        Operation* operation;
        Instant at;
    };

    // Room for one more operation that has to wait. False: no memory.
    bool reserve() {
        return ready.reserve(waiting_count + 1) && late.reserve(waiting_count + 1) &&
               real.reserve(waiting_count + 1);
    }
    void mark(Operation& operation) {
        if ((operation.backend_flags & flag_marked) != 0) return;
        operation.backend_flags |= flag_marked;
        ready.push(&operation);
    }
    void unmark(Operation& operation) {
        if ((operation.backend_flags & flag_marked) == 0) return;
        operation.backend_flags &= static_cast<std::uint8_t>(~flag_marked);
        ready.remove(&operation);
    }

    Instant first_late_at() const {
        Instant first = forever;
        for (std::uint32_t i = 0; i < late.count(); ++i) {
            if (late[i].at < first) first = late[i].at;
        }
        return first;
    }
    void forget_late(Operation& operation) {
        if ((operation.backend_flags & flag_late) == 0) return;
        std::uint32_t place = 0;
        while (late[place].operation != &operation) ++place;
        late.remove_at(place);
    }

    Array<Operation*> ready;
    Array<Late> late;
    Array<Operation*> real;
    std::uint32_t waiting_count = 0;  // operations that have started and not finished
};

// The loops of the world. An operation knows its own by number (Operation::backend_index).
class Homes {
  public:
    // Its number, or -1: no memory.
    std::int64_t add(Home& home) {
        for (std::uint32_t i = 0; i < homes_.count(); ++i) {
            if (homes_[i] != nullptr) continue;
            homes_[i] = &home;
            return i;
        }
        if (!homes_.reserve(homes_.count() + 1)) return -1;
        homes_.push(&home);
        return homes_.count() - 1;
    }
    void remove(std::uint32_t number) { homes_[number] = nullptr; }
    Home& of(const Operation& operation) { return *homes_[operation.backend_index]; }

  private:
    Array<Home*> homes_;
};

}  // namespace zio::loop::simulated
