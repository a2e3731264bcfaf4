// SPDX-License-Identifier: MIT
// zio/task.h and zio/spawn.h: tasks.
#include "zio/task.h"

#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "capi/spawn_options.hpp"
#include "core/runtime/detour.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/local.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/reference.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/spawn.hpp"

using namespace zio;
using capi::bits_of;
using capi::guard;

static_assert(runtime::task_migratable == ZIO_TASK_MIGRATABLE);
static_assert(runtime::task_pin_here == ZIO_TASK_PIN_HERE);
static_assert(runtime::task_may_inline == ZIO_TASK_MAY_INLINE);
static_assert(runtime::task_shared_stack == ZIO_TASK_SHARED_STACK);
static_assert(runtime::task_keep_fp == ZIO_TASK_KEEP_FP);
static_assert(runtime::key_inherit == ZIO_KEY_INHERIT);

namespace zio::capi {

std::int32_t read_spawn_options(const zio_spawn_options_t* given, runtime::SpawnOptions& out) {
    zio_spawn_options_t options;
    if (const std::int32_t status = read_options(given, options)) return status;
    constexpr std::uint32_t known = ZIO_TASK_MIGRATABLE | ZIO_TASK_PIN_HERE | ZIO_TASK_MAY_INLINE |
                                    ZIO_TASK_SHARED_STACK | ZIO_TASK_KEEP_FP;
    if ((options.flags & ~known) != 0 || options.priority > ZIO_PRIORITY_BACKGROUND) {
        return error::invalid_argument;
    }
    if ((options.flags & ZIO_TASK_SHARED_STACK) != 0) return error::not_supported;
    out.flags = options.flags;
    out.priority = options.priority;
    out.stack_size = options.stack_size;
    out.name = options.name;
    out.free_data = options.ud_free;
    return 0;
}

namespace {

__attribute__((noinline)) std::int32_t spawn_with(zio_rt_t* rt, zio_task_t** out, zio_task_fn entry,
                                                  void* ud, const zio_spawn_options_t* o,
                                                  const void* origin) noexcept {
    return guard([&]() -> std::int32_t {
        runtime::SpawnOptions options;
        if (const std::int32_t status = read_spawn_options(o, options)) return status;
        options.origin = origin;
        return runtime::spawn_slowly(bits_of(rt), place_of(out), entry, ud, options);
    });
}

}  // namespace
}  // namespace zio::capi

zio_err_t zio_spawn(zio_rt_t* rt, zio_task_t** out, zio_task_fn entry, void* ud,
                    const zio_spawn_options_t* o) noexcept {
    const void* origin = __builtin_return_address(0);
    if (ZIO_UNLIKELY(o != nullptr)) return capi::spawn_with(rt, out, entry, ud, o, origin);
    return guard(
        [&] { return runtime::spawn(bits_of(rt), capi::place_of(out), entry, ud, origin); });
}

zio_err_t zio_task_join(zio_task_t* t, zio_err_t* result, zio_deadline_t dl) noexcept {
    return guard([&] { return runtime::join(bits_of(t), result, dl); });
}

zio_err_t zio_task_prepare(zio_rt_t* rt, zio_task_t** out, zio_task_fn entry, size_t ctx_size,
                           size_t ctx_align, size_t result_size, size_t result_align,
                           const zio_spawn_options_t* o, void** ctx, void** result) noexcept {
    const void* origin = __builtin_return_address(0);
    return guard([&]() -> std::int32_t {
        runtime::SpawnOptions options;
        options.origin = origin;
        if (ctx == nullptr || result == nullptr) return error::invalid_argument;
        if (const std::int32_t status = capi::read_spawn_options(o, options)) return status;
        runtime::Storage storage{ctx_size, ctx_align, result_size, result_align, nullptr, nullptr};
        const std::int32_t status =
            runtime::prepare(bits_of(rt), capi::place_of(out), entry, &storage, options);
        if (status != 0) return status;
        *ctx = storage.context;
        *result = storage.result;
        return 0;
    });
}

zio_err_t zio_task_launch(zio_task_t* t) noexcept {
    return guard([&] { return runtime::launch(bits_of(t)); });
}

zio_err_t zio_task_discard(zio_task_t* t) noexcept {
    return guard([&] { return runtime::discard(bits_of(t)); });
}

void* zio_task_result(zio_task_t* t) noexcept {
    return runtime::result_of(bits_of(t));
}

zio_task_t* zio_task_ref(zio_task_t* t) noexcept {
    return capi::handle_from<zio_task_t>(runtime::reference(bits_of(t)));
}

zio_err_t zio_task_unref(zio_task_t* t) noexcept {
    return guard([&] { return runtime::unreference(bits_of(t)); });
}

zio_task_t* zio_task_self(void) noexcept {
    return capi::handle_from<zio_task_t>(runtime::self());
}

uint64_t zio_task_id(zio_task_t* t) noexcept {
    return runtime::id_of(bits_of(t));
}

zio_err_t zio_task_set_name(zio_task_t* t, const char* name, size_t len) noexcept {
    return guard([&] { return runtime::set_task_name(bits_of(t), name, len); });
}

zio_err_t zio_task_stack(zio_task_t* t, void** low, size_t* size) noexcept {
    return guard([&] { return runtime::stack_of(bits_of(t), low, size); });
}

size_t zio_stack_remaining(void) noexcept {
    return runtime::stack_remaining();
}

zio_err_t zio_task_set_local(uint32_t key, void* value) noexcept {
    return guard([&] { return runtime::set_local(key, value); });
}

void* zio_task_get_local(uint32_t key) noexcept {
    return runtime::get_local(key);
}

zio_err_t zio_task_key_create(uint32_t* key, uint32_t flags, zio_free_fn dtor) noexcept {
    return guard([&] { return runtime::create_key(key, flags, dtor); });
}

zio_err_t zio_yield(void) noexcept {
    return guard([] { return runtime::yield(); });
}

zio_err_t zio_sleep_until(zio_deadline_t dl) noexcept {
    return guard([&] { return runtime::sleep_until(dl); });
}

zio_err_t zio_task_park(zio_deadline_t dl) noexcept {
    return guard([&] { return runtime::park_for_token(dl); });
}

zio_err_t zio_task_unpark(zio_task_t* t) noexcept {
    return guard([&] { return runtime::unpark(bits_of(t)); });
}

zio_err_t zio_on_native_stack(zio_task_fn entry, void* ud) noexcept {
    return runtime::run_on_native_stack(entry, ud);
}
