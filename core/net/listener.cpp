// SPDX-License-Identifier: MIT
#include "core/net/listener.hpp"

#include "core/net/stream.hpp"
#include "core/runtime/await.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/scope.hpp"
#include "core/runtime/spawn.hpp"

namespace zio::net {

using os::Direction;

namespace {

using ListenerTable = SlotTable<Listener, HandleType::listener>;
constinit ListenerTable listeners{runtime::reserve_slots, object_word::free, [](Listener& one) {
                                      one.drop_inherited();
                                  }};

constexpr std::uint32_t default_backlog = 4096;  // the system cuts it to its own limit
// A process that is out of descriptors tries again after a while, twice as long each time.
constexpr std::int64_t first_pause_ns = 10'000'000;
constexpr std::int64_t longest_pause_ns = 320'000'000;

bool is_shortage(std::int64_t result) {
    return result == error::too_many_files || result == error::file_table_full ||
           result == error::no_buffers || result == error::no_memory;
}

// The connection broke off before it was accepted, or its network did: the next one may be there.
bool concerns_peer_only(std::int64_t result) {
    switch (result) {
        case error::connection_aborted:
        case error::connection_reset:
        case error::host_unreachable:
        case error::transport_timed_out:
        case -71:   // a protocol error
        case -100:  // the network is down
        case -101:  // the network is unreachable
        case -112:  // the host is down
            return true;
        default:
            return false;
    }
}

std::int32_t noted(std::int32_t status) {
    if (status < 0) runtime::note_os_error(status);
    return status;
}

}  // namespace

std::int32_t Listener::make(os::Handle handle, const os::Address* address, HandleBits* out) {
    Listener* listener = listeners.take();
    if (listener == nullptr) return error::no_memory;
    listener->path_[0] = '\0';
    if (address != nullptr && address->family == os::family_unix && !address->is_abstract()) {
        for (unsigned i = 0; i < address->path_len; ++i) listener->path_[i] = address->path[i];
        listener->path_[address->path_len] = '\0';
    }
    listener->retire_ = [](Descriptor& retired) {
        listeners.give(static_cast<Listener&>(retired));
    };
    const std::uint32_t generation = listener->open(handle);
    listener->exposed = address == nullptr;
    *out = listeners.handle_of(*listener, generation);
    return 0;
}

std::int32_t Listener::listen(const os::Address& address, const SocketOptions& options,
                              HandleBits* out) {
    if (const std::int32_t status = os::check_address(address)) return status;
    os::Handle handle = os::no_handle;
    if (const std::int32_t status = os::table.open_socket(address.family, &handle)) {
        return noted(status);
    }
    std::int32_t status = apply_options(handle, options, true, address.family);
    if (status == 0) status = os::table.bind(handle, address);
    const bool bound = status == 0;
    if (bound) {
        status = os::table.listen(handle, options.backlog != 0 ? options.backlog : default_backlog);
    }
    noted(status);
    if (status == 0) status = make(handle, &address, out);
    if (status != 0) {
        const bool has_path =
            address.family == os::family_unix && address.path_len != 0 && !address.is_abstract();
        if (bound && has_path) os::table.remove_path(address.path);
        os::table.close(handle);
    }
    return status;
}

std::int32_t Listener::from_handle(os::Handle handle, HandleBits* out) {
    os::HandleKind kind{};
    if (const std::int32_t status = os::table.kind_of(handle, &kind)) return status;
    if (kind == os::HandleKind::stream_socket) return error::invalid_argument;
    if (kind == os::HandleKind::pipe_or_terminal) return error::bad_handle;
    if (kind == os::HandleKind::other) return error::bad_handle;
    if (kind != os::HandleKind::listening_socket) return error::wrong_socket_type;
    os::Address ignored;
    if (const std::int32_t status = os::table.local_address(handle, &ignored)) return status;
    if (const std::int32_t status = os::table.make_nonblocking(handle)) return status;
    return make(handle, nullptr, out);
}

// Waits for nothing but the deadline, a cancel, the close of the listener, or the pause's end.
std::int32_t Listener::back_off(std::int64_t span_ns, Deadline deadline) {
    const Deadline retry = runtime::after(span_ns);
    const bool until_retry = instant_of(retry) < instant_of(deadline);
    loop::Ready nothing(handle, true, 0);
    if (runtime::current_worker != nullptr) runtime::current_worker->runtime->count_backoff();
    const std::int64_t ended =
        runtime::await(nothing, this, Direction::read, until_retry ? retry : deadline);
    if (ended == error::timed_out && until_retry && !runtime::scope_limits(retry)) return 0;
    return ended < 0 ? static_cast<std::int32_t>(ended) : 0;
}

std::int32_t Listener::accept(HandleBits handle, HandleBits* out, os::Address* peer,
                              Deadline deadline) {
    Listener* listener = listeners.at(handle);
    if (listener == nullptr) return listeners.dead(handle);
    if (!is_deadline(deadline)) return error::invalid_argument;
    if (const std::int32_t status =
            listener->take_turn(generation_of(handle), Direction::read, deadline)) {
        return status;
    }
    std::int64_t pause_ns = first_pause_ns;
    std::int64_t result = 0;
    os::Address from;
    for (;;) {
        loop::Accept operation(listener->handle, true, peer != nullptr ? &from : nullptr);
        result = runtime::await(operation, listener, Direction::read, deadline);
        if (result >= 0) break;
        if (concerns_peer_only(result)) continue;
        if (!is_shortage(result)) break;
        if (deadline == immediate) {
            result = error::would_block;
            break;
        }
        result = listener->back_off(pause_ns, deadline);
        if (result < 0) break;
        if (pause_ns < longest_pause_ns) pause_ns *= 2;
    }
    listener->give_turn(Direction::read);
    if (result < 0) return static_cast<std::int32_t>(result);
    if (const std::int32_t status = Stream::adopt(static_cast<os::Handle>(result), out)) {
        return status;
    }
    if (peer != nullptr) *peer = from;
    runtime::spread_next();
    return 0;
}

std::int32_t Listener::address(HandleBits handle, os::Address* out) {
    Listener* listener = listeners.at(handle);
    if (listener == nullptr) return listeners.dead(handle);
    if (out == nullptr) return error::invalid_argument;
    if (const std::int32_t status = listener->pin(generation_of(handle))) return status;
    os::Address found;
    const std::int32_t status = os::table.local_address(listener->handle, &found);
    listener->unpin();
    if (status == 0) *out = found;
    return noted(status);
}

std::int32_t Listener::close(HandleBits handle) {
    if (handle == 0) return 0;
    Listener* listener = listeners.at(handle);
    if (listener == nullptr) return listeners.dead(handle);
    if (const std::int32_t status = listener->pin(generation_of(handle))) return status;
    const std::int32_t status =
        static_cast<Descriptor*>(listener)->close(generation_of(handle), true);
    if (status == 0 && listener->path_[0] != '\0') os::table.remove_path(listener->path_);
    listener->unpin();
    return status;
}

}  // namespace zio::net
