// SPDX-License-Identifier: MIT
// zio/cancel.h: cancellation, shields, scoped timeouts and regions.
#include "zio/cancel.h"

#include "capi/guard.hpp"
#include "core/runtime/detour.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/scope.hpp"

using namespace zio;
using capi::bits_of;
using capi::guard;

zio_err_t zio_task_cancel(zio_task_t* t, zio_err_t* result) noexcept {
    return guard([&] { return runtime::cancel_and_join(bits_of(t), result); });
}

zio_err_t zio_task_request_cancel(zio_task_t* t) noexcept {
    return guard([&] { return runtime::request_cancel(bits_of(t)); });
}

zio_err_t zio_recancel(void) noexcept {
    return guard([] { return runtime::recancel(); });
}

zio_err_t zio_check_cancel(void) noexcept {
    return guard([] { return runtime::check_cancel(); });
}

zio_err_t zio_shield_begin(void) noexcept {
    return guard([] { return runtime::begin_shield(); });
}

zio_err_t zio_shield_end(void) noexcept {
    return guard([] { return runtime::end_shield(); });
}

uint32_t zio_shield_swap(uint32_t depth) noexcept {
    return runtime::swap_shields(depth);
}

zio_err_t zio_pin_begin(void) noexcept {
    return guard([] { return runtime::begin_pin(); });
}

zio_err_t zio_pin_end(void) noexcept {
    return guard([] { return runtime::end_pin(); });
}

zio_err_t zio_nosuspend_begin(void) noexcept {
    return guard([] { return runtime::begin_no_suspend(); });
}

zio_err_t zio_nosuspend_end(void) noexcept {
    return guard([] { return runtime::end_no_suspend(); });
}

zio_err_t zio_timeout_push(uint64_t* token, zio_deadline_t dl) noexcept {
    return guard([&] { return runtime::push_scope(token, dl); });
}

bool zio_timeout_pop(uint64_t token) noexcept {
    return runtime::pop_scope(token);
}
