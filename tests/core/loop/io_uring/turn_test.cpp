// SPDX-License-Identifier: MIT
// One turn of the loop: what is submitted, how often the kernel is entered, who is served, and what
// happens when one of the queues is full.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <thread>

#include "tests/core/loop/io_uring/fixture.hpp"

namespace zio::loop::io_uring {
namespace {

// A socket with one receive at a time on it.
struct Reader {
    os::Handle near = os::no_handle;
    os::Handle far = os::no_handle;
    char byte = 0;
    unsigned served = 0;
    std::unique_ptr<Transfer> receive;

    void open() { ASSERT_EQ(os::table.open_pair(&near, &far), 0); }
    ~Reader() {
        os::table.close(near);
        os::table.close(far);
    }
    Operation& make() {
        receive = std::make_unique<Transfer>(OperationKind::receive, near, true, &byte, 1);
        receive->waiter = this;
        return *receive;
    }
    void feed() { ASSERT_EQ(os::table.send(far, "x", 1, 0), 1); }
};

class TurnTest : public RingLoopTest {
  protected:
    void TearDown() override {
        for (Reader& reader : readers_) {
            if (reader.receive != nullptr) loop().cancel(*reader.receive);
        }
        for (int i = 0; i < 100 && loop_has_pending(); ++i) poll(loop().now() + second_ns / 10);
        RingLoopTest::TearDown();
    }
    bool loop_has_pending() { return !IsSkipped() && loop().pending_count() != 0; }
    void open_readers(unsigned count) {
        for (unsigned i = 0; i < count; ++i) readers_.emplace_back().open();
    }
    void start_all() {
        for (Reader& reader : readers_) ASSERT_FALSE(loop().start(reader.make()));
    }

    // Gives all of them to the kernel.
    void arm_all() {
        while (backend().has_queued()) ASSERT_TRUE(poll().empty());
    }

