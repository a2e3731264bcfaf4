// SPDX-License-Identifier: MIT
#include "core/net/stream.hpp"

#include "core/net/stream_table.hpp"
#include "core/runtime/await.hpp"
#include "core/runtime/park.hpp"

namespace zio::net {

using loop::OperationKind;
using os::Direction;
using runtime::await;
using runtime::Ending;

constinit StreamTable streams{runtime::reserve_slots, object_word::free, [](Stream& one) {
                                  one.drop_inherited();
                              }};

namespace {

// More in one call is cut: the kernel would, too.
constexpr std::size_t largest_transfer = 0x7ffff000;

std::size_t cut(std::size_t size) {
    return size < largest_transfer ? size : largest_transfer;
}

bool is_memory(const void* data, std::size_t size) {
    return data != nullptr || size == 0;
}

// A length of 0: the handle and a pending cancel are looked at, nothing else.
std::int32_t check_only(HandleBits handle, Deadline deadline) {
    if (const std::int32_t status = Stream::check(handle)) return status;
    return deadline == immediate ? 0 : runtime::pass_suspension_point();
}

// Several pieces as the operation wants them: none of them null, not more than the system takes.
std::int32_t check_pieces(const Buffer* buffers, std::size_t count, std::size_t* total) {
    *total = 0;
    if (buffers == nullptr && count != 0) return error::invalid_argument;
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_memory(buffers[i].base, buffers[i].size)) return error::invalid_argument;
        if (buffers[i].size > INT64_MAX - *total) return error::invalid_argument;
        *total += buffers[i].size;
    }
    return 0;
}

std::int32_t finish_partial(std::size_t* done, std::size_t moved, std::int64_t status) {
    if (done != nullptr) *done = moved;
    return static_cast<std::int32_t>(status);
}

}  // namespace

std::int64_t Stream::read(HandleBits handle, void* data, std::size_t size, Deadline deadline,
                          std::uint32_t flags) {
    Stream* stream = streams.at(handle);
    if (ZIO_UNLIKELY(stream == nullptr)) return streams.dead(handle);
    if (ZIO_UNLIKELY(!is_deadline(deadline) || !is_memory(data, size))) {
        return error::invalid_argument;
    }
    if (ZIO_UNLIKELY(size == 0)) return check_only(handle, deadline);
    if (const std::int32_t status =
            stream->take_turn(generation_of(handle), Direction::read, deadline)) {
        return status;
    }
    loop::Transfer operation(OperationKind::receive, stream->handle, true, data, cut(size), flags);
    const std::int64_t result = await(operation, stream, Direction::read, deadline);
    stream->give_turn(Direction::read);
    return result;
}

std::int64_t Stream::read_vector(HandleBits handle, const Buffer* buffers, std::size_t count,
                                 Deadline deadline) {
    std::size_t total = 0;
    if (!is_deadline(deadline)) return error::invalid_argument;
    if (const std::int32_t status = check_pieces(buffers, count, &total)) return status;
    if (total == 0) return check_only(handle, deadline);
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    if (const std::int32_t status =
            stream->take_turn(generation_of(handle), Direction::read, deadline)) {
        return status;
    }
    while (buffers->size == 0) {  // a limit's worth of empty pieces would look like the end
        ++buffers;
        --count;
    }
    if (count > loop::vector_limit) count = loop::vector_limit;
    loop::VectorTransfer operation(OperationKind::receive_vector, stream->handle, true, buffers,
                                   count);
    const std::int64_t result = await(operation, stream, Direction::read, deadline);
    stream->give_turn(Direction::read);
    return result;
}

std::int32_t Stream::read_exact(HandleBits handle, void* data, std::size_t size, std::size_t* done,
                                Deadline deadline) {
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return finish_partial(done, 0, streams.dead(handle));
    if (!is_deadline(deadline) || !is_memory(data, size)) {
        return finish_partial(done, 0, error::invalid_argument);
    }
    if (size == 0) return finish_partial(done, 0, check_only(handle, deadline));
    if (const std::int32_t status =
            stream->take_turn(generation_of(handle), Direction::read, deadline)) {
        return finish_partial(done, 0, status);
    }
    std::size_t moved = 0;
    std::int64_t result = 0;
    while (moved < size && result >= 0) {
        if (moved != 0 && stream->is_closing()) {
            result = error::closed;
            break;
        }
        loop::Transfer operation(OperationKind::receive, stream->handle, true,
                                 static_cast<char*>(data) + moved, cut(size - moved));
        result = await(operation, stream, Direction::read, deadline);
        if (result == 0) result = error::end_of_stream;
        if (result > 0) moved += static_cast<std::size_t>(result);
    }
    stream->give_turn(Direction::read);
    return finish_partial(done, moved, result < 0 ? result : 0);
}

