// SPDX-License-Identifier: MIT
#pragma once
// Timers in order of their instants: a four-way heap whose items know their place in it, so that
// any of them moves or leaves in logarithmic time. Equal instants keep no order; who needs one
// adds a sequence number to the key.
//
// Room is reserved apart from insertion, so that inserting never fails and never allocates.
#include <cstdint>

#include "core/base/assert.hpp"
#include "core/base/memory.hpp"
#include "core/base/relaxed.hpp"
#include "core/base/time.hpp"

namespace zio {

// `Item` has a member `std::uint32_t heap_place`, 0 when it is in no heap.
template <class Item>
class Heap {
  public:
    struct Entry {
        Instant at;
        Item* item;
    };

    Heap() = default;
    Heap(const Heap&) = delete;
    Heap& operator=(const Heap&) = delete;
    ~Heap() { release(entries_, capacity_ * sizeof(Entry), alignof(Entry)); }

    bool empty() const { return count_ == 0; }
    std::uint32_t count() const { return count_; }
    std::uint32_t capacity() const { return capacity_; }
    const Entry& top() const { return entries_[0]; }
    Instant instant_of(const Item& item) const { return entries_[item.heap_place - 1].at; }

    // Makes room for `wanted` items in all. False: no memory, nothing changed.
    bool reserve(std::uint32_t wanted) {
        if (wanted <= capacity_) return true;
        std::uint32_t larger = capacity_ != 0 ? capacity_ : 64;
        while (larger < wanted) larger *= 2;
        auto* entries =
            static_cast<Entry*>(allocate(std::size_t{larger} * sizeof(Entry), alignof(Entry)));
        if (entries == nullptr) return false;
        for (std::uint32_t i = 0; i < count_; ++i) entries[i] = entries_[i];
        release(entries_, capacity_ * sizeof(Entry), alignof(Entry));
        entries_ = entries;
        capacity_ = larger;
        return true;
    }

    // Sets the instant of `item`, which may be new or here already. Room was reserved.
    void set(Item& item, Instant at) {
        if (item.heap_place == 0) {
            ZIO_ASSERT(count_ < capacity_);
            const std::uint32_t place = count_;
            count_ = place + 1;
            sift_up(place, {at, &item});
        } else if (at < instant_of(item)) {
            sift_up(item.heap_place - 1, {at, &item});
        } else {
            sift_down(item.heap_place - 1, {at, &item});
        }
    }
    void remove(Item& item) {
        const std::uint32_t place = item.heap_place - 1;
        item.heap_place = 0;
        count_ = count_ - 1;
        const Entry last = entries_[count_];
        if (last.item == &item) return;
        if (place > 0 && entries_[(place - 1) / ways].at > last.at) {
            sift_up(place, last);
        } else {
            sift_down(place, last);
        }
    }

  private:
    static constexpr std::uint32_t ways = 4;

    void put(std::uint32_t place, Entry entry) {
        entries_[place] = entry;
        entry.item->heap_place = place + 1;
    }
    void sift_up(std::uint32_t place, Entry entry) {
        while (place > 0) {
            const std::uint32_t parent = (place - 1) / ways;
            if (entries_[parent].at <= entry.at) break;
            put(place, entries_[parent]);
            place = parent;
        }
        put(place, entry);
    }
    void sift_down(std::uint32_t place, Entry entry) {
        for (;;) {
            const std::uint32_t first = ways * place + 1;
            if (first >= count_) break;
            std::uint32_t least = first;
            for (std::uint32_t child = first + 1; child < first + ways && child < count_; ++child) {
                if (entries_[child].at < entries_[least].at) least = child;
            }
            if (entries_[least].at >= entry.at) break;
            put(place, entries_[least]);
            place = least;
        }
        put(place, entry);
    }

    Entry* entries_ = nullptr;
    Relaxed<std::uint32_t> count_{0};
    std::uint32_t capacity_ = 0;
};

}  // namespace zio
