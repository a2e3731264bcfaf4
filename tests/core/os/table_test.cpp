// SPDX-License-Identifier: MIT
// The production table against its contract: non-blocking and not inherited, signals never show,
// errors are values.
#include "core/os/table.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/os/environment.hpp"

namespace zio::os {
namespace {

constexpr Instant ms = 1'000'000;

// Descriptors that end with the test, and the check that it left no others.
class Table : public testing::Test {
  protected:
    void SetUp() override { before_ = open_count(); }
    void TearDown() override {
        for (const Handle handle : handles_) EXPECT_EQ(table.close(handle), 0);
        EXPECT_EQ(open_count(), before_);
    }
    Handle keep(Handle handle) {
        handles_.push_back(handle);
        return handle;
    }
    void close(Handle handle) {
        std::erase(handles_, handle);
        EXPECT_EQ(table.close(handle), 0);
    }
    struct Pair {
        Handle near;
        Handle far;
    };
    Pair open_pair() {
        Pair pair{};
        EXPECT_EQ(table.open_pair(&pair.near, &pair.far), 0);
        return {keep(pair.near), keep(pair.far)};
    }
    Pair open_pipe(int flags) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, flags | O_CLOEXEC), 0);
        return {keep(ends[0]), keep(ends[1])};
    }
    static Address loopback() {
        Address address{};
        address.family = family_version_4;
        address.ip[0] = 127;
        address.ip[3] = 1;
        return address;
    }
    Handle open_listener(Address* address) {
        Handle listener = no_handle;
        EXPECT_EQ(table.open_socket(family_version_4, &listener), 0);
        keep(listener);
        EXPECT_EQ(table.set_option(listener, SocketOption::reuse_address, 1), 0);
        EXPECT_EQ(table.bind(listener, loopback()), 0);
        EXPECT_EQ(table.listen(listener, UINT32_MAX), 0);
        EXPECT_EQ(table.local_address(listener, address), 0);
        EXPECT_NE(address->port, 0);
        return listener;
    }
    static void wait(Handle handle, std::uint32_t wanted) {
        ReadyRequest request{handle, wanted, 0};
        EXPECT_EQ(table.wait_ready(&request, 1, table.now() + 5 * second_ns), 1);
    }
    static void expect_safe(Handle handle) {
        const int number = static_cast<int>(handle);
        EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_NE(::fcntl(number, F_GETFL) & O_NONBLOCK, 0);
    }

  private:
    static unsigned open_count() {
        unsigned count = 0;
        for (int number = 0; number < 1024; ++number) count += ::fcntl(number, F_GETFD) >= 0;
        return count;
    }
    unsigned before_ = 0;
    std::vector<Handle> handles_;
};

TEST_F(Table, everything_it_opens_is_non_blocking_and_not_inherited) {
    const Pair pair = open_pair();
    expect_safe(pair.near);
    expect_safe(pair.far);
    Address address{};
    const Handle listener = open_listener(&address);
    expect_safe(listener);
    Handle client = no_handle;
    ASSERT_EQ(table.open_socket(family_version_4, &client), 0);
    expect_safe(keep(client));
    EXPECT_EQ(table.connect(client, address), error::in_progress);
    wait(listener, ready_read);
    Address peer{};
    Handle accepted = no_handle;
    ASSERT_EQ(table.accept(listener, &accepted, &peer), 0);
    expect_safe(keep(accepted));
    Address name{};
    EXPECT_EQ(table.local_address(client, &name), 0);
    EXPECT_EQ(std::memcmp(&peer, &name, sizeof peer), 0);
    EXPECT_EQ(table.peer_address(client, &name), 0);
    EXPECT_EQ(std::memcmp(&address, &name, sizeof name), 0);
    Handle none = no_handle;
    EXPECT_EQ(table.accept(listener, &none, nullptr), error::would_block);
    EXPECT_EQ(none, no_handle);
    Handle wakeup = no_handle;
    ASSERT_EQ(table.open_wakeup(&wakeup), 0);
    expect_safe(keep(wakeup));
    const Pair pipe = open_pipe(0);
    EXPECT_EQ(table.check_access(pipe.near, Direction::read), 0);
    EXPECT_EQ(table.check_access(pipe.near, Direction::write), error::bad_handle);
    EXPECT_EQ(table.check_access(pipe.far, Direction::write), 0);
    EXPECT_EQ(table.check_access(client, Direction::read), 0);
    EXPECT_EQ(table.check_access(client, Direction::write), 0);
    EXPECT_EQ(table.make_nonblocking(pipe.near), 0);
    EXPECT_EQ(table.make_nonblocking(pipe.near), 0);
    expect_safe(pipe.near);
}

