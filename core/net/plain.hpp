// SPDX-License-Identifier: MIT
#pragma once
// The same operations on descriptors that belong to somebody else. Nothing is left registered.
#include "core/base/attributes.hpp"
#include "core/base/time.hpp"
#include "core/os/table.hpp"

namespace zio::net {

std::int64_t read_plain(os::Handle handle, void* data, std::size_t size, Deadline deadline);
std::int64_t write_plain(os::Handle handle, const void* data, std::size_t size, Deadline deadline);
// `got` receives what it is ready for; may be null.
std::int32_t wait_plain(os::Handle handle, std::uint32_t wanted, std::uint32_t* got,
                        Deadline deadline);

}  // namespace zio::net
