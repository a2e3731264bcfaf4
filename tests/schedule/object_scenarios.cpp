// SPDX-License-Identifier: MIT
// Objects that tasks of several workers wait on: groups, wait lists, descriptors.
#include "core/runtime/await.hpp"
#include "core/runtime/group.hpp"
#include "core/runtime/reference.hpp"
#include "core/runtime/send.hpp"
#include "tests/schedule/world.hpp"

namespace zio::check {
namespace {

using runtime::Group;

template <class Body>
std::int32_t spawn_into(HandleBits group, Body& body) {
    return runtime::spawn_member(group, &run_body<Body>, &body, {});
}

// ---- one member fails, all others end canceled, also the one that comes late
void group_failure() {
    World world(2);
    HandleBits group = 0;
    ZIO_EXPECT(Group::create(world.handle(), runtime::group_fail_fast, &group) == 0);
    unsigned ended = 0;
    auto waits = [&] {
        ZIO_EXPECT(runtime::park_for_token(never) == error::canceled);
        ++ended;
        return error::canceled;
    };
    auto fails = [&] {
        ++ended;
        return -5;
    };
    auto is_short = [&] {
        runtime::yield();
        ++ended;
        return 0;
    };
    ZIO_EXPECT(spawn_into(group, waits) == 0);
    ZIO_EXPECT(spawn_into(group, is_short) == 0);
    ZIO_EXPECT(spawn_into(group, fails) == 0);
    unsigned late = 0;
    Started spawner("late spawner", [&] {
        const std::int32_t status = spawn_into(group, waits);
        ZIO_EXPECT(status == 0 || status == error::canceled);
        if (status == 0) ++late;
    });
    spawner.join();
    ZIO_EXPECT(Group::wait(group, never) == -5);
    ZIO_EXPECT(ended == 3 + late);
    ZIO_EXPECT(Group::destroy(group) == 0);
    world.end();
    expect_no_tasks();
}

// ---- the last two members end at once, and who waits for them destroys the group
void group_end() {
    World world(2);
    unsigned ended = 0;
    auto body = [&] {
        ++ended;
        return 0;
    };
    for (unsigned round = 0; round < 2; ++round) {
        HandleBits group = 0;
        ZIO_EXPECT(Group::create(world.handle(), 0, &group) == 0);
        ZIO_EXPECT(spawn_into(group, body) == 0);
        ZIO_EXPECT(spawn_into(group, body) == 0);
        ZIO_EXPECT(Group::wait(group, never) == 0);
        ZIO_EXPECT(ended == 2 * (round + 1));
        ZIO_EXPECT(Group::destroy(group) == 0);
    }
    world.end();
    expect_no_tasks();
}

// ---- a group that is destroyed and whose slot is used again, under somebody who knew the first
void group_reuse() {
    World world(1);
    HandleBits first = 0;
    HandleBits second = 0;
    auto body = [] {
        (void)runtime::park_for_token(never);
        return 0;
    };
    ZIO_EXPECT(Group::create(world.handle(), 0, &first) == 0);
    {
        Started late("late user", [&] {
            const std::int32_t status = spawn_into(first, body);
            ZIO_EXPECT(status == 0 || status == error::bad_handle || status == error::canceled);
            if (status == 0) (void)Group::cancel(first);
        });
        ZIO_EXPECT(Group::destroy(first) == 0);
        ZIO_EXPECT(Group::create(world.handle(), 0, &second) == 0);
        ZIO_EXPECT(Group::wait(second, immediate) == 0);  // nobody was let into this one
    }
    ZIO_EXPECT(Group::wait(second, immediate) == 0);
    ZIO_EXPECT(Group::destroy(second) == 0);
    world.end();
    expect_no_tasks();
}

// ---- a wait list: two who grant, one waiter, one who cancels it; no grant is lost
void wait_list() {
    World world(1);
    static ObjectWord word;
    static runtime::WaitList list{nullptr, nullptr, &word};
    constexpr std::int32_t granted = 42;
    unsigned given = 0;
    unsigned got = 0;
    unsigned canceled = 0;
    auto body = [&] {
        while (canceled == 0 || got != given) {
            runtime::Worker* w = runtime::current_worker;
            runtime::Task* me = w->current;
            if (me->cancel_pending() && runtime::deliver_cancel(me) != 0) ++canceled;
            if (canceled != 0) break;
            object_word::take_lock(word);
            me->state = runtime::TaskState::listed;
            list.append(*me);
            object_word::release_lock(word);
            me = runtime::park(w, me, runtime::TaskState::listed, never).me;
            ZIO_EXPECT(runtime::WaitList::of(*me) == nullptr);
            ZIO_EXPECT(me->verdict == granted || me->verdict == error::canceled);
            ++(me->verdict == granted ? got : canceled);
        }
        return 0;
    };
    const HandleBits task = spawn(world.handle(), body);
    {
        const auto grant = [&](bool to_all) {
            object_word::take_lock(word);
            runtime::Task* waiter = to_all ? list.take_all() : list.take_first();
            if (waiter != nullptr) ++given;
            object_word::release_lock(word);
            if (waiter != nullptr) runtime::wake(*waiter, granted);
        };
        Started first("granter of one", [&] { grant(false); });
        Started second("granter of all", [&] { grant(true); });
        Started canceler("canceler", [&] { ZIO_EXPECT(runtime::request_cancel(task) == 0); });
        ZIO_EXPECT(join_result(task) == 0);
        give_back(task);
    }
    ZIO_EXPECT(got == given && canceled == 1 && list.empty());
    world.end();
    expect_no_tasks();
}

// ---- a descriptor: two who read in turn, one who closes, one who guesses the next handle
class Pipe final : public runtime::Descriptor {
  public:
    explicit Pipe(unsigned number) {
        retire_ = [](runtime::Descriptor& self) {
            static_cast<Pipe&>(self).retired = true;
        };
        generation = open(static_cast<os::Handle>(number));
    }
    std::uint32_t generation;
    bool retired = false;
};

// `flags` of the reads; `closes`: while they are under way.
void use_descriptor(std::uint32_t flags, bool closes) {
    World world(2);
    constexpr unsigned number = 5;
    Pipe pipe(number);
    unsigned active = 0;
    auto reader = [&] {
        const std::int32_t turn = pipe.take_turn(pipe.generation, os::Direction::read, never);
        if (turn != 0) {
            ZIO_EXPECT(turn == error::closed || turn == error::bad_handle);
            return 0;
        }
        ZIO_EXPECT(active++ == 0);
        char byte = 0;
        loop::Transfer transfer(loop::OperationKind::receive, number, true, &byte, 1, flags);
        const std::int64_t result = runtime::await(transfer, &pipe, os::Direction::read, never);
        ZIO_EXPECT(result == error::closed || (flags == 0 && result == 1));
        ZIO_EXPECT(active-- == 1);
        ZIO_EXPECT(close_counts[number] == 0);
        pipe.give_turn(os::Direction::read);
        return 0;
    };
    const HandleBits readers[2] = {spawn(world.handle(), reader), spawn(world.handle(), reader)};
    {
        Started guesser("guesser", [&] {
            ZIO_EXPECT(pipe.pin(pipe.generation + 1) == error::bad_handle);
            if (pipe.pin(pipe.generation) != 0) return;
            ZIO_EXPECT(close_counts[number] == 0);
            pipe.unpin();
        });
        for (unsigned i = random(16); i > 0; --i) spin_pause();
        if (closes) ZIO_EXPECT(pipe.close(pipe.generation, false) == 0);
        for (const HandleBits one : readers) {
            ZIO_EXPECT(join_result(one) == 0);
            give_back(one);
        }
        if (!closes) ZIO_EXPECT(pipe.close(pipe.generation, false) == 0);
    }
    world.end();
    ZIO_EXPECT(close_counts[number] == 1 && pipe.retired);
    expect_no_tasks();
}
void descriptor() {
    use_descriptor(0, true);
}
void descriptor_turn() {
    use_descriptor(0, false);
}
void descriptor_close() {
    use_descriptor(never_finishes, true);
}

constexpr Scenario scenarios[] = {
    {"group-failure", group_failure},     {"group-end", group_end},
    {"group-reuse", group_reuse},         {"wait-list", wait_list},
    {"descriptor", descriptor},           {"descriptor-close", descriptor_close},
    {"descriptor-turn", descriptor_turn},
};

}  // namespace

std::span<const Scenario> object_scenarios() {
    return scenarios;
}

}  // namespace zio::check
