// SPDX-License-Identifier: MIT
#pragma once
// What every test of a loop needs: a loop on the backend that ZIO_BACKEND names, descriptors that
// end with the test, and the check that each operation ends once and nothing comes after it.
// ZIO_ORDER=seeded and ZIO_CLOCK=auto put the decorators around it that a runtime gets by them.
// In a simulated world the same tests run: everything is made through `os::table`, after the
// backend, and time is the loop's.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/loop/decorators/seeded_order.hpp"
#include "core/loop/decorators/test_clock.hpp"
#include "core/loop/loop.hpp"
#include "core/os/environment.hpp"

namespace zio::loop {

inline constexpr Instant ms = 1'000'000;
inline constexpr Instant patience_ns = 20 * second_ns;

inline BackendChoice chosen_backend() {
    BackendChoice choice = BackendChoice::automatic;
    const char* name = os::environment("ZIO_BACKEND");
    if (name != nullptr && !choice_of(name, &choice)) std::abort();
    return choice;
}

// ZIO_TEST_SCALE, 1 when unset.
inline unsigned scaled(unsigned volume) {
    const char* text = os::environment("ZIO_TEST_SCALE");
    const double scale = text != nullptr ? std::atof(text) : 1.0;
    const double wanted = volume * scale;
    return wanted < 1 ? 1u : static_cast<unsigned>(wanted);
}

inline bool is_set(const char* name, const char* value) {
    const char* text = os::environment(name);
    return text != nullptr && std::string(text) == value;
}

class LoopTest : public testing::Test {
  protected:
    void SetUp() override {
        Opened opened = open_backend(chosen_backend(), {});
        ASSERT_EQ(opened.status, 0) << opened.reason;
        if (is_set("ZIO_ORDER", "seeded")) {
            static std::uint32_t number = 0;
            opened.backend = std::unique_ptr<Backend>(
                new (std::nothrow) SeededOrder(std::move(opened.backend), 1, ++number));
        }
        if (is_set("ZIO_CLOCK", "auto")) opened.backend = clock_.wrap(std::move(opened.backend));
        loop_ = std::make_unique<Loop>(std::move(opened.backend));
    }
    void TearDown() override {
        if (loop_ == nullptr) return;
        expect_quiet();
        for (os::Handle handle : handles_) drop(handle);
        leave();
    }
    // As an owner leaves: nobody's promise may be open when the backend goes.
    void leave() {
        EXPECT_TRUE(has_left_ || loop_->close_inbox());
        has_left_ = true;
    }

    Loop& loop() { return *loop_; }
    bool is(const char* backend) const { return std::string(loop_->backend().name()) == backend; }
    bool is_simulated() const { return is("sim"); }
    bool is_seeded() const { return loop_->backend().chooses() && !is_simulated(); }

    // Takes a descriptor into the test's care.
    os::Handle keep(os::Handle handle) {
        handles_.push_back(handle);
        return handle;
    }
    void close(os::Handle handle) {
        std::erase(handles_, handle);
        drop(handle);
    }
    // As the owner of a plain descriptor does: with no word to the loop.
    void close_plain(os::Handle handle) {
        std::erase(handles_, handle);
        EXPECT_EQ(os::table.close(handle), 0);
    }

    struct Pair {
        os::Handle near;
        os::Handle far;
    };
    Pair open_pair() {
        Pair pair{};
        EXPECT_EQ(os::table.open_pair(&pair.near, &pair.far), 0);
        return {keep(pair.near), keep(pair.far)};
    }
    os::Handle open_listener(os::Address* address, std::uint32_t backlog = 128) {
        os::Handle listener = os::no_handle;
        os::Address any{};
        any.family = os::family_version_4;
        any.ip[0] = 127;
        any.ip[3] = 1;
        EXPECT_EQ(os::table.open_socket(any.family, &listener), 0);
        EXPECT_EQ(os::table.bind(listener, any), 0);
        EXPECT_EQ(os::table.listen(listener, backlog), 0);
        EXPECT_EQ(os::table.local_address(listener, address), 0);
        return keep(listener);
    }
    os::Handle open_socket(std::uint16_t family) {
        os::Handle handle = os::no_handle;
        EXPECT_EQ(os::table.open_socket(family, &handle), 0);
        return keep(handle);
    }
    // Two ends of a TCP connection.
    Pair open_connection() {
        os::Address address{};
        const os::Handle listener = open_listener(&address);
        const os::Handle client = open_socket(address.family);
        Connect connect(client, true, address);
        Accept accept(listener, true, nullptr);
        start(accept);
        start(connect);
        EXPECT_EQ(result_of(connect), 0);
        const std::int64_t accepted = result_of(accept);
        EXPECT_GE(accepted, 0);
        close(listener);
        return {client, keep(accepted)};
    }

