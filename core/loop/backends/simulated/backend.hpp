// SPDX-License-Identifier: MIT
#pragma once
// The simulated backend: one loop's view of the simulated world. Polling it drives the world: time
// passes only there, and a wait jumps to whatever happens next. What is ready at one time goes on
// in an order that the seed chooses, and so does everything else that a kernel leaves open.
#include "core/loop/backend.hpp"
#include "core/loop/backends/simulated/home.hpp"
#include "core/loop/backends/simulated/simulation.hpp"

namespace zio::loop::simulated {

class Simulated final : public Backend {
  public:
    Simulated() = default;
    ~Simulated() override;
    // 0, or an error: then it is not part of the world. The first of a world gives it its settings.
    std::int32_t open(const Settings& settings);

    const char* name() const override { return "sim"; }
    Support support(OperationKind) const override { return Support::native; }
    bool start(Operation& operation) override;
    bool cancel(Operation& operation) override;
    void poll(Completed& completed, Instant until) override;
    void wake() override { sleeper_->wake(); }
    std::uint64_t take_wakes() override;
    bool remembers() const override { return false; }
    void forget(os::Handle) override {}
    Instant now() const override { return simulation_->world.now(); }
    bool simulates() const override { return true; }
    bool chooses() const override { return true; }
    std::uint32_t choose(std::uint32_t count) override;

    // The last poll came back because nothing can ever happen again: no operation, no time and no
    // other thread is left that could end a wait.
    bool idle_for_ever() const override { return is_idle_; }

  private:
    bool start_on_host(Operation& operation);
    bool defers(Socket& socket, const Operation& operation);
    std::uint32_t finish_all(Completed& completed);
    std::uint32_t finish_ready(Completed& completed);
    std::uint32_t finish_late(Completed& completed);
    std::uint32_t finish_on_host(Completed& completed);
    Waiter& take_ready(std::uint32_t* rest_count);
    std::uint32_t pick(Fault fault, Chances& chances, std::uint32_t count);
    void finish(Waiter& waiter, std::uint64_t subject, std::int64_t result);
    bool is_others() const;
    void move(Entered& inside, Completed& completed, Instant until);
    void forget_host(Operation& operation);

    Simulation* simulation_ = nullptr;
    Made<Sleeper> sleeper_;
    Made<Home> home_;
    std::uint32_t number_ = 0;
    std::uint64_t serial_ = 0;  // among all of the world
    std::int32_t process_ = 0;  // that opened it
    std::uint64_t consumed_wakes_ = 0;
    bool is_idle_ = false;
    Chances schedule_{Random(0)};
    Chances completion_{Random(0)};
    Chances deferral_{Random(0)};
    Chances cancel_{Random(0)};
};

}  // namespace zio::loop::simulated
