// SPDX-License-Identifier: MIT
#pragma once
// An entry of a table with a verdict in front of it. `before` is the table as it was.
#include <type_traits>

#include "core/base/fault.hpp"

namespace zio::fault {

// `Convert` makes of the system's number what the entry returns instead.
template <auto& before, auto entry, Site site, auto Convert, class Signature>
struct Wrapped;
template <auto& before, auto entry, Site site, auto Convert, class Result, class... Arguments>
struct Wrapped<before, entry, site, Convert, Result (*)(Arguments...)> {
    static Result call(Arguments... arguments) {
        if (const int code = error_at(site)) return Convert(code);
        return (before.*entry)(arguments...);
    }
};

template <auto& before, auto entry, Site site, auto Convert, class Table>
void wrap(Table& table) {
    using Entry = std::remove_reference_t<decltype(table.*entry)>;
    table.*entry = Wrapped<before, entry, site, Convert, Entry>::call;
}

}  // namespace zio::fault
