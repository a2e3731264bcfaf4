// SPDX-License-Identifier: MIT
// The contract of a backend: every kind of operation, in every way it can end.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <optional>

#include "tests/core/loop/loop_test.hpp"

namespace zio::loop {
namespace {

enum class Ending { immediate, later, canceled, timed_out, closed, error };

constexpr const char* kind_names[operation_kind_count] = {
    "receive",     "send",         "receive_vector", "send_vector", "read",  "write",
    "read_vector", "write_vector", "accept",         "connect",     "ready",
};
constexpr const char* ending_names[] = {"immediate", "later",  "canceled",
                                        "timed_out", "closed", "error"};

struct Row {
    OperationKind kind;
    Ending ending;
};

bool is_vector(OperationKind kind) {
    return kind == OperationKind::receive_vector || kind == OperationKind::send_vector ||
           kind == OperationKind::read_vector || kind == OperationKind::write_vector;
}
bool is_outward(OperationKind kind) {
    return direction_of(kind) == os::Direction::write && kind != OperationKind::connect;
}

// A transfer of one block, as one piece or as three.
class Block {
  public:
    Block(OperationKind kind, os::Handle handle, bool kept, char* data, std::size_t size) {
        if (is_vector(kind)) {
            pieces_[0] = {data, size / 4};
            pieces_[1] = {data + size / 4, 0};
            pieces_[2] = {data + size / 4, size - size / 4};
            vector_.emplace(kind, handle, kept, pieces_, 3);
        } else {
            simple_.emplace(kind, handle, kept, data, size);
        }
    }
    Operation& operation() {
        if (vector_.has_value()) return *vector_;
        return *simple_;
    }

  private:
    os::Buffer pieces_[3];
    std::optional<Transfer> simple_;
    std::optional<VectorTransfer> vector_;
};

class Contract : public LoopTest, public testing::WithParamInterface<Row> {
  protected:
    static constexpr std::size_t room = 65536;

    // Ends one operation that waits for what never comes.
    std::int64_t end_early(Operation& operation, Ending ending) {
        if (ending == Ending::timed_out) {
            const Instant deadline = loop().now() + 3 * ms;
            EXPECT_FALSE(wait_for(operation, deadline));
            EXPECT_GE(loop().now(), deadline);
            operation.expired = true;
        }
        return cancel(operation);
    }

    void inward(OperationKind kind, Ending ending);
    void inward_ends_early(OperationKind kind, Ending ending);
    void outward(OperationKind kind, Ending ending);
    std::size_t fill(OperationKind kind, os::Handle near, Block& last);
    void accept(Ending ending);
    void connect(Ending ending);
    void ready(Ending ending);

