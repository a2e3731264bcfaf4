// SPDX-License-Identifier: MIT
#pragma once
// The one way in for other threads: a lock-free stack of nodes that its single owner empties.
//
// The head word holds a node, or `empty`, `parked` (empty, and the owner sleeps or is about to),
// or `closed` (the owner is gone). Because "asleep" is in the same word that a push exchanges,
// exactly one pusher per sleep sees it, and no fence is needed on either side. That pusher owes
// the owner one wake, after it has released whatever it holds. The owner counts promised wakes
// (see Loop::close_inbox) and leaves only when all have come.
//
// Orders: push is a release (what the node says is published), drain an acquire.
#include <cstdint>

#include "core/base/atomic.hpp"
#include "core/base/mutant.hpp"

namespace zio {

// A node's low bit belongs to its owner: it tells two kinds of nodes apart.
struct InboxNode {
    InboxNode* next = nullptr;
};

class Inbox {
  public:
    enum class Pushed { quietly, owes_wake, closed };

    // Any thread. `tag` (0 or 1) comes back with the node.
    Pushed push(InboxNode& node, unsigned tag = 0) {
        const Word mine = reinterpret_cast<Word>(&node) | tag;
        Word head = head_.load(std::memory_order_relaxed);
        do {
            if (head == closed) return Pushed::closed;
            node.next = reinterpret_cast<InboxNode*>(head <= parked ? empty : head);
        } while (!head_.compare_exchange_weak(head, mine, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
        return ZIO_MUTANT(1, false, head == parked) ? Pushed::owes_wake : Pushed::quietly;
    }

    // The rest is for the owner alone.

    // Everything pushed so far, oldest first, as a chain of tagged nodes for `take_first`.
    // `promised` tells whether somebody took the parked mark and therefore owes a wake.
    InboxNode* drain(bool was_parked, bool* promised) {
        const Word head = ZIO_MUTANT(2, check::exchange_in_two_steps(head_, empty),
                                     head_.exchange(empty, std::memory_order_acq_rel));
        if (promised != nullptr) *promised = was_parked && head != parked;
        return head <= parked ? nullptr : reversed(head);
    }
    bool has_mail() const { return head_.load(std::memory_order_relaxed) > parked; }
    // False: there is mail, do not sleep.
    bool park() {
        Word expected = empty;
        return ZIO_MUTANT(3, (head_.store(parked), true),
                          head_.compare_exchange_strong(expected, parked, std::memory_order_acq_rel,
                                                        std::memory_order_relaxed));
    }
    // From now on pushes are refused. False: there is mail, drain first.
    bool close() {
        Word expected = empty;
        return ZIO_MUTANT(4, (head_.store(closed), true),
                          head_.compare_exchange_strong(expected, closed, std::memory_order_acq_rel,
                                                        std::memory_order_relaxed));
    }

    // A new owner takes over after `close`.
    void reopen() { head_.store(empty, std::memory_order_release); }

    // Splits the first node off a drained chain. `next` is read before the caller acts on the
    // node, because acting on it may put it on an inbox again.
    static InboxNode* take_first(InboxNode*& chain, unsigned* tag) {
        const Word word = reinterpret_cast<Word>(chain);
        auto* node = reinterpret_cast<InboxNode*>(word & ~Word{1});
        *tag = static_cast<unsigned>(word & 1);
        chain = node->next;
        return node;
    }

  private:
    using Word = std::uintptr_t;
    static constexpr Word empty = 0;
    static constexpr Word parked = 2;
    static constexpr Word closed = 4;

    // A stack of the newest first becomes a chain of the oldest first.
    static InboxNode* reversed(Word head) {
        Word chain = empty;
        while (head != empty) {
            auto* node = reinterpret_cast<InboxNode*>(head & ~Word{1});
            const Word next = reinterpret_cast<Word>(node->next);
            node->next = reinterpret_cast<InboxNode*>(chain);
            chain = head;
            head = next;
        }
        return reinterpret_cast<InboxNode*>(chain);
    }

    Atomic<Word> head_{empty};
};

}  // namespace zio
