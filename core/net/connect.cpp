// SPDX-License-Identifier: MIT
// How a stream comes to be, what it tells about itself, and how it ends.
#include "core/net/stream.hpp"
#include "core/net/stream_table.hpp"
#include "core/runtime/await.hpp"
#include "core/runtime/park.hpp"

namespace zio::net {

using os::SocketOption;

namespace {

std::int32_t noted(std::int32_t status) {
    if (status < 0) runtime::note_os_error(status);
    return status;
}

std::int32_t connect_once(os::Handle handle, const Address& to, Deadline deadline) {
    loop::Connect operation(handle, false, to);
    return static_cast<std::int32_t>(
        runtime::await(operation, nullptr, os::Direction::write, deadline));
}

SocketOption system_option(StreamOption option) {
    switch (option) {
        case StreamOption::no_delay:
            return SocketOption::no_delay;
        case StreamOption::keep_alive_s:
            return SocketOption::keep_alive_s;
        case StreamOption::receive_buffer:
            return SocketOption::receive_buffer;
        case StreamOption::send_buffer:
            return SocketOption::send_buffer;
        case StreamOption::linger_ms:
            return SocketOption::linger_ms;
        case StreamOption::quick_acknowledge:
            return SocketOption::quick_acknowledge;
    }
    return SocketOption::error;
}

bool is_option(StreamOption option) {
    return option >= StreamOption::no_delay && option <= StreamOption::quick_acknowledge;
}

bool is_value(StreamOption option, std::int64_t value) {
    switch (option) {
        case StreamOption::no_delay:
        case StreamOption::quick_acknowledge:
            return value == 0 || value == 1;
        case StreamOption::linger_ms:
            return value >= -1 && value <= INT32_MAX;
        case StreamOption::keep_alive_s:
            return value >= 0 && value <= 32767;
        default:
            return value >= 0 && value <= INT32_MAX;
    }
}

}  // namespace

std::int32_t Stream::adopt(os::Handle handle, HandleBits* out) {
    Stream* stream = streams.take();
    if (stream == nullptr) {
        os::table.close(handle);
        return error::no_memory;
    }
    stream->retire_ = [](Descriptor& retired) {
        streams.give(static_cast<Stream&>(retired));
    };
    stream->write_ended = false;
    *out = streams.handle_of(*stream, stream->open(handle));
    return 0;
}

std::int32_t Stream::connect(const Address& to, const SocketOptions& options, Deadline deadline,
                             HandleBits* out) {
    if (!is_deadline(deadline)) return error::invalid_argument;
    if (const std::int32_t status = os::check_address(to)) return status;
    if (to.family == os::family_unix && to.path_len == 0) return error::invalid_argument;
    if (deadline != immediate) {
        if (const std::int32_t status = runtime::pass_suspension_point()) return status;
    }
    os::Handle handle = os::no_handle;
    if (const std::int32_t status = os::table.open_socket(to.family, &handle)) return noted(status);
    std::int32_t status = apply_options(handle, options, false, to.family);
    if (status == 0 && options.bind_address != nullptr) {
        status = os::table.bind(handle, *options.bind_address);
    }
    if (status != 0) {
        noted(status);
    } else {
        status = connect_once(handle, to, deadline);
        if (status == error::in_progress) status = error::would_block;
    }
    if (status != 0) {
        os::table.close(handle);
        return status;
    }
    return adopt(handle, out);
}

std::int32_t Stream::pair(HandleBits* first, HandleBits* second) {
    os::Handle handles[2];
    if (const std::int32_t status = os::table.open_pair(&handles[0], &handles[1])) {
        return noted(status);
    }
    HandleBits made = 0;
    if (const std::int32_t status = adopt(handles[0], &made)) {
        os::table.close(handles[1]);
        return status;
    }
    if (const std::int32_t status = adopt(handles[1], second)) {
        close(made);
        return status;
    }
    *first = made;
    return 0;
}

std::int32_t Stream::from_handle(os::Handle handle, HandleBits* out) {
    os::HandleKind kind{};
    if (const std::int32_t status = os::table.kind_of(handle, &kind)) return status;
    if (kind == os::HandleKind::listening_socket) return error::not_connected;
    if (kind == os::HandleKind::pipe_or_terminal) return error::bad_handle;
    if (kind == os::HandleKind::other) return error::bad_handle;
    if (kind != os::HandleKind::stream_socket) return error::wrong_socket_type;
    Address ignored;
    if (const std::int32_t status = os::table.peer_address(handle, &ignored)) return status;
    Stream* stream = streams.take();
    if (stream == nullptr) return error::no_memory;
    if (const std::int32_t status = os::table.make_nonblocking(handle)) {
        streams.give(*stream);
        return status;
    }
    stream->retire_ = [](Descriptor& retired) {
        streams.give(static_cast<Stream&>(retired));
    };
    stream->write_ended = false;
    const std::uint32_t generation = stream->open(handle);
    stream->exposed = true;
    *out = streams.handle_of(*stream, generation);
    return 0;
}

std::int32_t Stream::close(HandleBits handle) {
    if (handle == 0) return 0;
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    return static_cast<Descriptor*>(stream)->close(generation_of(handle), true);
}

std::int32_t Stream::abort(HandleBits handle) {
    if (handle == 0) return 0;
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    if (const std::int32_t status = stream->pin(generation_of(handle))) return status;
    os::table.set_option(stream->handle, SocketOption::linger_ms, 0);
    // A shutdown in a hurry would send an end instead of a reset.
    const std::int32_t status =
        static_cast<Descriptor*>(stream)->close(generation_of(handle), false);
    stream->unpin();
    return status;
}

std::int32_t Stream::check(HandleBits handle) {
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    const std::uint64_t word = stream->word.load(std::memory_order_acquire);
    return word_generation(word) == generation_of(handle) && generation_of(handle) != 0 &&
                   (word & (object_word::closing | object_word::free)) == 0
               ? 0
               : error::bad_handle;
}

std::int32_t Stream::addresses(HandleBits handle, Address* local, Address* peer) {
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    if (const std::int32_t status = stream->pin(generation_of(handle))) return status;
    Address here;
    Address there;
    std::int32_t status = local != nullptr ? os::table.local_address(stream->handle, &here) : 0;
    if (status == 0 && peer != nullptr) status = os::table.peer_address(stream->handle, &there);
    stream->unpin();
    if (status != 0) return noted(status);
    if (local != nullptr) *local = here;
    if (peer != nullptr) *peer = there;
    return 0;
}

os::Handle Stream::descriptor_of(HandleBits handle) {
    Stream* stream = streams.at(handle);
    if (stream == nullptr || stream->pin(generation_of(handle)) != 0) return os::no_handle;
    const os::Handle descriptor = stream->handle;
    stream->exposed = true;
    stream->unpin();
    return descriptor;
}

std::int32_t Stream::set_option(HandleBits handle, StreamOption option, std::int64_t value) {
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    if (!is_option(option) || !is_value(option, value)) return error::invalid_argument;
    if (const std::int32_t status = stream->pin(generation_of(handle))) return status;
    std::int32_t status = 0;
    if (option == StreamOption::keep_alive_s) {
        status = os::table.set_option(stream->handle, SocketOption::keep_alive, value != 0);
        if (status == 0 && value != 0) {
            status = os::table.set_option(stream->handle, SocketOption::keep_alive_s, value);
        }
    } else {
        status = os::table.set_option(stream->handle, system_option(option), value);
    }
    stream->unpin();
    return noted(status == error::no_protocol_option ? error::not_supported : status);
}

std::int32_t Stream::get_option(HandleBits handle, StreamOption option, std::int64_t* value) {
    Stream* stream = streams.at(handle);
    if (stream == nullptr) return streams.dead(handle);
    if (!is_option(option) || value == nullptr) return error::invalid_argument;
    if (const std::int32_t status = stream->pin(generation_of(handle))) return status;
    std::int64_t got = 0;
    std::int32_t status = 0;
    if (option == StreamOption::keep_alive_s) {
        std::int64_t on = 0;
        status = os::table.get_option(stream->handle, SocketOption::keep_alive, &on);
        if (status == 0 && on != 0) {
            status = os::table.get_option(stream->handle, SocketOption::keep_alive_s, &got);
        }
    } else {
        status = os::table.get_option(stream->handle, system_option(option), &got);
    }
    stream->unpin();
    if (status != 0)
        return noted(status == error::no_protocol_option ? error::not_supported : status);
    *value = got;
    return 0;
}

}  // namespace zio::net
