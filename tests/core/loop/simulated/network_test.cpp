// SPDX-License-Identifier: MIT
// Names, listeners, the handshake, and the ways a connection can end: what real kernels do, here.
#include "tests/core/loop/simulated/fixture.hpp"

namespace zio::loop::simulated {
namespace {

constexpr std::int64_t waits = error::would_block;
constexpr std::uint32_t all_bits =
    os::ready_read | os::ready_write | os::ready_hangup | os::ready_error;

// Whole messages, so that results can be told in advance.
class NetworkTest : public SimulatedTest {
  protected:
    void SetUp() override {
        SimulatedTest::SetUp();
        Faults whole;
        whole.short_io = false;
        open(whole);
    }
    std::int32_t option(os::Handle handle, os::SocketOption option, std::int64_t value) {
        return os::table.set_option(handle, option, value);
    }
    std::int32_t bind_one(const os::Address& address, os::Handle* out = nullptr) {
        const os::Handle handle = open_socket(address.family);
        if (out != nullptr) *out = handle;
        return os::table.bind(handle, address);
    }
};

TEST_F(NetworkTest, a_connection_has_two_names_at_each_end) {
    os::Address address = loopback(0);
    const os::Handle listener = open_listener(&address);
    EXPECT_GE(address.port, 32768);
    const os::Handle client = open_socket();
    os::Address name{};
    EXPECT_EQ(os::table.peer_address(client, &name), error::not_connected);
    ASSERT_EQ(connect(client, address), 0);
    os::Address peer{};
    const os::Handle server = accept(listener, &peer);
    ASSERT_TRUE(simulated::is_simulated(server));
    os::Address local{};
    EXPECT_EQ(os::table.local_address(client, &local), 0);
    EXPECT_TRUE(same_address(local, peer));
    EXPECT_TRUE(same_address(local, loopback(local.port)));
    EXPECT_EQ(os::table.peer_address(client, &name), 0);
    EXPECT_TRUE(same_address(name, address));
    EXPECT_EQ(os::table.local_address(server, &name), 0);
    EXPECT_TRUE(same_address(name, address));
    EXPECT_EQ(connect(client, address), error::is_connected);
    os::HandleKind kind{};
    EXPECT_EQ(os::table.kind_of(listener, &kind), 0);
    EXPECT_EQ(kind, os::HandleKind::listening_socket);
    EXPECT_EQ(os::table.kind_of(server, &kind), 0);
    EXPECT_EQ(kind, os::HandleKind::stream_socket);
    EXPECT_EQ(os::table.make_nonblocking(server), 0);
}

TEST_F(NetworkTest, takes_time_but_only_virtually) {
    const Pair pair = open_connection();
    const Instant before = loop().now();
    EXPECT_EQ(send(pair.client, "x"), 1);
    EXPECT_EQ(receive(pair.server), 1);
    EXPECT_GT(loop().now() - before, 5'000u);
    EXPECT_LT(loop().now() - before, second_ns);
    const Pair local = open_pair();
    char byte = 'x';
    EXPECT_EQ(os::table.send(local.client, &byte, 1, 0), 1);
    EXPECT_EQ(os::table.receive(local.server, &byte, 1, 0), 1);  // within the system: at once
}

TEST_F(NetworkTest, nobody_listens) {
    EXPECT_EQ(connect(open_socket(), loopback(9)), error::connection_refused);
    os::Address elsewhere = loopback(9);
    elsewhere.ip[0] = 192;
    EXPECT_EQ(connect(open_socket(), elsewhere), error::host_unreachable);
    // After a refusal it may be tried again.
    const os::Handle client = open_socket();
    EXPECT_EQ(connect(client, loopback(4000)), error::connection_refused);
    os::Address address = loopback(4000);
    open_listener(&address);
    EXPECT_EQ(connect(client, address), 0);
    // By readiness and the pending error, as a poller does it.
    const os::Handle other = open_socket();
    EXPECT_EQ(os::table.connect(other, loopback(9)), error::in_progress);
    EXPECT_EQ(os::table.connect(other, loopback(9)), error::already);
    EXPECT_EQ(ready(other, all_bits), 0u);
    Ready writable(other, true, os::ready_write);
    EXPECT_EQ(run(writable), os::ready_write | os::ready_hangup | os::ready_error);
    std::int64_t pending = 0;
    EXPECT_EQ(os::table.get_option(other, os::SocketOption::error, &pending), 0);
    EXPECT_EQ(pending, error::connection_refused);
    EXPECT_EQ(os::table.get_option(other, os::SocketOption::error, &pending), 0);
    EXPECT_EQ(pending, 0);
}

TEST_F(NetworkTest, a_full_backlog_drops_requests_and_clients_ask_again) {
    os::Address address = loopback(0);
    const os::Handle listener = open_listener(&address, 2);
    EXPECT_EQ(connect(open_socket(), address), 0);
    EXPECT_EQ(connect(open_socket(), address), 0);
    const os::Handle third = open_socket();
    EXPECT_EQ(connect(third, address, second_ns / 2), waits);
    EXPECT_GE(accept(listener), 0);
    const Instant before = loop().now();
    Ready writable(third, true, os::ready_write);
    EXPECT_EQ(run(writable), os::ready_write);  // the second request found room
    EXPECT_LT(loop().now() - before, second_ns);
    // Nobody ever accepts: the transport gives up by itself.
    const os::Handle hopeless = open_socket();
    const Instant begin = loop().now();
    EXPECT_EQ(connect(hopeless, address), error::transport_timed_out);
    EXPECT_GT(loop().now() - begin, 60 * second_ns);
}

TEST_F(NetworkTest, closing_a_listener_resets_who_was_not_accepted) {
    os::Address address = loopback(0);
    const os::Handle listener = open_listener(&address);
    const os::Handle client = open_socket();
    EXPECT_EQ(connect(client, address), 0);
    EXPECT_EQ(send(client, "hello"), 5);
    EXPECT_EQ(os::table.close(listener), 0);
    EXPECT_EQ(receive(client), error::connection_reset);
    EXPECT_EQ(receive(client), 0);
    EXPECT_EQ(connect(open_socket(), address), error::connection_refused);
}

TEST_F(NetworkTest, accepting_has_its_own_errors) {
    os::Handle accepted = os::no_handle;
    EXPECT_EQ(os::table.accept(open_socket(), &accepted, nullptr), error::invalid_argument);
    os::Address address = loopback(0);
    const os::Handle listener = open_listener(&address);
    EXPECT_EQ(os::table.accept(listener, &accepted, nullptr), error::would_block);
    EXPECT_EQ(connect(open_socket(), address), 0);
    Faults tight = faults();
    tight.handle_limit = 3;
    set_faults(tight);
    EXPECT_EQ(os::table.accept(listener, &accepted, nullptr), error::too_many_files);
    EXPECT_EQ(os::table.open_socket(os::family_version_4, &accepted), error::too_many_files);
    tight.handle_limit = 5;
    set_faults(tight);
    EXPECT_EQ(os::table.accept(listener, &accepted, nullptr), 0);  // it was not lost
    EXPECT_EQ(os::table.shutdown(listener, true, true), 0);
    EXPECT_EQ(os::table.accept(listener, &accepted, nullptr), error::invalid_argument);
}

TEST_F(NetworkTest, addresses_are_in_use) {
    os::Handle first = os::no_handle;
    ASSERT_EQ(bind_one(loopback(5000), &first), 0);
    EXPECT_EQ(os::table.bind(first, loopback(5001)), error::invalid_argument);
    EXPECT_EQ(bind_one(loopback(5000)), error::address_in_use);
    EXPECT_EQ(bind_one(wildcard(5000)), error::address_in_use);
    EXPECT_EQ(bind_one(loopback(5000, os::family_version_6)), 0);
    EXPECT_EQ(bind_one(wildcard(5000, os::family_version_6)), error::address_in_use);
    os::Handle only_six = open_socket(os::family_version_6);
    ASSERT_EQ(option(only_six, os::SocketOption::only_version_6, 1), 0);
    EXPECT_EQ(os::table.bind(only_six, wildcard(5002, os::family_version_6)), 0);
    EXPECT_EQ(bind_one(wildcard(5002)), 0);
    os::Address elsewhere = loopback(5003);
    elsewhere.ip[0] = 10;
    EXPECT_EQ(bind_one(elsewhere), error::address_not_available);
    // As Linux has it, which looks at the length of an address first.
    EXPECT_EQ(os::table.bind(open_socket(os::family_version_6), loopback(5004)),
              error::invalid_argument);
    EXPECT_EQ(
        os::table.bind(open_socket(os::family_version_4), loopback(5004, os::family_version_6)),
        error::family_not_supported);

    EXPECT_EQ(os::table.close(first), 0);
    EXPECT_EQ(bind_one(loopback(5000)), 0);
}

TEST_F(NetworkTest, addresses_can_be_shared_on_request) {
    const auto open_bound = [&](os::SocketOption shares) {
        const os::Handle handle = open_socket();
        EXPECT_EQ(option(handle, shares, 1), 0);
        const std::int32_t bound = os::table.bind(handle, loopback(6000));
        return bound < 0 ? static_cast<os::Handle>(bound) : handle;
    };
    // A port may be bound again while nobody listens on it,
    const os::Handle first = open_bound(os::SocketOption::reuse_address);
    const os::Handle second = open_bound(os::SocketOption::reuse_address);
    ASSERT_TRUE(is_simulated(first) && is_simulated(second));
    EXPECT_EQ(os::table.listen(first, 4), 0);
    EXPECT_EQ(os::table.listen(second, 4), error::address_in_use);
    EXPECT_EQ(open_bound(os::SocketOption::reuse_address), error::address_in_use);
    EXPECT_EQ(os::table.close(second), 0);
    // and by a restarted server while old connections last.
    const os::Handle client = open_socket();
    EXPECT_EQ(connect(client, loopback(6000)), 0);
    EXPECT_GE(accept(first), 0);
    EXPECT_EQ(os::table.close(first), 0);
    EXPECT_EQ(bind_one(loopback(6000)), error::address_in_use);
    const os::Handle restarted = open_bound(os::SocketOption::reuse_address);
    ASSERT_TRUE(is_simulated(restarted));
    EXPECT_EQ(os::table.listen(restarted, 4), 0);
}

TEST_F(NetworkTest, a_shared_port_spreads_connections) {
    os::Handle listeners[2];
    for (os::Handle& listener : listeners) {
        listener = open_socket();
        ASSERT_EQ(option(listener, os::SocketOption::reuse_port, 1), 0);
        ASSERT_EQ(os::table.bind(listener, loopback(7000)), 0);
        ASSERT_EQ(os::table.listen(listener, 64), 0);
    }
    for (int i = 0; i < 40; ++i) ASSERT_EQ(connect(open_socket(), loopback(7000)), 0);
    unsigned counts[2] = {};
    for (int i = 0; i < 2; ++i) {
        os::Handle accepted = os::no_handle;
        while (os::table.accept(listeners[i], &accepted, nullptr) == 0) ++counts[i];
    }
    EXPECT_EQ(counts[0] + counts[1], 40u);
    EXPECT_GT(counts[0], 5u);
    EXPECT_GT(counts[1], 5u);
}

TEST_F(NetworkTest, version_6_takes_version_4_in) {
    os::Address address = wildcard(0, os::family_version_6);
    const os::Handle listener = open_listener(&address);
    const os::Handle client = open_socket();
    EXPECT_EQ(connect(client, loopback(address.port)), 0);
    os::Address peer{};
    EXPECT_GE(accept(listener, &peer), 0);
    EXPECT_EQ(peer.family, os::family_version_6);
    EXPECT_EQ(plain_address(peer).family, os::family_version_4);
    EXPECT_EQ(
        connect(open_socket(os::family_version_6), loopback(address.port, os::family_version_6)),
        0);
    EXPECT_GE(accept(listener, &peer), 0);
    EXPECT_EQ(plain_address(peer).family, os::family_version_6);
    EXPECT_EQ(connect(open_socket(), loopback(address.port, os::family_version_6)),
              error::family_not_supported);
    const os::Handle six = open_socket(os::family_version_6);
    EXPECT_EQ(connect(six, mapped_address(loopback(address.port))), 0);
    EXPECT_EQ(os::table.local_address(six, &peer), 0);
    EXPECT_EQ(plain_address(peer).family, os::family_version_4);
}

TEST_F(NetworkTest, unix_names) {
    for (const os::Address& name : {path_address("/run/x"), abstract_address("x")}) {
        os::Address address = name;
        const bool is_path = !address.is_abstract();
        EXPECT_EQ(connect(open_socket(os::family_unix), address),
                  is_path ? error::not_found : error::connection_refused);
        const os::Handle listener = open_listener(&address);
        EXPECT_EQ(bind_one(address), error::address_in_use);
        const os::Handle client = open_socket(os::family_unix);
        EXPECT_EQ(connect(client, address), 0);
        os::Address peer{};
        const os::Handle server = accept(listener, &peer);
        EXPECT_GE(server, 0);
        EXPECT_TRUE(is_unnamed(peer));
        EXPECT_EQ(os::table.peer_address(client, &peer), 0);
        EXPECT_TRUE(same_address(peer, address));
        EXPECT_EQ(send(client, "hello"), 5);
        EXPECT_EQ(receive(server), 5);
        EXPECT_EQ(os::table.close(listener), 0);
        EXPECT_EQ(connect(open_socket(os::family_unix), address), error::connection_refused);
        // A path stays until it is removed, an abstract name does not.
        EXPECT_EQ(bind_one(address), is_path ? error::address_in_use : 0);
        EXPECT_EQ(os::table.remove_path("/run/x"), is_path ? 0 : error::not_found);
        if (is_path) {
            EXPECT_EQ(bind_one(address), 0);
            EXPECT_EQ(os::table.remove_path("/run/x"), 0);
        }
    }
    EXPECT_EQ(os::table.listen(open_socket(os::family_unix), 1), error::invalid_argument);
    EXPECT_EQ(connect(open_socket(), path_address("/run/x")), error::invalid_argument);
}

TEST_F(NetworkTest, a_full_unix_backlog_waits) {
    os::Address address = abstract_address("full");
    const os::Handle listener = open_listener(&address, 1);
    EXPECT_EQ(connect(open_socket(os::family_unix), address), 0);
    EXPECT_EQ(connect(open_socket(os::family_unix), address, second_ns), waits);
    EXPECT_GE(accept(listener), 0);
    EXPECT_GE(accept(listener), 0);  // the one that gave up waiting, but did not close
    EXPECT_EQ(connect(open_socket(os::family_unix), address), 0);
}

TEST_F(NetworkTest, half_close) {
    for (const Pair& pair : {open_connection(), open_pair()}) {
        EXPECT_EQ(ready(pair.client, all_bits), os::ready_write);
        EXPECT_EQ(send(pair.server, "last"), 4);
        EXPECT_EQ(os::table.shutdown(pair.server, false, true), 0);
        EXPECT_EQ(os::table.shutdown(pair.server, false, true), 0);
        EXPECT_EQ(send(pair.server, "x"), error::broken_pipe);
        pass(second_ns);
        // The end of stream makes readable; a hang-up it is for who asks.
        EXPECT_EQ(ready(pair.client, os::ready_read | os::ready_write),
                  os::ready_read | os::ready_write);
        EXPECT_EQ(ready(pair.client, all_bits),
                  os::ready_read | os::ready_write | os::ready_hangup);
        EXPECT_EQ(receive(pair.client), 4);
        EXPECT_EQ(receive(pair.client), 0);
        EXPECT_EQ(receive(pair.client), 0);
        EXPECT_EQ(send(pair.client, "answer"), 6);  // the other way still works
        EXPECT_EQ(receive(pair.server), 6);
        EXPECT_EQ(os::table.shutdown(pair.client, false, true), 0);
        pass(second_ns);
        EXPECT_NE(ready(pair.client, os::ready_read) & os::ready_hangup, 0u);
        EXPECT_NE(ready(pair.server, os::ready_read) & os::ready_hangup, 0u);
        EXPECT_EQ(receive(pair.server), 0);
    }
    EXPECT_EQ(os::table.shutdown(open_socket(), true, true), error::not_connected);
}

TEST_F(NetworkTest, the_read_side_can_be_shut) {
    const Pair pair = open_connection();
    EXPECT_EQ(send(pair.server, "x"), 1);
    pass(second_ns);
    EXPECT_EQ(os::table.shutdown(pair.client, true, false), 0);
    EXPECT_EQ(receive(pair.client), 1);
    EXPECT_EQ(receive(pair.client), 0);
    const Pair local = open_pair();
    EXPECT_EQ(os::table.shutdown(local.client, true, false), 0);
    EXPECT_EQ(receive(local.client), 0);
    EXPECT_EQ(send(local.server, "x"), error::broken_pipe);
}

TEST_F(NetworkTest, closing_ends_the_stream) {
    const Pair pair = open_connection();
    EXPECT_EQ(send(pair.server, "bye"), 3);
    EXPECT_EQ(os::table.close(pair.server), 0);
    EXPECT_EQ(receive(pair.client), 3);
    EXPECT_EQ(receive(pair.client), 0);
    EXPECT_EQ(send(pair.client, "too late"), 8);  // the answer is a reset
    pass(second_ns);
    EXPECT_EQ(ready(pair.client, all_bits), all_bits);
    EXPECT_EQ(send(pair.client, "x"), error::broken_pipe);
    EXPECT_EQ(receive(pair.client), 0);
    const Pair local = open_pair();
    EXPECT_EQ(os::table.close(local.server), 0);
    EXPECT_NE(ready(local.client, os::ready_read) & os::ready_hangup, 0u);
    EXPECT_EQ(send(local.client, "x"), error::broken_pipe);
    EXPECT_EQ(receive(local.client), 0);
}

TEST_F(NetworkTest, closing_with_unread_data_resets) {
    for (const Pair& pair : {open_connection(), open_pair()}) {
        EXPECT_EQ(send(pair.client, "unread"), 6);
        EXPECT_EQ(send(pair.server, "data"), 4);
        pass(second_ns);
        EXPECT_EQ(os::table.close(pair.server), 0);
        pass(second_ns);
        EXPECT_EQ(ready(pair.client, all_bits), all_bits);
        EXPECT_EQ(receive(pair.client), 4);  // what had arrived before
        EXPECT_EQ(receive(pair.client), error::connection_reset);
        EXPECT_EQ(receive(pair.client), 0);
        EXPECT_EQ(send(pair.client, "x"), error::broken_pipe);
    }
}

TEST_F(NetworkTest, closing_with_linger_0_resets) {
    const Pair pair = open_connection();
    EXPECT_EQ(option(pair.server, os::SocketOption::linger_ms, 0), 0);
    EXPECT_EQ(os::table.close(pair.server), 0);
    pass(second_ns);
    EXPECT_EQ(send(pair.client, "x"), error::connection_reset);
    EXPECT_EQ(send(pair.client, "x"), error::broken_pipe);
    EXPECT_EQ(receive(pair.client), 0);
    const Pair local = open_pair();  // knows no reset
    EXPECT_EQ(option(local.server, os::SocketOption::linger_ms, 0), 0);
    EXPECT_EQ(os::table.close(local.server), 0);
    EXPECT_EQ(receive(local.client), 0);
}

TEST_F(NetworkTest, who_writes_waits_for_who_reads) {
    for (const Pair& pair : {open_connection(), open_pair()}) {
        EXPECT_EQ(option(pair.client, os::SocketOption::send_buffer, 10'000), 0);
        const std::string large(50'000, 'x');
        EXPECT_EQ(send(pair.client, large), 10'000);
        EXPECT_EQ(send(pair.client, large, second_ns), waits);
        EXPECT_EQ(ready(pair.client, os::ready_write), 0u);
        EXPECT_EQ(receive(pair.server), 4096);
        EXPECT_EQ(ready(pair.client, os::ready_write), os::ready_write);
        EXPECT_EQ(send(pair.client, large), 4096);
        EXPECT_EQ(send(pair.client, "", second_ns), 0);
    }
}

TEST_F(NetworkTest, not_connected) {
    char byte = 0;
    const os::Handle tcp = open_socket();
    EXPECT_EQ(os::table.receive(tcp, &byte, 1, 0), error::not_connected);
    EXPECT_EQ(os::table.send(tcp, &byte, 1, 0), error::broken_pipe);
    EXPECT_EQ(ready(tcp, all_bits), os::ready_write | os::ready_hangup);
    const os::Handle local = open_socket(os::family_unix);
    EXPECT_EQ(os::table.receive(local, &byte, 1, 0), error::invalid_argument);
    EXPECT_EQ(os::table.send(local, &byte, 1, 0), error::not_connected);
    os::Handle handle = os::no_handle;
    EXPECT_EQ(os::table.open_socket(17, &handle), error::family_not_supported);
    EXPECT_EQ(os::table.close(tcp), 0);
    EXPECT_EQ(os::table.close(tcp), error::bad_handle);
    EXPECT_EQ(os::table.receive(tcp, &byte, 1, 0), error::bad_handle);
}

TEST_F(NetworkTest, options_are_read_back) {
    const os::Handle handle = open_socket();
    std::int64_t value = 0;
    for (const os::SocketOption each :
         {os::SocketOption::no_delay, os::SocketOption::keep_alive, os::SocketOption::reuse_address,
          os::SocketOption::quick_acknowledge}) {
        EXPECT_EQ(option(handle, each, 1), 0);
        EXPECT_EQ(os::table.get_option(handle, each, &value), 0);
        EXPECT_EQ(value, 1);
    }
    EXPECT_EQ(option(handle, os::SocketOption::keep_alive_s, 30), 0);
    EXPECT_EQ(os::table.get_option(handle, os::SocketOption::keep_alive_s, &value), 0);
    EXPECT_EQ(value, 30);
    EXPECT_EQ(option(handle, os::SocketOption::keep_alive_s, 0), 0);
    EXPECT_EQ(os::table.get_option(handle, os::SocketOption::keep_alive, &value), 0);
    EXPECT_EQ(value, 0);
    EXPECT_EQ(os::table.get_option(handle, os::SocketOption::linger_ms, &value), 0);
    EXPECT_EQ(value, -1);
    EXPECT_EQ(option(handle, os::SocketOption::linger_ms, 1500), 0);
    EXPECT_EQ(os::table.get_option(handle, os::SocketOption::linger_ms, &value), 0);
    EXPECT_EQ(value, 2000);
    EXPECT_EQ(option(handle, os::SocketOption::linger_ms, -2), error::invalid_argument);
    EXPECT_EQ(option(handle, os::SocketOption::error, 1), error::invalid_argument);
    EXPECT_EQ(option(handle, os::SocketOption::only_version_6, 1), error::no_protocol_option);
    EXPECT_EQ(option(open_socket(os::family_unix), os::SocketOption::no_delay, 1),
              error::not_supported);
}

TEST_F(NetworkTest, operations_end_when_their_socket_is_closed_under_them) {
    const Pair pair = open_pair();
    char data[8];
    Transfer receive(OperationKind::receive, pair.client, true, data, sizeof data);
    Ready readable(pair.client, true, os::ready_read);
    ASSERT_FALSE(loop().start(receive));
    ASSERT_FALSE(loop().start(readable));
    EXPECT_EQ(os::table.close(pair.client), 0);
    loop().poll_until(forever);
    EXPECT_NE(loop().next_completed(), nullptr);
    EXPECT_NE(loop().next_completed(), nullptr);
    EXPECT_EQ(receive.result, error::bad_handle);
    EXPECT_EQ(readable.result, error::bad_handle);
}

TEST_F(NetworkTest, operations_of_one_direction_are_served_in_turn) {
    const Pair pair = open_connection();
    char data[4] = {};
    Transfer first(OperationKind::receive, pair.client, true, data, 1);
    Transfer second(OperationKind::read, pair.client, true, data + 1, 1);
    Transfer third(OperationKind::receive, pair.client, true, data + 2, 1);
    ASSERT_FALSE(loop().start(first));
    ASSERT_FALSE(loop().start(second));
    ASSERT_FALSE(loop().start(third));
    EXPECT_EQ(send(pair.server, "abc"), 3);
    while (loop().pending_count() > 0) {
        loop().poll_until(forever);
        while (loop().next_completed() != nullptr) {
        }
    }
    EXPECT_EQ(std::string(data), "abc");
}

}  // namespace
}  // namespace zio::loop::simulated
