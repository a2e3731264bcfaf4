// SPDX-License-Identifier: MIT
// The one allocator of the process, and the moment from which it stays.
//
// `state` goes open -> (writing -> open)* -> sealed. Only who moved it from open to writing writes
// `current`; the release store that ends it makes the new one visible to whoever seals next. Once
// sealed, `current` is never written again, so the acquire load in `ready` is all a later
// allocation needs.
#include "core/base/memory.hpp"

#include "core/base/assert.hpp"
#include "core/base/atomic.hpp"
#include "core/base/attributes.hpp"
#include "core/base/error.hpp"
#include "core/base/fault.hpp"

namespace zio {

namespace {

void* allocate_from_system(std::size_t size, std::size_t align, void*) {
    if (align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return ::operator new(size, std::nothrow);
    return ::operator new (size, std::align_val_t{align}, std::nothrow);
}

void release_to_system(void* memory, std::size_t, std::size_t align, void*) {
    if (align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
        ::operator delete(memory);
    } else {
        ::operator delete (memory, std::align_val_t{align});
    }
}

enum : std::uint32_t { open, writing, sealed };

constinit Allocator current{allocate_from_system, release_to_system, nullptr};
constinit Atomic<std::uint32_t> state{open};

bool is_power_of_two(std::size_t number) {
    return number != 0 && (number & (number - 1)) == 0;
}

}  // namespace

std::int32_t set_allocator(const Allocator& allocator) noexcept {
    std::uint32_t expected = open;
    if (!state.compare_exchange_strong(expected, writing, std::memory_order_acquire)) {
        return error::busy;
    }
    current = allocator;
    state.store(open, std::memory_order_release);
    return error::ok;
}

void seal_allocator() noexcept {
    std::uint32_t seen = state.load(std::memory_order_acquire);
    while (seen != sealed) {
        // While somebody writes (a few instructions) the exchange fails, and is tried again.
        seen = open;
        if (state.compare_exchange_weak(seen, sealed, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
            return;
        }
    }
}

void* allocate(std::size_t size, std::size_t align) noexcept {
    ZIO_ASSERT(is_power_of_two(align));
    if (ZIO_UNLIKELY(state.load(std::memory_order_acquire) != sealed)) seal_allocator();
    if (ZIO_FAULT_AT(allocate) != 0) return nullptr;
    if (size == 0) size = 1;
    void* const memory = current.allocate(size, align, current.user);
    if (ZIO_UNLIKELY(reinterpret_cast<std::uintptr_t>(memory) % align != 0)) {
        // The caller's allocator broke its promise; that must not become our corruption.
        current.release(memory, size, align, current.user);
        return nullptr;
    }
    ZIO_FAULT_BLOCKS(memory != nullptr ? +1 : 0);
    return memory;
}

void release(void* memory, std::size_t size, std::size_t align) noexcept {
    if (memory == nullptr) return;
    ZIO_FAULT_BLOCKS(-1);
    current.release(memory, size == 0 ? 1 : size, align, current.user);
}

}  // namespace zio
