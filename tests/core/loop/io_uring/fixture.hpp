// SPDX-License-Identifier: MIT
#pragma once
// A loop on io_uring at a chosen level of set-up flags, and a door through which every system call
// on the ring is counted and can be failed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/loop/backends/io_uring/io_uring.hpp"
#include "core/loop/loop.hpp"

namespace zio::loop::io_uring {

// Whether rings can be had here at all; the reason is printed when not.
inline bool can_have_rings() {
    const Opened opened = open_io_uring({});
    if (opened.backend == nullptr) std::printf("skipped: %s\n", opened.reason);
    return opened.backend != nullptr;
}

// Stands in front of the real calls while it lives.
class Door {
  public:
    Door() : real_(os::io_uring_table) {
        current_ = this;
        os::io_uring_table.setup = [](std::uint32_t entries, io_uring_params* parameters) {
            Door& door = *current_;
            ++door.setup_count;
            if (door.setup_failure != 0) return door.setup_failure;
            if ((parameters->flags & door.unknown_setup_flags) != 0) return -EINVAL;
            return door.real_.setup(entries, parameters);
        };
        os::io_uring_table.enter = [](std::int32_t ring, std::uint32_t submit_count,
                                      std::uint32_t wait_count, std::uint32_t flags,
                                      const io_uring_getevents_arg* argument) {
            Door& door = *current_;
            ++door.enter_count;
            door.widest = std::max(door.widest, submit_count);
            if (submit_count != 0 && door.misled_cancels != 0) door.mislead();
            if (submit_count != 0 && door.refused_submissions != 0) {
                --door.refused_submissions;
                return door.submission_failure;
            }
            return door.real_.enter(ring, submit_count, wait_count, flags, argument);
        };
        os::io_uring_table.enroll = [](std::int32_t ring, std::uint32_t what, void* argument,
                                       std::uint32_t count) {
            Door& door = *current_;
            if (what == door.failing_enrolment) return door.enrolment_failure;
            return door.real_.enroll(ring, what, argument, count);
        };
        os::io_uring_table.map = [](std::int32_t ring, std::size_t size, std::uint64_t offset,
                                    void** out) {
            Door& door = *current_;
            const std::int32_t status = door.real_.map(ring, size, offset, out);
            if (status == 0 && offset == IORING_OFF_SQES) {
                door.submissions_ = static_cast<io_uring_sqe*>(*out);
                door.submission_count_ = size / sizeof(io_uring_sqe);
            }
            return status;
        };
    }
    ~Door() { os::io_uring_table = real_; }

    unsigned setup_count = 0;
    std::int32_t setup_failure = 0;
    std::uint32_t unknown_setup_flags = 0;
    unsigned enter_count = 0;
    std::uint32_t widest = 0;
    unsigned refused_submissions = 0;
    unsigned misled_cancels = 0;  // of the ring that was opened last, behind this door
    std::int32_t submission_failure = -EAGAIN;
    std::uint32_t failing_enrolment = UINT32_MAX;
    std::int32_t enrolment_failure = -EINVAL;

  private:
    // Cancels find nothing, as when they meet their operation between two of its states.
    void mislead() {
        for (std::size_t i = 0; i < submission_count_; ++i) {
            if (submissions_[i].opcode != IORING_OP_ASYNC_CANCEL) continue;
            if ((submissions_[i].addr & 1) != 0) continue;
            submissions_[i].addr |= 1;
            if (--misled_cancels == 0) return;
        }
    }

    io_uring_sqe* submissions_ = nullptr;
    std::size_t submission_count_ = 0;
    static inline Door* current_ = nullptr;
    const os::IoUringTable real_;
};

// The levels by the names of ZIO_IO_URING_FLAGS.
class RingLoopTest : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (!can_have_rings()) GTEST_SKIP();
        ::setenv("ZIO_IO_URING_FLAGS", GetParam(), 1);
        open({});
    }
    void TearDown() override {
        if (loop_ != nullptr) {
            EXPECT_EQ(loop_->pending_count(), 0u);
            loop_->poll();
            EXPECT_EQ(loop_->next_completed(), nullptr);
            EXPECT_TRUE(loop_->close_inbox());
        }
        loop_.reset();
        for (os::Handle handle : handles_) os::table.close(handle);
        ::unsetenv("ZIO_IO_URING_FLAGS");
    }
    void open(const BackendOptions& options) {
        if (loop_ != nullptr) {
            EXPECT_TRUE(loop_->close_inbox());
        }
        Opened opened = open_io_uring(options);
        ASSERT_EQ(opened.status, 0) << opened.reason;
        backend_ = static_cast<IoUring*>(opened.backend.get());
        loop_ = std::make_unique<Loop>(std::move(opened.backend));
    }
    Loop& loop() { return *loop_; }
    IoUring& backend() { return *backend_; }
    std::uint32_t setup_flags() { return backend().ring().setup_flags(); }

    void open_pair(os::Handle* near, os::Handle* far) {
        ASSERT_EQ(os::table.open_pair(near, far), 0);
        handles_.push_back(*near);
        handles_.push_back(*far);
    }
    // The operations that this poll finished.
    std::vector<Operation*> poll(Instant until = 0) {
        loop().poll_until(until);
        std::vector<Operation*> finished;
        while (Operation* operation = loop().next_completed()) finished.push_back(operation);
        return finished;
    }
    std::int64_t result_of(Operation& operation) {
        const Instant end = loop().now() + 10 * second_ns;
        while (operation.state != OperationState::finished && loop().now() < end) poll(end);
        EXPECT_EQ(operation.state, OperationState::finished);
        // One that a cancel ended on the spot is reported all the same.
        while (loop().next_completed() != nullptr) {
        }
        return operation.result;
    }

  private:
    std::unique_ptr<Loop> loop_;
    IoUring* backend_ = nullptr;
    std::vector<os::Handle> handles_;
};

inline const auto level_name = [](const auto& info) {
    return std::string(info.param);
};
#define ZIO_ALL_LEVELS(suite) \
    INSTANTIATE_TEST_SUITE_P(Level, suite, testing::Values("defer", "coop", "plain"), level_name)

}  // namespace zio::loop::io_uring