TEST_F(Table, errors_are_values) {
    Handle handle = 77;
    EXPECT_EQ(table.open_socket(99, &handle), error::family_not_supported);
    EXPECT_EQ(handle, 77);
    for (const Handle bad : {no_handle, Handle{1'000'000}, Handle{1} << 40}) {
        char data[4];
        std::int64_t value = 0;
        Address address = loopback();
        HandleKind kind;
        const Buffer piece{data, 4};
        EXPECT_EQ(table.bind(bad, address), error::bad_handle);
        EXPECT_EQ(table.listen(bad, 1), error::bad_handle);
        EXPECT_EQ(table.connect(bad, address), error::bad_handle);
        EXPECT_EQ(table.accept(bad, &handle, nullptr), error::bad_handle);
        EXPECT_EQ(table.local_address(bad, &address), error::bad_handle);
        EXPECT_EQ(table.peer_address(bad, &address), error::bad_handle);
        EXPECT_EQ(table.set_option(bad, SocketOption::no_delay, 1), error::bad_handle);
        EXPECT_EQ(table.get_option(bad, SocketOption::error, &value), error::bad_handle);
        EXPECT_EQ(table.shutdown(bad, true, true), error::bad_handle);
        EXPECT_EQ(table.kind_of(bad, &kind), error::bad_handle);
        EXPECT_EQ(table.check_access(bad, Direction::read), error::bad_handle);
        EXPECT_EQ(table.make_nonblocking(bad), error::bad_handle);
        EXPECT_EQ(table.close(bad), error::bad_handle);
        EXPECT_EQ(table.receive(bad, data, 4, 0), error::bad_handle);
        EXPECT_EQ(table.receive_vector(bad, &piece, 1, 0), error::bad_handle);
        EXPECT_EQ(table.send(bad, data, 4, 0), error::bad_handle);
        EXPECT_EQ(table.send_vector(bad, &piece, 1, 0), error::bad_handle);
        EXPECT_EQ(table.read(bad, data, 4), error::bad_handle);
        EXPECT_EQ(table.read_vector(bad, &piece, 1), error::bad_handle);
        EXPECT_EQ(table.write(bad, data, 4), error::bad_handle);
        EXPECT_EQ(table.write_vector(bad, &piece, 1), error::bad_handle);
        EXPECT_EQ(table.raise_wakeup(bad), error::bad_handle);
        EXPECT_EQ(table.take_wakeups(bad), error::bad_handle);
        ReadyRequest request{bad, ready_read, 0};
        EXPECT_EQ(table.wait_ready(&request, 1, forever), 1);
        EXPECT_EQ(request.got, ready_error);
    }
    EXPECT_EQ(table.remove_path("/nowhere/at/all"), error::not_found);
    Address address{};
    const Handle listener = open_listener(&address);
    const Handle second = keep([] {
        Handle opened = no_handle;
        EXPECT_EQ(table.open_socket(family_version_4, &opened), 0);
        return opened;
    }());
    EXPECT_EQ(table.bind(second, address), error::address_in_use);
    close(listener);
    EXPECT_EQ(table.connect(second, address), error::in_progress);
    wait(second, ready_write);
    std::int64_t value = 0;
    EXPECT_EQ(table.get_option(second, SocketOption::error, &value), 0);
    EXPECT_EQ(value, error::connection_refused);
    EXPECT_EQ(table.get_option(second, SocketOption::error, &value), 0);
    EXPECT_EQ(value, 0);  // it was taken
    Address ill = loopback();
    ill.reserved0 = 1;
    EXPECT_EQ(table.bind(second, ill), error::invalid_argument);
    EXPECT_EQ(table.connect(second, ill), error::invalid_argument);
}

