// SPDX-License-Identifier: MIT
// zio/rt.h: the life of a runtime.
#include "zio/rt.h"

#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "core/runtime/dump.hpp"
#include "core/runtime/runtime.hpp"

using namespace zio;
using capi::bits_of;
using capi::guard;

static_assert(static_cast<int>(loop::BackendChoice::io_uring) == ZIO_BACKEND_IO_URING);
static_assert(static_cast<int>(loop::BackendChoice::epoll) == ZIO_BACKEND_EPOLL);
static_assert(static_cast<int>(loop::BackendChoice::kqueue) == ZIO_BACKEND_KQUEUE);
static_assert(static_cast<int>(loop::BackendChoice::iocp) == ZIO_BACKEND_IOCP);
static_assert(static_cast<int>(loop::BackendChoice::poll) == ZIO_BACKEND_POLL);
static_assert(static_cast<int>(loop::BackendChoice::uv) == ZIO_BACKEND_UV);
static_assert(static_cast<int>(loop::BackendChoice::simulated) == ZIO_BACKEND_SIM);
static_assert(runtime::runtime_report_overflow == ZIO_RT_REPORT_OVERFLOW);
static_assert(runtime::runtime_heartbeat == ZIO_RT_HEARTBEAT);
static_assert(runtime::runtime_pin_workers == ZIO_RT_PIN_WORKERS);
static_assert(runtime::runtime_give_way == ZIO_RT_GIVE_WAY);
static_assert(static_cast<int>(runtime::ClockChoice::jumps) == ZIO_CLOCK_AUTO);
static_assert(static_cast<int>(runtime::ClockChoice::driven) == ZIO_CLOCK_DRIVEN);
static_assert(static_cast<int>(runtime::OrderChoice::seeded) == ZIO_ORDER_SEEDED);

namespace {

constexpr std::int64_t longest_advance_ns = 1'000'000'000'000'000'000;

std::int32_t read_runtime_options(const zio_rt_options_t* given, runtime::RuntimeOptions& out) {
    zio_rt_options_t options;
    if (const std::int32_t status = capi::read_options(given, options)) return status;
    if (options.backend > ZIO_BACKEND_SIM || options.sched > ZIO_SCHED_STEALING ||
        options.clock > ZIO_CLOCK_DRIVEN || options.order > ZIO_ORDER_SEEDED ||
        (options.flags & ~std::uint64_t{ZIO_RT_REPORT_OVERFLOW | ZIO_RT_HEARTBEAT |
                                        ZIO_RT_PIN_WORKERS | ZIO_RT_GIVE_WAY}) != 0) {
        return error::invalid_argument;
    }
    out.workers = options.workers;
    out.moves_started = options.sched == ZIO_SCHED_STEALING;
    out.backend = static_cast<loop::BackendChoice>(options.backend);
    out.backend_options.ring_entries = options.ring_entries;
    out.stack_size = options.stack_size;
    out.flags = options.flags;
    out.max_tasks = options.max_tasks;
    out.clock = static_cast<runtime::ClockChoice>(options.clock);
    out.clock_quiet_ns = options.clock_quiet_ns;
    out.order = static_cast<runtime::OrderChoice>(options.order);
    out.backend_options.seed = options.seed;
    if (options.worker_hooks != nullptr) {
        zio_worker_hooks_t hooks;
        if (const std::int32_t status = capi::read_options(options.worker_hooks, hooks)) {
            return status;
        }
        out.worker_hooks = {hooks.on_start, hooks.on_stop, hooks.before_block, hooks.after_block,
                            hooks.ud};
    }
    if (options.hooks == nullptr) return 0;
    zio_task_hooks_t hooks;
    if (const std::int32_t status = capi::read_options(options.hooks, hooks)) return status;
    out.has_hooks = true;
    out.hooks = {hooks.on_start, hooks.on_resume, hooks.on_suspend, hooks.on_exit, hooks.ud};
    return 0;
}

}  // namespace

zio_err_t zio_rt_create(zio_rt_t** out, const zio_rt_options_t* o) noexcept {
    return guard([&]() -> std::int32_t {
        runtime::RuntimeOptions options;
        if (out == nullptr) return error::invalid_argument;
        const std::int32_t status = read_runtime_options(o, options);
        return status != 0 ? status : runtime::Runtime::create(options, capi::place_of(out));
    });
}

zio_err_t zio_rt_run(zio_rt_t* rt, zio_task_fn entry, void* ud) noexcept {
    return guard([&] { return runtime::Runtime::run(bits_of(rt), entry, ud); });
}

zio_err_t zio_rt_start(zio_rt_t* rt) noexcept {
    return guard([&] { return runtime::Runtime::start(bits_of(rt)); });
}

zio_err_t zio_rt_shutdown(zio_rt_t* rt, zio_deadline_t dl) noexcept {
    return guard([&] { return runtime::Runtime::shutdown(bits_of(rt), dl); });
}

zio_err_t zio_rt_destroy(zio_rt_t* rt) noexcept {
    return guard([&] { return runtime::Runtime::destroy(bits_of(rt)); });
}

zio_err_t zio_rt_advance(zio_rt_t* rt, int64_t ns) noexcept {
    if (ns < 0 || ns > longest_advance_ns) return error::invalid_argument;
    return guard([&] { return runtime::Runtime::advance(bits_of(rt), static_cast<Instant>(ns)); });
}

zio_err_t zio_rt_after_fork(zio_rt_t* rt) noexcept {
    return guard([&] { return runtime::Runtime::after_fork(bits_of(rt)); });
}

zio_err_t zio_rt_on_hold(zio_rt_t* rt, zio_hold_fn fn, void* ud) noexcept {
    return guard([&] { return runtime::set_hold_hook(bits_of(rt), {fn, ud}); });
}

zio_rt_t* zio_rt_current(void) noexcept {
    runtime::Worker* w = runtime::current_worker;
    return capi::handle_from<zio_rt_t>(w != nullptr ? w->runtime_handle : 0);
}

const char* zio_rt_backend_name(zio_rt_t* rt) noexcept {
    return runtime::backend_name(bits_of(rt));
}

const char* zio_rt_backend_reason(zio_rt_t* rt) noexcept {
    return runtime::backend_reason(bits_of(rt));
}

zio_ssize_t zio_rt_dump(zio_rt_t* rt, char* buf, size_t len) noexcept {
    return guard([&] { return runtime::dump_of(bits_of(rt), buf, len); });
}

zio_err_t zio_rt_stats(zio_rt_t* rt, zio_rt_stats_t* out) noexcept {
    return guard([&]() -> std::int32_t {
        runtime::RuntimeStatistics now;
        if (out == nullptr) return error::invalid_argument;
        if (const std::int32_t status = runtime::statistics_of(bits_of(rt), &now)) return status;
        zio_rt_stats_t values{};
        values.workers = now.workers;
        values.tasks_live = now.tasks_live;
        values.tasks_spawned = now.tasks_spawned;
        values.switches = now.switches;
        values.steals = now.steals;
        values.ops_submitted = now.operations_submitted;
        values.ops_completed = now.operations_completed;
        values.loop_polls = now.polls;
        values.loop_idle_ns = now.slept_ns;
        values.stacks_mapped = now.stacks_mapped;
        values.timers_armed = now.timers_armed;
        values.wakes_sent = now.wakes_sent;
        values.accept_backoffs = now.accept_backoffs;
        values.holds = now.holds;
        values.longest_hold_ns = now.longest_hold_ns;
        return capi::write_output(values, out);
    });
}
