// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/settings.hpp"

#include "core/os/environment.hpp"

namespace zio::loop::simulated {

namespace {

bool complain(Settings* out, const char* what) {
    out->reason = what;
    return false;
}

// True also when it is not set: nothing changes then.
bool read_seconds(const char* text, Instant* out_ns) {
    std::uint64_t seconds = 0;
    if (text == nullptr) return true;
    constexpr std::uint64_t most = 1'000'000'000;  // thirty years
    if (!read_number(text, &seconds) || seconds > most) return false;
    *out_ns = static_cast<Instant>(seconds) * second_ns;
    return true;
}

bool read_seed(std::uint64_t asked, Settings* out) {
    out->seed = asked;
    out->reason = "asked for by name; the seed is the program's";
    if (asked != 0) return true;
    const char* text = os::environment("ZIO_SEED");
    out->seed = 1;
    out->reason = "asked for by name; the seed is 1";
    if (text == nullptr) return true;
    if (!read_number(text, &out->seed)) return complain(out, "ZIO_SEED is not a number");
    out->reason = "asked for by name; the seed is ZIO_SEED";
    return true;
}

}  // namespace

bool read_settings(std::uint64_t seed, Settings* out) {
    if (!read_seed(seed, out)) return false;
    out->faults = faults();
    const char* off = os::environment("ZIO_SIM_OFF");
    if (off != nullptr && !switch_off(off, &out->faults)) {
        return complain(out, "ZIO_SIM_OFF names an unknown class of faults");
    }
    const char* on = os::environment("ZIO_SIM_FAULTS");
    if (on != nullptr && !switch_on(on, &out->faults)) {
        return complain(out, "ZIO_SIM_FAULTS names an unknown class of faults, or no rate");
    }
    if (!read_seconds(os::environment("ZIO_SIM_CALM"), &out->faults.calm_after_ns)) {
        return complain(out, "ZIO_SIM_CALM is not a number of seconds");
    }
    if (!read_seconds(os::environment("ZIO_SIM_LIMIT"), &out->limit_ns)) {
        return complain(out, "ZIO_SIM_LIMIT is not a number of seconds");
    }
    out->trace = os::environment("ZIO_SIM_TRACE");
    out->only = os::environment("ZIO_SIM_ONLY");
    return true;
}

}  // namespace zio::loop::simulated