TEST_F(Table, a_process_without_descriptors_hears_so) {
    rlimit before;
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{3, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    Handle first = no_handle;
    Handle second = no_handle;
    EXPECT_EQ(table.open_socket(family_version_4, &first), error::too_many_files);
    EXPECT_EQ(table.open_pair(&first, &second), error::too_many_files);
    EXPECT_EQ(table.open_wakeup(&first), error::too_many_files);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(first, no_handle);
}

TEST_F(Table, options) {
    Address address{};
    const Handle listener = open_listener(&address);
    Handle client = no_handle;
    ASSERT_EQ(table.open_socket(family_version_4, &client), 0);
    keep(client);
    const auto round_trip = [&](SocketOption option, std::int64_t value) {
        std::int64_t got = -7;
        EXPECT_EQ(table.set_option(client, option, value), 0);
        EXPECT_EQ(table.get_option(client, option, &got), 0);
        return got;
    };
    EXPECT_EQ(round_trip(SocketOption::no_delay, 1), 1);
    EXPECT_EQ(round_trip(SocketOption::no_delay, 0), 0);
    EXPECT_EQ(round_trip(SocketOption::keep_alive, 1), 1);
    EXPECT_EQ(round_trip(SocketOption::keep_alive_s, 120), 120);
    EXPECT_EQ(round_trip(SocketOption::keep_alive_s, 1), 1);
    EXPECT_EQ(round_trip(SocketOption::keep_alive_s, 0), 0);
    EXPECT_EQ(round_trip(SocketOption::keep_alive, 0), 0);
    EXPECT_EQ(round_trip(SocketOption::linger_ms, -1), -1);
    EXPECT_EQ(round_trip(SocketOption::linger_ms, 0), 0);
    EXPECT_EQ(round_trip(SocketOption::linger_ms, 1), 1000);  // rounded up
    EXPECT_EQ(round_trip(SocketOption::linger_ms, 2000), 2000);
    EXPECT_GE(round_trip(SocketOption::receive_buffer, 65536), 65536);
    EXPECT_GE(round_trip(SocketOption::send_buffer, 65536), 65536);
    EXPECT_EQ(round_trip(SocketOption::reuse_port, 1), 1);
    EXPECT_EQ(round_trip(SocketOption::quick_acknowledge, 1), 1);
    EXPECT_EQ(round_trip(SocketOption::zero_copy, 1), 1);
    EXPECT_EQ(table.set_option(listener, SocketOption::fast_open, 16), 0);
    std::int64_t value = 0;
    EXPECT_EQ(table.set_option(client, SocketOption::error, 0), error::invalid_argument);
    EXPECT_EQ(table.set_option(client, SocketOption::no_delay, -1), error::invalid_argument);
    EXPECT_EQ(table.set_option(client, SocketOption::send_buffer, std::int64_t{1} << 40),
              error::invalid_argument);
    EXPECT_EQ(table.set_option(client, SocketOption::linger_ms, -2), error::invalid_argument);
    EXPECT_EQ(table.set_option(client, SocketOption::keep_alive_s, 40'000),
              error::invalid_argument);
    Handle six = no_handle;
    if (table.open_socket(family_version_6, &six) == 0) {
        EXPECT_EQ(table.set_option(keep(six), SocketOption::only_version_6, 1), 0);
        EXPECT_EQ(table.get_option(six, SocketOption::only_version_6, &value), 0);
        EXPECT_EQ(value, 1);
    }
    const Pair pipe = open_pipe(0);
    EXPECT_EQ(table.set_option(pipe.near, SocketOption::keep_alive, 1), error::not_a_socket);
}

TEST_F(Table, what_a_descriptor_is) {
    const auto kind_of = [](Handle handle) {
        HandleKind kind;
        EXPECT_EQ(table.kind_of(handle, &kind), 0);
        return kind;
    };
    Address address{};
    EXPECT_EQ(kind_of(open_listener(&address)), HandleKind::listening_socket);
    const Pair pair = open_pair();
    EXPECT_EQ(kind_of(pair.near), HandleKind::stream_socket);
    const Pair pipe = open_pipe(0);
    EXPECT_EQ(kind_of(pipe.near), HandleKind::pipe_or_terminal);
    EXPECT_EQ(kind_of(pipe.far), HandleKind::pipe_or_terminal);
    EXPECT_EQ(kind_of(keep(::posix_openpt(O_RDWR | O_NOCTTY))), HandleKind::pipe_or_terminal);
    EXPECT_EQ(kind_of(keep(::open("/dev/null", O_RDWR))), HandleKind::other);
    EXPECT_EQ(kind_of(keep(::open("/", O_RDONLY))), HandleKind::other);
    EXPECT_EQ(kind_of(keep(::socket(AF_INET, SOCK_DGRAM, 0))), HandleKind::other_socket);
    EXPECT_EQ(kind_of(keep(::socket(AF_UNIX, SOCK_SEQPACKET, 0))), HandleKind::other_socket);
}

// A socket that somebody left in blocking mode holds nobody.
TEST_F(Table, transfers_never_block) {
    const Pair pair = open_pair();
    for (const Handle handle : {pair.near, pair.far}) {
        ASSERT_EQ(::fcntl(static_cast<int>(handle), F_SETFL, 0), 0);
    }
    std::vector<char> data(1 << 20);
    const Buffer pieces[2] = {{data.data(), 5}, {data.data() + 5, data.size() - 5}};
    EXPECT_EQ(table.receive(pair.near, data.data(), 10, 0), error::would_block);
    EXPECT_EQ(table.receive_vector(pair.near, pieces, 2, 0), error::would_block);
    EXPECT_EQ(table.receive(pair.near, data.data(), 10, message_wait_all), error::would_block);
    std::int64_t sent = 0;
    std::int64_t result = 0;
    while ((result = table.send(pair.near, data.data(), data.size(), message_more)) > 0) {
        sent += result;
    }
    EXPECT_EQ(result, error::would_block);
    EXPECT_EQ(table.send_vector(pair.near, pieces, 2, 0), error::would_block);
    std::int64_t received = 0;
    EXPECT_EQ(table.receive(pair.far, data.data(), 10, message_peek), 10);
    while ((result = table.receive_vector(pair.far, pieces, 2, 0)) > 0) received += result;
    EXPECT_EQ(result, error::would_block);
    EXPECT_EQ(received, sent);
    // A list that is too long moves a part.
    const std::vector<Buffer> many(3000, Buffer{data.data(), 1});
    EXPECT_EQ(table.send_vector(pair.near, many.data(), many.size(), 0), 1024);
    EXPECT_EQ(table.receive_vector(pair.far, many.data(), many.size(), 0), 1024);
}

std::atomic<int> pipe_signals{0};
void count_pipe_signal(int) {
    pipe_signals.fetch_add(1);
}

TEST_F(Table, a_closed_peer_is_an_error_and_never_a_signal) {
    struct sigaction action {};
    struct sigaction before;
    action.sa_handler = count_pipe_signal;
    ASSERT_EQ(sigaction(SIGPIPE, &action, &before), 0);
    const Pair pair = open_pair();
    close(pair.far);
    char data[8] = {};
    const Buffer piece{data, 8};
    EXPECT_EQ(table.send(pair.near, data, 8, 0), error::broken_pipe);
    EXPECT_EQ(table.send_vector(pair.near, &piece, 1, 0), error::broken_pipe);
    const Pair pipe = open_pipe(0);
    close(pipe.near);
    EXPECT_EQ(table.write(pipe.far, data, 8), error::broken_pipe);
    EXPECT_EQ(table.write_vector(pipe.far, &piece, 1), error::broken_pipe);
    EXPECT_EQ(pipe_signals.load(), 0);

    // The mask is as it was, for who held the signal back and for who did not.
    sigset_t only_pipe, mask, pending;
    sigemptyset(&only_pipe);
    sigaddset(&only_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGPIPE), 0);
    pthread_sigmask(SIG_BLOCK, &only_pipe, nullptr);
    EXPECT_EQ(table.write(pipe.far, data, 8), error::broken_pipe);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
    // One that was pending before belongs to the host and stays.
    pthread_kill(pthread_self(), SIGPIPE);
    EXPECT_EQ(table.write(pipe.far, data, 8), error::broken_pipe);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 1);
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGPIPE), 1);
    EXPECT_EQ(pipe_signals.load(), 0);
    pthread_sigmask(SIG_UNBLOCK, &only_pipe, nullptr);
    EXPECT_EQ(pipe_signals.load(), 1);
    sigaction(SIGPIPE, &before, nullptr);
}

