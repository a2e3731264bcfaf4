// SPDX-License-Identifier: MIT
#include "core/net/plain.hpp"

#include "core/runtime/await.hpp"
#include "core/runtime/park.hpp"

namespace zio::net {

using loop::OperationKind;

namespace {

constexpr std::size_t largest_transfer = 0x7ffff000;

std::int64_t move(OperationKind kind, os::Handle handle, const void* data, std::size_t size,
                  Deadline deadline) {
    if (!is_deadline(deadline) || (data == nullptr && size != 0)) return error::invalid_argument;
    if (handle < 0) return error::bad_handle;
    if (size == 0) return deadline == immediate ? 0 : runtime::pass_suspension_point();
    const os::Direction direction = loop::direction_of(kind);
    // The system never reports as ready what a descriptor was not opened for.
    if (const std::int32_t status = os::table.check_access(handle, direction)) return status;
    loop::Transfer operation(kind, handle, false, data,
                             size < largest_transfer ? size : largest_transfer);
    return runtime::await(operation, nullptr, direction, deadline);
}

}  // namespace

std::int64_t read_plain(os::Handle handle, void* data, std::size_t size, Deadline deadline) {
    return move(OperationKind::read, handle, data, size, deadline);
}

std::int64_t write_plain(os::Handle handle, const void* data, std::size_t size, Deadline deadline) {
    return move(OperationKind::write, handle, data, size, deadline);
}

std::int32_t wait_plain(os::Handle handle, std::uint32_t wanted, std::uint32_t* got,
                        Deadline deadline) {
    constexpr std::uint32_t known = os::ready_read | os::ready_write;
    if (!is_deadline(deadline) || (wanted & known) == 0 || (wanted & ~known) != 0) {
        return error::invalid_argument;
    }
    if (handle < 0) return error::bad_handle;
    loop::Ready operation(handle, false, wanted);
    const std::int64_t bits = runtime::await(operation, nullptr, os::Direction::read, deadline);
    if (bits < 0) return static_cast<std::int32_t>(bits);
    if (got != nullptr) *got = static_cast<std::uint32_t>(bits);
    return 0;
}

}  // namespace zio::net
