// SPDX-License-Identifier: MIT
#pragma once
// What a loop has in a simulated world: those of its operations that may go on, in no order yet.
// The network marks them there; the loop's backend takes them out when it is polled.
//
// An operation lies in the memory of its program, where the others of a shared world cannot look.
// So a waiter stands for each that has to wait, with all that the network needs to know of it.
#include <cstdint>

#include "core/base/queue.hpp"
#include "core/loop/backends/simulated/array.hpp"
#include "core/loop/operation.hpp"

namespace zio::loop::simulated {

struct Waiter {
    Waiter* next = nullptr;          // in the queue of a socket, or among the spare ones
    Operation* operation = nullptr;  // for its own loop alone
    OperationKind kind = OperationKind::ready;
    std::uint32_t wanted = 0;  // os::ready_* bits that may let it go on
    std::uint32_t home = 0;
    bool is_marked = false;    // is in `Home::ready`
    bool is_late = false;      // canceled, is in `Home::late`
    bool is_orphaned = false;  // its socket was closed under it
};

// In Operation::backend_flags; else its waiter is in Operation::backend_link.
inline constexpr std::uint8_t flag_real = 1;  // on a descriptor of the host

inline Waiter& waiter_of(const Operation& operation) {
    return *reinterpret_cast<Waiter*>(operation.backend_link);
}

inline std::uint32_t wanted_by(const Operation& operation) {
    if (operation.kind == OperationKind::ready) return static_cast<const Ready&>(operation).wanted;
    return direction_of(operation.kind) == os::Direction::read ? os::ready_read : os::ready_write;
}

struct Home {
    // A canceled operation ends at this instant at the latest.
    struct Late {
        Waiter* waiter;
        Instant at;
    };

    Home() = default;
    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;
    ~Home() {
        while (Waiter* waiter = spare.pop()) unmake(waiter);
    }

    // Room for one more operation that has to wait. False: no memory.
    bool reserve() {
        if (!ready.reserve(waiting_count + 1) || !late.reserve(waiting_count + 1) ||
            !real.reserve(waiting_count + 1)) {
            return false;
        }
        if (!spare.empty()) return true;
        auto* waiter = make<Waiter>();
        if (waiter != nullptr) spare.push(*waiter);
        return waiter != nullptr;
    }
    // Room was reserved.
    Waiter& take(Operation& operation, std::uint32_t number) {
        Waiter& waiter = *spare.pop();
        waiter.operation = &operation;
        waiter.kind = operation.kind;
        waiter.wanted = wanted_by(operation);
        waiter.home = number;
        waiter.is_marked = waiter.is_late = waiter.is_orphaned = false;
        operation.backend_link = reinterpret_cast<Operation*>(&waiter);
        ++waiting_count;
        return waiter;
    }
    void give(Waiter& waiter) {
        unmark(waiter);
        forget_late(waiter);
        waiter.operation->backend_link = nullptr;
        spare.push(waiter);
        --waiting_count;
    }
    void mark(Waiter& waiter) {
        if (waiter.is_marked) return;
        waiter.is_marked = true;
        ready.push(&waiter);
    }
    void unmark(Waiter& waiter) {
        if (!waiter.is_marked) return;
        waiter.is_marked = false;
        ready.remove(&waiter);
    }

    Instant first_late_at() const {
        Instant first = forever;
        for (std::uint32_t i = 0; i < late.count(); ++i) {
            if (late[i].at < first) first = late[i].at;
        }
        return first;
    }
    void forget_late(Waiter& waiter) {
        if (!waiter.is_late) return;
        std::uint32_t place = 0;
        while (late[place].waiter != &waiter) ++place;
        late.remove_at(place);
        waiter.is_late = false;
    }

    Array<Waiter*> ready;
    Array<Late> late;
    Array<Operation*> real;
    Queue<Waiter> spare;
    std::uint32_t waiting_count = 0;  // operations that have started and not finished
};

// The loops of the world. A waiter knows its own by number.
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
    void forget(const Home* home) {
        for (std::uint32_t i = 0; i < homes_.count(); ++i) {
            if (homes_[i] == home) homes_[i] = nullptr;
        }
    }
    Home& of(const Waiter& waiter) { return *homes_[waiter.home]; }

  private:
    Array<Home*> homes_;
};

}  // namespace zio::loop::simulated