TEST_F(Table, readiness) {
    const Pair pair = open_pair();
    const auto look = [](Handle handle, std::uint32_t wanted) {
        ReadyRequest request{handle, wanted, 99};
        const std::int64_t count = table.wait_ready(&request, 1, 0);
        EXPECT_EQ(count, request.got != 0 ? 1 : 0);
        return request.got;
    };
    EXPECT_EQ(look(pair.near, ready_read), 0u);
    EXPECT_EQ(look(pair.near, ready_read | ready_write), ready_write);
    char byte = 'x';
    EXPECT_EQ(table.send(pair.far, &byte, 1, 0), 1);
    EXPECT_EQ(look(pair.near, ready_read | ready_write), ready_read | ready_write);
    EXPECT_EQ(look(pair.near, 0), 0u);
    EXPECT_EQ(table.receive(pair.near, &byte, 1, 0), 1);
    EXPECT_EQ(table.shutdown(pair.far, false, true), 0);
    EXPECT_EQ(look(pair.near, ready_read), ready_read);
    EXPECT_EQ(look(pair.near, ready_write), ready_write);
    EXPECT_EQ(look(pair.near, ready_hangup), ready_hangup);
    close(pair.far);
    EXPECT_NE(look(pair.near, 0) & ready_hangup, 0u);
    const Pair pipe = open_pipe(0);
    close(pipe.near);
    EXPECT_NE(look(pipe.far, 0) & ready_error, 0u);

    // More than fit on the stack; the second last is ready.
    std::vector<ReadyRequest> many;
    std::vector<Pair> pairs;
    for (int i = 0; i < 100; ++i) {
        pairs.push_back(open_pair());
        many.push_back({pairs.back().near, ready_read, 7});
    }
    EXPECT_EQ(table.wait_ready(many.data(), many.size(), 0), 0);
    EXPECT_EQ(table.send(pairs[98].far, &byte, 1, 0), 1);
    EXPECT_EQ(table.wait_ready(many.data(), many.size(), forever), 1);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(many[i].got, i == 98 ? ready_read : 0u);
    EXPECT_EQ(table.wait_ready(nullptr, 0, 0), 0);
}

