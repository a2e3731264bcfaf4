// SPDX-License-Identifier: MIT
// The same seed is the same run; another seed is another one.
#include <set>

#include "tests/core/loop/simulated/fixture.hpp"
#include "tests/core/loop/simulated/program.hpp"

namespace zio::loop::simulated {
namespace {

constexpr unsigned all_echoed = 5 * 6;

class Replay : public testing::Test {
  protected:
    void SetUp() override { before_ = faults(); }
    void TearDown() override { set_faults(before_); }

  private:
    Faults before_;
};

TEST_F(Replay, the_same_seed_gives_the_same_hash_a_thousand_times) {
    const Outcome first = run_program(42);
    EXPECT_EQ(first.echoed_count, all_echoed);
    EXPECT_EQ(first.wrong_count, 0u);
    EXPECT_GT(first.report.event_count, 300u);
    EXPECT_GT(first.report.virtual_ns, second_ns);
    for (int i = 1; i < 1000; ++i) {
        const Outcome again = run_program(42);
        ASSERT_EQ(again.report.hash, first.report.hash) << "run " << i;
        ASSERT_EQ(again.report.event_count, first.report.event_count);
        ASSERT_EQ(again.report.virtual_ns, first.report.virtual_ns);
    }
}

// The same with every compiler and in every build. It changes when the rules of the world change,
// and only then.
TEST_F(Replay, one_hash_for_all_builds) {
    const Report run = run_program(42).report;
    EXPECT_EQ(run.event_count, 1847u);
    EXPECT_EQ(run.virtual_ns, 1292876237u);
    EXPECT_EQ(run.hash, 0xeb622d3a6e906531u);
}

// The heap's addresses are other ones every time; the run is not.
TEST_F(Replay, does_not_depend_on_where_things_lie) {
    const Outcome first = run_program(43);
    std::vector<std::unique_ptr<char[]>> ballast;
    for (std::size_t i = 1; i < 200; ++i) {
        ballast.push_back(std::make_unique<char[]>(i * 37));
        if (i % 3 == 0) ballast[i / 2].reset();
        if (i % 20 != 0) continue;
        EXPECT_EQ(run_program(43).report.hash, first.report.hash);
    }
}

TEST_F(Replay, different_seeds_differ_and_all_of_them_work) {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const Outcome outcome = run_program(seed);
        ASSERT_EQ(outcome.echoed_count, all_echoed) << "seed " << seed;
        ASSERT_EQ(outcome.wrong_count, 0u) << "seed " << seed;
        hashes.insert(outcome.report.hash);
    }
    EXPECT_EQ(hashes.size(), 300u);
}

TEST_F(Replay, works_with_every_class_of_faults_alone_switched_off) {
    const Outcome whole = run_program(5);
    const std::vector<bool Faults::*> classes = {&Faults::latency, &Faults::short_io,
                                                 &Faults::deferral};
    for (const auto off : classes) {
        Faults fewer;
        fewer.*off = false;
        set_faults(fewer);
        const Outcome outcome = run_program(5);
        EXPECT_EQ(outcome.echoed_count, all_echoed);
        EXPECT_NE(outcome.report.hash, whole.report.hash);
        EXPECT_EQ(run_program(5).report.hash, outcome.report.hash);
    }
    // Nothing is canceled here, and never are two operations ready in one poll: what these classes
    // do not draw is missed by no other.
    Faults fewer;
    fewer.late_cancel = fewer.reorder = false;
    set_faults(fewer);
    EXPECT_EQ(run_program(5).report.hash, whole.report.hash);
}

TEST_F(Replay, choices_come_from_the_seed_and_are_remembered) {
    const auto choices = [](std::uint64_t seed) {
        const std::unique_ptr<Loop> loop = open_loop(seed);
        EXPECT_TRUE(loop->backend().chooses());
        std::vector<std::uint32_t> all;
        for (std::uint32_t count = 1; count < 200; ++count) {
            all.push_back(loop->backend().choose(count));
            EXPECT_LT(all.back(), count);
        }
        EXPECT_EQ(report().event_count, 199u);
        return all;
    };
    const std::vector<std::uint32_t> first = choices(1);
    EXPECT_EQ(choices(1), first);
    EXPECT_NE(choices(2), first);
}

}  // namespace
}  // namespace zio::loop::simulated
