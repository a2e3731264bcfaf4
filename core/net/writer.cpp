// SPDX-License-Identifier: MIT
#include <cstring>

#include "core/net/buffered.hpp"
#include "core/net/stream.hpp"
#include "core/runtime/task.hpp"

namespace zio::net {

constinit WriterTable writers{runtime::reserve_slots, object_word::free};

// Writes what is buffered; what an error leaves is still there.
std::int32_t Writer::drain(Deadline deadline) {
    std::size_t moved = 0;
    const std::int32_t status =
        Stream::write_all(stream_, buffer_ + begin_, end_ - begin_, &moved, deadline);
    begin_ += moved;
    if (begin_ == end_) begin_ = end_ = 0;
    return is_closing() ? error::closed : status;  // what is taken from now on would be lost
}

std::int32_t Writer::write(HandleBits handle, const void* data, std::size_t size, std::size_t* done,
                           Deadline deadline) {
    std::size_t ignored = 0;
    std::size_t& taken = done != nullptr ? *done : ignored;
    taken = 0;
    if ((data == nullptr && size != 0) || !is_deadline(deadline)) return error::invalid_argument;
    const Use writer(handle, deadline);
    if (writer.status() != 0) return writer.status();
    if (const std::int32_t status = Stream::check(writer->stream_)) return status;
    while (taken < size) {
        const char* source = static_cast<const char*>(data) + taken;
        const std::size_t left = size - taken;
        const bool empty = writer->begin_ == writer->end_;
        if (empty && left >= writer->capacity_) {  // past the buffer
            std::size_t moved = 0;
            const std::int32_t status =
                Stream::write_all(writer->stream_, source, left, &moved, deadline);
            taken += moved;
            return status;
        }
        const std::size_t room = writer->capacity_ - writer->end_;
        if (room == 0) {
            if (const std::int32_t status = writer->drain(deadline)) return status;
            continue;
        }
        const std::size_t count = left < room ? left : room;
        std::memcpy(writer->buffer_ + writer->end_, source, count);
        writer->end_ += count;
        taken += count;
    }
    return 0;
}

std::int32_t Writer::flush(HandleBits handle, Deadline deadline) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    const Use writer(handle, deadline);
    if (writer.status() != 0) return writer.status();
    return writer->drain(deadline);
}

}  // namespace zio::net
