// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/faults.hpp"

#include <string_view>

namespace zio::loop::simulated {

namespace {

struct Mild {
    std::string_view text;
    bool Faults::*member;
};
constexpr Mild mild_ones[] = {
    {"latency", &Faults::latency},         {"short_io", &Faults::short_io},
    {"reorder", &Faults::reorder},         {"deferral", &Faults::deferral},
    {"late_cancel", &Faults::late_cancel},
};

struct Kind {
    const char* name;
    std::uint32_t per_mille;  // of a mild one; of a harsh one that was switched on without a rate
    bool is_harsh;
};
constexpr Kind kinds[fault_count] = {
    {"schedule", 1000, false},   {"reorder", 1000, false}, {"deferral", 250, false},
    {"late_cancel", 500, false}, {"short_io", 300, false}, {"refuse", 50, true},
    {"lose", 50, true},          {"reset", 2, true},       {"cut", 2, true},
    {"descriptors", 10, true},   {"memory", 5, true},
};
const Kind& kind_of(Fault fault) {
    return kinds[static_cast<unsigned>(fault)];
}

// Calls `take(item)` for each of those between commas; stops when it gives false.
template <class Take>
bool for_each_item(const char* list, Take take) {
    std::string_view rest(list);
    while (!rest.empty()) {
        const std::size_t size = rest.substr(0, rest.find(',')).size();
        if (!take(rest.substr(0, size))) return false;
        rest.remove_prefix(size < rest.size() ? size + 1 : size);
    }
    return true;
}

bool read_digits(std::string_view text, std::uint64_t* out) {
    std::uint64_t number = 0;
    for (const char letter : text) {
        if (letter < '0' || letter > '9') return false;
        const auto digit = static_cast<std::uint64_t>(letter - '0');
        if (number > (UINT64_MAX - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return !text.empty();
}

bool switch_off_one(std::string_view name, Faults* faults) {
    for (const Mild& known : mild_ones) {
        if (known.text != name) continue;
        faults->*known.member = false;
        return true;
    }
    return false;
}

bool switch_on_one(std::string_view item, Faults* faults) {
    const std::size_t name_size = item.substr(0, item.find('=')).size();
    const std::string_view name = item.substr(0, name_size);
    std::uint64_t rate = 0;
    const bool has_rate = name_size < item.size();
    if (has_rate && (!read_digits(item.substr(name_size + 1), &rate) || rate > 1000)) return false;
    bool found = false;
    for (unsigned i = 0; i < fault_count; ++i) {
        if (!kinds[i].is_harsh || (name != kinds[i].name && name != "all")) continue;
        faults->harsh_per_mille[i] =
            has_rate ? static_cast<std::uint32_t>(rate) : kinds[i].per_mille;
        found = true;
    }
    return found;
}

}  // namespace

const char* name_of(Fault fault) {
    return kind_of(fault).name;
}

bool is_harsh(Fault fault) {
    return kind_of(fault).is_harsh;
}

std::uint32_t Faults::per_mille(Fault fault) const {
    const bool is_off =
        (fault == Fault::reorder && !reorder) || (fault == Fault::deferral && !deferral) ||
        (fault == Fault::late_cancel && !late_cancel) || (fault == Fault::short_io && !short_io);
    if (is_off) return 0;
    return kind_of(fault).is_harsh ? harsh_per_mille[static_cast<unsigned>(fault)]
                                   : kind_of(fault).per_mille;
}

bool switch_off(const char* names, Faults* faults) {
    return for_each_item(names,
                         [&](std::string_view item) { return switch_off_one(item, faults); });
}

bool switch_on(const char* names, Faults* faults) {
    return for_each_item(names, [&](std::string_view item) { return switch_on_one(item, faults); });
}

bool read_number(const char* text, std::uint64_t* out) {
    return read_digits(text, out);
}

}  // namespace zio::loop::simulated
