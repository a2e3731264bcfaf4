// SPDX-License-Identifier: MIT
#include "core/net/buffered.hpp"

#include "core/base/memory.hpp"
#include "core/net/stream.hpp"
#include "core/runtime/park.hpp"

namespace zio::net {

std::int32_t Buffered::begin(HandleBits stream, std::size_t capacity) {
    if (const std::int32_t status = Stream::check(stream)) return status;
    if (capacity == 0) capacity = default_capacity;
    char* buffer =
        capacity <= largest_capacity ? static_cast<char*>(allocate(capacity, 1)) : nullptr;
    if (buffer == nullptr) return error::no_memory;
    stream_ = stream;
    buffer_ = buffer;
    capacity_ = capacity;
    begin_ = end_ = 0;
    return 0;
}

std::int32_t Buffered::pass(Deadline deadline) const {
    if (deadline == immediate) return 0;
    if (const std::int32_t status = runtime::pass_suspension_point()) return status;
    return is_closing() ? error::closed : 0;
}

void Buffered::free_buffer() {
    release(buffer_, capacity_, 1);
    buffer_ = nullptr;
}

}  // namespace zio::net
