// SPDX-License-Identifier: MIT
#pragma once
// What a loop knows of each descriptor number: an array indexed by the number, which grows by
// chunks, so that an entry never moves and the numbers that are not used cost nothing.
#include <cstdint>
#include <new>
#include <type_traits>

#include "core/base/memory.hpp"
#include "core/os/handle.hpp"

namespace zio::loop {

template <class Entry>
class DescriptorMap {
  public:
    DescriptorMap() = default;
    DescriptorMap(const DescriptorMap&) = delete;
    DescriptorMap& operator=(const DescriptorMap&) = delete;
    ~DescriptorMap() {
        for (std::size_t i = 0; i < capacity_; ++i) {
            if (chunks_[i] != nullptr) release(chunks_[i], sizeof(Chunk), alignof(Chunk));
        }
        release(chunks_, capacity_ * sizeof(Chunk*), alignof(Chunk*));
    }

    // Null when nothing was ever made for this number.
    Entry* find(os::Handle handle) const {
        const auto number = static_cast<std::size_t>(handle);
        const std::size_t chunk = number / chunk_size;
        if (chunk >= capacity_ || chunks_[chunk] == nullptr) return nullptr;
        return &chunks_[chunk]->entries[number % chunk_size];
    }
    // Null when there is no memory, or the number can be no descriptor.
    Entry* find_or_make(os::Handle handle) {
        if (Entry* entry = find(handle)) return entry;
        const auto number = static_cast<std::size_t>(handle);
        const std::size_t chunk = number / chunk_size;
        if (number > INT32_MAX || !grow(chunk + 1)) return nullptr;
        if (chunks_[chunk] == nullptr) {
            void* memory = allocate(sizeof(Chunk), alignof(Chunk));
            if (memory == nullptr) return nullptr;
            chunks_[chunk] = new (memory) Chunk;
        }
        return &chunks_[chunk]->entries[number % chunk_size];
    }

  private:
    static constexpr std::size_t chunk_size = 64;
    struct Chunk {
        Entry entries[chunk_size];
    };
    static_assert(std::is_trivially_destructible_v<Entry>);

    bool grow(std::size_t wanted) {
        if (wanted <= capacity_) return true;
        std::size_t larger = capacity_ != 0 ? capacity_ : 8;
        while (larger < wanted) larger *= 2;
        void* memory = allocate(larger * sizeof(Chunk*), alignof(Chunk*));
        if (memory == nullptr) return false;
        auto** chunks = static_cast<Chunk**>(memory);
        for (std::size_t i = 0; i < larger; ++i) chunks[i] = i < capacity_ ? chunks_[i] : nullptr;
        release(chunks_, capacity_ * sizeof(Chunk*), alignof(Chunk*));
        chunks_ = chunks;
        capacity_ = larger;
        return true;
    }

    Chunk** chunks_ = nullptr;
    std::size_t capacity_ = 0;
};

}  // namespace zio::loop
