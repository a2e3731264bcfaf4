// SPDX-License-Identifier: MIT
// The epoll backend when the system refuses one of its calls.
#include "core/os/linux/epoll.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "core/base/error.hpp"
#include "core/loop/backend.hpp"
#include "core/os/table.hpp"

namespace {

using zio::Instant;
namespace error = zio::error;
namespace loop = zio::loop;
namespace os = zio::os;

os::EpollTable real;
int closes;
std::int32_t waited_ms;

class Epoll : public testing::Test {
  protected:
    Epoll() {
        real = os::epoll_table;
        closes = 0;
        waited_ms = -2;
        os::epoll_table.close = [](std::int32_t epoll) {
            ++closes;
            real.close(epoll);
        };
    }
    ~Epoll() override { os::epoll_table = real; }
    static loop::Opened open() { return loop::open_backend(loop::BackendChoice::epoll, {}); }
};

TEST_F(Epoll, ThatCannotBeOpenedSaysWhy) {
    os::epoll_table.create = [] {
        return error::too_many_files;
    };
    const loop::Opened opened = open();
    EXPECT_EQ(opened.backend, nullptr);
    EXPECT_EQ(opened.status, error::too_many_files);
    EXPECT_NE(std::strstr(opened.reason, "epoll"), nullptr);
    EXPECT_EQ(closes, 0);
}

TEST_F(Epoll, ThatTakesNoDescriptorIsClosedAgain) {
    os::epoll_table.control = [](std::int32_t, std::int32_t, std::int32_t, epoll_event*) {
        return error::no_memory;
    };
    const loop::Opened opened = open();
    EXPECT_EQ(opened.backend, nullptr);
    EXPECT_EQ(opened.status, error::no_memory);
    EXPECT_EQ(closes, 1);
}

// Before Linux 5.11: a wait is rounded up to milliseconds, never down, and asked for once only.
TEST_F(Epoll, WithoutPreciseWaitsNeverWakesEarly) {
    static int precise;
    precise = 0;
    os::epoll_table.wait_precisely = [](std::int32_t, epoll_event*, std::int32_t, Instant) {
        ++precise;
        return error::no_system_call;
    };
    os::epoll_table.wait = [](std::int32_t epoll, epoll_event* events, std::int32_t capacity,
                              std::int32_t timeout_ms) {
        waited_ms = timeout_ms;
        return real.wait(epoll, events, capacity, timeout_ms);
    };
    loop::Opened opened = open();
    ASSERT_NE(opened.backend, nullptr);
    loop::Completed completed;
    for (int i = 0; i < 3; ++i) {
        const Instant due = os::table.now() + 2'300'000;
        opened.backend->poll(completed, due);
        EXPECT_GE(os::table.now(), due);
        EXPECT_LE(waited_ms, 3);
        EXPECT_GE(waited_ms, 1);
    }
    EXPECT_EQ(precise, 1);
    EXPECT_TRUE(completed.empty());
}

}  // namespace
