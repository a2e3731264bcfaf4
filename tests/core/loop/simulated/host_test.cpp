// SPDX-License-Identifier: MIT
// Where the simulated world meets the real one: time, the table of system calls, descriptors of the
// host, other threads, and the line at the end.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "tests/core/loop/simulated/fixture.hpp"

namespace zio::loop::simulated {
namespace {

constexpr Instant hour_ns = 3600 * second_ns;

Instant real_now() {
    timespec present{};
    clock_gettime(CLOCK_MONOTONIC, &present);
    return static_cast<Instant>(present.tv_sec) * second_ns + static_cast<Instant>(present.tv_nsec);
}

class Host : public SimulatedTest {};

struct Pipe {
    Pipe() { EXPECT_EQ(::pipe(ends), 0); }
    ~Pipe() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    int ends[2] = {-1, -1};
};

TEST_F(Host, an_hour_takes_no_real_second) {
    const Instant real_begin = real_now();
    const Instant begin = loop().now();
    EXPECT_GE(begin, second_ns);
    loop().poll_until(begin + hour_ns);
    EXPECT_EQ(loop().now(), begin + hour_ns);
    EXPECT_LT(real_now() - real_begin, second_ns / 2);
}

TEST_F(Host, busy_loops_cannot_stop_the_time) {
    const Instant begin = loop().now();
    for (int i = 0; i < 1000; ++i) loop().poll();
    EXPECT_EQ(loop().now(), begin + 1000 * poll_ns);
    const Instant until = os::table.now() + 100'000;
    while (os::table.now() < until) {
    }
    const Pair pair = open_connection();
    char byte = 'x';
    ASSERT_EQ(os::table.send(pair.client, &byte, 1, 0), 1);
    while (os::table.receive(pair.server, &byte, 1, 0) == error::would_block) {
    }
    ASSERT_EQ(os::table.send(pair.client, &byte, 1, 0), 1);
    while (ready(pair.server, os::ready_read) == 0) {
    }
}

TEST_F(Host, the_table_is_the_worlds_and_then_the_hosts_again) {
    EXPECT_EQ(os::table.now, simulated_table.now);
    const std::unique_ptr<Loop> second = open_loop(99);
    EXPECT_EQ(second->now(), loop().now());  // the same world, whatever seed it asked for
    EXPECT_EQ(report().seed, 7u);
    open(faults());
    EXPECT_EQ(os::table.now, simulated_table.now);
}

TEST(Table, is_restored) {
    const os::Table before = os::table;
    {
        const std::unique_ptr<Loop> first = open_loop(1);
        EXPECT_NE(os::table.open_socket, before.open_socket);
        std::unique_ptr<Loop> second = open_loop(1);
        second = nullptr;
        EXPECT_NE(os::table.open_socket, before.open_socket);
        os::Handle forgotten = os::no_handle;
        EXPECT_EQ(os::table.open_socket(os::family_version_4, &forgotten), 0);
        EXPECT_GE(forgotten, first_handle);
    }
    EXPECT_EQ(os::table.open_socket, before.open_socket);
    EXPECT_EQ(os::table.now, before.now);
    os::Handle real = os::no_handle;
    ASSERT_EQ(os::table.open_socket(os::family_version_4, &real), 0);
    EXPECT_LT(real, first_handle);
    EXPECT_EQ(os::table.close(real), 0);
}

TEST(Seed, comes_from_the_program_then_the_environment) {
    const auto seed_of = [](std::uint64_t asked) {
        const std::unique_ptr<Loop> loop = open_loop(asked);
        return report().seed;
    };
    ::unsetenv("ZIO_SEED");
    EXPECT_EQ(seed_of(0), 1u);
    ::setenv("ZIO_SEED", "18446744073709551615", 1);
    EXPECT_EQ(seed_of(0), UINT64_MAX);
    EXPECT_EQ(seed_of(5), 5u);
    for (const char* wrong : {"", "x", "-1", "12x", "18446744073709551616"}) {
        ::setenv("ZIO_SEED", wrong, 1);
        const Opened opened = open_backend(BackendChoice::simulated, {});
        EXPECT_EQ(opened.status, error::invalid_argument) << wrong;
        EXPECT_EQ(opened.backend, nullptr);
    }
    ::unsetenv("ZIO_SEED");
}

TEST_F(Host, real_pipes_still_work) {
    Pipe pipe;
    char data[16] = {};
    Transfer read(OperationKind::read, pipe.ends[0], false, data, sizeof data);
    ASSERT_FALSE(loop().start(read));
    loop().poll();
    EXPECT_EQ(loop().next_completed(), nullptr);
    Transfer write(OperationKind::write, pipe.ends[1], false, "from the host", 13);
    ASSERT_TRUE(loop().start(write));
    EXPECT_EQ(write.result, 13);
    loop().poll_until(forever);
    ASSERT_EQ(loop().next_completed(), &read);
    EXPECT_EQ(read.result, 13);
    EXPECT_EQ(std::string(data), "from the host");
    // Canceled: without effect.
    read.reset();
    ASSERT_FALSE(loop().start(read));
    loop().cancel(read);
    ASSERT_EQ(loop().next_completed(), &read);
    EXPECT_EQ(read.result, error::canceled);
    // Both kinds in one wait, by operations and by the table.
    Ready readable(pipe.ends[0], false, os::ready_read);
    ASSERT_FALSE(loop().start(readable));
    const Pair pair = open_connection();
    EXPECT_GT(send(pair.client, "x"), 0);
    EXPECT_EQ(receive(pair.server), 1);
    os::ReadyRequest requests[2] = {{pipe.ends[0], os::ready_read, 0},
                                    {pair.server, os::ready_read, 0}};
    EXPECT_EQ(os::table.wait_ready(requests, 2, os::table.now() + second_ns), 0);
    ASSERT_EQ(::write(pipe.ends[1], "y", 1), 1);
    EXPECT_EQ(os::table.wait_ready(requests, 2, forever), 1);
    EXPECT_EQ(requests[0].got, os::ready_read);
    loop().poll_until(forever);
    ASSERT_EQ(loop().next_completed(), &readable);
    EXPECT_EQ(readable.result, os::ready_read);
    EXPECT_GT(send(pair.client, "x"), 0);
    ASSERT_EQ(::read(pipe.ends[0], data, sizeof data), 1);
    EXPECT_EQ(os::table.wait_ready(requests, 2, forever), 1);
    EXPECT_EQ(requests[1].got, os::ready_read);
    EXPECT_FALSE(backend().idle_for_ever());
}

TEST_F(Host, wakeups_work) {
    os::Handle wakeup = os::no_handle;
    ASSERT_EQ(os::table.open_wakeup(&wakeup), 0);
    EXPECT_EQ(ready(wakeup, os::ready_read), 0u);
    EXPECT_EQ(os::table.raise_wakeup(wakeup), 0);
    EXPECT_EQ(os::table.raise_wakeup(wakeup), 0);
    EXPECT_EQ(ready(wakeup, os::ready_read), os::ready_read);
    EXPECT_EQ(os::table.take_wakeups(wakeup), 2);
    EXPECT_EQ(os::table.close(wakeup), 0);
    loop().wake();
    loop().wake();
    Completed completed;
    const Instant before = loop().now();
    backend().poll(completed, before + hour_ns);
    EXPECT_LT(loop().now(), before + second_ns);
    EXPECT_EQ(backend().take_wakes(), 2u);
    backend().poll(completed, before + hour_ns);
    EXPECT_EQ(loop().now(), before + hour_ns);
}

TEST_F(Host, nothing_can_ever_happen) {
    const Pair pair = open_connection();
    char byte = 0;
    Transfer receive(OperationKind::receive, pair.server, true, &byte, 1);
    ASSERT_FALSE(loop().start(receive));
    const Instant real_begin = real_now();
    loop().poll_until(forever);
    EXPECT_TRUE(backend().idle_for_ever());
    EXPECT_LT(real_now() - real_begin, second_ns);
    loop().poll_until(loop().now() + hour_ns);
    EXPECT_FALSE(backend().idle_for_ever());  // time passed
    EXPECT_EQ(send(pair.client, "x"), 1);
    while (receive.state != OperationState::finished) {
        loop().poll_until(forever);
        loop().next_completed();
        ASSERT_FALSE(backend().idle_for_ever());
    }
    EXPECT_EQ(receive.result, 1);
}

struct Companion {
    Loop* loop = nullptr;
    os::Handle handle = os::no_handle;
    std::atomic<bool> has_begun{false};
    std::atomic<bool> may_end{false};
};

// Sends after a while that is real, from a thread that the world does not know yet.
void* send_late(void* data) {
    auto& companion = *static_cast<Companion*>(data);
    ::usleep(20'000);
    os::table.send(companion.handle, "x", 1, 0);
    return nullptr;
}

void* wake_late(void* data) {
    ::usleep(20'000);
    static_cast<Companion*>(data)->loop->wake();
    return nullptr;
}

TEST_F(Host, waits_for_other_threads) {
    const Pair pair = open_connection();
    char byte = 0;
    for (const auto entry : {send_late, wake_late}) {
        Transfer receive(OperationKind::receive, pair.server, true, &byte, 1);
        ASSERT_FALSE(loop().start(receive));
        Companion companion;
        companion.loop = &loop();
        companion.handle = pair.client;
        pthread_t thread{};
        ASSERT_EQ(pthread_create(&thread, nullptr, entry, &companion), 0);
        loop().poll_until(forever);
        EXPECT_FALSE(backend().idle_for_ever());
        pthread_join(thread, nullptr);
        if (entry == wake_late) {
            EXPECT_EQ(loop().next_completed(), nullptr);
            loop().cancel(receive);
        }
        while (loop().next_completed() != &receive) loop().poll();
        EXPECT_EQ(receive.result, entry == wake_late ? error::canceled : 1);
    }
}

// A loop of its own per thread, one world: both drive it, and time does not run away from the one
// that is busy.
void* serve(void* data) {
    auto& companion = *static_cast<Companion*>(data);
    const std::unique_ptr<Loop> loop = open_loop(7);
    companion.has_begun.store(true);
    Accept accept(companion.handle, true, nullptr);
    if (!loop->start(accept)) {
        while (accept.state != OperationState::finished) {
            loop->poll_until(forever);
            loop->next_completed();
        }
    }
    char data_in[64];
    for (;;) {
        Transfer receive(OperationKind::receive, static_cast<os::Handle>(accept.result), true,
                         data_in, sizeof data_in);
        if (!loop->start(receive)) {
            while (receive.state != OperationState::finished) {
                loop->poll_until(forever);
                loop->next_completed();
            }
        }
        if (receive.result <= 0) break;
        for (std::int64_t sent = 0; sent < receive.result;) {
            Transfer send(OperationKind::send, static_cast<os::Handle>(accept.result), true,
                          data_in + sent, static_cast<std::size_t>(receive.result - sent));
            if (!loop->start(send)) {
                while (send.state != OperationState::finished) {
                    loop->poll_until(forever);
                    loop->next_completed();
                }
            }
            if (send.result <= 0) std::abort();
            sent += send.result;
        }
    }
    os::table.close(static_cast<os::Handle>(accept.result));
    while (!companion.may_end.load()) ::usleep(1000);
    return nullptr;
}

TEST_F(Host, two_threads_share_a_world) {
    os::Address address = loopback(0);
    Companion companion;
    companion.handle = open_listener(&address);
    pthread_t thread{};
    ASSERT_EQ(pthread_create(&thread, nullptr, serve, &companion), 0);
    while (!companion.has_begun.load()) ::usleep(100);
    const os::Handle client = open_socket();
    ASSERT_EQ(connect(client, address), 0);
    std::uint64_t echoed = 0;
    for (int i = 0; i < 200; ++i) {
        const std::int64_t sent = send(client, "0123456789");
        ASSERT_GT(sent, 0);
        for (std::int64_t got = 0; got < sent;) {
            const std::int64_t part = receive(client);
            ASSERT_GT(part, 0);
            EXPECT_EQ(last_,
                      std::string("0123456789")
                          .substr(static_cast<std::size_t>(got), static_cast<std::size_t>(part)));
            got += part;
            echoed += static_cast<std::uint64_t>(part);
        }
    }
    EXPECT_GT(echoed, 200u);
    EXPECT_EQ(os::table.close(client), 0);
    companion.may_end.store(true);
    pthread_join(thread, nullptr);
}

// In a child of its own: the line is written when a process ends.
TEST(LineDeathTest, is_written_once_per_process) {
    EXPECT_EXIT(
        {
            {
                const std::unique_ptr<Loop> loop = open_loop(42);
                loop->poll_until(loop->now() + hour_ns);
                loop->backend().choose(3);
            }
            std::exit(0);
        },
        testing::ExitedWithCode(0),
        "^zio-sim: seed=42 events=1 virtual_ns=3600000000000 hash=[0-9a-f]{16}\n$");
    // A backend that is still open then, and several worlds.
    EXPECT_EXIT(
        {
            open_loop(1)->backend().choose(2);
            Loop* loop = open_loop(2).release();
            loop->backend().choose(2);
            std::exit(0);
        },
        testing::ExitedWithCode(0), "^zio-sim: seed=1 events=2 virtual_ns=0 hash=[0-9a-f]{16}\n$");
}

}  // namespace
}  // namespace zio::loop::simulated
