// SPDX-License-Identifier: MIT
#pragma once
// Pieces of memory as the system wants them: `Buffer` has the layout of its `iovec`, and what one
// call may move is bounded. More than that is moved by calling again, as after any short transfer.
#include <sys/uio.h>

#include <cstddef>

#include "core/os/handle.hpp"

namespace zio::os::calls {

static_assert(sizeof(Buffer) == sizeof(iovec) && alignof(Buffer) == alignof(iovec));
static_assert(offsetof(Buffer, base) == offsetof(iovec, iov_base));
static_assert(offsetof(Buffer, size) == offsetof(iovec, iov_len));

inline const iovec* pieces(const Buffer* buffers) {
    return reinterpret_cast<const iovec*>(buffers);
}
// The system refuses longer lists instead of moving a part.
inline std::size_t piece_count(std::size_t count) {
    return count < 1024 ? count : 1024;
}
// Some systems refuse what does not fit an `int`; Linux moves little more than this anyway.
inline std::size_t piece_size(std::size_t size) {
    constexpr std::size_t limit = std::size_t{1} << 30;
    return size < limit ? size : limit;
}

}  // namespace zio::os::calls
