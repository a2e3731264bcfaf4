// SPDX-License-Identifier: MIT
#pragma once
// What goes wrong in a simulated world, each with a switch of its own.
#include <cstdint>

namespace zio::loop::simulated {

struct Faults {
    bool latency = true;      // TCP takes its time; otherwise bytes arrive as they are sent
    bool short_io = true;     // a call moves less than it could
    bool reorder = true;      // what is ready at the same time goes on in any order
    bool deferral = true;     // what could end at once ends in a later poll
    bool late_cancel = true;  // a cancel races with its operation instead of winning always
    std::uint32_t handle_limit = 1U << 20;  // more are `error::too_many_files`
};

// Switches off the classes that `names` lists, separated by commas ("latency,short_io"), as
// ZIO_SIM_OFF does for a program. False: an unknown name.
bool switch_off(const char* names, Faults* faults);

// For the world that lives, if there is one, and for those that come.
void set_faults(const Faults& faults);
Faults faults();

}  // namespace zio::loop::simulated
