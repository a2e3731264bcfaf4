// SPDX-License-Identifier: MIT
// The rules of extensible structs on bytes, and the function that prepares each of them.
#include "capi/options.hpp"

namespace zio::capi {

namespace {

// 0 when a struct of the caller's has a size that any version could have.
std::int32_t check_size(std::size_t size, std::size_t first_size) {
    if (size < first_size) return error::invalid_argument;
    return size <= options_limit ? error::ok : error::too_big;
}

// Every such struct starts with its size; nothing else of it is known to be there.
std::size_t size_of_given(const void* given) {
    std::uint32_t size;
    std::memcpy(&size, given, sizeof size);
    return size;
}

bool is_zero_between(const void* given, std::size_t start, std::size_t end) {
    const auto* const bytes = static_cast<const unsigned char*>(given);
    for (std::size_t i = start; i < end; ++i) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

}  // namespace

std::int32_t init_struct(void* out, std::size_t asked, std::size_t first_size) noexcept {
    if (out == nullptr) return error::invalid_argument;
    if (const std::int32_t error = check_size(asked, first_size)) return error;
    const auto size = static_cast<std::uint32_t>(asked);
    std::memset(out, 0, asked);
    std::memcpy(out, &size, sizeof size);
    return error::ok;
}

std::int32_t read_struct(const void* given, void* out, std::size_t size,
                         std::size_t first_size) noexcept {
    const std::size_t theirs = size_of_given(given);
    if (const std::int32_t error = check_size(theirs, first_size)) return error;
    if (!is_zero_between(given, size, theirs)) return error::too_big;
    std::memset(out, 0, size);
    std::memcpy(out, given, theirs < size ? theirs : size);
    const auto ours = static_cast<std::uint32_t>(size);
    std::memcpy(out, &ours, sizeof ours);
    return error::ok;
}

std::int32_t write_struct(const void* values, void* out, std::size_t size,
                          std::size_t first_size) noexcept {
    if (out == nullptr) return error::invalid_argument;
    const std::size_t theirs = size_of_given(out);
    if (const std::int32_t error = check_size(theirs, first_size)) return error;
    constexpr std::size_t own = sizeof(std::uint32_t);  // their struct_size stays theirs
    const std::size_t known = theirs < size ? theirs : size;
    auto* const to = static_cast<unsigned char*>(out);
    std::memcpy(to + own, static_cast<const unsigned char*>(values) + own, known - own);
    std::memset(to + known, 0, theirs - known);
    return error::ok;
}

// A struct may grow at its end only: these are version 0.1's, and other programs have them too.
static_assert(sizeof(void*) != 8 || OptionRules<zio_allocator_t>::first_size == 32);
static_assert(sizeof(void*) != 8 || OptionRules<zio_task_hooks_t>::first_size == 48);
static_assert(sizeof(void*) != 8 || OptionRules<zio_worker_hooks_t>::first_size == 48);
static_assert(sizeof(void*) != 8 || OptionRules<zio_rt_options_t>::first_size == 96);
static_assert(sizeof(void*) != 8 || OptionRules<zio_spawn_options_t>::first_size == 64);
static_assert(sizeof(void*) != 8 || OptionRules<zio_sock_options_t>::first_size == 56);
static_assert(OptionRules<zio_rt_stats_t>::first_size == 160);

}  // namespace zio::capi

using zio::capi::init_options;

zio_err_t zio_allocator_init(zio_allocator_t* a, size_t size) noexcept {
    return init_options(a, size);
}

zio_err_t zio_task_hooks_init(zio_task_hooks_t* h, size_t size) noexcept {
    return init_options(h, size);
}

zio_err_t zio_worker_hooks_init(zio_worker_hooks_t* h, size_t size) noexcept {
    return init_options(h, size);
}

zio_err_t zio_rt_options_init(zio_rt_options_t* o, size_t size) noexcept {
    return init_options(o, size);
}

zio_err_t zio_rt_stats_init(zio_rt_stats_t* s, size_t size) noexcept {
    return init_options(s, size);
}

zio_err_t zio_spawn_options_init(zio_spawn_options_t* o, size_t size) noexcept {
    return init_options(o, size);
}

zio_err_t zio_sock_options_init(zio_sock_options_t* o, size_t size) noexcept {
    return init_options(o, size);
}
