// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/faults.hpp"

#include <string_view>

namespace zio::loop::simulated {

namespace {

struct Name {
    std::string_view text;
    bool Faults::*member;
};
constexpr Name names_of_faults[] = {
    {"latency", &Faults::latency},         {"short_io", &Faults::short_io},
    {"reorder", &Faults::reorder},         {"deferral", &Faults::deferral},
    {"late_cancel", &Faults::late_cancel},
};

bool switch_off_one(std::string_view name, Faults* faults) {
    for (const Name& known : names_of_faults) {
        if (known.text != name) continue;
        faults->*known.member = false;
        return true;
    }
    return false;
}

}  // namespace

bool switch_off(const char* names, Faults* faults) {
    std::string_view rest(names);
    while (!rest.empty()) {
        const std::size_t size = rest.substr(0, rest.find(',')).size();
        if (!switch_off_one(rest.substr(0, size), faults)) return false;
        rest.remove_prefix(size < rest.size() ? size + 1 : size);
    }
    return true;
}

}  // namespace zio::loop::simulated
