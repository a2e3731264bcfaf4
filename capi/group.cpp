// SPDX-License-Identifier: MIT
// zio/group.h: structured concurrency.
#include "zio/group.h"

#include "capi/guard.hpp"
#include "capi/spawn_options.hpp"
#include "core/runtime/group.hpp"

using namespace zio;
using capi::bits_of;
using capi::guard;

static_assert(runtime::group_fail_fast == ZIO_GROUP_FAIL_FAST);

zio_err_t zio_group_create(zio_rt_t* rt, zio_group_t** out, uint32_t flags) noexcept {
    return guard([&] { return runtime::Group::create(bits_of(rt), flags, capi::place_of(out)); });
}

zio_err_t zio_group_spawn(zio_group_t* g, zio_task_fn entry, void* ud,
                          const zio_spawn_options_t* o) noexcept {
    const void* origin = __builtin_return_address(0);
    return guard([&]() -> std::int32_t {
        runtime::SpawnOptions options;
        options.origin = origin;
        if (const std::int32_t status = capi::read_spawn_options(o, options)) return status;
        return runtime::spawn_member(bits_of(g), entry, ud, options);
    });
}

zio_err_t zio_group_wait(zio_group_t* g, zio_deadline_t dl) noexcept {
    return guard([&] { return runtime::Group::wait(bits_of(g), dl); });
}

zio_err_t zio_group_cancel(zio_group_t* g) noexcept {
    return guard([&] { return runtime::Group::cancel(bits_of(g)); });
}

zio_err_t zio_group_destroy(zio_group_t* g) noexcept {
    return guard([&] { return runtime::Group::destroy(bits_of(g)); });
}
