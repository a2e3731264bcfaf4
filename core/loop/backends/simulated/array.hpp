// SPDX-License-Identifier: MIT
#pragma once
// A list that grows without exceptions: room is reserved first, and then nothing fails.
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/base/assert.hpp"
#include "core/loop/backends/simulated/memory.hpp"

namespace zio::loop::simulated {

template <class Item>
class Array {
    static_assert(std::is_trivially_copyable_v<Item>);

  public:
    Array() = default;
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    ~Array() { give_memory(items_, capacity_ * sizeof(Item), alignof(Item)); }

    std::uint32_t count() const { return count_; }
    bool empty() const { return count_ == 0; }
    Item& operator[](std::uint32_t place) {
        ZIO_ASSERT(place < count_);
        return items_[place];
    }
    const Item& operator[](std::uint32_t place) const {
        ZIO_ASSERT(place < count_);
        return items_[place];
    }
    Item* begin() { return items_; }
    Item* end() { return items_ + count_; }

    // Makes room for `wanted` items in all. False: no memory, nothing changed.
    bool reserve(std::uint32_t wanted) {
        if (wanted <= capacity_) return true;
        std::uint32_t larger = capacity_ != 0 ? capacity_ : 16;
        while (larger < wanted) larger *= 2;
        auto* items = static_cast<Item*>(take_memory(larger * sizeof(Item), alignof(Item)));
        if (items == nullptr) return false;
        for (std::uint32_t i = 0; i < count_; ++i) items[i] = items_[i];
        give_memory(items_, capacity_ * sizeof(Item), alignof(Item));
        items_ = items;
        capacity_ = larger;
        return true;
    }
    void push(const Item& item) {
        ZIO_ASSERT(count_ < capacity_);
        items_[count_++] = item;
    }
    Item pop() {
        ZIO_ASSERT(count_ > 0);
        return items_[--count_];
    }
    // Keeps the order of the others.
    void remove_at(std::uint32_t place) {
        ZIO_ASSERT(place < count_);
        for (std::uint32_t i = place + 1; i < count_; ++i) items_[i - 1] = items_[i];
        --count_;
    }
    bool remove(const Item& item) {
        for (std::uint32_t i = 0; i < count_; ++i) {
            if (items_[i] != item) continue;
            remove_at(i);
            return true;
        }
        return false;
    }
    void clear() { count_ = 0; }

  private:
    Item* items_ = nullptr;
    std::uint32_t count_ = 0;
    std::uint32_t capacity_ = 0;
};

}  // namespace zio::loop::simulated
