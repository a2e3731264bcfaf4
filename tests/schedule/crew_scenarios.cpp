// SPDX-License-Identifier: MIT
// Several workers: tasks that move before they begin, sleep for want of work, standing still, the
// end of a runtime that others use.
#include "core/runtime/reference.hpp"
#include "tests/schedule/world.hpp"

namespace zio::check {
namespace {

using runtime::current_worker;
using runtime::Runtime;

void compute(unsigned steps) {
    for (; steps > 0; --steps) spin_pause();
}

// ---- tasks that others may take; one of them gets messages meanwhile
void surplus() {
    World world(2);
    Mark runs[3] = {};
    Atomic<HandleBits> shown{0};
    auto patient = [&] {
        ++runs[0];
        std::int32_t cancels = 0;
        while (cancels == 0) cancels = runtime::park_for_token(never) == error::canceled;
        return 10;
    };
    auto second = [&] {
        return ++runs[1], 11;
    };
    auto third = [&] {
        runtime::yield();
        return ++runs[2], 12;
    };
    auto nothing = [] {
        return 0;
    };
    auto body = [&] {
        HandleBits handles[3] = {spawn(0, patient), 0, 0};
        shown.store(handles[0]);
        compute(random(16));
        for (unsigned i = random(5); i > 0; --i) give_back(spawn(0, nothing));
        handles[1] = spawn(0, second);
        handles[2] = spawn(0, third);
        compute(random(16));
        if (chance(2)) runtime::yield();
        for (unsigned i = 3; i-- > 0;) {
            ZIO_EXPECT(join_result(handles[i]) == 10 + static_cast<int>(i));
            give_back(handles[i]);
        }
        return 0;
    };
    const HandleBits main = spawn(world.handle(), body);
    {
        Started meddler("meddler", [&] {
            while (shown.load() == 0) spin_pause();
            const HandleBits task = shown.load();
            ZIO_EXPECT(runtime::reference(task) == task);
            ZIO_EXPECT(runtime::unpark(task) == 0);
            ZIO_EXPECT(runtime::request_cancel(task) == 0);
            give_back(task);
        });
        ZIO_EXPECT(join_result(main) == 0);
    }
    give_back(main);
    for (const Mark count : runs) ZIO_EXPECT(count == 1);
    world.end();
    expect_no_tasks();
}

// ---- work that lies in a surplus while somebody sleeps
void idle() {
    World world(3);
    Mark go_on = 0;
    Mark is_taken = 0;
    auto other = [&] {  // what a worker that was called may find to do instead
        while (go_on == 0) ZIO_EXPECT(runtime::park_for_token(never) == 0);
        while (is_taken == 0) spin_pause();
        return 0;
    };
    auto child = [] {
        compute(2);
        return 0;
    };
    auto body = [&] {
        for (unsigned round = 0; round < 2; ++round) {
            const HandleBits children[2] = {spawn(0, child), spawn(0, child)};
            // Nobody suspends here: the third worker must come for what was put out.
            while (current_worker->surplus.count() != 0) spin_pause();
            is_taken = round;
            for (const HandleBits one : children) {
                ZIO_EXPECT(join_result(one) == 0);
                give_back(one);
            }
        }
        return 0;
    };
    const HandleBits one = spawn(world.handle(), other);
    const HandleBits main = spawn(world.handle(), body);
    go_on = 1;
    ZIO_EXPECT(runtime::unpark(one) == 0);
    for (const HandleBits task : {one, main}) {
        ZIO_EXPECT(join_result(task) == 0);
        give_back(task);
    }
    world.end();
    expect_no_tasks();
}

// ---- the same, and the only other worker wakes now and then for messages that bring it no work
void idle_noise() {
    World world(2);
    auto dozer_body = [] {
        return runtime::sleep_until(never);
    };
    const HandleBits dozer = spawn(world.handle(), dozer_body);
    auto child = [] {
        return 0;
    };
    auto body = [&] {
        for (unsigned round = 0; round < 3; ++round) {
            const HandleBits one = spawn(0, child);
            while (current_worker->surplus.count() != 0) spin_pause();
            ZIO_EXPECT(join_result(one) == 0);
            give_back(one);
        }
        return 0;
    };
    const HandleBits main = spawn(world.handle(), body);
    {
        Started noise("noise", [&] {
            for (unsigned i = 0; i < 4; ++i) {
                compute(random(16));
                ZIO_EXPECT(runtime::unpark(dozer) == 0);
            }
        });
        ZIO_EXPECT(join_result(main) == 0);
    }
    ZIO_EXPECT(runtime::request_cancel(dozer) == 0);
    ZIO_EXPECT(join_result(dozer) == error::canceled);
    give_back(dozer);
    give_back(main);
    world.end();
    expect_no_tasks();
}

// ---- whoever drives a runtime stops: from then on no task runs
void crew() {
    World world(2, false);
    Mark driven = 0;
    unsigned left = 0;
    auto child = [&] {
        for (unsigned i = 0; i < 3; ++i) {
            ZIO_EXPECT(driven == 1);
            compute(1);
            ZIO_EXPECT(driven == 1);
            runtime::yield();
        }
        --left;
        return 0;
    };
    auto body = [&] {
        for (unsigned i = 0; i < 2; ++i) {
            ++left;
            const HandleBits task = spawn(0, child);
            give_back(task);
        }
        compute(random(8));
        return 1;
    };
    for (unsigned round = 0; round < 2; ++round) {
        driven = 1;
        ZIO_EXPECT(Runtime::run(world.handle(), &run_body<decltype(body)>, &body) == 1);
        driven = 0;
        compute(random(8));
    }
    driven = 1;
    world.end();
    ZIO_EXPECT(left == 0);
    expect_no_tasks();
}

// ---- a shutdown against those who spawn: it waits for all it let in, and cancels them
void shutdown() {
    World world(2);
    Mark is_over = 0;
    auto leaf = [&] {
        ZIO_EXPECT(is_over == 0);
        ZIO_EXPECT(runtime::park_for_token(never) == error::canceled);
        ZIO_EXPECT(is_over == 0);
        return 0;
    };
    auto branch = [&] {
        HandleBits ignored = spawn(0, leaf);
        if (ignored != 0) give_back(ignored);
        runtime::yield();
        ignored = spawn(0, leaf);
        if (ignored != 0) give_back(ignored);
        return 0;
    };
    HandleBits held = 0;
    {
        Started spawner("spawner", [&] {
            const HandleBits tasks[2] = {spawn(world.handle(), branch),
                                         spawn(world.handle(), leaf)};
            for (const HandleBits task : tasks) {
                if (task == 0) continue;
                (void)join_result(task);
                give_back(task);
            }
        });
        held = spawn(world.handle(), branch);
        ZIO_EXPECT(Runtime::shutdown(world.handle(), never) == 0);
        is_over = 1;
        world.end();
    }
    give_back(held);
    expect_no_tasks();
}

// ---- a runtime that is destroyed while others look at it and spawn into it
void destroy() {
    World world(1);
    auto body = [] {
        return 6;
    };
    const HandleBits handle = world.handle();
    Started spawner("spawner", [&] {
        const HandleBits task = spawn(handle, body);
        if (task == 0) return;
        ZIO_EXPECT(join_result(task) == 6);
        give_back(task);
    });
    Started reader("reader", [&] {
        runtime::RuntimeStatistics statistics;
        const std::int32_t status = runtime::statistics_of(handle, &statistics);
        ZIO_EXPECT(status == error::bad_handle || statistics.workers == 1);
    });
    std::int32_t status = Runtime::destroy(handle);
    while (status == error::busy) {
        spin_pause();
        status = Runtime::destroy(handle);
    }
    ZIO_EXPECT(status == 0);
    world.forget();
}

constexpr Scenario scenarios[] = {
    {"surplus", surplus}, {"idle", idle},         {"idle-noise", idle_noise},
    {"crew", crew},       {"shutdown", shutdown}, {"destroy", destroy},
};

}  // namespace

std::span<const Scenario> crew_scenarios() {
    return scenarios;
}

}  // namespace zio::check
