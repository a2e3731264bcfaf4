// SPDX-License-Identifier: MIT
#pragma once
// The table of streams, for the files that make and use them.
#include "core/net/stream.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::net {

using StreamTable = SlotTable<Stream, HandleType::stream>;
extern StreamTable streams;

}  // namespace zio::net