    std::deque<Reader> readers_;
};

TEST_P(TurnTest, AnIdlePollMakesNoSystemCall) {
    poll();
    poll();
    Door door;
    for (int i = 0; i < 100; ++i) poll();
    EXPECT_EQ(door.enter_count, 0u);
    open_readers(1);
    start_all();
    EXPECT_TRUE(backend().has_queued());
    poll();
    EXPECT_EQ(door.enter_count, 1u);
    EXPECT_FALSE(backend().has_queued());
    for (int i = 0; i < 100; ++i) poll();
    EXPECT_LE(door.enter_count, 2u);
    readers_[0].feed();
    EXPECT_EQ(poll(loop().now() + second_ns).size(), 1u);
}

TEST_P(TurnTest, SubmitsAndWaitsInOneEntry) {
    open_readers(4);
    start_all();
    for (Reader& reader : readers_) reader.feed();
    poll();
    start_all();
    for (Reader& reader : readers_) reader.feed();
    Door door;
    EXPECT_EQ(poll(loop().now() + second_ns).size(), 4u);
    EXPECT_EQ(door.enter_count, 1u);
}

TEST_P(TurnTest, WaitsToTheInstantAndNotLess) {
    poll();
    Door door;
    for (const Instant pause : {Instant{1}, Instant{1000}, Instant{300'000}, Instant{5'000'000}}) {
        const Instant until = loop().now() + pause;
        poll(until);
        EXPECT_GE(loop().now(), until);
    }
    EXPECT_LE(door.enter_count, 8u);
    poll(1);  // long past
}

TEST_P(TurnTest, SendsAreSubmittedInACrowdOnly) {
    open_readers(10);
    start_all();
    poll();
    poll();
    poll();
    Transfer alone(OperationKind::send, readers_[0].near, true, "a", 1);
    EXPECT_TRUE(loop().start(alone));
    EXPECT_EQ(alone.result, 1);
    for (Reader& reader : readers_) reader.feed();
    ASSERT_EQ(poll(loop().now() + second_ns).size(), 10u);
    std::deque<Transfer> sends;
    for (Reader& reader : readers_) {
        sends.emplace_back(OperationKind::send, reader.near, true, "bcd", 3);
        EXPECT_FALSE(loop().start(sends.back()));
    }
    // Nothing to move is not worth it.
    Transfer empty(OperationKind::send, readers_[0].near, true, "", 0);
    EXPECT_TRUE(loop().start(empty));
    for (Transfer& send : sends) EXPECT_EQ(result_of(send), 3);
    char got[8];
    EXPECT_EQ(os::table.receive(readers_[0].far, got, sizeof got, 0), 4);
    EXPECT_EQ(os::table.receive(readers_[9].far, got, sizeof got, 0), 3);
}

TEST_P(TurnTest, NothingToMoveEndsAtOnce) {
    open_readers(1);
    Transfer receive(OperationKind::receive, readers_[0].near, true, nullptr, 0);
    EXPECT_TRUE(loop().start(receive));
    EXPECT_EQ(receive.result, 0);
    os::Buffer pieces[2] = {{nullptr, 0}, {nullptr, 0}};
    VectorTransfer vector(OperationKind::receive_vector, readers_[0].near, true, pieces, 2);
    EXPECT_TRUE(loop().start(vector));
    EXPECT_EQ(vector.result, 0);
}

TEST_P(TurnTest, ArmsFewReceivesATurnButAllBeforeItSleeps) {
    open_readers(200);
    poll();
    start_all();
    Door door;
    poll();
    EXPECT_LE(door.widest, 4u);
    poll(loop().now() + 100'000'000);
    EXPECT_FALSE(backend().has_queued());
    EXPECT_LE(door.widest, 4u);
    for (Reader& reader : readers_) reader.feed();
    unsigned finished = 0;
    while (finished < 200) {
        const std::size_t count = poll(loop().now() + second_ns).size();
        ASSERT_GT(count, 0u);
        finished += static_cast<unsigned>(count);
    }
}

// Every socket has data all the time. One served again before another was served at all would show.
TEST_P(TurnTest, ServesInTurnsWhenAllAreReady) {
    open_readers(100);
    start_all();
    for (Reader& reader : readers_) reader.feed();
    for (unsigned i = 0; i < 100 * 50;) {
        const auto finished = poll(loop().now() + second_ns);
        ASSERT_GT(finished.size(), 0u);
        i += static_cast<unsigned>(finished.size());
        for (Operation* operation : finished) {
            Reader& reader = *static_cast<Reader*>(operation->waiter);
            EXPECT_EQ(operation->result, 1);
            ++reader.served;
            reader.feed();
            loop().start(reader.make());
        }
    }
    const auto [least, most] =
        std::minmax_element(readers_.begin(), readers_.end(),
                            [](const Reader& a, const Reader& b) { return a.served < b.served; });
    EXPECT_LE(most->served - least->served, 1u);
}

// They all waited first, so that their completions are deferred, and those that were served have
// data again at once, which the kernel would hand out ahead of the deferred ones.
TEST_P(TurnTest, TheDeferredDoNotStarve) {
    open_readers(300);
    start_all();
    arm_all();
    for (Reader& reader : readers_) reader.feed();
    unsigned served_count = 0;
    unsigned most = 0;
    for (int turn = 0; turn < 200; ++turn) {
        for (Operation* operation : poll(loop().now() + second_ns)) {
            Reader& reader = *static_cast<Reader*>(operation->waiter);
            served_count += reader.served == 0;
            ++reader.served;
            if (served_count < readers_.size()) most = std::max(most, reader.served);
            reader.feed();
            loop().start(reader.make());
        }
    }
    EXPECT_EQ(served_count, readers_.size());
    EXPECT_EQ(most, 1u) << "one was served again before all were served";
    std::vector<unsigned> served;
    for (const Reader& reader : readers_) served.push_back(reader.served);
    std::sort(served.begin(), served.end());
    EXPECT_GE(served.front() * 10, served[served.size() / 2] * 7);
    EXPECT_GE(served.front(), 3u);
}

TEST_P(TurnTest, AFullRingLosesNothing) {
    open({.ring_entries = 4});
    open_readers(100);
    start_all();
    arm_all();
    for (unsigned i = 0; i < 100; i += 2) readers_[i].feed();
    for (Reader& reader : readers_) loop().cancel(*reader.receive);
    while (loop().pending_count() != 0) poll(loop().now() + second_ns);
    for (unsigned i = 0; i < 100; ++i) {
        const std::int64_t result = readers_[i].receive->result;
        if (i % 2 != 0) {
            EXPECT_EQ(result, error::canceled);
        } else {
            // Either it has the byte, or the byte is still there.
            EXPECT_TRUE(result == 1 || result == error::canceled) << result;
            char byte = 0;
            EXPECT_EQ(os::table.receive(readers_[i].near, &byte, 1, 0),
                      result == 1 ? std::int64_t{error::would_block} : 1);
        }
    }
}

TEST_P(TurnTest, SubmissionsThatTheKernelRefusesAreMadeAgain) {
    open({.ring_entries = 4});
    poll();
    for (const std::int32_t code : {EAGAIN, EBUSY, ENOMEM}) {
        readers_.clear();
        open_readers(50);
        start_all();
        Door door;
        door.refused_submissions = 7;
        door.submission_failure = -code;
        for (Reader& reader : readers_) reader.feed();
        for (unsigned i = 0; i < 50; i += 5) loop().cancel(*readers_[i].receive);
        while (loop().pending_count() != 0) poll(loop().now() + second_ns);
        EXPECT_EQ(door.refused_submissions, 0u);
        for (unsigned i = 0; i < 50; ++i) {
            EXPECT_EQ(readers_[i].receive->result, i % 5 == 0 ? error::canceled : 1);
        }
        EXPECT_LT(door.enter_count, 200u) << "it was busy waiting";
    }
}

TEST_P(TurnTest, MoreCompletionsThanTheQueueHolds) {
    open({.ring_entries = 64});
    os::Handle near = os::no_handle;
    os::Handle far = os::no_handle;
    open_pair(&near, &far);
    const unsigned count = backend().ring().completion_capacity() + 2000;
    std::deque<Ready> watchers;
    for (unsigned i = 0; i < count; ++i) {
        watchers.emplace_back(near, true, os::ready_read);
        ASSERT_FALSE(loop().start(watchers.back()));
    }
    poll();
    ASSERT_FALSE(backend().has_queued());
    ASSERT_EQ(os::table.send(far, "x", 1, 0), 1);
    // Only a ring that defers them has not posted them by now, and there is room for some of them.
    EXPECT_EQ(backend().ring().has_overflowed(), std::string(GetParam()) != "defer");
    unsigned finished = 0;
    while (finished < count) {
        const std::size_t some = poll(loop().now() + second_ns).size();
        ASSERT_GT(some, 0u);
        finished += static_cast<unsigned>(some);
    }
    for (Ready& watcher : watchers) {
        ASSERT_EQ(watcher.state, OperationState::finished);
        ASSERT_EQ(watcher.result, std::int64_t{os::ready_read});
    }
}

TEST_P(TurnTest, CanceledBeforeItWasSubmittedItEndsHereAndNow) {
    open_readers(3);
    poll();
    start_all();
    Door door;
    loop().cancel(*readers_[1].receive);
    EXPECT_EQ(readers_[1].receive->state, OperationState::finished);
    EXPECT_EQ(readers_[1].receive->result, error::canceled);
    EXPECT_EQ(door.enter_count, 0u);
    for (Reader& reader : readers_) reader.feed();
    while (loop().pending_count() != 0) poll(loop().now() + second_ns);
    EXPECT_EQ(readers_[0].receive->result, 1);
    EXPECT_EQ(readers_[2].receive->result, 1);
    char byte = 0;
    EXPECT_EQ(os::table.receive(readers_[1].near, &byte, 1, 0), 1);
}

TEST_P(TurnTest, ACancelThatFoundNothingIsSentAgain) {
    Door door;
    open({});
    open_readers(3);
    start_all();
    arm_all();
    door.misled_cancels = 2;
    for (Reader& reader : readers_) loop().cancel(*reader.receive);
    const Instant before = loop().now();
    while (loop().pending_count() != 0 && loop().now() < before + 10 * second_ns) {
        poll(before + 10 * second_ns);
    }
    EXPECT_EQ(door.misled_cancels, 0u);
    for (Reader& reader : readers_) EXPECT_EQ(reader.receive->result, error::canceled);
    EXPECT_LT(loop().now(), before + 5 * second_ns);
    EXPECT_LT(door.enter_count, 50u);
}

TEST_P(TurnTest, EveryWakeIsCounted) {
    backend().wake();
    backend().wake();
    backend().wake();
    Completed none;
    backend().poll(none, forever);
    EXPECT_EQ(backend().take_wakes(), 3u);
    EXPECT_EQ(backend().take_wakes(), 0u);
    constexpr unsigned many = 20000;
    std::thread other([this] {
        for (unsigned i = 0; i < many; ++i) backend().wake();
    });
    std::uint64_t seen = 0;
    while (seen < many) {
        backend().poll(none, loop().now() + 10 * second_ns);
        const std::uint64_t some = backend().take_wakes();
        if (some == 0) break;
        seen += some;
    }
    other.join();
    EXPECT_EQ(seen, many);
    EXPECT_TRUE(none.empty());
}

Backend* signaled_backend = nullptr;

TEST_P(TurnTest, WakesFromASignalHandler) {
    poll();
    signaled_backend = &backend();
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = [](int) {
        signaled_backend->wake();
    };
    ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
    ::ualarm(3000, 0);
    Completed none;
    backend().poll(none, forever);
    EXPECT_EQ(backend().take_wakes(), 1u);
    ::sigaction(SIGALRM, &before, nullptr);
}

TEST_P(TurnTest, AcceptsAtOnceWhileAQueueIsThere) {
    os::Handle listener = os::no_handle;
    os::Address address{};
    address.family = os::family_version_4;
    address.ip[0] = 127;
    address.ip[3] = 1;
    ASSERT_EQ(os::table.open_socket(address.family, &listener), 0);
    ASSERT_EQ(os::table.bind(listener, address), 0);
    ASSERT_EQ(os::table.listen(listener, 16), 0);
    ASSERT_EQ(os::table.local_address(listener, &address), 0);
    std::vector<os::Handle> opened = {listener};
    std::vector<os::Address> names;
    for (int i = 0; i < 3; ++i) {
        os::Handle client = os::no_handle;
        ASSERT_EQ(os::table.open_socket(address.family, &client), 0);
        opened.push_back(client);
        const std::int32_t status = os::table.connect(client, address);
        ASSERT_TRUE(status == 0 || status == error::in_progress);
        ASSERT_EQ(os::table.local_address(client, &names.emplace_back()), 0);
    }
    for (int i = 0; i < 3; ++i) {
        os::Address peer{};
        Accept accept(listener, true, &peer);
        EXPECT_EQ(loop().start(accept), i != 0);
        ASSERT_GE(result_of(accept), 0);
        const int accepted = static_cast<int>(accept.result);
        opened.push_back(accepted);
        EXPECT_EQ(::fcntl(accepted, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        EXPECT_EQ(::fcntl(accepted, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        const os::Address& name = names[static_cast<unsigned>(i)];
        EXPECT_EQ(peer.family, name.family);
        EXPECT_EQ(peer.port, name.port);
        EXPECT_TRUE(std::equal(peer.ip, peer.ip + 4, name.ip));
    }
    Accept accept(listener, true, nullptr);
    EXPECT_FALSE(loop().start(accept));
    poll();
    loop().cancel(accept);
    EXPECT_EQ(result_of(accept), error::canceled);
    for (const os::Handle handle : opened) os::table.close(handle);
}

ZIO_ALL_LEVELS(TurnTest);

}  // namespace
}  // namespace zio::loop::io_uring
