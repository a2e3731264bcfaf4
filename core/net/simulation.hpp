// SPDX-License-Identifier: MIT
#pragma once
// The simulated world, for the layer above.
#include "core/loop/simulation.hpp"

namespace zio::net {

namespace simulation = loop::simulation;

}  // namespace zio::net
