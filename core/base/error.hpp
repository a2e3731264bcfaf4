// SPDX-License-Identifier: MIT
#pragma once
// The one vocabulary of errors. Every core function returns 0 or a count on success and one of
// these negative numbers otherwise: the negated Linux errno where one exists, -1000 and below for
// the library's own. They are the numbers of `enum zio_errno`, on every system.
#include <cstdint>

namespace zio {

namespace error {
inline constexpr std::int32_t ok = 0;
inline constexpr std::int32_t not_permitted = -1;
inline constexpr std::int32_t not_found = -2;
inline constexpr std::int32_t interrupted = -4;  // never leaves core/os
inline constexpr std::int32_t input_output = -5;
inline constexpr std::int32_t too_big = -7;
inline constexpr std::int32_t bad_handle = -9;
inline constexpr std::int32_t would_block = -11;
inline constexpr std::int32_t no_memory = -12;
inline constexpr std::int32_t access_denied = -13;
inline constexpr std::int32_t bad_address = -14;
inline constexpr std::int32_t busy = -16;
inline constexpr std::int32_t exists = -17;
inline constexpr std::int32_t no_device = -19;
inline constexpr std::int32_t invalid_argument = -22;
inline constexpr std::int32_t file_table_full = -23;
inline constexpr std::int32_t too_many_files = -24;
inline constexpr std::int32_t broken_pipe = -32;
inline constexpr std::int32_t deadlock = -35;
inline constexpr std::int32_t name_too_long = -36;
inline constexpr std::int32_t no_system_call = -38;
inline constexpr std::int32_t overflow = -75;
inline constexpr std::int32_t not_a_socket = -88;
inline constexpr std::int32_t message_size = -90;
inline constexpr std::int32_t wrong_socket_type = -91;
inline constexpr std::int32_t no_protocol_option = -92;
inline constexpr std::int32_t not_supported = -95;
inline constexpr std::int32_t family_not_supported = -97;
inline constexpr std::int32_t address_in_use = -98;
inline constexpr std::int32_t address_not_available = -99;
inline constexpr std::int32_t network_down = -100;
inline constexpr std::int32_t connection_aborted = -103;
inline constexpr std::int32_t connection_reset = -104;
inline constexpr std::int32_t no_buffers = -105;
inline constexpr std::int32_t is_connected = -106;
inline constexpr std::int32_t not_connected = -107;
inline constexpr std::int32_t timed_out = -110;  // the caller's deadline or scope
inline constexpr std::int32_t connection_refused = -111;
inline constexpr std::int32_t host_unreachable = -113;
inline constexpr std::int32_t already = -114;
inline constexpr std::int32_t in_progress = -115;
inline constexpr std::int32_t canceled = -125;
inline constexpr std::int32_t end_of_stream = -1000;
inline constexpr std::int32_t closed = -1001;
inline constexpr std::int32_t no_task = -1002;
inline constexpr std::int32_t stopping = -1003;
inline constexpr std::int32_t name_resolution = -1004;
inline constexpr std::int32_t no_stack = -1005;
inline constexpr std::int32_t forked = -1006;
inline constexpr std::int32_t no_suspend = -1007;
inline constexpr std::int32_t broken = -1008;
inline constexpr std::int32_t lagged = -1009;
inline constexpr std::int32_t transport_timed_out = -1010;  // the system said ETIMEDOUT
inline constexpr std::int32_t internal = -1099;
inline constexpr std::int32_t unknown = -1100;
}  // namespace error

// One English sentence for `code`, and its name ("ZIO_EINVAL"). Never null, for any number.
const char* error_text(std::int32_t code) noexcept;
const char* error_name(std::int32_t code) noexcept;

}  // namespace zio
