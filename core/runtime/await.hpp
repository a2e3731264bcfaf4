// SPDX-License-Identifier: MIT
#pragma once
// Where a task meets the loop: it starts an operation that lies in its frame, parks, and goes on
// when the operation has finished. The only way in which anything in the runtime waits for I/O.
#include "core/loop/operation.hpp"
#include "core/runtime/descriptor.hpp"

namespace zio::runtime {

// What a late or canceled operation is to the call it belongs to: its end, or, once another has
// moved a part, only the reason why there is no more of it. Then no scope is told that it ended a
// call.
enum class Ending : std::uint8_t { of_the_call, of_the_rest };

// Runs `operation` to its end and gives its result, or
//   canceled, timed_out  it had no effect: the request, or the deadline or a scope, came first
//   closed               it had no effect: `descriptor` was closed meanwhile
// With an effect the result is what it was, and a cancel stays pending. `descriptor`, whose turn in
// `direction` the caller holds, may be null for a plain descriptor. `immediate` tries once.
std::int64_t await(loop::Operation& operation, Descriptor* descriptor, os::Direction direction,
                   Deadline deadline, Ending ending = Ending::of_the_call) ZIO_NOTHROW;

}  // namespace zio::runtime
