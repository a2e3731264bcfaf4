// SPDX-License-Identifier: MIT
#pragma once
// A loop in a simulated world of its own, and what tests do there.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

#include "core/loop/backends/simulated/backend.hpp"
#include "core/loop/loop.hpp"

namespace zio::loop::simulated {

inline std::unique_ptr<Loop> open_loop(std::uint64_t seed) {
    BackendOptions options;
    options.seed = seed;
    Opened opened = open_backend(BackendChoice::simulated, options);
    EXPECT_EQ(opened.status, 0) << opened.reason;
    return std::make_unique<Loop>(std::move(opened.backend));
}

inline Simulated& backend_of(Loop& loop) {
    return static_cast<Simulated&>(loop.backend());
}

inline os::Address loopback(std::uint16_t port, std::uint16_t family = os::family_version_4) {
    os::Address address{};
    address.family = family;
    address.port = port;
    if (family == os::family_version_4) address.ip[0] = 127;
    address.ip[family == os::family_version_4 ? 3 : 15] = 1;
    return address;
}
inline os::Address wildcard(std::uint16_t port, std::uint16_t family = os::family_version_4) {
    os::Address address{};
    address.family = family;
    address.port = port;
    return address;
}
inline os::Address path_address(const char* path) {
    os::Address address{};
    address.family = os::family_unix;
    address.path_len = static_cast<std::uint16_t>(std::strlen(path));
    std::memcpy(address.path, path, address.path_len);
    return address;
}
inline os::Address abstract_address(const char* name) {
    os::Address address{};
    address.family = os::family_unix;
    address.path_len = static_cast<std::uint16_t>(1 + std::strlen(name));
    std::memcpy(address.path + 1, name, std::strlen(name));
    return address;
}

class SimulatedTest : public testing::Test {
  protected:
    void SetUp() override {
        faults_before_ = faults();
        open(faults_before_);
    }
    void TearDown() override {
        loop_ = nullptr;
        set_faults(faults_before_);
    }
    // Begins the world anew.
    void open(const Faults& what_fails, std::uint64_t seed = 7) {
        loop_ = nullptr;
        set_faults(what_fails);
        loop_ = open_loop(seed);
    }
    Loop& loop() { return *loop_; }
    Simulated& backend() { return backend_of(*loop_); }

    os::Handle open_socket(std::uint16_t family = os::family_version_4) {
        os::Handle handle = os::no_handle;
        EXPECT_EQ(os::table.open_socket(family, &handle), 0);
        return handle;
    }
    os::Handle open_listener(os::Address* address, std::uint32_t backlog = 16) {
        const os::Handle listener = open_socket(address->family);
        EXPECT_EQ(os::table.bind(listener, *address), 0);
        EXPECT_EQ(os::table.listen(listener, backlog), 0);
        EXPECT_EQ(os::table.local_address(listener, address), 0);
        return listener;
    }
    // The result, or would_block when it has not finished after `limit_ns` and was canceled.
    std::int64_t run(Operation& operation, Instant limit_ns = 1000 * second_ns) {
        const Instant until = loop().now() + limit_ns;
        bool ended = loop().start(operation);
        while (!ended && loop().now() < until) {
            loop().poll_until(until);
            ended = loop().next_completed() == &operation;
        }
        if (ended) return operation.result;
        loop().cancel(operation);
        while (loop().next_completed() != &operation) loop().poll();
        return operation.result == error::canceled ? error::would_block : operation.result;
    }
    std::int64_t connect(os::Handle handle, const os::Address& address,
                         Instant limit_ns = 1000 * second_ns) {
        Connect operation(handle, true, address);
        return run(operation, limit_ns);
    }
    os::Handle accept(os::Handle listener, os::Address* peer = nullptr) {
        Accept operation(listener, true, peer);
        return static_cast<os::Handle>(run(operation));
    }
    struct Pair {
        os::Handle client;
        os::Handle server;
    };
    Pair open_connection() {
        os::Address address = loopback(0);
        const os::Handle listener = open_listener(&address);
        const os::Handle client = open_socket();
        EXPECT_EQ(connect(client, address), 0);
        const os::Handle server = accept(listener);
        EXPECT_EQ(os::table.close(listener), 0);
        return {client, server};
    }
    Pair open_pair() {
        Pair pair{};
        EXPECT_EQ(os::table.open_pair(&pair.client, &pair.server), 0);
        return pair;
    }
    std::int64_t receive(os::Handle handle, Instant limit_ns = 1000 * second_ns) {
        char data[4096];
        Transfer operation(OperationKind::receive, handle, true, data, sizeof data);
        const std::int64_t result = run(operation, limit_ns);
        if (result > 0) last_ = std::string(data, static_cast<std::size_t>(result));
        return result;
    }
    std::int64_t send(os::Handle handle, const std::string& text,
                      Instant limit_ns = 1000 * second_ns) {
        Transfer operation(OperationKind::send, handle, true, text.data(), text.size());
        return run(operation, limit_ns);
    }
    std::uint32_t ready(os::Handle handle, std::uint32_t wanted) {
        os::ReadyRequest request{handle, wanted, 0};
        os::table.wait_ready(&request, 1, 0);
        return request.got;
    }
    void pass(Instant duration_ns) {
        const Instant until = loop().now() + duration_ns;
        while (loop().now() < until) loop().poll_until(until);
    }

    std::string last_;  // what `receive` got

  private:
    Faults faults_before_;
    std::unique_ptr<Loop> loop_;
};

}  // namespace zio::loop::simulated
