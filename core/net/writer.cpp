// SPDX-License-Identifier: MIT
#include <cstring>

#include "core/base/memory.hpp"
#include "core/net/buffered.hpp"
#include "core/net/stream.hpp"
#include "core/runtime/task.hpp"

namespace zio::net {

namespace {

using WriterTable = SlotTable<Writer, HandleType::writer>;
constinit WriterTable writers{runtime::reserve_slots, object_word::free};

}  // namespace

// One call's use of a writer; its end frees a writer that was destroyed meanwhile.
class Writer::Use {
  public:
    explicit Use(HandleBits handle) : writer_(writers.at(handle)) {
        status_ = writer_ != nullptr ? writer_->enter(generation_of(handle)) : error::bad_handle;
    }
    ~Use() {
        if (status_ == 0 && writer_->leave()) writer_->free_memory();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    std::int32_t status() const { return status_; }
    Writer* operator->() const { return writer_; }

  private:
    Writer* writer_;
    std::int32_t status_;
};

void Writer::free_memory() {
    release(buffer_, capacity_, 1);
    buffer_ = nullptr;
    retire();
    writers.give(*this);
}

std::int32_t Writer::create(HandleBits stream, std::size_t capacity, HandleBits* out) {
    if (out == nullptr) return error::invalid_argument;
    if (const std::int32_t status = Stream::check(stream)) return status;
    if (capacity == 0) capacity = default_capacity;
    char* buffer =
        capacity <= largest_capacity ? static_cast<char*>(allocate(capacity, 1)) : nullptr;
    if (buffer == nullptr) return error::no_memory;
    Writer* writer = writers.take();
    if (writer == nullptr) {
        release(buffer, capacity, 1);
        return error::no_memory;
    }
    writer->stream_ = stream;
    writer->buffer_ = buffer;
    writer->capacity_ = capacity;
    writer->begin_ = writer->end_ = 0;
    *out = writers.handle_of(*writer, writer->open());
    return 0;
}

// Writes what is buffered; what an error leaves is still there.
std::int32_t Writer::drain(Deadline deadline) {
    std::size_t moved = 0;
    const std::int32_t status =
        Stream::write_all(stream_, buffer_ + begin_, end_ - begin_, &moved, deadline);
    begin_ += moved;
    if (begin_ == end_) begin_ = end_ = 0;
    return status;
}

std::int32_t Writer::write(HandleBits handle, const void* data, std::size_t size, std::size_t* done,
                           Deadline deadline) {
    std::size_t ignored = 0;
    std::size_t& taken = done != nullptr ? *done : ignored;
    taken = 0;
    if ((data == nullptr && size != 0) || !is_deadline(deadline)) return error::invalid_argument;
    const Use writer(handle);
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
    const Use writer(handle);
    if (writer.status() != 0) return writer.status();
    return writer->drain(deadline);
}

std::int32_t Writer::destroy(HandleBits handle) {
    if (handle == 0) return 0;
    Writer* writer = writers.at(handle);
    bool unused = false;
    if (writer == nullptr) return error::bad_handle;
    if (const std::int32_t status = writer->close(generation_of(handle), &unused)) return status;
    if (unused) writer->free_memory();
    return 0;
}

}  // namespace zio::net
