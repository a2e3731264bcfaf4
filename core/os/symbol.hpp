// SPDX-License-Identifier: MIT
#pragma once
// What a code address is called, as far as the loader knows.
#include <cstdint>

namespace zio::os {

struct Symbol {
    const char* module;    // the file's name without its path; null: nobody's code
    const char* function;  // null: only exported functions have a name
    std::uint64_t offset;  // from the function, else from the module's start
};

// The text lives as long as the module is loaded.
Symbol symbol_of(const void* address) noexcept;

}  // namespace zio::os
