// SPDX-License-Identifier: MIT
// The readiness backends alone: which calls they make and which they save, and what they do when
// the system refuses.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/core/loop/loop_test.hpp"

namespace zio::loop {
namespace {

unsigned receive_count;
decltype(os::Table::receive) real_receive;
std::int64_t counting_receive(os::Handle handle, void* data, std::size_t size,
                              std::uint32_t flags) {
    ++receive_count;
    return real_receive(handle, data, size, flags);
}

// "abc", one urgent byte, "def".
void send_urgent(os::Handle handle) {
    const int number = static_cast<int>(handle);
    EXPECT_EQ(::send(number, "abc", 3, MSG_NOSIGNAL), 3);
    EXPECT_EQ(::send(number, "!", 1, MSG_NOSIGNAL | MSG_OOB), 1);
    EXPECT_EQ(::send(number, "def", 3, MSG_NOSIGNAL), 3);
}

unsigned wait_count;
decltype(os::Table::wait_ready) real_wait;
std::int64_t counting_wait(os::ReadyRequest* requests, std::size_t count, Instant until) {
    ++wait_count;
    return real_wait(requests, count, until);
}

std::int32_t no_wakeup(os::Handle*) {
    return error::too_many_files;
}

class Readiness : public LoopTest {
  protected:
    void SetUp() override {
        LoopTest::SetUp();
        if (!is("epoll") && !is("poll")) GTEST_SKIP() << "not a readiness backend";
        receive_count = 0;
        real_receive = os::table.receive;
        os::table.receive = counting_receive;
    }
    void TearDown() override {
        os::table = before_;
        LoopTest::TearDown();
    }
    const os::Table before_ = os::table;
    char data_[100] = {};
};

TEST_F(Readiness, a_receive_costs_one_call_when_edges_are_remembered) {
    const Pair pair = open_pair();
    constexpr unsigned rounds = 100;
    Transfer receive(OperationKind::receive, pair.near, true, data_, sizeof data_);
    for (unsigned round = 0; round < rounds; ++round) {
        EXPECT_FALSE(start(receive));
        feed(pair.far, "x");
        EXPECT_EQ(result_of(receive), 1);
        receive.reset();
    }
    EXPECT_EQ(receive_count, is("epoll") ? rounds + 1 : 2 * rounds);
    // Data that is there costs no more than the one call, and no event.
    receive_count = 0;
    feed(pair.far, "y");
    loop().poll_until(loop().now() + ms);
    EXPECT_TRUE(start(receive));
    EXPECT_EQ(receive_count, 1u);
}

TEST_F(Readiness, many_accepts_share_one_event) {
    os::Address address{};
    const os::Handle listener = open_listener(&address);
    std::vector<std::unique_ptr<Accept>> accepts;
    for (int i = 0; i < 10; ++i) {
        accepts.push_back(std::make_unique<Accept>(listener, true, nullptr));
        EXPECT_FALSE(start(*accepts.back()));
    }
    for (int i = 0; i < 10; ++i) {
        const os::Handle client = open_socket(address.family);
        ASSERT_EQ(os::table.connect(client, address), error::in_progress);
    }
    for (auto& accept : accepts) {
        const std::int64_t accepted = result_of(*accept);
        ASSERT_GE(accepted, 0);
        keep(accepted);
    }
}

// A plain descriptor that is closed behind the loop's back, while a copy keeps what it stands for
// alive and ready, costs no event ever after.
TEST_F(Readiness, plain_descriptors_leave_no_registration) {
    const Pair pair = open_pair();
    const int copy = ::dup(static_cast<int>(pair.near));
    ASSERT_GE(keep(copy), 0);
    Transfer receive(OperationKind::receive, pair.near, false, data_, sizeof data_);
    Ready ready(pair.near, false, os::ready_read);
    EXPECT_FALSE(start(receive));
    EXPECT_FALSE(start(ready));
    expect_pending(receive);
    feed(pair.far, "x");
    EXPECT_EQ(result_of(ready), os::ready_read);
    EXPECT_EQ(result_of(receive), 1);
    receive.reset();
    EXPECT_FALSE(start(receive));
    EXPECT_EQ(cancel(receive), error::canceled);
    close_plain(pair.near);
    feed(pair.far, "more");
    if (loop().backend().pollable() != os::no_handle) {
        os::ReadyRequest request{loop().backend().pollable(), os::ready_read, 0};
        EXPECT_EQ(os::table.wait_ready(&request, 1, 0), 0);
    }
    wait_count = 0;
    real_wait = os::table.wait_ready;
    os::table.wait_ready = counting_wait;
    loop().poll_until(loop().now() + 10 * ms);
    EXPECT_LE(wait_count, 2u);
}

TEST_F(Readiness, urgent_data_does_not_hide_what_follows) {
    const Pair pair = open_connection();
    Transfer receive(OperationKind::receive, pair.near, true, data_, sizeof data_);
    EXPECT_FALSE(start(receive));
    loop().poll();
    send_urgent(pair.far);
    std::string all;
    while (all.size() < 6) {
        const std::int64_t got = result_of(receive);
        ASSERT_GT(got, 0);
        all.append(data_, static_cast<std::size_t>(got));
        receive.reset();
        if (all.size() < 6) start(receive);
    }
    EXPECT_EQ(all, "abcdef");
}

TEST_F(Readiness, without_a_descriptor_for_wakes) {
    os::table.open_wakeup = no_wakeup;
    Opened opened = open_backend(chosen_backend(), {});
    if (is("epoll")) {
        EXPECT_EQ(opened.status, error::too_many_files);
        EXPECT_EQ(opened.backend, nullptr);
        EXPECT_STRNE(opened.reason, "");
        return;
    }
    // The poller of plain threads works on, and looks for wakes now and then.
    ASSERT_EQ(opened.status, 0);
    const std::unique_ptr<Backend> backend = std::move(opened.backend);
    Completed completed;
    Instant started = backend->now();
    backend->poll(completed, started + 25 * ms);
    EXPECT_GE(backend->now(), started + 25 * ms);
    backend->wake();
    backend->wake();
    started = backend->now();
    backend->poll(completed, started + patience_ns);
    EXPECT_LT(backend->now(), started + patience_ns / 2);
    EXPECT_EQ(backend->take_wakes(), 2u);
}

TEST(Choice, by_name) {
    const struct {
        const char* name;
        BackendChoice choice;
    } all[] = {{"", BackendChoice::automatic},  {"io_uring", BackendChoice::io_uring},
               {"epoll", BackendChoice::epoll}, {"kqueue", BackendChoice::kqueue},
               {"iocp", BackendChoice::iocp},   {"poll", BackendChoice::poll},
               {"uv", BackendChoice::uv},       {"sim", BackendChoice::simulated}};
    for (const auto& [name, choice] : all) {
        BackendChoice found = BackendChoice::automatic;
        EXPECT_TRUE(choice_of(name, &found)) << name;
        EXPECT_EQ(found, choice) << name;
    }
    for (const char* name : {"Epoll", "epol", "epoll ", "auto", "simulated", "io-uring"}) {
        BackendChoice found;
        EXPECT_FALSE(choice_of(name, &found)) << name;
    }
}

TEST(Choice, what_cannot_be_had_is_an_error_and_nothing_else) {
    for (const BackendChoice choice :
         {BackendChoice::kqueue, BackendChoice::iocp, BackendChoice::uv}) {
        const Opened opened = open_backend(choice, {});
        EXPECT_EQ(opened.backend, nullptr);
        EXPECT_EQ(opened.status, error::not_supported);
        EXPECT_STRNE(opened.reason, "");
    }
    const Opened opened = open_backend(static_cast<BackendChoice>(99), {});
    EXPECT_EQ(opened.backend, nullptr);
    EXPECT_EQ(opened.status, error::invalid_argument);
    EXPECT_STRNE(opened.reason, "");
}

TEST(Choice, automatic_never_simulates) {
    const Opened opened = open_backend(BackendChoice::automatic, {});
    ASSERT_NE(opened.backend, nullptr) << opened.reason;
    EXPECT_STRNE(opened.backend->name(), "sim");
    EXPECT_STRNE(opened.reason, "");
}

TEST(Choice, the_names_are_the_backends_own) {
    for (const char* name : {"epoll", "poll"}) {
        BackendChoice choice = BackendChoice::automatic;
        ASSERT_TRUE(choice_of(name, &choice));
        const Opened opened = open_backend(choice, {});
        ASSERT_NE(opened.backend, nullptr);
        EXPECT_STREQ(opened.backend->name(), name);
        for (unsigned kind = 0; kind < operation_kind_count; ++kind) {
            EXPECT_EQ(opened.backend->support(static_cast<OperationKind>(kind)),
                      Support::by_readiness);
        }
    }
}

}  // namespace
}  // namespace zio::loop
