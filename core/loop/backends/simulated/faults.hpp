// SPDX-License-Identifier: MIT
#pragma once
// What goes wrong in a simulated world, each class with a switch of its own.
//
// The mild ones are what every kernel does and no right program notices; they are on. The harsh
// ones make calls fail as a bad day does; each has a rate, and 0, the default, is never.
#include <cstdint>

#include "core/base/time.hpp"

namespace zio::loop::simulated {

// The numbers are part of what a trace says, and stay.
enum class Fault : std::uint8_t {
    schedule,     // not the first of the ready tasks runs
    reorder,      // not the first of the finished operations is reported
    deferral,     // what could end at once ends in a later poll
    late_cancel,  // a cancel races with its operation instead of winning always
    short_io,     // a call moves less than it could
    refuse,       // a connection is refused
    lose,         // a request for a connection is lost, and sent again a second later
    reset,        // an established connection is reset
    cut,          // nothing gets through a connection for a while
    descriptors,  // there is no descriptor left
    memory,       // the system has no memory for it
};
inline constexpr unsigned fault_count = static_cast<unsigned>(Fault::memory) + 1;
const char* name_of(Fault fault);
bool is_harsh(Fault fault);

struct Faults {
    bool latency = true;  // TCP takes its time; otherwise bytes arrive as they are sent
    bool short_io = true;
    bool reorder = true;
    bool deferral = true;
    bool late_cancel = true;
    std::uint32_t handle_limit = 1U << 20;            // more are `error::too_many_files`
    std::uint32_t harsh_per_mille[fault_count] = {};  // of the harsh ones
    Instant calm_after_ns = forever;                  // from then on nothing harsh happens

    // How many of a thousand chances it takes.
    std::uint32_t per_mille(Fault fault) const;
};

// Switches off the mild classes that `names` lists, separated by commas ("latency,short_io"), as
// ZIO_SIM_OFF does for a program. False: an unknown name.
bool switch_off(const char* names, Faults* faults);
// Switches on harsh classes, as ZIO_SIM_FAULTS does: "reset,refuse=200" with a rate per thousand,
// or "all". False: an unknown name, or no rate.
bool switch_on(const char* names, Faults* faults);
// A number of decimal digits and nothing else. False: it is none, or too large.
bool read_number(const char* text, std::uint64_t* out);

// For the world that lives, if there is one, and for those that come.
void set_faults(const Faults& faults);
Faults faults();

}  // namespace zio::loop::simulated
