// SPDX-License-Identifier: MIT
#include <cstring>

#include "core/net/buffered.hpp"
#include "core/net/stream.hpp"
#include "core/runtime/task.hpp"

namespace zio::net {

constinit ReaderTable readers{runtime::reserve_slots, object_word::free};

// Reads more behind what is buffered. The count, 0 at the end of the stream, or an error.
std::int64_t Reader::fill(Deadline deadline) {
    if (begin_ == end_) {
        begin_ = end_ = 0;
    } else if (end_ == capacity_) {
        std::memmove(buffer_, buffer_ + begin_, buffered());
        end_ -= begin_;
        begin_ = 0;
    }
    const std::int64_t count = Stream::read(stream_, buffer_ + end_, capacity_ - end_, deadline);
    if (is_closing()) return error::closed;  // the buffer goes with the end of this call
    if (count > 0) end_ += static_cast<std::size_t>(count);
    return count;
}

std::size_t Reader::take(void* data, std::size_t size) {
    const std::size_t count = size < buffered() ? size : buffered();
    if (count != 0) std::memcpy(data, buffer_ + begin_, count);
    begin_ += count;
    return count;
}

std::int32_t Reader::read_until(HandleBits handle, std::uint8_t delimiter, os::Buffer* out,
                                Deadline deadline) {
    if (out == nullptr || !is_deadline(deadline)) return error::invalid_argument;
    const Use reader(handle, deadline);
    if (reader.status() != 0) return reader.status();
    std::size_t searched = 0;
    for (;;) {
        char* start = reader->buffer_ + reader->begin_;
        const std::size_t size = reader->buffered();
        const void* found =
            size > searched ? std::memchr(start + searched, delimiter, size - searched) : nullptr;
        if (found != nullptr) {
            const auto length =
                static_cast<std::size_t>(static_cast<const char*>(found) - start) + 1;
            *out = {start, length};
            reader->begin_ += length;
            return 0;
        }
        searched = size;
        if (size == reader->capacity_) return error::message_size;
        const std::int64_t count = reader->fill(deadline);
        if (count < 0) return static_cast<std::int32_t>(count);
        if (count == 0) {
            *out = {reader->buffer_ + reader->begin_, reader->buffered()};
            reader->begin_ = reader->end_;
            return error::end_of_stream;
        }
    }
}

std::int64_t Reader::read(HandleBits handle, void* data, std::size_t size, Deadline deadline) {
    if ((data == nullptr && size != 0) || !is_deadline(deadline)) return error::invalid_argument;
    const Use reader(handle, deadline);
    if (reader.status() != 0) return reader.status();
    if (reader->buffered() != 0 && size != 0) {
        return static_cast<std::int64_t>(reader->take(data, size));
    }
    // Nothing is gained by the buffer when the caller's is as large.
    if (size == 0 || size >= reader->capacity_) {
        return Stream::read(reader->stream_, data, size, deadline);
    }
    const std::int64_t count = reader->fill(deadline);
    return count > 0 ? static_cast<std::int64_t>(reader->take(data, size)) : count;
}

std::int32_t Reader::read_exact(HandleBits handle, void* data, std::size_t size, std::size_t* done,
                                Deadline deadline) {
    std::size_t ignored = 0;
    std::size_t& moved = done != nullptr ? *done : ignored;
    moved = 0;
    if ((data == nullptr && size != 0) || !is_deadline(deadline)) return error::invalid_argument;
    const Use reader(handle, deadline);
    if (reader.status() != 0) return reader.status();
    if (size == 0)
        return static_cast<std::int32_t>(Stream::read(reader->stream_, data, 0, deadline));
    while (moved < size) {
        char* target = static_cast<char*>(data) + moved;
        if (reader->buffered() != 0) {
            moved += reader->take(target, size - moved);
            continue;
        }
        if (size - moved >= reader->capacity_) {
            std::size_t direct = 0;
            const std::int32_t status =
                Stream::read_exact(reader->stream_, target, size - moved, &direct, deadline);
            moved += direct;
            return status;
        }
        const std::int64_t count = reader->fill(deadline);
        if (count <= 0) return count == 0 ? error::end_of_stream : static_cast<std::int32_t>(count);
    }
    return 0;
}

std::int32_t Reader::peek(HandleBits handle, std::size_t least, os::Buffer* out,
                          Deadline deadline) {
    if (out == nullptr || !is_deadline(deadline)) return error::invalid_argument;
    const Use reader(handle, deadline);
    if (reader.status() != 0) return reader.status();
    if (least > reader->capacity_) return error::message_size;
    std::int32_t status = 0;
    while (reader->buffered() < least && status == 0) {
        if (reader->capacity_ - reader->begin_ < least) {  // make room behind what is there
            std::memmove(reader->buffer_, reader->buffer_ + reader->begin_, reader->buffered());
            reader->end_ -= reader->begin_;
            reader->begin_ = 0;
        }
        const std::int64_t count = reader->fill(deadline);
        if (count < 0) return static_cast<std::int32_t>(count);
        if (count == 0) status = error::end_of_stream;
    }
    *out = {reader->buffer_ + reader->begin_, reader->buffered()};
    return status;
}

std::int32_t Reader::consume(HandleBits handle, std::size_t count) {
    const Use reader(handle);
    if (reader.status() != 0) return reader.status();
    if (count > reader->buffered()) return error::invalid_argument;
    reader->begin_ += count;
    return 0;
}

}  // namespace zio::net
