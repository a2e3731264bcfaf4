// SPDX-License-Identifier: MIT
// What befalls hosts and connections: cuts, crashes, resets, and a system without room. By chance,
// as the seed says, or because the program asked for it.
//
// A host is an address: programs give their parts 127.0.0.1, 127.0.0.2 and so on, which work
// outside of a simulation, too.
#include "core/loop/backends/simulated/network.hpp"

namespace zio::loop::simulated {

namespace {

constexpr Instant shortest_cut_ns = second_ns / 100;
constexpr Instant longest_cut_ns = 5 * second_ns;

bool is_same_host(const os::Address& one, const os::Address& other) {
    os::Address left = plain_address(one);
    os::Address right = plain_address(other);
    left.port = right.port = 0;
    return same_address(left, right);
}

// For histories: the same for the same host in every run.
std::uint64_t number_of(const os::Address& host) {
    std::uint64_t number = 0;
    for (const std::uint8_t byte : plain_address(host).ip) number = number * 257 + byte;
    return number;
}

std::int32_t check_host(const os::Address& host) {
    if (host.family == os::family_unix || is_wildcard(host)) return error::invalid_argument;
    return is_here(plain_address(host)) ? 0 : error::address_not_available;
}

}  // namespace

void Mending::happen() {
    network_.mend(link_);
}

bool Network::is_down(const os::Address& host) const {
    for (std::uint32_t i = 0; i < down_.count(); ++i) {
        if (is_same_host(down_[i], host)) return true;
    }
    return false;
}

bool Network::are_parted(const os::Address& one, const os::Address& other) const {
    if (down_.empty() && parted_.empty()) return false;
    if (is_down(one) || is_down(other)) return true;
    for (std::uint32_t i = 0; i < parted_.count(); ++i) {
        const Pair& pair = parted_[i];
        if ((is_same_host(pair.one, one) && is_same_host(pair.other, other)) ||
            (is_same_host(pair.one, other) && is_same_host(pair.other, one))) {
            return true;
        }
    }
    return false;
}

// Who reaches whom has changed.
void Network::look_at_links() {
    for (Link* link : links_) {
        const bool is_tcp = link->hosts[0].family != 0;
        link->is_parted = is_tcp && are_parted(link->hosts[0], link->hosts[1]);
        for (Channel& way : link->ways) way.resume();
    }
}

std::int32_t Network::part(const os::Address& one, const os::Address& other) {
    for (const os::Address* host : {&one, &other}) {
        const std::int32_t status = check_host(*host);
        if (status < 0) return status;
    }
    if (!parted_.reserve(parted_.count() + 1)) return error::no_memory;
    parted_.push({one, other});
    world_.record(What::cut, number_of(one), static_cast<std::int64_t>(number_of(other)));
    look_at_links();
    return 0;
}

void Network::heal(const os::Address& one, const os::Address& other) {
    for (std::uint32_t i = parted_.count(); i-- > 0;) {
        const Pair pair = parted_[i];
        if ((is_same_host(pair.one, one) && is_same_host(pair.other, other)) ||
            (is_same_host(pair.one, other) && is_same_host(pair.other, one))) {
            parted_.remove_at(i);
        }
    }
    world_.record(What::healed, number_of(one), static_cast<std::int64_t>(number_of(other)));
    look_at_links();
}

void Network::heal_all() {
    parted_.clear();
    for (Link* link : links_) world_.events.drop(link->mending);
    world_.record(What::healed, 0, 0);
    look_at_links();
}

// A listener takes no more and forgets who waits there; a connection's other end is told when the
// host is up again.
void Network::take_down(Socket& socket) {
    socket.is_down = true;
    if (socket.role == Role::listening) stop_listening(socket);
    if (socket.link != nullptr) socket.outgoing().reset();
    changed(socket);
}

std::int32_t Network::crash(const os::Address& host) {
    const std::int32_t status = check_host(host);
    if (status < 0) return status;
    if (is_down(host)) return error::already;
    if (!down_.reserve(down_.count() + 1)) return error::no_memory;
    down_.push(host);
    world_.record(What::crashed, number_of(host), 0);
    look_at_links();
    for (Socket* socket : slots_) {
        if (socket == nullptr || socket->is_unix() || !socket->is_bound) continue;
        if (is_same_host(socket->local, host)) take_down(*socket);
    }
    return 0;
}

void Network::restart(const os::Address& host) {
    for (std::uint32_t i = down_.count(); i-- > 0;) {
        if (is_same_host(down_[i], host)) down_.remove_at(i);
    }
    world_.record(What::restarted, number_of(host), 0);
    look_at_links();
}

void Network::mend(Link& link) {
    world_.record(What::healed, link.serial, 0);
    for (Channel& way : link.ways) way.resume();
}

void Network::strike(Link& link) {
    std::uint64_t how = 0;
    if (world_.strikes(Fault::reset, link.serial, link.luck)) {
        for (Channel& way : link.ways) way.reset();
    }
    if (world_.strikes(Fault::cut, link.serial, link.luck, &how) && !link.mending.planned()) {
        const Instant span = shortest_cut_ns + (how >> 32) % (longest_cut_ns - shortest_cut_ns);
        world_.record(What::cut, link.serial, static_cast<std::int64_t>(span));
        world_.events.plan(link.mending, world_.now() + span);
    }
}

std::int32_t Network::bad_luck() {
    if (world_.strikes(Fault::descriptors, 0, luck_)) return error::too_many_files;
    return world_.strikes(Fault::memory, 0, luck_) ? error::no_buffers : 0;
}

}  // namespace zio::loop::simulated
