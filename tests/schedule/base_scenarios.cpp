// SPDX-License-Identifier: MIT
// What stands below the runtime: a loop's inbox and the wakes it is promised, slots and their
// locks.
#include "core/base/memory.hpp"
#include "core/base/object_word.hpp"
#include "core/loop/loop.hpp"
#include "core/runtime/task.hpp"
#include "tests/schedule/scenario.hpp"

namespace zio::check {
namespace {

// ---- two who push, one owner who sleeps, wakes for another reason, leaves
constexpr unsigned pusher_count = 2;
constexpr unsigned letters_each = 2;

struct Letter : InboxNode {
    unsigned number = 0;  // 0: not written yet
};

Inbox inbox;
Atomic<loop::Loop*> owner{nullptr};
Letter letters[pusher_count][letters_each];
unsigned refused[pusher_count];
unsigned came[pusher_count];
unsigned last_number[pusher_count];

// As runtime::post does it: the inbox outlives the loop, and who owes a wake finds the loop there.
void push_all(unsigned pusher) {
    unsigned number = 0;
    for (Letter& letter : letters[pusher]) {
        letter.number = ++number;
        const Inbox::Pushed pushed = inbox.push(letter, pusher);
        if (pushed == Inbox::Pushed::owes_wake) owner.load()->wake();
        if (pushed == Inbox::Pushed::closed) ++refused[pusher];
    }
}

unsigned read_mail(loop::Loop& loop) {
    unsigned count = 0;
    for (InboxNode* chain = loop.take_mail(); chain != nullptr; ++count) {
        unsigned pusher = 0;
        const auto& letter = *static_cast<Letter*>(Inbox::take_first(chain, &pusher));
        ZIO_EXPECT(letter.number > last_number[pusher]);
        last_number[pusher] = letter.number;
        ++came[pusher];
    }
    return count;
}

loop::Loop* open_owner() {
    auto* loop =
        zio::create<loop::Loop>(loop::open_backend(loop::BackendChoice::poll, {}).backend, &inbox);
    owner.store(loop);
    return loop;
}
void close_owner(loop::Loop* loop) {
    do {
        read_mail(*loop);
    } while (!loop->close_inbox());
    zio::destroy(loop);
}

// All letters are read before the owner leaves: if it sleeps for ever, a wake was lost.
void read_all() {
    loop::Loop* loop = open_owner();
    Started first("pusher 1", [] { push_all(0); });
    Started second("pusher 2", [] { push_all(1); });
    for (unsigned count = 0; count < pusher_count * letters_each;) {
        count += read_mail(*loop);
        if (count == pusher_count * letters_each) break;
        loop->poll_until(chance(4) ? now() + random(5'000) : forever);
    }
    close_owner(loop);
}

// The owner comes late, and goes when it likes; what it does not read was refused.
void leave_early() {
    inbox.close();
    {
        Started first("pusher 1", [] { push_all(0); });
        Started second("pusher 2", [] { push_all(1); });
        loop::Loop* loop = open_owner();
        inbox.reopen();
        for (unsigned sleeps = random(3); sleeps > 0; --sleeps) {
            read_mail(*loop);
            loop->poll_until(now() + random(20'000));
        }
        close_owner(loop);
    }
    for (unsigned i = 0; i < pusher_count; ++i) ZIO_EXPECT(came[i] + refused[i] == letters_each);
}

// ---- a table: slots are taken and given back by two, somebody tries handles that nobody gave him
struct Slot {
    ObjectWord word;
    Slot* next;
    unsigned owner;  // 0: nobody
};
using Table = SlotTable<Slot, HandleType::stream>;
constinit Table table{runtime::reserve_slots, object_word::of_generation(1) | object_word::free};

void take_and_give(unsigned me) {
    for (unsigned i = 0; i < 2; ++i) {
        Slot* slot = table.take();
        ZIO_EXPECT(slot != nullptr && slot->owner == 0);
        slot->owner = me;
        const std::uint32_t generation = word_generation(slot->word.load());
        ZIO_EXPECT(generation != 0);
        enter_system();
        ZIO_EXPECT(slot->owner == me);
        slot->owner = 0;
        slot->word.store(object_word::of_generation(generation + 1) | object_word::free);
        table.give(*slot);
    }
}
void slot_table() {
    Started first("first user", [] { take_and_give(1); });
    Started second("second user", [] { take_and_give(2); });
    for (HandleBits index = 0; index < 6; ++index) {
        const HandleBits forged =
            (HandleBits{static_cast<unsigned>(HandleType::stream)} << 26 | index % 3) << 32;
        const Slot* slot = table.at(forged);
        if (slot != nullptr) ZIO_EXPECT(word_generation(slot->word.load()) != 0);
    }
}

// ---- the LOCK of an object that ends and begins again
ObjectWord object;
unsigned inside;
unsigned life;

void use_life(std::uint32_t generation) {
    if (!object_word::take_lock_of(object, generation)) return;
    ZIO_EXPECT(inside++ == 0);
    ZIO_EXPECT(life == generation);
    enter_system();
    ZIO_EXPECT(--inside == 0);
    object_word::release_lock(object);
}
void object_lock() {
    life = 1;
    object.store(object_word::of_generation(1));
    Started first("user of the first life", [] { use_life(1); });
    Started second("user of both lives", [] {
        use_life(1);
        use_life(2);
    });
    Started counter(
        "holder", [] { object.fetch_add(object_word::one_reference, std::memory_order_acq_rel); });
    object_word::take_lock(object);
    ZIO_EXPECT(inside++ == 0);
    life = 2;
    enter_system();
    --inside;
    object.fetch_add(object_word::one_generation, std::memory_order_acq_rel);
    object_word::release_lock(object);
    counter.join();
    first.join();
    second.join();
    const std::uint64_t end = object_word::of_generation(2) + object_word::one_reference;
    ZIO_EXPECT(object.load() == end);
}

constexpr Scenario scenarios[] = {
    {"inbox", read_all},
    {"inbox-leaving", leave_early},
    {"slot-table", slot_table},
    {"object-lock", object_lock},
};

}  // namespace

std::span<const Scenario> base_scenarios() {
    return scenarios;
}

}  // namespace zio::check