    // True: finished at once.
    bool start(Operation& operation) {
        if (loop_->start(operation)) return true;
        EXPECT_TRUE(pending_.insert(&operation).second);
        return false;
    }
    // The next one that the loop gives back: one that was pending, and not twice.
    Operation* take_completed() {
        Operation* operation = loop_->next_completed();
        if (operation == nullptr) return nullptr;
        EXPECT_EQ(pending_.erase(operation), 1u) << "it was not pending";
        EXPECT_EQ(operation->state, OperationState::finished);
        return operation;
    }
    // Moves the loop on until the operation has come back or `until` has passed.
    bool wait_for(Operation& operation, Instant until) {
        while (pending_.count(&operation) != 0) {
            if (take_completed() != nullptr) continue;
            if (loop_->now() >= until) return false;
            loop_->poll_until(until);
        }
        return true;
    }
    std::int64_t result_of(Operation& operation) {
        EXPECT_TRUE(wait_for(operation, loop_->now() + patience_ns)) << "never finished";
        return operation.result;
    }
    std::int64_t run(Operation& operation) {
        start(operation);
        return result_of(operation);
    }
    // Gives the loop some turns and some time; nothing may come of it.
    void expect_pending(Operation& operation) {
        for (int i = 0; i < 3; ++i) {
            loop_->poll();
            EXPECT_EQ(take_completed(), nullptr);
        }
        EXPECT_FALSE(wait_for(operation, loop_->now() + 2 * ms));
    }
    void expect_quiet() {
        EXPECT_EQ(loop_->pending_count(), 0u);
        for (int i = 0; i < 3; ++i) loop_->poll();
        EXPECT_EQ(loop_->next_completed(), nullptr) << "something finished twice";
    }
    std::int64_t cancel(Operation& operation) {
        loop_->cancel(operation);
        loop_->cancel(operation);  // changes nothing
        return result_of(operation);
    }

    // Directly through the table, with patience.
    std::string drain(os::Handle handle, std::size_t wanted) {
        std::string all;
        std::vector<char> piece(65536);
        const Instant until = loop_->now() + patience_ns;
        while (all.size() < wanted && loop_->now() < until) {
            const std::size_t rest = wanted - all.size();
            const std::int64_t got = os::table.receive(
                handle, piece.data(), rest < piece.size() ? rest : piece.size(), 0);
            if (got > 0) all.append(piece.data(), static_cast<std::size_t>(got));
            if (got == 0 || (got < 0 && got != error::would_block)) break;
            if (got < 0) loop_->poll_until(loop_->now() + ms / 10);
        }
        return all;
    }
    void feed(os::Handle handle, const std::string& text) {
        std::size_t sent = 0;
        const Instant until = loop_->now() + patience_ns;
        while (sent < text.size() && loop_->now() < until) {
            const std::int64_t count =
                os::table.send(handle, text.data() + sent, text.size() - sent, 0);
            if (count > 0) sent += static_cast<std::size_t>(count);
            if (count < 0 && count != error::would_block) break;
            if (count < 0) loop_->poll_until(loop_->now() + ms / 10);
        }
        EXPECT_EQ(sent, text.size());
    }
    // A transfer of `wanted` bytes that are there may be cut short, in a simulated world only.
    void expect_moved(std::int64_t result, std::size_t wanted) {
        const auto count = static_cast<std::int64_t>(wanted);
        if (is_simulated()) {
            EXPECT_GT(result, 0);
            EXPECT_LE(result, count);
        } else {
            EXPECT_EQ(result, count);
        }
    }
    // What a receive of `result` bytes into `data` began, and what is still to come.
    void expect_received(const char* data, std::int64_t result, os::Handle handle,
                         const std::string& text) {
        expect_moved(result, text.size());
        if (result <= 0) return;
        const std::string begun(data, static_cast<std::size_t>(result));
        EXPECT_EQ(begun + drain(handle, text.size() - begun.size()), text);
    }

  private:
    void drop(os::Handle handle) {
        if (loop_->backend().remembers()) loop_->backend().forget(handle);
        EXPECT_EQ(os::table.close(handle), 0);
    }

    // Patient: threads of a test are on their way for a while.
    TestClock clock_{TestClock::Mode::jumps, second_ns};
    std::unique_ptr<Loop> loop_;
    std::vector<os::Handle> handles_;
    std::set<Operation*> pending_;
    bool has_left_ = false;
};

}  // namespace zio::loop
