// SPDX-License-Identifier: MIT
#include "core/os/symbol.hpp"

#include <dlfcn.h>

#include <cstring>

namespace zio::os {

Symbol symbol_of(const void* address) noexcept {
    Dl_info found{};
    if (address == nullptr || dladdr(address, &found) == 0) return {};
    const auto* at = static_cast<const char*>(address);
    const char* slash = found.dli_fname != nullptr ? strrchr(found.dli_fname, '/') : nullptr;
    Symbol symbol{};
    symbol.module = slash != nullptr ? slash + 1 : found.dli_fname;
    symbol.function = found.dli_sname;
    const void* start = found.dli_sname != nullptr ? found.dli_saddr : found.dli_fbase;
    symbol.offset = static_cast<std::uint64_t>(at - static_cast<const char*>(start));
    return symbol;
}

}  // namespace zio::os
