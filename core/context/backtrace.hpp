// SPDX-License-Identifier: MIT
#pragma once
// The frames of a party that is suspended, by the call frame information of its functions.
#include <cstddef>

#include "core/context/context.hpp"

namespace zio::context {

// Fills `frames` with return addresses, the innermost first. How many; 0 where this ABI's switch
// keeps what only it can read. The party must stay suspended meanwhile.
std::size_t backtrace(const Context& suspended, const void** frames, std::size_t capacity);

}  // namespace zio::context