void ignore_alarm(int) {}

TEST_F(Table, waits_are_never_short_and_signals_end_them) {
    ReadyRequest request{open_pair().near, ready_read, 0};
    for (int i = 0; i < 20; ++i) {
        const Instant until = table.now() + static_cast<Instant>(i) * ms / 7;
        EXPECT_EQ(table.wait_ready(&request, 1, until), 0);
        EXPECT_GE(table.now(), until);
    }
    struct sigaction action {};
    struct sigaction before;
    action.sa_handler = ignore_alarm;
    sigaction(SIGALRM, &action, &before);
    const itimerval soon{{0, 0}, {0, 5000}};
    setitimer(ITIMER_REAL, &soon, nullptr);
    const Instant started = table.now();
    EXPECT_EQ(table.wait_ready(&request, 1, started + 10 * second_ns), 0);
    EXPECT_LT(table.now() - started, 5 * second_ns);
    sigaction(SIGALRM, &before, nullptr);
    EXPECT_GE(table.now(), second_ns);
}

TEST_F(Table, wakeups) {
    Handle wakeup = no_handle;
    ASSERT_EQ(table.open_wakeup(&wakeup), 0);
    keep(wakeup);
    EXPECT_EQ(table.take_wakeups(wakeup), 0);
    errno = 4711;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(table.raise_wakeup(wakeup), 0);
    EXPECT_EQ(errno, 4711);  // a signal handler must not change it
    ReadyRequest request{wakeup, ready_read, 0};
    EXPECT_EQ(table.wait_ready(&request, 1, forever), 1);
    EXPECT_EQ(table.take_wakeups(wakeup), 3);
    EXPECT_EQ(table.take_wakeups(wakeup), 0);
    EXPECT_EQ(table.wait_ready(&request, 1, 0), 0);
}

TEST_F(Table, unix_listeners_have_names) {
    Address address{};
    address.family = family_unix;
    const std::string path = "/tmp/zio-table-test-" + std::to_string(::getpid());
    address.path_len = static_cast<std::uint16_t>(path.size());
    std::memcpy(address.path, path.data(), path.size());
    Handle listener = no_handle;
    Handle client = no_handle;
    ASSERT_EQ(table.open_socket(family_unix, &listener), 0);
    ASSERT_EQ(table.open_socket(family_unix, &client), 0);
    keep(listener);
    keep(client);
    EXPECT_EQ(table.connect(client, address), error::not_found);
    EXPECT_EQ(table.bind(listener, address), 0);
    EXPECT_EQ(table.connect(client, address), error::connection_refused);
    EXPECT_EQ(table.listen(listener, 1), 0);
    EXPECT_EQ(table.connect(client, address), 0);
    Address name{};
    EXPECT_EQ(table.peer_address(client, &name), 0);
    EXPECT_EQ(std::memcmp(&name, &address, sizeof name), 0);
    Address peer{};
    Handle accepted = no_handle;
    EXPECT_EQ(table.accept(listener, &accepted, &peer), 0);
    keep(accepted);
    EXPECT_EQ(peer.family, family_unix);
    EXPECT_EQ(peer.path_len, 0);  // it has no name
    EXPECT_EQ(table.remove_path(path.c_str()), 0);
    EXPECT_EQ(table.remove_path(path.c_str()), error::not_found);
}

TEST(Environment, gives_what_is_set) {
    ASSERT_EQ(::setenv("ZIO_TEST_OF_ENVIRONMENT", "value", 1), 0);
    EXPECT_STREQ(environment("ZIO_TEST_OF_ENVIRONMENT"), "value");
    ASSERT_EQ(::unsetenv("ZIO_TEST_OF_ENVIRONMENT"), 0);
    EXPECT_EQ(environment("ZIO_TEST_OF_ENVIRONMENT"), nullptr);
}

}  // namespace
}  // namespace zio::os
