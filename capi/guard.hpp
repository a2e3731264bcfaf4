// SPDX-License-Identifier: MIT
#pragma once
// The wall between C and C++: every exported function is one call to guard(). Nothing unwinds out
// of the library; where the body cannot throw, the wall costs nothing and the call is a jump.
#include <cstdint>
#include <new>

#include "core/base/error.hpp"
#include "core/base/slot_table.hpp"
#include "zio/base.h"

namespace zio::capi {

template <class Body>
inline __attribute__((always_inline)) auto guard(Body&& body) noexcept -> decltype(body()) {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return static_cast<decltype(body())>(error::no_memory);
    } catch (...) {
        return static_cast<decltype(body())>(error::internal);
    }
}

// Handles are numbers in a pointer's clothes, never followed.
inline HandleBits bits_of(const void* handle) {
    return reinterpret_cast<HandleBits>(handle);
}
template <class Handle>
Handle* handle_from(HandleBits bits) {
    return reinterpret_cast<Handle*>(bits);
}
// Where a call leaves the handle it made; null when the caller wants none.
template <class Handle>
HandleBits* place_of(Handle** out) {
    static_assert(sizeof(Handle*) == sizeof(HandleBits));
    return reinterpret_cast<HandleBits*>(out);
}

}  // namespace zio::capi
