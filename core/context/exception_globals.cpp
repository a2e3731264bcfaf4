// SPDX-License-Identifier: MIT
#include "core/context/exception_globals.hpp"

namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept __attribute__((weak));
}  // namespace __cxxabiv1

namespace zio::context {

ExceptionGlobals* exception_globals() noexcept {
    // Without a C++ runtime nothing ever becomes non-zero, so all threads may share one.
    static ExceptionGlobals none{};
    if (__cxxabiv1::__cxa_get_globals == nullptr) return &none;
    return reinterpret_cast<ExceptionGlobals*>(__cxxabiv1::__cxa_get_globals());
}

}  // namespace zio::context
