// SPDX-License-Identifier: MIT
// The two queues and the one call, without operations; and how wide a turn is.
#include "core/loop/backends/io_uring/ring.hpp"

#include "core/loop/backends/io_uring/window.hpp"
#include "tests/core/loop/io_uring/fixture.hpp"

namespace zio::loop::io_uring {
namespace {

constexpr std::uint32_t deferred = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
                                   IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;

class RingTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!can_have_rings()) GTEST_SKIP();
    }
    void TearDown() override { ring_.close(true); }

    void open(std::uint32_t entries, std::uint32_t completions, std::uint32_t flags) {
        const std::int32_t status = ring_.open(entries, completions, flags);
        if (status == -EINVAL) GTEST_SKIP() << "this kernel does not know these flags";
        ASSERT_EQ(status, 0);
    }
    void add_nothing(std::uint64_t cookie) {
        io_uring_sqe* submission = ring_.take();
        ASSERT_NE(submission, nullptr);
        submission->opcode = IORING_OP_NOP;
        submission->fd = -1;
        submission->user_data = cookie;
    }
    std::int32_t enter(std::uint32_t wait_count) {
        return ring_.enter(ring_.queued_count(), wait_count, IORING_ENTER_GETEVENTS, nullptr);
    }

    Ring ring_;
};

TEST_F(RingTest, SubmitsInOrderAndWrapsAround) {
    for (const std::uint32_t flags :
         {std::uint32_t{IORING_SETUP_R_DISABLED}, deferred | os::io_uring_setup_no_sqarray}) {
        open(8, 16, flags);
        ASSERT_EQ(ring_.enable(), 0);
        ASSERT_EQ(ring_.enable(), 0);  // once
        std::uint64_t given = 0;
        std::uint64_t taken = 0;
        for (int round = 0; round < 7; ++round) {
            for (int i = 0; i < 5; ++i) add_nothing(++given);
            ASSERT_EQ(ring_.queued_count(), 5u);
            ASSERT_EQ(enter(5), 5);
            ASSERT_EQ(ring_.queued_count(), 0u);
            for (; ring_.has_completed(); ring_.release(ring_.completion_head() + 1)) {
                const io_uring_cqe& completion = ring_.completion(ring_.completion_head());
                EXPECT_EQ(completion.user_data, ++taken);
                EXPECT_EQ(completion.res, 0);
            }
            ASSERT_EQ(taken, given);
        }
        ring_.close(true);
    }
}

TEST_F(RingTest, AFullQueueGivesNothing) {
    open(4, 8, IORING_SETUP_R_DISABLED);
    ASSERT_EQ(ring_.enable(), 0);
    for (int i = 0; i < 4; ++i) add_nothing(1);
    EXPECT_EQ(ring_.take(), nullptr);
    ASSERT_EQ(enter(0), 4);
    EXPECT_NE(ring_.take(), nullptr);
}

TEST_F(RingTest, OverflownCompletionsComeAfterTheOthers) {
    open(4, 4, IORING_SETUP_R_DISABLED);
    ASSERT_EQ(ring_.enable(), 0);
    const std::uint32_t capacity = ring_.completion_capacity();
    std::uint64_t given = 0;
    while (!ring_.has_overflowed()) {
        ASSERT_LT(given, 4u * capacity) << "the queue never overflowed";
        add_nothing(++given);
        ASSERT_EQ(enter(0), 1);
    }
    std::uint64_t taken = 0;
    for (int i = 0; i < 100 && taken < given; ++i) {
        for (; ring_.has_completed(); ring_.release(ring_.completion_head() + 1)) {
            EXPECT_EQ(ring_.completion(ring_.completion_head()).user_data, ++taken);
        }
        enter(0);
    }
    EXPECT_EQ(taken, given);
    EXPECT_FALSE(ring_.has_overflowed());
}

TEST_F(RingTest, AForgedOperationIsRefused) {
    open(8, 16, deferred);
    ASSERT_EQ(ring_.restrict_to_used(), 0);
    ASSERT_EQ(ring_.enable(), 0);
    for (const std::uint8_t opcode : {IORING_OP_OPENAT, IORING_OP_WRITE, IORING_OP_READ,
                                      IORING_OP_CONNECT, IORING_OP_URING_CMD}) {
        io_uring_sqe* submission = ring_.take();
        ASSERT_NE(submission, nullptr);
        submission->opcode = opcode;
        submission->fd = -1;
        ASSERT_EQ(enter(1), 1);
        ASSERT_TRUE(ring_.has_completed());
        EXPECT_EQ(ring_.completion(ring_.completion_head()).res, -EACCES) << int{opcode};
        ring_.release(ring_.completion_head() + 1);
    }
    // Flags are not used either.
    add_nothing(1);
    io_uring_sqe* submission = ring_.take();
    ASSERT_NE(submission, nullptr);
    submission->flags = IOSQE_ASYNC;
    submission->fd = -1;
    ASSERT_EQ(enter(2), 2);
    EXPECT_EQ(ring_.completion(ring_.completion_head()).res, 0);
    EXPECT_EQ(ring_.completion(ring_.completion_head() + 1).res, -EACCES);
    io_uring_rsrc_update update{};
    EXPECT_EQ(os::io_uring_table.enroll(ring_.descriptor(), IORING_REGISTER_FILES, &update, 1),
              -EACCES);
}

TEST_F(RingTest, ARegisteredDescriptorServesToo) {
    open(8, 16, deferred);
    ASSERT_EQ(ring_.restrict_to_used(), 0);
    ASSERT_EQ(ring_.enable(), 0);
    // More often than a thread has places for them: each is given back.
    for (int i = 0; i < 40; ++i) {
        ASSERT_EQ(ring_.register_descriptor(), 0);
        add_nothing(1);
        ASSERT_EQ(enter(1), 1);
        ASSERT_TRUE(ring_.has_completed());
        ring_.release(ring_.completion_head() + 1);
        ring_.forget_registration(true);
    }
}

TEST(WindowTest, IsHalfOfTheActiveWithinItsBounds) {
    const struct {
        unsigned sockets;
        unsigned width;
    } cases[] = {{1, 4}, {7, 4}, {8, 4}, {16, 8}, {40, 20}, {64, 32}, {200, 32}, {5000, 32}};
    for (const auto& [sockets, width] : cases) {
        Window window;
        EXPECT_EQ(window.width(), 4u);
        for (unsigned i = 0; i < 10 * 256; ++i) window.count(10 + i % sockets);
        EXPECT_EQ(window.width(), width) << sockets << " sockets";
    }
}

TEST(WindowTest, FollowsWhenMostFallSilent) {
    Window window;
    for (unsigned i = 0; i < 1024; ++i) window.count(i % 64);
    EXPECT_EQ(window.width(), 32u);
    for (unsigned i = 0; i < 1024; ++i) window.count(i % 10);
    EXPECT_EQ(window.width(), 5u);
}

}  // namespace
}  // namespace zio::loop::io_uring