    std::vector<char> memory_ = std::vector<char>(room);
};

void Contract::inward(OperationKind kind, Ending ending) {
    if (ending == Ending::canceled || ending == Ending::timed_out) {
        return inward_ends_early(kind, ending);
    }
    const Pair pair = ending == Ending::error ? open_connection() : open_pair();
    Block block(kind, pair.near, true, memory_.data(), 100);
    if (ending == Ending::immediate) {
        feed(pair.far, "immediately");
        loop().poll_until(loop().now() + ms);
    }
    const bool at_once = start(block.operation());
    if (ending != Ending::immediate) {
        EXPECT_FALSE(at_once);
        expect_pending(block.operation());
    }
    std::string text;
    std::int64_t expected = 0;
    switch (ending) {
        case Ending::immediate:
            text = "immediately";
            break;
        case Ending::later:
            text = "a while later";
            feed(pair.far, text);
            break;
        case Ending::error:
            ASSERT_EQ(os::table.set_option(pair.far, os::SocketOption::linger_ms, 0), 0);
            expected = error::connection_reset;
            [[fallthrough]];
        default:
            close(pair.far);
            break;
    }
    const std::int64_t result = result_of(block.operation());
    if (text.empty()) {
        EXPECT_EQ(result, expected);
    } else {
        expect_received(memory_.data(), result, pair.near, text);
    }
    if (ending == Ending::closed) {  // and so it stays
        block.operation().reset();
        EXPECT_EQ(run(block.operation()), 0);
    }
}

void Contract::inward_ends_early(OperationKind kind, Ending ending) {
    const Pair pair = open_pair();
    Block block(kind, pair.near, true, memory_.data(), 100);
    EXPECT_FALSE(start(block.operation()));
    loop().poll();
    EXPECT_EQ(end_early(block.operation(), ending), error::canceled);
    EXPECT_EQ(block.operation().expired, ending == Ending::timed_out);
    // It had no effect: what comes now is there for the next.
    std::memset(memory_.data(), 0, 100);
    feed(pair.far, "complete");
    loop().poll_until(loop().now() + ms);
    EXPECT_EQ(memory_[0], 0);
    block.operation().reset();
    expect_received(memory_.data(), run(block.operation()), pair.near, "complete");
}

// Sends until one operation has to wait; how much went out before it.
std::size_t Contract::fill(OperationKind kind, os::Handle near, Block& last) {
    std::size_t sent = 0;
    for (int i = 0; i < 10'000; ++i) {
        Block block(kind, near, true, memory_.data(), room);
        if (start(block.operation()) || wait_for(block.operation(), loop().now() + 5 * ms)) {
            EXPECT_GT(block.operation().result, 0);
            if (block.operation().result <= 0) break;
            sent += static_cast<std::size_t>(block.operation().result);
            continue;
        }
        const std::int64_t result = cancel(block.operation());
        if (result > 0) {
            sent += static_cast<std::size_t>(result);
            continue;
        }
        EXPECT_EQ(result, error::canceled);
        if (start(last.operation())) {
            EXPECT_GT(last.operation().result, 0);
            sent += static_cast<std::size_t>(last.operation().result);
            last.operation().reset();
            continue;
        }
        return sent;
    }
    ADD_FAILURE() << "it took everything";
    return sent;
}

void Contract::outward(OperationKind kind, Ending ending) {
    const Pair pair = ending == Ending::error ? open_connection() : open_pair();
    if (ending == Ending::immediate) {
        std::memcpy(memory_.data(), "outward bound", 13);
        Block block(kind, pair.near, true, memory_.data(), 13);
        const std::int64_t result = run(block.operation());
        expect_moved(result, 13);
        const auto count = static_cast<std::size_t>(result);
        EXPECT_EQ(drain(pair.far, count), std::string("outward bound").substr(0, count));
        return;
    }
    os::table.set_option(pair.near, os::SocketOption::send_buffer, 16384);
    Block last(kind, pair.near, true, memory_.data(), room);
    const std::size_t sent = fill(kind, pair.near, last);
    if (HasFailure()) return;
    switch (ending) {
        case Ending::later: {
            EXPECT_EQ(drain(pair.far, sent).size(), sent);
            const std::int64_t result = result_of(last.operation());
            ASSERT_GT(result, 0);
            EXPECT_EQ(drain(pair.far, static_cast<std::size_t>(result)).size(),
                      static_cast<std::size_t>(result));
            break;
        }
        case Ending::canceled:
        case Ending::timed_out: {
            EXPECT_EQ(end_early(last.operation(), ending), error::canceled);
            // Nothing of it went out: a mark follows directly.
            EXPECT_EQ(drain(pair.far, sent).size(), sent);
            std::memset(memory_.data(), '!', 4);
            Block mark(kind, pair.near, true, memory_.data(), 4);
            const std::int64_t marked = run(mark.operation());
            expect_moved(marked, 4);
            EXPECT_EQ(drain(pair.far, static_cast<std::size_t>(marked)),
                      std::string(static_cast<std::size_t>(marked), '!'));
            break;
        }
        case Ending::error:
            ASSERT_EQ(os::table.set_option(pair.far, os::SocketOption::linger_ms, 0), 0);
            close(pair.far);
            EXPECT_EQ(result_of(last.operation()), error::connection_reset);
            break;
        default: {
            close(pair.far);
            const std::int64_t result = result_of(last.operation());
            EXPECT_TRUE(result == error::broken_pipe || result == error::connection_reset)
                << result;
            last.operation().reset();
            EXPECT_EQ(run(last.operation()), error::broken_pipe);
        }
    }
}

void Contract::accept(Ending ending) {
    os::Address address{};
    const os::Handle listener = open_listener(&address);
    os::Address peer{};
    Accept accept(listener, true, &peer);
    const auto knock = [&] {
        const os::Handle client = open_socket(address.family);
        Connect connect(client, true, address);
        EXPECT_EQ(run(connect), 0);
        return client;
    };
    const auto expect_accepted = [&](os::Handle client) {
        const std::int64_t accepted = result_of(accept);
        ASSERT_GE(accepted, 0);
        keep(accepted);
        os::Address name{};
        EXPECT_EQ(os::table.local_address(client, &name), 0);
        EXPECT_EQ(peer.port, name.port);
        feed(client, "hello");
        EXPECT_EQ(drain(accepted, 5), "hello");
    };
    if (ending == Ending::immediate) {
        const os::Handle client = knock();
        start(accept);
        return expect_accepted(client);
    }
    if (ending == Ending::error) {
        Accept refused(open_socket(address.family), true, nullptr);
        EXPECT_EQ(run(refused), error::invalid_argument);
        return;
    }
    EXPECT_FALSE(start(accept));
    expect_pending(accept);
    switch (ending) {
        case Ending::later:
            return expect_accepted(knock());
        case Ending::closed:
            ASSERT_EQ(os::table.shutdown(listener, true, true), 0);
            EXPECT_EQ(result_of(accept), error::invalid_argument);
            return;
        default:
            break;
    }
    EXPECT_EQ(end_early(accept, ending), error::canceled);
    const os::Handle client = knock();  // is not lost
    accept.reset();
    start(accept);
    expect_accepted(client);
}

void Contract::connect(Ending ending) {
    os::Address address{};
    if (ending == Ending::immediate || ending == Ending::error) {
        const os::Handle listener = open_listener(&address);
        if (ending == Ending::error) close(listener);
        Connect connect(open_socket(address.family), true, address);
        EXPECT_EQ(run(connect), ending == Ending::error ? error::connection_refused : 0);
        return;
    }
    // A Unix listener whose queue is full keeps others waiting.
    static unsigned number = 0;
    address.family = os::family_unix;
    address.path_len = static_cast<std::uint16_t>(
        std::snprintf(address.path + 1, sizeof address.path - 1, "zio-contract-%s-%p-%u",
                      loop().backend().name(), static_cast<void*>(this), number++) +
        1);
    const os::Handle listener = open_socket(address.family);
    ASSERT_EQ(os::table.bind(listener, address), 0);
    ASSERT_EQ(os::table.listen(listener, 1), 0);
    for (int i = 0; i < 16; ++i) {
        const os::Handle client = open_socket(address.family);
        Connect connect(client, true, address);
        if (start(connect) || wait_for(connect, loop().now() + 20 * ms)) {
            EXPECT_EQ(connect.result, 0);
            continue;
        }
        if (ending == Ending::later) {
            os::Handle accepted = os::no_handle;
            EXPECT_EQ(os::table.accept(listener, &accepted, nullptr), 0);
            keep(accepted);
            EXPECT_EQ(result_of(connect), 0);
        } else if (ending == Ending::closed) {
            close(listener);
            EXPECT_EQ(result_of(connect), error::connection_refused);
        } else {
            EXPECT_EQ(end_early(connect, ending), error::canceled);
            os::Address peer{};
            EXPECT_EQ(os::table.peer_address(client, &peer), error::not_connected);
        }
        return;
    }
    GTEST_SKIP() << "the listeners of this world never keep a connect waiting";
}

void Contract::ready(Ending ending) {
    const Pair pair = open_pair();
    if (ending == Ending::immediate) {
        Ready writable(pair.near, true, os::ready_read | os::ready_write);
        EXPECT_EQ(run(writable), os::ready_write);
        return;
    }
    Ready readable(pair.near, true, os::ready_read);
    if (ending == Ending::error) {
        const Pair gone = open_pair();
        Ready bad(gone.near, false, os::ready_read);
        close(gone.near);
        EXPECT_EQ(run(bad), error::bad_handle);
        return;
    }
    EXPECT_FALSE(start(readable));
    expect_pending(readable);
    switch (ending) {
        case Ending::later:
            feed(pair.far, "x");
            EXPECT_EQ(result_of(readable), os::ready_read);
            EXPECT_EQ(drain(pair.near, 1), "x");  // it took nothing
            break;
        case Ending::closed: {
            close(pair.far);
            const std::int64_t got = result_of(readable);
            ASSERT_GT(got, 0);
            EXPECT_NE(got & (os::ready_read | os::ready_hangup), 0);
            break;
        }
        default:
            EXPECT_EQ(end_early(readable, ending), error::canceled);
            readable.reset();
            feed(pair.far, "x");
            EXPECT_EQ(run(readable), os::ready_read);
    }
}

TEST_P(Contract, holds) {
    const Row row = GetParam();
    switch (row.kind) {
        case OperationKind::accept:
            return accept(row.ending);
        case OperationKind::connect:
            return connect(row.ending);
        case OperationKind::ready:
            return ready(row.ending);
        default:
            return is_outward(row.kind) ? outward(row.kind, row.ending)
                                        : inward(row.kind, row.ending);
    }
}

std::vector<Row> rows() {
    std::vector<Row> all;
    for (unsigned kind = 0; kind < operation_kind_count; ++kind) {
        for (int ending = 0; ending < 6; ++ending) {
            all.push_back({static_cast<OperationKind>(kind), static_cast<Ending>(ending)});
        }
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(table, Contract, testing::ValuesIn(rows()),
                         [](const testing::TestParamInfo<Row>& row) {
                             return std::string(kind_names[static_cast<unsigned>(row.param.kind)]) +
                                    "_" + ending_names[static_cast<int>(row.param.ending)];
                         });

// A descriptor that is closed is an error of whatever is started on it.
class BadHandle : public LoopTest, public testing::WithParamInterface<OperationKind> {};

TEST_P(BadHandle, is_an_error) {
    const OperationKind kind = GetParam();
    const Pair pair = open_pair();
    const os::Handle gone = pair.near;
    close(gone);
    char data[8] = {};
    os::Address address{};
    address.family = os::family_version_4;
    address.port = 9;
    for (const os::Handle handle : {gone, os::Handle{1'000'000}, os::no_handle}) {
        if (kind == OperationKind::accept) {
            Accept accept(handle, false, nullptr);
            EXPECT_EQ(run(accept), error::bad_handle);
        } else if (kind == OperationKind::connect) {
            Connect connect(handle, false, address);
            EXPECT_EQ(run(connect), error::bad_handle);
        } else if (kind == OperationKind::ready) {
            Ready ready(handle, false, os::ready_read);
            EXPECT_EQ(run(ready), error::bad_handle);
        } else {
            Block block(kind, handle, false, data, sizeof data);
            EXPECT_EQ(run(block.operation()), error::bad_handle);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(each_kind, BadHandle, testing::ValuesIn([] {
                             std::vector<OperationKind> kinds;
                             for (unsigned i = 0; i < operation_kind_count; ++i) {
                                 kinds.push_back(static_cast<OperationKind>(i));
                             }
                             return kinds;
                         }()),
                         [](const testing::TestParamInfo<OperationKind>& kind) {
                             return kind_names[static_cast<unsigned>(kind.param)];
                         });

}  // namespace
}  // namespace zio::loop
