// SPDX-License-Identifier: MIT
#pragma once
// Structs that callers pass and that later versions extend at the end. The caller's `struct_size`
// says which version it was compiled against; these are the rules for all of them:
//
//   smaller than in version 0.1         invalid_argument
//   smaller than ours                   what is missing is zero, as in the version it comes from
//   larger than ours                    too_big, unless what we do not know is zero
//   a reserved field that is not zero   invalid_argument
//   no struct at all                    the defaults
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/error.hpp"
#include "zio/net.h"
#include "zio/rt.h"
#include "zio/spawn.h"

namespace zio::capi {

// No struct will ever be larger; a size beyond it is not looked at.
inline constexpr std::size_t options_limit = 4096;

#define ZIO_SIZE_THROUGH(type, field) (offsetof(type, field) + sizeof(type::field))

// What is particular to one struct: its size in version 0.1, its reserved fields, its defaults.
template <class T>
struct OptionRules;

struct ZeroDefaults {
    template <class T>
    static void set_defaults(T&) {}
};

inline bool is_zero(const std::uint64_t* numbers, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (numbers[i] != 0) return false;
    }
    return true;
}

template <>
struct OptionRules<zio_allocator_t> : ZeroDefaults {
    static constexpr std::size_t first_size = ZIO_SIZE_THROUGH(zio_allocator_t, ud);
    static bool is_reserved_zero(const zio_allocator_t& o) { return o.reserved0 == 0; }
};

template <>
struct OptionRules<zio_task_hooks_t> : ZeroDefaults {
    static constexpr std::size_t first_size = ZIO_SIZE_THROUGH(zio_task_hooks_t, ud);
    static bool is_reserved_zero(const zio_task_hooks_t& o) { return o.flags == 0; }
};

template <>
struct OptionRules<zio_worker_hooks_t> : ZeroDefaults {
    static constexpr std::size_t first_size = ZIO_SIZE_THROUGH(zio_worker_hooks_t, ud);
    static bool is_reserved_zero(const zio_worker_hooks_t& o) { return o.flags == 0; }
};

template <>
struct OptionRules<zio_rt_options_t> {
    static constexpr std::size_t first_size = ZIO_SIZE_THROUGH(zio_rt_options_t, reserved);
    static bool is_reserved_zero(const zio_rt_options_t& o) { return is_zero(o.reserved, 1); }
    static void set_defaults(zio_rt_options_t& o) { o.workers = 1; }
};

template <>
struct OptionRules<zio_spawn_options_t> : ZeroDefaults {
    static constexpr std::size_t first_size = ZIO_SIZE_THROUGH(zio_spawn_options_t, reserved);
    static bool is_reserved_zero(const zio_spawn_options_t& o) {
        return o.reserved0 == 0 && is_zero(o.reserved, 3);
    }
};

template <>
struct OptionRules<zio_sock_options_t> : ZeroDefaults {
    static constexpr std::size_t first_size = ZIO_SIZE_THROUGH(zio_sock_options_t, reserved);
    static bool is_reserved_zero(const zio_sock_options_t& o) { return is_zero(o.reserved, 3); }
};

template <>
struct OptionRules<zio_rt_stats_t> : ZeroDefaults {
    static constexpr std::size_t first_size = ZIO_SIZE_THROUGH(zio_rt_stats_t, reserved);
};

// The parts that are the same for all, on bytes. `first_size <= size`, both of our struct.
std::int32_t init_struct(void* out, std::size_t asked, std::size_t first_size) noexcept;
std::int32_t read_struct(const void* given, void* out, std::size_t size,
                         std::size_t first_size) noexcept;
std::int32_t write_struct(const void* values, void* out, std::size_t size,
                          std::size_t first_size) noexcept;

// The body of every `zio_..._init`: zeros, the size, the defaults.
template <class T>
std::int32_t init_options(T* out, std::size_t asked) noexcept {
    const std::int32_t error = init_struct(out, asked, OptionRules<T>::first_size);
    // Every field with a default is in version 0.1, so it is there.
    if (error == error::ok) OptionRules<T>::set_defaults(*out);
    return error;
}

// The caller's options as this version's struct; `given` may be null.
template <class T>
std::int32_t read_options(const T* given, T& out) noexcept {
    T options{};
    if (given == nullptr) {
        options.struct_size = sizeof(T);
        OptionRules<T>::set_defaults(options);
    } else {
        const std::int32_t error =
            read_struct(given, &options, sizeof(T), OptionRules<T>::first_size);
        if (error != error::ok) return error;
        if (!OptionRules<T>::is_reserved_zero(options)) return error::invalid_argument;
    }
    out = options;
    return error::ok;
}

// Values of this version into a struct of the caller's version: never more than its size, and zero
// where it knows more than we do.
template <class T>
std::int32_t write_output(const T& values, T* out) noexcept {
    return write_struct(&values, out, sizeof(T), OptionRules<T>::first_size);
}

}  // namespace zio::capi
