// SPDX-License-Identifier: MIT
// zio/base.h: time, and what the last error of this task or thread was.
#include "capi/guard.hpp"
#include "core/runtime/runtime.hpp"
#include "zio/base.h"

using namespace zio;

int64_t zio_now(void) noexcept {
    return static_cast<int64_t>(runtime::now());
}

zio_deadline_t zio_after_ns(int64_t ns) noexcept {
    return runtime::after(ns);
}

zio_deadline_t zio_after_ms(int64_t ms) noexcept {
    int64_t ns = 0;
    if (__builtin_mul_overflow(ms, int64_t{1'000'000}, &ns)) ns = ms < 0 ? 0 : INT64_MAX;
    return runtime::after(ns);
}

int32_t zio_last_os_error(void) noexcept {
    return runtime::last_os_error();
}

const char* zio_last_error_detail(void) noexcept {
    return runtime::error_detail();
}