std::int64_t Stream::write(HandleBits handle, const void* data, std::size_t size,
                           Deadline deadline) {
    Stream* stream = streams.at(handle);
    if (ZIO_UNLIKELY(stream == nullptr)) return streams.dead(handle);
    if (ZIO_UNLIKELY(!is_deadline(deadline) || !is_memory(data, size))) {
        return error::invalid_argument;
    }
    if (ZIO_UNLIKELY(size == 0)) return check_only(handle, deadline);
    if (const std::int32_t status =
            stream->take_turn(generation_of(handle), Direction::write, deadline)) {
        return status;
    }
    loop::Transfer operation(OperationKind::send, stream->handle, true, data, cut(size));
    const std::int64_t result = await(operation, stream, Direction::write, deadline);
    stream->give_turn(Direction::write);
    return result;
}

std::int32_t Stream::write_all(HandleBits handle, const void* data, std::size_t size,
                               std::size_t* done, Deadline deadline) {
    Stream* stream = streams.at(handle);
    if (ZIO_UNLIKELY(stream == nullptr)) return finish_partial(done, 0, streams.dead(handle));
    if (ZIO_UNLIKELY(!is_deadline(deadline) || !is_memory(data, size))) {
        return finish_partial(done, 0, error::invalid_argument);
    }
    if (ZIO_UNLIKELY(size == 0)) return finish_partial(done, 0, check_only(handle, deadline));
    if (const std::int32_t status =
            stream->take_turn(generation_of(handle), Direction::write, deadline)) {
        return finish_partial(done, 0, status);
    }
    std::size_t moved = 0;
    std::int64_t result = 0;
    while (moved < size && result >= 0) {
        if (moved != 0 && stream->is_closing()) {
            result = error::closed;
            break;
        }
        loop::Transfer operation(OperationKind::send, stream->handle, true,
                                 static_cast<const char*>(data) + moved, cut(size - moved));
        result = await(operation, stream, Direction::write, deadline);
        if (result > 0) moved += static_cast<std::size_t>(result);
    }
    stream->give_turn(Direction::write);
    return finish_partial(done, moved, result < 0 ? result : 0);
}

// Keeps its turn until all pieces are written, so that whole messages never mix. What ended it
// after a part was written comes with the next call.
std::int64_t Stream::write_vector(HandleBits handle, const Buffer* buffers, std::size_t count,
                                  Deadline deadline) {
    std::size_t total = 0;
    if (!is_deadline(deadline)) return error::invalid_argument;
    if (const std::int32_t status = check_pieces(buffers, count, &total)) return status;
    if (total == 0) return check_only(handle, deadline);
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    if (const std::int32_t status =
            stream->take_turn(generation_of(handle), Direction::write, deadline)) {
        return status;
    }
    std::size_t moved = 0;
    std::size_t skip = 0;  // bytes of the first piece that are written already
    std::int64_t result = 0;
    while (moved < total) {
        if (moved != 0 && stream->is_closing()) {
            result = error::closed;
            break;
        }
        if (skip == buffers->size) {
            ++buffers;
            --count;
            skip = 0;
            continue;
        }
        const auto ending = moved == 0 ? Ending::of_the_call : Ending::of_the_rest;
        if (skip != 0 || count == 1) {  // the rest of one piece goes by itself
            loop::Transfer operation(OperationKind::send, stream->handle, true,
                                     static_cast<const char*>(buffers->base) + skip,
                                     cut(buffers->size - skip), count > 1 ? os::message_more : 0);
            result = await(operation, stream, Direction::write, deadline, ending);
        } else {
            loop::VectorTransfer operation(OperationKind::send_vector, stream->handle, true,
                                           buffers,
                                           count < loop::vector_limit ? count : loop::vector_limit);
            result = await(operation, stream, Direction::write, deadline, ending);
        }
        if (result < 0) break;
        moved += static_cast<std::size_t>(result);
        for (skip += static_cast<std::size_t>(result); count > 1 && skip >= buffers->size;
             --count) {
            skip -= buffers->size;
            ++buffers;
        }
    }
    stream->give_turn(Direction::write);
    if (moved == 0) return result;
    if (result == error::canceled) runtime::recancel();
    return static_cast<std::int64_t>(moved);
}

std::int32_t Stream::shutdown(HandleBits handle, Deadline deadline) {
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    if (!is_deadline(deadline)) return error::invalid_argument;
    if (deadline != immediate) {
        if (const std::int32_t status = check_only(handle, deadline)) return status;
    }
    if (const std::int32_t status =
            stream->take_turn(generation_of(handle), Direction::write, deadline)) {
        return status;
    }
    std::int32_t status = 0;
    if (!stream->write_ended) {
        status = os::table.shutdown(stream->handle, false, true);
        if (status == 0) {
            stream->write_ended = true;
        } else {
            runtime::note_os_error(status);
        }
    }
    stream->give_turn(Direction::write);
    return status;
}

}  // namespace zio::net
