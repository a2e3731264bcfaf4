// SPDX-License-Identifier: MIT
#pragma once
// Options of a spawn as the core takes them, shared by tasks and groups.
#include "core/runtime/spawn.hpp"
#include "zio/spawn.h"

namespace zio::capi {

std::int32_t read_spawn_options(const zio_spawn_options_t* given, runtime::SpawnOptions& out);

}  // namespace zio::capi
