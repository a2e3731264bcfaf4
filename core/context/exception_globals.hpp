// SPDX-License-Identifier: MIT
#pragma once
// The C++ runtime's record of the exceptions that a thread is handling. A task that suspends inside
// a catch block or in a destructor while unwinding takes them along; whoever runs next must not see
// them. Found weakly: a program without a C++ runtime has none, and then the record is always zero.

namespace zio::context {

// The head of the C++ ABI's __cxa_eh_globals.
struct ExceptionGlobals {
    void* caught;
    unsigned uncaught;
#if defined(__ARM_EABI_UNWINDER__)
    void* propagating;
#endif
    bool any() const {
        return caught != nullptr || uncaught != 0;
    }
};

// The calling thread's record. It stays where it is for the thread's life: workers keep the
// pointer.
ExceptionGlobals* exception_globals() noexcept;

}  // namespace zio::context
