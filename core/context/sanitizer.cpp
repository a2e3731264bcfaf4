// SPDX-License-Identifier: MIT
#include "core/context/sanitizer.hpp"

#include <atomic>
#include <cstdint>

#include "core/base/attributes.hpp"
#include "core/context/valgrind.hpp"

#define ZIO_WEAK __attribute__((weak))
extern "C" {
ZIO_WEAK void __sanitizer_start_switch_fiber(void** save, const void* bottom, std::size_t size);
ZIO_WEAK void __sanitizer_finish_switch_fiber(void* saved, const void** old_bottom,
                                              std::size_t* old_size);
ZIO_WEAK void __asan_unpoison_memory_region(const volatile void* start, std::size_t size);
ZIO_WEAK void* __tsan_get_current_fiber();
ZIO_WEAK void* __tsan_create_fiber(unsigned flags);
ZIO_WEAK void __tsan_destroy_fiber(void* fiber);
ZIO_WEAK void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}

// An instrumented function that changes the fiber would be entered on one shadow stack and left on
// another. clang's no_sanitize("thread") still counts entries and exits.
#if defined(__clang__)
#define ZIO_NOT_INSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define ZIO_NOT_INSTRUMENTED __attribute__((no_sanitize("thread", "address")))
#endif

namespace zio::context::sanitizer {
namespace {

// The native stack that was just left, whose bounds are still to be learnt from the arrival.
ZIO_THREAD_LOCAL FiberMark* unbounded;

bool on_valgrind() {
    return valgrind::request(valgrind::running_on_valgrind, 0, 0) != 0;
}
bool find_out() {
    return __sanitizer_start_switch_fiber != nullptr || __tsan_create_fiber != nullptr ||
           on_valgrind();
}

}  // namespace

bool active() noexcept {
    enum : int { unknown, no, yes };
    static std::atomic<int> answer{unknown};
    int known = answer.load(std::memory_order_relaxed);
    if (known == unknown) {
        known = find_out() ? yes : no;
        answer.store(known, std::memory_order_relaxed);
    }
    return known == yes;
}

ZIO_NOT_INSTRUMENTED void adopt(FiberMark& native) noexcept {
    native = {};
    if (__tsan_get_current_fiber != nullptr) native.tsan = __tsan_get_current_fiber();
}

ZIO_NOT_INSTRUMENTED void create(FiberMark& mark, const void* low, std::size_t size) noexcept {
    mark = {};
    mark.low = low;
    mark.size = size;
    // What the functions of an earlier task poisoned and never left.
    if (__asan_unpoison_memory_region != nullptr) __asan_unpoison_memory_region(low, size);
    if (__tsan_create_fiber != nullptr) mark.tsan = __tsan_create_fiber(0);
    if (on_valgrind()) {
        // The first stack pointer belongs to the stack: it is where the return address lies.
        const auto first = reinterpret_cast<std::uintptr_t>(low);
        const std::uintptr_t last = first + size + sizeof(void*) - 1;
        mark.valgrind =
            static_cast<unsigned>(valgrind::request(valgrind::stack_register, first, last));
        mark.registered = true;
    }
}

ZIO_NOT_INSTRUMENTED void destroy(FiberMark& mark) noexcept {
    if (__asan_unpoison_memory_region != nullptr) {
        __asan_unpoison_memory_region(mark.low, mark.size);
    }
    if (mark.tsan != nullptr) __tsan_destroy_fiber(mark.tsan);
    if (mark.registered) valgrind::request(valgrind::stack_deregister, mark.valgrind, 0);
    mark = {};
}

ZIO_NOT_INSTRUMENTED void before_switch(FiberMark& from, FiberMark& to, bool dying) noexcept {
    if (__sanitizer_start_switch_fiber != nullptr) {
        unbounded = !dying && from.low == nullptr ? &from : nullptr;
        // No place to keep its copies means that the stack will not be used again.
        __sanitizer_start_switch_fiber(dying ? nullptr : &from.fake_stack, to.low, to.size);
    }
    if (to.tsan != nullptr) __tsan_switch_to_fiber(to.tsan, 0);
}

ZIO_NOT_INSTRUMENTED void after_switch(FiberMark& to) noexcept {
    if (__sanitizer_finish_switch_fiber == nullptr) return;
    const void* low = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(to.fake_stack, &low, &size);
    if (unbounded != nullptr) {
        unbounded->low = low;
        unbounded->size = size;
        unbounded = nullptr;
    }
}

}  // namespace zio::context::sanitizer
