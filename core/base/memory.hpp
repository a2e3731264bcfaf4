// SPDX-License-Identifier: MIT
#pragma once
// All memory the core takes from a heap. It comes from one allocator for the whole process, which
// may be replaced before its first use. Stacks and handle tables are mapped instead.
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace zio {

struct Allocator {
    // Aligned memory or null; neither suspends nor throws.
    void* (*allocate)(std::size_t size, std::size_t align, void* user);
    void (*release)(void* memory, std::size_t size, std::size_t align, void* user);
    void* user;
};

// 0; error::busy once `seal_allocator` or the first `allocate` came before.
std::int32_t set_allocator(const Allocator& allocator) noexcept;
// From now on the allocator stays: called by whatever counts as the library's first use and may
// not allocate by itself.
void seal_allocator() noexcept;

// `size` bytes (0 counts as 1) aligned to `align`, a power of two; null when there are none.
void* allocate(std::size_t size, std::size_t align) noexcept;
// The same numbers as at the allocation; null is fine.
void release(void* memory, std::size_t size, std::size_t align) noexcept;

// An object of its own, or null. The constructor must not throw.
template <class T, class... Arguments>
T* create(Arguments&&... arguments) noexcept {
    void* const memory = allocate(sizeof(T), alignof(T));
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Arguments>(arguments)...);
}

// A base for classes whose objects somebody else ends without knowing their size, by `delete`: they
// come from here, too, by `new (std::nothrow)`.
struct Allocated {
    static void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
        return allocate(size, alignof(std::max_align_t));
    }
    static void operator delete(void* memory, std::size_t size) noexcept {
        release(memory, size, alignof(std::max_align_t));
    }
};

template <class T>
void destroy(T* object) noexcept {
    if (object == nullptr) return;
    object->~T();
    release(object, sizeof(T), alignof(T));
}

}  // namespace zio
