// SPDX-License-Identifier: MIT
// Plain descriptors of a real system: pipes, terminals, counters, files, in whatever mode they are,
// with several operations on one of them. Nothing of them stays behind in the loop.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/core/loop/loop_test.hpp"

namespace zio::loop {
namespace {

class Plain : public LoopTest {
  protected:
    void SetUp() override {
        LoopTest::SetUp();
        if (is_simulated()) GTEST_SKIP() << "these are the real system's own";
    }
    // In blocking mode, as most pipes are.
    Pair open_pipe(int flags = 0) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, flags | O_CLOEXEC), 0);
        return {keep(ends[0]), keep(ends[1])};
    }
    char data_[4096] = {};
};

TEST_F(Plain, a_pipe_in_blocking_mode_never_holds_the_thread) {
    const Pair pipe = open_pipe();
    Transfer read(OperationKind::read, pipe.near, false, data_, sizeof data_);
    EXPECT_FALSE(start(read));
    expect_pending(read);
    EXPECT_EQ(::write(pipe.far, "hello", 5), 5);
    EXPECT_EQ(result_of(read), 5);
    // More than it holds: it takes what it has room for.
    std::vector<char> much(1 << 20, 'm');
    Transfer write(OperationKind::write, pipe.far, false, much.data(), much.size());
    std::size_t written = 0;
    while (start(write) || wait_for(write, loop().now() + 50 * ms)) {
        ASSERT_GT(write.result, 0);
        written += static_cast<std::size_t>(write.result);
        write.reset();
    }
    EXPECT_GE(written, 65536u);
    const os::Buffer pieces[3] = {{much.data(), 0}, {much.data(), 5000}, {much.data(), 5000}};
    VectorTransfer vector(OperationKind::write_vector, pipe.far, false, pieces, 3);
    EXPECT_FALSE(start(vector));
    expect_pending(vector);
    std::vector<char> all(written);
    std::size_t got = 0;
    while (got < written) {
        const ssize_t count = ::read(pipe.near, all.data() + got, written - got);
        ASSERT_GT(count, 0);
        got += static_cast<std::size_t>(count);
        loop().poll();
    }
    std::int64_t late = result_of(write);
    EXPECT_GT(late, 0);
    const std::int64_t vector_result = result_of(vector);
    EXPECT_GT(vector_result, 0);
    EXPECT_LE(vector_result, 10'000);
    for (late += vector_result; late > 0;) {
        const ssize_t count = ::read(pipe.near, data_, sizeof data_);
        ASSERT_GT(count, 0);
        late -= count;
    }
    EXPECT_EQ(late, 0);
}

TEST_F(Plain, the_ends_of_a_pipe) {
    Pair pipe = open_pipe();
    Transfer read(OperationKind::read, pipe.near, false, data_, sizeof data_);
    EXPECT_FALSE(start(read));
    expect_pending(read);
    close(pipe.far);
    EXPECT_EQ(result_of(read), 0);
    // Without readers: an error value, and no signal for a process that handles none.
    ASSERT_NE(signal(SIGPIPE, SIG_DFL), SIG_ERR);
    for (const bool kept : {false, true}) {
        pipe = open_pipe(O_NONBLOCK);
        close(pipe.near);
        Transfer write(OperationKind::write, pipe.far, kept, data_, 10);
        EXPECT_EQ(run(write), error::broken_pipe);
        const os::Buffer piece{data_, 10};
        VectorTransfer vector(OperationKind::write_vector, pipe.far, kept, &piece, 1);
        EXPECT_EQ(run(vector), error::broken_pipe);
        sigset_t pending;
        sigpending(&pending);
        EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
    }
}

TEST_F(Plain, a_writer_that_waits_hears_that_the_reader_went) {
    const Pair pipe = open_pipe(O_NONBLOCK);
    Transfer write(OperationKind::write, pipe.far, true, data_, sizeof data_);
    while (start(write) || wait_for(write, loop().now() + 50 * ms)) {
        ASSERT_GT(write.result, 0);
        write.reset();
    }
    close(pipe.near);
    EXPECT_EQ(result_of(write), error::broken_pipe);
}

TEST_F(Plain, several_wait_for_one_pipe) {
    const Pair pipe = open_pipe();
    std::vector<std::unique_ptr<Transfer>> reads;
    for (int i = 0; i < 5; ++i) {
        reads.push_back(
            std::make_unique<Transfer>(OperationKind::read, pipe.near, false, data_ + i, 1));
        EXPECT_FALSE(start(*reads.back()));
    }
    Ready ready(pipe.near, false, os::ready_read);
    EXPECT_FALSE(start(ready));
    loop().poll();
    EXPECT_EQ(cancel(*reads[1]), error::canceled);
    EXPECT_EQ(::write(pipe.far, "abcd", 4), 4);
    for (const int i : {0, 2, 3, 4}) EXPECT_EQ(result_of(*reads[i]), 1);
    if (!wait_for(ready, loop().now() + 5 * ms)) {
        EXPECT_EQ(::write(pipe.far, "e", 1), 1);
        EXPECT_EQ(result_of(ready), os::ready_read);
    }
}

TEST_F(Plain, nothing_stays_behind) {
    for (unsigned round = 0; round < 200; ++round) {
        const Pair pipe = open_pipe();
        const os::Handle copy = ::dup(static_cast<int>(pipe.near));
        Transfer read(OperationKind::read, pipe.near, false, data_, sizeof data_);
        Ready ready(pipe.near, false, os::ready_read);
        EXPECT_FALSE(start(read));
        EXPECT_FALSE(start(ready));
        loop().poll();
        EXPECT_EQ(cancel(read), error::canceled);
        EXPECT_EQ(cancel(ready), error::canceled);
        // A copy keeps the pipe itself alive and ready.
        ASSERT_EQ(::write(pipe.far, "stale", 5), 5);
        const os::Handle number = pipe.near;
        close_plain(pipe.near);
        const Pair fresh = open_pipe();
        EXPECT_EQ(fresh.near, number);
        Transfer other(OperationKind::read, fresh.near, false, data_, sizeof data_);
        EXPECT_FALSE(start(other));
        expect_pending(other);
        EXPECT_EQ(::write(fresh.far, "fresh", 5), 5);
        EXPECT_EQ(result_of(other), 5);
        EXPECT_EQ(std::string(data_, 5), "fresh");
        close(fresh.near);
        close(fresh.far);
        close(pipe.far);
        ::close(static_cast<int>(copy));
    }
}

TEST_F(Plain, a_counter) {
    os::Handle counter = os::no_handle;
    ASSERT_EQ(os::table.open_wakeup(&counter), 0);
    keep(counter);
    for (const bool kept : {false, true}) {
        std::uint64_t value = 0;
        Transfer read(OperationKind::read, counter, kept, &value, sizeof value);
        EXPECT_FALSE(start(read));
        expect_pending(read);
        os::table.raise_wakeup(counter);
        EXPECT_EQ(result_of(read), 8);
        EXPECT_EQ(value, 1u);
        Ready ready(counter, kept, os::ready_read);
        EXPECT_FALSE(start(ready));
        expect_pending(ready);
        os::table.raise_wakeup(counter);
        os::table.raise_wakeup(counter);
        EXPECT_EQ(result_of(ready), os::ready_read);
        // A buffer that could hold more is no reason to wait for more.
        char larger[64];
        Transfer wide(OperationKind::read, counter, kept, larger, sizeof larger);
        EXPECT_EQ(run(wide), 8);
    }
}

TEST_F(Plain, a_regular_file_is_always_ready) {
    char path[] = "/tmp/zio-loop-test-XXXXXX";
    const int file = ::mkstemp(path);
    ASSERT_GE(file, 0);
    ::unlink(path);
    keep(file);
    for (const bool kept : {false, true}) {
        ASSERT_EQ(::ftruncate(file, 0), 0);
        ASSERT_EQ(::lseek(file, 0, SEEK_SET), 0);
        Transfer write(OperationKind::write, file, kept, "0123456789", 10);
        EXPECT_EQ(run(write), 10);
        Transfer more(OperationKind::write, file, kept, "abc", 3);
        EXPECT_EQ(run(more), 3);  // where the first one ended
        ASSERT_EQ(::lseek(file, 0, SEEK_SET), 0);
        const os::Buffer pieces[2] = {{data_, 4}, {data_ + 4, 100}};
        VectorTransfer read(OperationKind::read_vector, file, kept, pieces, 2);
        EXPECT_EQ(run(read), 13);
        EXPECT_EQ(std::string(data_, 13), "0123456789abc");
        VectorTransfer end(OperationKind::read_vector, file, kept, pieces, 2);
        EXPECT_EQ(run(end), 0);
        Ready ready(file, kept, os::ready_read | os::ready_write);
        EXPECT_EQ(run(ready), os::ready_read | os::ready_write);
    }
}

TEST_F(Plain, a_terminal_gives_line_after_line) {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_GE(master, 0);
    keep(master);
    ASSERT_EQ(::grantpt(master), 0);
    ASSERT_EQ(::unlockpt(master), 0);
    char name[64];
    ASSERT_EQ(::ptsname_r(master, name, sizeof name), 0);
    const int terminal = ::open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    ASSERT_GE(terminal, 0);
    keep(terminal);
    for (const bool kept : {false, true}) {
        Transfer read(OperationKind::read, terminal, kept, data_, sizeof data_);
        EXPECT_FALSE(start(read));
        expect_pending(read);
        EXPECT_EQ(::write(master, "one\ntwo\n", 8), 8);
        EXPECT_EQ(result_of(read), 4);  // short, and yet there is more
        read.reset();
        EXPECT_EQ(run(read), 4);
        EXPECT_EQ(std::string(data_, 4), "two\n");
    }
}

// The bits of readiness, as poll(2) sees them.
TEST_F(Plain, hang_up_of_half_a_connection) {
    const Pair pair = open_connection();
    Ready hung_up(pair.near, false, os::ready_hangup);
    Ready writable(pair.near, false, os::ready_write);
    EXPECT_FALSE(start(hung_up));
    EXPECT_EQ(run(writable), os::ready_write);
    expect_pending(hung_up);
    ASSERT_EQ(os::table.shutdown(pair.far, false, true), 0);
    EXPECT_EQ(result_of(hung_up), os::ready_hangup);
    // It is the end of one direction only.
    writable.reset();
    EXPECT_EQ(run(writable), os::ready_write);
    Ready readable(pair.near, false, os::ready_read);
    EXPECT_EQ(run(readable), os::ready_read);
}

}  // namespace
}  // namespace zio::loop
