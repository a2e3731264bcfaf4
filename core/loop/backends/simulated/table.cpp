// SPDX-License-Identifier: MIT
// What stands in `os::table` while a world is simulated. Descriptors of the host go to the host.
#include "core/loop/backends/simulated/simulation.hpp"
#include "core/loop/backends/simulated/threads.hpp"

namespace zio::loop::simulated {

namespace {

// Does `call(network, socket)` for a simulated descriptor. Asking in vain takes time, so that who
// does nothing but ask is answered some day.
template <class Call>
auto for_socket(os::Handle handle, Call call) {
    const Entered inside;
    Socket* socket = inside.simulation() != nullptr ? inside->network.find(handle) : nullptr;
    using Result = decltype(call(inside->network, *socket));
    if (socket == nullptr) return Result{error::bad_handle};
    const Result result = call(inside->network, *socket);
    if (result == error::would_block) inside->world.pass(poll_ns);
    return result;
}

std::int32_t open_socket(std::uint16_t family, os::Handle* out) {
    const Entered inside;
    if (inside.simulation() == nullptr) return host().open_socket(family, out);
    return inside->network.open_socket(family, out);
}

std::int32_t open_pair(os::Handle* first, os::Handle* second) {
    const Entered inside;
    if (inside.simulation() == nullptr) return host().open_pair(first, second);
    return inside->network.open_pair(first, second);
}

std::int32_t bind(os::Handle handle, const os::Address& address) {
    if (!is_simulated(handle)) return host().bind(handle, address);
    return for_socket(
        handle, [&](Network& network, Socket& socket) { return network.bind(socket, address); });
}

std::int32_t listen(os::Handle handle, std::uint32_t backlog) {
    if (!is_simulated(handle)) return host().listen(handle, backlog);
    return for_socket(
        handle, [&](Network& network, Socket& socket) { return network.listen(socket, backlog); });
}

std::int32_t connect(os::Handle handle, const os::Address& target) {
    if (!is_simulated(handle)) return host().connect(handle, target);
    return for_socket(
        handle, [&](Network& network, Socket& socket) { return network.connect(socket, target); });
}

std::int32_t accept(os::Handle handle, os::Handle* out, os::Address* peer) {
    if (!is_simulated(handle)) return host().accept(handle, out, peer);
    return for_socket(handle, [&](Network& network, Socket& socket) {
        return network.accept(socket, out, peer);
    });
}

std::int32_t local_address(os::Handle handle, os::Address* out) {
    if (!is_simulated(handle)) return host().local_address(handle, out);
    return for_socket(handle, [&](Network&, Socket& socket) {
        *out = socket.local;
        return 0;
    });
}

std::int32_t peer_address(os::Handle handle, os::Address* out) {
    if (!is_simulated(handle)) return host().peer_address(handle, out);
    return for_socket(handle, [&](Network& network, Socket& socket) {
        return network.peer_address(socket, out);
    });
}

std::int32_t set_option(os::Handle handle, os::SocketOption option, std::int64_t value) {
    if (!is_simulated(handle)) return host().set_option(handle, option, value);
    return for_socket(handle, [&](Network& network, Socket& socket) {
        return network.set_option(socket, option, value);
    });
}

std::int32_t get_option(os::Handle handle, os::SocketOption option, std::int64_t* value) {
    if (!is_simulated(handle)) return host().get_option(handle, option, value);
    return for_socket(handle, [&](Network& network, Socket& socket) {
        return network.get_option(socket, option, value);
    });
}

std::int32_t shutdown(os::Handle handle, bool read_side, bool write_side) {
    if (!is_simulated(handle)) return host().shutdown(handle, read_side, write_side);
    return for_socket(handle, [&](Network& network, Socket& socket) {
        return network.shutdown(socket, read_side, write_side);
    });
}

std::int32_t kind_of(os::Handle handle, os::HandleKind* out) {
    if (!is_simulated(handle)) return host().kind_of(handle, out);
    return for_socket(handle, [&](Network&, Socket& socket) {
        *out = socket.role == Role::listening ? os::HandleKind::listening_socket
                                              : os::HandleKind::stream_socket;
        return 0;
    });
}

std::int32_t check_access(os::Handle handle, os::Direction direction) {
    if (!is_simulated(handle)) return host().check_access(handle, direction);
    return for_socket(handle, [](Network&, Socket&) { return 0; });  // both ways, always
}

std::int32_t make_nonblocking(os::Handle handle) {
    if (!is_simulated(handle)) return host().make_nonblocking(handle);
    return for_socket(handle, [](Network&, Socket&) { return 0; });  // they all are
}

std::int32_t close(os::Handle handle) {
    if (!is_simulated(handle)) return host().close(handle);
    return for_socket(handle, [](Network& network, Socket& socket) {
        network.close(socket);
        return 0;
    });
}

std::int64_t receive_vector(os::Handle handle, const os::Buffer* buffers, std::size_t count,
                            std::uint32_t flags) {
    if (!is_simulated(handle)) return host().receive_vector(handle, buffers, count, flags);
    return for_socket(handle, [&](Network& network, Socket& socket) {
        return network.receive(socket, buffers, count, flags);
    });
}

std::int64_t receive(os::Handle handle, void* data, std::size_t size, std::uint32_t flags) {
    if (!is_simulated(handle)) return host().receive(handle, data, size, flags);
    const os::Buffer whole{data, size};
    return receive_vector(handle, &whole, 1, flags);
}

std::int64_t send_vector(os::Handle handle, const os::Buffer* buffers, std::size_t count,
                         std::uint32_t flags) {
    if (!is_simulated(handle)) return host().send_vector(handle, buffers, count, flags);
    return for_socket(handle, [&](Network& network, Socket& socket) {
        return network.send(socket, buffers, count);
    });
}

std::int64_t send(os::Handle handle, const void* data, std::size_t size, std::uint32_t flags) {
    if (!is_simulated(handle)) return host().send(handle, data, size, flags);
    const os::Buffer whole{const_cast<void*>(data), size};
    return send_vector(handle, &whole, 1, flags);
}

std::int64_t read(os::Handle handle, void* data, std::size_t size) {
    return is_simulated(handle) ? receive(handle, data, size, 0) : host().read(handle, data, size);
}

std::int64_t read_vector(os::Handle handle, const os::Buffer* buffers, std::size_t count) {
    return is_simulated(handle) ? receive_vector(handle, buffers, count, 0)
                                : host().read_vector(handle, buffers, count);
}

std::int64_t write(os::Handle handle, const void* data, std::size_t size) {
    return is_simulated(handle) ? send(handle, data, size, 0) : host().write(handle, data, size);
}

std::int64_t write_vector(os::Handle handle, const os::Buffer* buffers, std::size_t count) {
    return is_simulated(handle) ? send_vector(handle, buffers, count, 0)
                                : host().write_vector(handle, buffers, count);
}

// Which of the simulated ones are ready; the number.
std::int64_t look(Network& network, os::ReadyRequest* requests, std::size_t count) {
    std::int64_t ready_count = 0;
    for (std::size_t i = 0; i < count; ++i) {
        os::ReadyRequest& request = requests[i];
        if (!is_simulated(request.handle)) continue;
        const Socket* socket = network.find(request.handle);
        request.got =
            socket != nullptr ? network.readiness(*socket, request.wanted) : os::ready_error;
        ready_count += request.got != 0;
    }
    return ready_count;
}

// What the host said about its own, back to where they were asked for; the number.
std::int64_t copy_answers(const Array<os::ReadyRequest>& answers, os::ReadyRequest* requests,
                          std::size_t count) {
    std::int64_t ready_count = 0;
    std::uint32_t place = Sleeper::first_request;
    for (std::size_t i = 0; i < count; ++i) {
        if (is_simulated(requests[i].handle)) continue;
        requests[i].got = answers[place++].got;
        ready_count += requests[i].got != 0;
    }
    return ready_count;
}

std::int64_t wait_ready(os::ReadyRequest* requests, std::size_t count, Instant until) {
    std::uint32_t host_count = 0;
    for (std::size_t i = 0; i < count; ++i) host_count += !is_simulated(requests[i].handle);
    if (until == 0 && host_count == count) return host().wait_ready(requests, count, 0);
    Sleeper sleeper(host());
    const std::int32_t opened = until != 0 || host_count > 0 ? sleeper.open() : 0;
    if (opened < 0) return opened;
    if (!sleeper.requests().reserve(Sleeper::first_request + host_count)) return error::no_memory;
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_simulated(requests[i].handle)) sleeper.requests().push(requests[i]);
    }

