// SPDX-License-Identifier: MIT
#pragma once
// Instants: nanoseconds on the monotonic clock (`zio_now`), which starts at one second or more.
#include <cstdint>

namespace zio {

// What callers pass: an instant, `immediate` (try once) or `never`.
using Deadline = std::int64_t;
inline constexpr Deadline immediate = 0;
inline constexpr Deadline never = -1;

// What the core compares: an instant, `forever` when there is none.
using Instant = std::uint64_t;
inline constexpr Instant forever = INT64_MAX;
inline constexpr Instant second_ns = 1'000'000'000;

// `never`, as an unsigned number, is above every instant.
constexpr Instant instant_of(Deadline deadline) {
    const auto instant = static_cast<Instant>(deadline);
    return instant < forever ? instant : forever;
}
constexpr bool is_deadline(Deadline deadline) {
    return deadline >= never;
}

}  // namespace zio
