// SPDX-License-Identifier: MIT
// A task and what others send it: tokens, cancels, references, joins, guesses at its handle.
#include "core/runtime/await.hpp"
#include "core/runtime/reference.hpp"
#include "tests/schedule/world.hpp"

namespace zio::check {
namespace {

using runtime::request_cancel;
using runtime::unpark;

// ---- a token that was given is never lost; both tasks' mail may lie in the inbox at once
void tokens() {
    World world(1);
    Mark given[2] = {};
    auto body = [&] {
        while (given[0] + given[1] < 2) ZIO_EXPECT(runtime::park_for_token(never) == 0);
        return 5;
    };
    const HandleBits tasks[2] = {spawn(world.handle(), body), spawn(world.handle(), body)};
    {
        const auto give = [&](unsigned me) {
            given[me] = 1;
            for (const HandleBits task : tasks) ZIO_EXPECT(unpark(task) == 0);
        };
        Started first("unparker 1", [&] { give(0); });
        Started second("unparker 2", [&] { give(1); });
    }
    for (const HandleBits task : tasks) {
        ZIO_EXPECT(join_result(task) == 5);
        give_back(task);
    }
    world.end();
    expect_no_tasks();
}

// ---- a cancel ends one wait, and no wait that came after it was delivered
void cancel() {
    World world(1);
    Mark asked = 0;
    unsigned met = 0;
    auto body = [&] {
        for (unsigned turn = 0; turn < 3; ++turn) {
            if (runtime::check_cancel() == error::canceled) ++met;
            const Deadline deadline = chance(2) ? runtime::after(1'000) : never;
            const bool waits_for_ever = deadline == never;
            if (waits_for_ever && met == 2) break;
            const std::int32_t status = runtime::park_for_token(deadline);
            if (status == error::canceled) ++met;
            if (status == 0) break;
        }
        ZIO_EXPECT(met <= asked);
        return 0;
    };
    const HandleBits task = spawn(world.handle(), body);
    {
        const auto ask = [&] {
            ++asked;
            const std::int32_t status = request_cancel(task);
            ZIO_EXPECT(status == 0 || status == error::bad_handle);
        };
        Started first("canceler 1", ask);
        Started second("canceler 2", ask);
    }
    ZIO_EXPECT(unpark(task) == 0);
    ZIO_EXPECT(join_result(task) == 0);
    give_back(task);
    world.end();
    expect_no_tasks();
}

// ---- an operation that ends while it is canceled: its result wins, and the cancel stays
void operation() {
    World world(1);
    unsigned met = 0;
    auto body = [&] {
        char byte = 0;
        loop::Transfer transfer(loop::OperationKind::receive, 1, false, &byte, 11);
        const std::int64_t result = runtime::await(transfer, nullptr, os::Direction::read, never);
        ZIO_EXPECT(result == 11 || (result == error::canceled && transfer.result != 11));
        if (result == error::canceled) ++met;
        if (result == 11 && runtime::park_for_token(never) == error::canceled) ++met;
        return 0;
    };
    const HandleBits task = spawn(world.handle(), body);
    Started canceler("canceler", [&] { ZIO_EXPECT(request_cancel(task) == 0); });
    ZIO_EXPECT(join_result(task) == 0);
    ZIO_EXPECT(met == 1);
    canceler.join();
    give_back(task);
    world.end();
    expect_no_tasks();
}

// ---- a slice that ends just before a wait: the turn of the loop may bring the cancel
void slice() {
    World world(1);
    auto body = [] {
        runtime::current_worker->left = 1;
        return runtime::park_for_token(never);
    };
    const HandleBits task = spawn(world.handle(), body);
    Started canceler("canceler", [&] { ZIO_EXPECT(request_cancel(task) == 0); });
    ZIO_EXPECT(join_result(task) == error::canceled);
    canceler.join();
    give_back(task);
    world.end();
    expect_no_tasks();
}

// ---- references made and given back here and there: freed when the last is gone, not before
void references() {
    World world(1);
    Mark passed = 0;
    auto body = [&] {
        const HandleBits me = runtime::self();
        ZIO_EXPECT(runtime::reference(me) == me);
        runtime::yield();
        give_back(me);
        while (passed == 0) ZIO_EXPECT(runtime::park_for_token(never) == 0);
        give_back(me);
        give_back(me);  // the one that was passed on, and the first: one more than home counted
        return 0;
    };
    const HandleBits task = spawn(world.handle(), body);
    ZIO_EXPECT(runtime::reference(task) == task);
    {
        Started first("holder 1", [&] {
            ZIO_EXPECT(runtime::reference(task) == task);
            passed = 1;
            const std::int32_t status = unpark(task);
            ZIO_EXPECT(status == 0 || status == error::bad_handle);  // it may be over by now
        });
        Started second("holder 2", [&] { give_back(task); });
    }
    world.end();
    expect_no_tasks();
}

// ---- short lives in one slot, and messages that come while one ends and the next begins
void reuse() {
    World world(1);
    Atomic<HandleBits> shown{0};
    constexpr unsigned rounds = 4;
    unsigned ran = 0;
    auto child = [&] {
        if (chance(2)) (void)runtime::park_for_token(runtime::after(1 + random(2'000)));
        return ++ran, 8;
    };
    auto body = [&] {
        for (unsigned round = 0; round < rounds; ++round) {
            const HandleBits task = spawn(0, child);
            shown.store(task);
            if (chance(2)) ZIO_EXPECT(join_result(task) == 8);
            give_back(task);
        }
        return 0;
    };
    const HandleBits main = spawn(world.handle(), body);
    {
        const auto meddle = [&] {
            while (ran < rounds) {
                const HandleBits task = shown.load();
                if (task == 0) spin_pause();
                if (task == 0) continue;
                const bool holds = runtime::reference(task) == task;
                const std::int32_t status = unpark(task);
                ZIO_EXPECT(status == 0 || (status == error::bad_handle && !holds));
                if (holds) give_back(task);
            }
        };
        Started first("meddler 1", meddle);
        Started second("meddler 2", meddle);
        ZIO_EXPECT(join_result(main) == 0);
    }
    give_back(main);
    world.end();
    ZIO_EXPECT(ran == rounds);
    expect_no_tasks();
}

// ---- whoever spawns from outside holds his reference before anybody can end the task
void spawn_outside() {
    World world(1);
    const auto use = [&] {
        auto body = [] {
            return 3;
        };
        const HandleBits task = spawn(world.handle(), body);
        ZIO_EXPECT(join_result(task) == 3);
        give_back(task);
    };
    {
        Started first("spawner", use);
        use();
    }
    world.end();
    expect_no_tasks();
}

// ---- joins from other threads, one of which gives up
void joins() {
    World world(1);
    auto body = [] {
        runtime::yield();
        return 7;
    };
    const HandleBits task = spawn(world.handle(), body);
    {
        Started first("joiner", [&] { ZIO_EXPECT(join_result(task) == 7); });
        Started second("hasty joiner", [&] {
            const std::int32_t result = join_result(task, runtime::after(1 + random(20'000)));
            ZIO_EXPECT(result == 7 || result == error::timed_out);
        });
    }
    give_back(task);
    world.end();
    expect_no_tasks();
}

// ---- targets of two homes: their requests lie in one list, and each takes the other's too
void two_homes() {
    World near(1);
    World far(1);
    auto body = [] {
        return 4;
    };
    const auto spawn_and_join = [&](World& world) {
        const HandleBits task = spawn(world.handle(), body);
        ZIO_EXPECT(join_result(task) == 4);
        give_back(task);
    };
    {
        Started first("user of near", [&] { spawn_and_join(near); });
        spawn_and_join(far);
    }
    near.end();
    far.end();
    expect_no_tasks();
}

// ---- a joiner that is canceled cancels its target and stays to its end
void join_canceled() {
    World near(1);
    World far(1);
    auto target_body = [] {
        return runtime::park_for_token(never);
    };
    const HandleBits target = spawn(far.handle(), target_body);
    auto joiner_body = [&] {
        ZIO_EXPECT(join_result(target) == error::canceled);
        ZIO_EXPECT(runtime::check_cancel() == error::canceled);  // its own still stands
        return 1;
    };
    const HandleBits joiner = spawn(near.handle(), joiner_body);
    ZIO_EXPECT(request_cancel(joiner) == 0);
    ZIO_EXPECT(join_result(joiner) == 1);
    give_back(joiner);
    give_back(target);
    near.end();
    far.end();
    expect_no_tasks();
}

// ---- the home of a task that has ended, or never began, goes away under those who hold it
void home_leaves() {
    World world(1);
    auto body = [] {
        return 9;
    };
    const HandleBits task = spawn(world.handle(), body);
    ZIO_EXPECT(runtime::reference(task) == task);
    {
        Started joiner("joiner", [&] {
            ZIO_EXPECT(join_result(task) == 9);
            give_back(task);
        });
        Started holder("holder", [&] { give_back(task); });
        world.end();
    }
    expect_no_tasks();
}
std::int32_t never_run(void*) {
    found("a task that was never launched runs");
}
void discard() {
    World world(1);
    runtime::Storage storage{8, 8, 8, 8, nullptr, nullptr};
    HandleBits task = 0;
    ZIO_EXPECT(runtime::prepare(world.handle(), &task, &never_run, &storage, {}) == 0);
    for (unsigned i = 0; i < 2; ++i) ZIO_EXPECT(runtime::reference(task) == task);
    {
        const auto join = [&] {
            ZIO_EXPECT(join_result(task) == error::canceled);
            give_back(task);
        };
        Started first("joiner 1", join);
        Started second("joiner 2", join);
        world.end();
        ZIO_EXPECT(runtime::discard(task) == 0);
    }
    expect_no_tasks();
}
// The same, and the home leaves while it is discarded.
void discard_early() {
    World world(1);
    runtime::Storage storage{8, 8, 8, 8, nullptr, nullptr};
    HandleBits task = 0;
    ZIO_EXPECT(runtime::prepare(world.handle(), &task, &never_run, &storage, {}) == 0);
    ZIO_EXPECT(runtime::reference(task) == task);
    {
        Started joiner("joiner", [&] {
            ZIO_EXPECT(join_result(task) == error::canceled);
            give_back(task);
        });
        Started discarder("discarder", [&] { ZIO_EXPECT(runtime::discard(task) == 0); });
        world.end();
    }
    expect_no_tasks();
}

// ---- a handle that somebody guessed: of the next life of a slot that is free, or is it?
void guess() {
    World world(1);
    auto body = [] {
        return 2;
    };
    HandleBits task = spawn(world.handle(), body);
    ZIO_EXPECT(join_result(task) == 2);
    const HandleBits guessed = task + 1;  // the generation is the lower half
    {
        Started guesser("guesser", [&] {
            for (unsigned i = 0; i < 3; ++i) {
                (void)unpark(guessed);
                (void)request_cancel(guessed);
            }
        });
        give_back(task);
        task = spawn(world.handle(), body);
        ZIO_EXPECT(join_result(task) == 2);
        give_back(task);
    }
    world.end();
    expect_no_tasks();
}

constexpr Scenario scenarios[] = {
    {"tokens", tokens},
    {"cancel", cancel},
    {"operation", operation},
    {"slice", slice},
    {"references", references},
    {"spawn-outside", spawn_outside},
    {"joins", joins},
    {"two-homes", two_homes},
    {"join-canceled", join_canceled},
    {"home-leaves", home_leaves},
    {"discard", discard},
    {"discard-early", discard_early},
    {"reuse", reuse},
    {"guess", guess},
};

}  // namespace

std::span<const Scenario> task_scenarios() {
    return scenarios;
}

}  // namespace zio::check