    Entered inside;
    if (inside.simulation() == nullptr) return host().wait_ready(requests, count, until);
    inside->drive(sleeper);
    inside->add(sleeper);
    std::int64_t ready_count = 0;
    for (;;) {
        ready_count = look(inside->network, requests, count);
        if (host_count > 0) {
            const std::int64_t answered = sleeper.look();
            if (answered < 0) {
                ready_count = answered;
                break;
            }
            ready_count += copy_answers(sleeper.requests(), requests, count);
        }
        if (ready_count != 0 || until <= inside->world.now()) break;
        if (!inside->let_pass(inside, sleeper, until)) break;
    }
    if (ready_count == 0 && until == 0) inside->world.pass(poll_ns);
    inside->remove(sleeper);
    return ready_count;
}

// Wake-ups are raised by other threads and in signal handlers: they stay the host's.
std::int32_t open_wakeup(os::Handle* out) {
    return host().open_wakeup(out);
}
std::int32_t raise_wakeup(os::Handle handle) {
    return host().raise_wakeup(handle);
}
std::int64_t take_wakeups(os::Handle handle) {
    return host().take_wakeups(handle);
}

// Names are the world's own: no file of the host is ever removed.
std::int32_t remove_path(const char* path) {
    const Entered inside;
    if (inside.simulation() == nullptr) return host().remove_path(path);
    return inside->network.remove_path(path);
}

Instant now() {
    const Entered inside;
    return inside.simulation() != nullptr ? inside->world.tick(look_ns) : host().now();
}

}  // namespace

const os::Table simulated_table = {
    .open_socket = open_socket,
    .open_pair = open_pair,
    .bind = bind,
    .listen = listen,
    .connect = connect,
    .accept = accept,
    .local_address = local_address,
    .peer_address = peer_address,
    .set_option = set_option,
    .get_option = get_option,
    .shutdown = shutdown,
    .kind_of = kind_of,
    .check_access = check_access,
    .make_nonblocking = make_nonblocking,
    .close = close,
    .receive = receive,
    .receive_vector = receive_vector,
    .send = send,
    .send_vector = send_vector,
    .read = read,
    .read_vector = read_vector,
    .write = write,
    .write_vector = write_vector,
    .wait_ready = wait_ready,
    .open_wakeup = open_wakeup,
    .raise_wakeup = raise_wakeup,
    .take_wakeups = take_wakeups,
    .remove_path = remove_path,
    .now = now,
    .start_thread = start_thread,
    .join_thread = join_thread,
    .yield_thread = yield_thread,
};

}  // namespace zio::loop::simulated
