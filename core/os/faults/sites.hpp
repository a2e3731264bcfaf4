// SPDX-License-Identifier: MIT
#pragma once
// What can be made to fail, and how: for each call the errors that it can really give, as data.
#include <cstddef>
#include <cstdint>

#include "core/base/fault.hpp"

namespace zio::fault {

struct Error {
    int code;         // the system's; 0 ends the list
    bool is_passing;  // it is over by itself: no system goes on giving it for ever
};

struct SiteInfo {
    Site site;
    const char* name;
    bool moves_bytes;  // it may also move less than what was asked for
    Error errors[7];
};

inline constexpr std::size_t site_count = static_cast<std::size_t>(Site::count);
const SiteInfo& info_of(Site site) noexcept;
// `Site::count`: there is none of that name.
Site site_of(const char* name, std::size_t size) noexcept;
// Null: the call cannot give that.
const Error* find_error(Site site, int code) noexcept;

// A call through one of the tables that is not made to fail, and why not.
struct Exempt {
    const char* name;
    const char* reason;
};
extern const Exempt exempt[];
extern const std::size_t exempt_count;

// The number of an errno by its name or in digits; 0: none.
int code_of(const char* name, std::size_t size) noexcept;
const char* name_of_code(int code) noexcept;

}  // namespace zio::fault
