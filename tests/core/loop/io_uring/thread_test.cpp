// SPDX-License-Identifier: MIT
// Made on one thread, driven on another, then on a third: one at a time, with and without
// operations under way.
#include <atomic>
#include <functional>
#include <thread>

#include "tests/core/loop/io_uring/fixture.hpp"

namespace zio::loop::io_uring {
namespace {

// A thread that does one thing after another and lives until the end.
class Driver {
  public:
    Driver() : thread_([this] { serve(); }) {}
    ~Driver() { end(); }
    void run(std::function<void()> work) {
        work_ = std::move(work);
        has_work_.store(true);
        has_work_.notify_one();
        has_work_.wait(true);
    }
    void end() {
        if (!thread_.joinable()) return;
        run([this] { stop_ = true; });
        thread_.join();
    }

  private:
    void serve() {
        while (!stop_) {
            has_work_.wait(false);
            work_();
            has_work_.store(false);
            has_work_.notify_one();
        }
    }
    std::atomic<bool> has_work_{false};
    bool stop_ = false;
    std::function<void()> work_;
    std::thread thread_;
};

class ThreadTest : public RingLoopTest {
  protected:
    // One byte through the loop, on the calling thread.
    void echo() {
        char letter = 0;
        Transfer receive(OperationKind::receive, near_, true, &letter, 1);
        ASSERT_FALSE(loop().start(receive));
        poll();
        ASSERT_EQ(os::table.send(far_, "e", 1, 0), 1);
        EXPECT_EQ(result_of(receive), 1);
        EXPECT_EQ(letter, 'e');
    }
    void SetUp() override {
        RingLoopTest::SetUp();
        if (!IsSkipped()) open_pair(&near_, &far_);
    }
    bool is_bound() { return (setup_flags() & IORING_SETUP_SINGLE_ISSUER) != 0; }

    os::Handle near_ = os::no_handle;
    os::Handle far_ = os::no_handle;
};

TEST_P(ThreadTest, MadeHereDrivenThereThenElsewhere) {
    Driver second;
    Driver third;
    for (int i = 0; i < 40; ++i) {
        second.run([this] { echo(); });
        third.run([this] { echo(); });
        echo();
    }
}

TEST_P(ThreadTest, QueuedOperationsGoAlong) {
    echo();
    Driver second;
    char letter = 0;
    Transfer receive(OperationKind::receive, near_, true, &letter, 1);
    ASSERT_FALSE(loop().start(receive));
    second.run([&] {
        poll();
        ASSERT_EQ(os::table.send(far_, "q", 1, 0), 1);
        EXPECT_EQ(result_of(receive), 1);
        EXPECT_EQ(letter, 'q');
    });
}

TEST_P(ThreadTest, WakesReachTheNewDriver) {
    poll();
    Driver second;
    backend().wake();  // raised before, seen after the change
    second.run([this] {
        Completed none;
        backend().poll(none, loop().now() + 10 * second_ns);
        EXPECT_EQ(backend().take_wakes(), 1u);
    });
    std::thread waker([this] { backend().wake(); });
    second.run([this] {
        Completed none;
        backend().poll(none, loop().now() + 10 * second_ns);
        EXPECT_EQ(backend().take_wakes(), 1u);
    });
    waker.join();
}

// The kernel gives back what the thread that ended had under way, and it goes on here.
TEST_P(ThreadTest, OperationsOutliveTheirThread) {
    char letters[2] = {};
    Transfer receive(OperationKind::receive, near_, true, &letters[0], 1);
    Ready watcher(far_, true, os::ready_read);
    {
        Driver second;
        second.run([&] {
            ASSERT_FALSE(loop().start(receive));
            ASSERT_FALSE(loop().start(watcher));
            poll();
            poll();
        });
    }
    EXPECT_TRUE(poll(loop().now() + 50'000'000).empty());
    ASSERT_EQ(os::table.send(far_, "o", 1, 0), 1);
    EXPECT_EQ(result_of(receive), 1);
    EXPECT_EQ(letters[0], 'o');
    ASSERT_EQ(os::table.send(near_, "w", 1, 0), 1);
    EXPECT_EQ(result_of(watcher), std::int64_t{os::ready_read});
    echo();
}

// While they are held by a living thread, that thread alone can finish them on a ring that is
// bound; others just go on. Nothing is lost in either case, and nobody hangs.
TEST_P(ThreadTest, HeldByALivingThread) {
    Driver second;
    char first_letter = 0;
    Transfer held(OperationKind::receive, near_, true, &first_letter, 1);
    second.run([&] {
        ASSERT_FALSE(loop().start(held));
        poll();
    });
    os::Handle near = os::no_handle;
    os::Handle far = os::no_handle;
    open_pair(&near, &far);
    ASSERT_EQ(os::table.send(far, "n", 1, 0), 1);
    char letter = 0;
    Transfer receive(OperationKind::receive, near, true, &letter, 1);
    ASSERT_FALSE(loop().start(receive));
    EXPECT_EQ(result_of(receive), is_bound() ? std::int64_t{error::busy} : 1);
    const Instant until = loop().now() + 30'000'000;
    EXPECT_TRUE(poll(until).empty());
    EXPECT_GE(loop().now(), until);
    backend().wake();
    Completed none;
    backend().poll(none, forever);
    EXPECT_EQ(backend().take_wakes(), 1u);

    ASSERT_EQ(os::table.send(far_, "h", 1, 0), 1);
    second.run([&] {
        EXPECT_EQ(result_of(held), 1);
        EXPECT_EQ(first_letter, 'h');
    });
    echo();
}

// No descriptor for the new ring: what was started ends with the reason, and later there is one.
TEST_P(ThreadTest, NoRingForTheNewThread) {
    echo();
    if (!is_bound()) GTEST_SKIP() << "this ring needs no other";
    Driver second;
    second.run([this] {
        char letter = 0;
        {
            Door door;
            door.setup_failure = -EMFILE;
            Transfer receive(OperationKind::receive, near_, true, &letter, 1);
            ASSERT_FALSE(loop().start(receive));
            EXPECT_EQ(result_of(receive), error::too_many_files);
            const Instant until = loop().now() + 5'000'000;
            EXPECT_TRUE(poll(until).empty());
            EXPECT_GE(loop().now(), until);
        }
        echo();
    });
}

ZIO_ALL_LEVELS(ThreadTest);

}  // namespace
}  // namespace zio::loop::io_uring
