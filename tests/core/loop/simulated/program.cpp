// SPDX-License-Identifier: MIT
#include "tests/core/loop/simulated/program.hpp"

#include <array>
#include <optional>
#include <vector>

#include "core/base/heap.hpp"
#include "tests/core/loop/simulated/fixture.hpp"

namespace zio::loop::simulated {
namespace {

constexpr unsigned client_count = 5;
constexpr unsigned message_count = 6;
constexpr std::size_t message_size = 700;

class Program;

// Whoever waits: told what came of the operation, or that its time has come (0).
class Actor {
  public:
    virtual ~Actor() = default;
    virtual void go_on(std::int64_t result) = 0;

    std::uint32_t heap_place = 0;
    std::int64_t result = 0;
};

class Program {
  public:
    explicit Program(Loop& on) : loop(on) { timers.reserve(16); }

    void await(Actor& actor, Operation& operation) {
        operation.waiter = &actor;
        if (loop.start(operation)) make_ready(actor, operation.result);
    }
    void sleep(Actor& actor, Instant duration) { timers.set(actor, loop.now() + duration); }
    void make_ready(Actor& actor, std::int64_t result) {
        actor.result = result;
        ready.push_back(&actor);
    }
    // Until nobody waits for anything any more.
    void run() {
        for (;;) {
            while (Operation* operation = loop.next_completed()) {
                make_ready(*static_cast<Actor*>(operation->waiter), operation->result);
            }
            while (!timers.empty() && timers.top().at <= loop.now()) {
                Actor& actor = *timers.top().item;
                timers.remove(actor);
                make_ready(actor, 0);
            }
            if (!ready.empty()) {
                const std::uint32_t chosen =
                    loop.backend().choose(static_cast<std::uint32_t>(ready.size()));
                Actor& actor = *ready[chosen];
                ready.erase(ready.begin() + chosen);
                actor.go_on(actor.result);
                loop.poll();
                continue;
            }
            if (loop.pending_count() == 0 && timers.empty()) return;
            loop.poll_until(timers.empty() ? forever : timers.top().at);
        }
    }

    Loop& loop;
    Heap<Actor> timers;
    std::vector<Actor*> ready;
    unsigned done_count = 0;
    unsigned echoed_count = 0;
    unsigned wrong_count = 0;
};

class Connection final : public Actor {
  public:
    Connection(Program& program, os::Handle handle) : program_(program), handle_(handle) {
        receive();
    }
    void go_on(std::int64_t result) override {
        if (receive_.has_value()) {
            receive_.reset();
            if (result <= 0) {
                os::table.close(handle_);
                return;
            }
            size_ = static_cast<std::size_t>(result);
            sent_ = 0;
        } else {
            send_.reset();
            if (result > 0) sent_ += static_cast<std::size_t>(result);
        }
        if (sent_ < size_) {
            send_.emplace(OperationKind::send, handle_, true, data_ + sent_, size_ - sent_);
            program_.await(*this, *send_);
        } else {
            receive();
        }
    }

  private:
    void receive() {
        receive_.emplace(OperationKind::receive, handle_, true, data_, sizeof data_);
        program_.await(*this, *receive_);
    }

    Program& program_;
    os::Handle handle_;
    std::optional<Transfer> receive_;
    std::optional<Transfer> send_;
    char data_[256];
    std::size_t size_ = 0;
    std::size_t sent_ = 0;
};

class Server final : public Actor {
  public:
    Server(Program& program, os::Handle listener) : program_(program), listener_(listener) {
        next();
    }
    void go_on(std::int64_t result) override {
        accept_.reset();
        EXPECT_GE(result, 0);
        connections_.push_back(
            std::make_unique<Connection>(program_, static_cast<os::Handle>(result)));
        if (connections_.size() < client_count) {
            next();
        } else {
            os::table.close(listener_);
        }
    }

  private:
    void next() {
        accept_.emplace(listener_, true, nullptr);
        program_.await(*this, *accept_);
    }

    Program& program_;
    os::Handle listener_;
    std::optional<Accept> accept_;
    std::vector<std::unique_ptr<Connection>> connections_;
};

class Client final : public Actor {
  public:
    Client(Program& program, unsigned number, const os::Address& address)
        : program_(program), number_(number), address_(address) {
        os::table.open_socket(address.family, &handle_);
        connect_.emplace(handle_, true, address_);
        program.await(*this, *connect_);
    }
    void go_on(std::int64_t result) override {
        if (connect_.has_value()) {
            EXPECT_EQ(result, 0);
            connect_.reset();
            return program_.sleep(*this, number_ * 10'000'000);
        }
        const bool sent = transfer_.has_value() && transfer_->kind == OperationKind::send;
        const bool slept = !transfer_.has_value();
        transfer_.reset();
        if (slept) {
            for (std::size_t i = 0; i < message_size; ++i) {
                out_[i] = static_cast<char>(number_ * 31 + message_ * 7 + i);
            }
            done_ = 0;
        } else if (result <= 0) {
            ++program_.wrong_count;
            return;
        } else {
            done_ += static_cast<std::size_t>(result);
        }
        if (slept || (sent && done_ < message_size)) return send_rest();
        if (sent) done_ = 0;
        if (done_ < message_size) return receive_rest();
        end_message();
    }

  private:
    void send_rest() {
        transfer_.emplace(OperationKind::send, handle_, true, out_.data() + done_,
                          message_size - done_);
        program_.await(*this, *transfer_);
    }
    void receive_rest() {
        transfer_.emplace(OperationKind::receive, handle_, true, in_.data() + done_,
                          message_size - done_);
        program_.await(*this, *transfer_);
    }
    void end_message() {
        in_ == out_ ? ++program_.echoed_count : ++program_.wrong_count;
        if (++message_ < message_count) return program_.sleep(*this, 250'000'000 + number_);
        os::table.close(handle_);
        ++program_.done_count;
    }

    Program& program_;
    const unsigned number_;
    const os::Address address_;
    os::Handle handle_ = os::no_handle;
    std::optional<Connect> connect_;
    std::optional<Transfer> transfer_;
    std::array<char, message_size> out_{};
    std::array<char, message_size> in_{};
    std::size_t done_ = 0;
    unsigned message_ = 0;
};

}  // namespace

Outcome run_program(std::uint64_t seed) {
    const std::unique_ptr<Loop> loop = open_loop(seed);
    Program program(*loop);
    os::Handle listener = os::no_handle;
    os::Address address = loopback(0);
    os::table.open_socket(address.family, &listener);
    os::table.bind(listener, address);
    os::table.listen(listener, 16);
    os::table.local_address(listener, &address);
    Server server(program, listener);
    std::vector<std::unique_ptr<Client>> clients;
    for (unsigned i = 0; i < client_count; ++i) {
        clients.push_back(std::make_unique<Client>(program, i, address));
    }
    program.run();
    EXPECT_EQ(program.done_count, client_count);
    return {report(), program.echoed_count, program.wrong_count};
}

}  // namespace zio::loop::simulated
