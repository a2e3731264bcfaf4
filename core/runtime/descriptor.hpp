// SPDX-License-Identifier: MIT
#pragma once
// An object that owns a descriptor and is used by many tasks and threads at once: streams and
// listeners. Three protocols live here (tests/models/handle.pml, turn.pml):
//
// Pin. One exchange checks the generation, that it is neither closing nor free, and counts a user.
// The flags matter: close moves the generation on at once, so a forged handle would match.
//
// Turn. Per direction one user is active, the others wait, first come first served. The turn owns
// one reference; it passes to the first waiter with it, nobody barges in. An operation that must
// wait is registered under LOCK, so that close finds it.
//
// Close. One exchange moves the generation on and sets CLOSING; the handle's own reference becomes
// the closer's. Under LOCK the waiters are taken out and the pending operations marked; their homes
// are told. Whoever gives back the last reference starts the walk: the object goes from loop to
// loop of those that know the descriptor, each forgets it, and the last stop closes the number.
#include <cstdint>

#include "core/base/mutant.hpp"
#include "core/base/object_word.hpp"
#include "core/loop/operation.hpp"
#include "core/runtime/wait_list.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

namespace descriptor_word {
inline constexpr std::uint64_t read_turn = 1 << 3;
inline constexpr std::uint64_t read_wait = 1 << 4;
inline constexpr std::uint64_t write_turn = 1 << 5;
inline constexpr std::uint64_t write_wait = 1 << 6;

constexpr std::uint64_t turn_of(os::Direction direction) {
    return direction == os::Direction::read ? read_turn : write_turn;
}
constexpr std::uint64_t wait_of(os::Direction direction) {
    return direction == os::Direction::read ? read_wait : write_wait;
}
}  // namespace descriptor_word

class Descriptor {
  public:
    ObjectWord word{0};  // first, as SlotTable needs it
    os::Handle handle = os::no_handle;
    bool is_socket = false;
    Relaxed<bool> exposed{false};  // its number was shown outside: others may share what it names

    // Begins a life: `descriptor` belongs to the object from now on. The generation is its
    // handle's.
    std::uint32_t open(os::Handle descriptor);

    // ---- pins
    std::int32_t pin(std::uint32_t generation);
    void unpin();
    bool is_closing() const {
        return (word.load(std::memory_order_acquire) & object_word::closing) != 0;
    }

    // ---- turns: taken together with a pin, given back together
    ZIO_INLINE std::int32_t take_turn(std::uint32_t generation, os::Direction direction,
                                      Deadline deadline) {
        using namespace object_word;
        const std::uint64_t turn = descriptor_word::turn_of(direction);
        const std::uint64_t busy =
            lock | closing | free | turn | descriptor_word::wait_of(direction);
        std::uint64_t old = word.load(std::memory_order_relaxed);
        if (ZIO_LIKELY(word_generation(old) == generation && (old & busy) == 0 &&
                       (old & references) != references &&
                       word.compare_exchange_strong(old, (old | turn) + one_reference,
                                                    std::memory_order_acquire,
                                                    std::memory_order_relaxed))) {
            return 0;
        }
        return take_turn_slowly(generation, direction, deadline);
    }
    ZIO_INLINE void give_turn(os::Direction direction) {
        using namespace object_word;
        const std::uint64_t turn = descriptor_word::turn_of(direction);
        const std::uint64_t wait = descriptor_word::wait_of(direction);
        std::uint64_t old = word.load(std::memory_order_relaxed);
        if (ZIO_LIKELY((old & (lock | ZIO_MUTANT(60, 0, wait) | closing)) == 0 &&
                       word.compare_exchange_strong(old, (old & ~turn) - one_reference,
                                                    std::memory_order_acq_rel,
                                                    std::memory_order_relaxed))) {
            return;
        }
        give_turn_slowly(direction);
    }

    // ---- pending operations of whoever holds the turn
    // False: the object is closing, the operation must be canceled.
    bool add_pending(Worker* w, loop::Operation& operation, os::Direction direction);
    void remove_pending(os::Direction direction);

    // Starts the end. `hurry`: where nobody else can share the connection the peer learns of it
    // at once, although the number is closed only when the pending operations have ended and the
    // loops that know it, one of which may not be driven at all, have forgotten it.
    std::int32_t close(std::uint32_t generation, bool hurry);

    // In a forked child, of an object of its parent's: closes the child's copy of the number, which
    // the peer does not notice.
    void drop_inherited();

  protected:
    ~Descriptor() = default;
    // The descriptor's number is closed: the slot goes back to its table.
    void (*retire_)(Descriptor&) = nullptr;

  private:
    std::int32_t take_turn_slowly(std::uint32_t generation, os::Direction direction,
                                  Deadline deadline) __attribute__((noinline, nothrow));
    void give_turn_slowly(os::Direction direction) __attribute__((noinline, nothrow));
    bool remember(Worker* w);
    void tell_peer();
    void walk();
    void finish();

    static constexpr unsigned inline_known = 6;
    struct WalkMail : Mail {
        Descriptor* self;
    };

    WaitList waiting_[os::direction_count];
    loop::Operation* pending_[os::direction_count] = {};
    WalkMail mail_{};
    bool must_hurry_ = false;  // the peer has not been told yet
    // The workers whose loops know the descriptor. Under LOCK until the last unpin, then the
    // walk's.
    std::uint16_t known_[inline_known] = {};
    std::uint16_t known_count_ = 0;
    std::uint16_t more_known_capacity_ = 0;
    std::uint16_t* more_known_ = nullptr;
};

}  // namespace zio::runtime
