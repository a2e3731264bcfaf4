// SPDX-License-Identifier: MIT
// Small programs of tasks that send, receive, sleep, cancel, join, close and spawn, over simulated
// connections with a simulator's faults. Each program runs twice with one seed and must be the same
// run; every byte that was sent is received or still there; nobody wakes early; all tasks end once
// they are asked to.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <vector>

#include "tests/fuzz/input.hpp"
#include "tests/fuzz/world.hpp"
#include "zio/net.h"
#include "zio/task.h"

namespace {

using zio::fuzz::Input;

constexpr std::uint32_t most_tasks = 6;
constexpr std::uint32_t most_links = 3;
constexpr std::uint32_t most_children = 24;
constexpr std::uint32_t most_steps = 160;
constexpr std::size_t most_bytes = 24000;  // of one call

struct Step {
    std::uint8_t what;
    std::uint8_t stream;
    std::uint8_t amount;
    std::uint8_t wait;
};

struct Program {
    std::uint64_t seed;
    std::uint32_t link_count;
    std::uint32_t task_count;
    std::uint8_t kinds;  // of links: a bit each, set = TCP
    std::array<std::vector<Step>, most_tasks> scripts;
};

// One way of a connection.
struct Way {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    unsigned senders = 0;
    unsigned receivers = 0;
    bool is_mixed = false;      // several sent or received at once: only the sums are known
    bool may_lose = false;      // an end was closed or broken off
    bool was_received = false;  // to its end
};

class World;
struct Actor {
    World* world;
    std::uint32_t script;
    std::uint32_t number;
};

class World {
  public:
    explicit World(const Program& program) : program_(program) {}
    void run();
    std::uint64_t trace() const { return trace_; }
    zio_err_t act(const Actor& self);

  private:
    // What surrounds a step: scopes and shields that end after some more steps.
    struct Frame {
        std::uint64_t scopes[4];
        zio_deadline_t scopes_at[4];
        std::uint32_t scope_ends[4];
        std::uint32_t scope_count = 0;
        std::uint32_t shield_end = 0;
    };

    void open_links();
    void leave(Frame& frame, std::uint32_t at);
    zio_deadline_t deadline(const Step& step, const Frame& frame) const;
    void note(std::int64_t result) {
        trace_ = (trace_ ^ static_cast<std::uint64_t>(result)) * 0x9e3779b97f4a7c15;
    }
    std::int64_t allow(std::int64_t result, std::initializer_list<std::int64_t> results);
    std::int64_t step(const Actor& self, const Step& step, Frame& frame, std::uint32_t at);
    std::int64_t io(const Step& step, const Frame& frame, zio_deadline_t dl);
    std::int64_t send(const Step& step, zio_deadline_t dl);
    std::int64_t receive(const Step& step, zio_deadline_t dl);
    std::int64_t sleep(const Step& step, zio_deadline_t dl);
    std::int64_t close(const Step& step);
    std::int64_t join(const Actor& self, const Step& step, zio_deadline_t dl);
    std::int64_t spawn(const Step& step);
    std::int64_t connect(zio_deadline_t dl);
    void end_all();
    void receive_the_rest(std::uint32_t stream);

    zio_stream_t* stream(const Step& step) const { return streams_[index_of(step)]; }
    std::uint32_t index_of(const Step& step) const {
        return step.stream % (2 * program_.link_count);
    }
    // The way out of a stream is the way into its peer.
    Way& out_of(std::uint32_t stream) { return ways_[stream]; }
    Way& into(std::uint32_t stream) { return ways_[stream ^ 1]; }

    const Program& program_;
    std::array<zio_stream_t*, 2 * most_links> streams_{};
    std::array<bool, 2 * most_links> is_open_{};
    std::array<Way, 2 * most_links> ways_{};
    std::array<zio_task_t*, most_tasks> tasks_{};
    std::array<Actor, most_tasks + most_children> actors_{};
    std::uint32_t actor_count_ = 0;
    zio_listener_t* listener_ = nullptr;
    zio_addr_t address_{};
    zio_group_t* children_ = nullptr;
    std::uint64_t trace_ = 1;
    bool is_ending_ = false;
};

unsigned char byte_at(std::uint64_t at) {
    return static_cast<unsigned char>((at + 1) * 0x9e3779b97f4a7c15 >> 56);
}

std::int64_t World::allow(std::int64_t result, std::initializer_list<std::int64_t> results) {
    note(result);
    const bool is_allowed =
        result >= 0 || std::find(results.begin(), results.end(), result) != results.end();
    if (!is_allowed) {
        std::fprintf(stderr, "%s (%s)\n", zio_err_name(static_cast<zio_err_t>(result)),
                     zio_last_error_detail());
    }
    HOLDS(is_allowed);
    return result;
}

// In a shield nothing but its deadline ends a wait.
zio_deadline_t World::deadline(const Step& step, const Frame& frame) const {
    switch (step.wait % 4) {
        case 0:
            return frame.shield_end == 0 ? zio_deadline_t{ZIO_NEVER} : zio_after_ms(20);
        case 1:
            return ZIO_IMMEDIATE;
        case 2:
            return zio_after_ns(step.wait * 500);
        default:
            return zio_after_ns(step.wait * 100000);
    }
}

void World::leave(Frame& frame, std::uint32_t at) {
    while (frame.scope_count > 0 && frame.scope_ends[frame.scope_count - 1] <= at) {
        note(zio_timeout_pop(frame.scopes[--frame.scope_count]));
    }
    if (frame.shield_end != 0 && frame.shield_end <= at) {
        HOLDS(zio_shield_end() == 0);
        frame.shield_end = 0;
    }
}

zio_err_t World::act(const Actor& self) {
    const std::vector<Step>& script = program_.scripts[self.script];
    Frame frame;
    for (std::uint32_t at = 0; at < script.size() && !is_ending_; ++at) {
        leave(frame, at);
        note(step(self, script[at], frame, at));
    }
    // The shield opened last may lie within scopes, never the other way round.
    leave(frame, UINT32_MAX);
    return static_cast<zio_err_t>(self.number);
}

std::int64_t World::step(const Actor& self, const Step& step, Frame& frame, std::uint32_t at) {
    const zio_deadline_t dl = deadline(step, frame);
    const std::uint32_t end = at + 1 + step.amount % 8;
    switch (step.what % 20) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
            return io(step, frame, dl);
        case 9:
            return sleep(step, dl);
        case 10:
            return allow(zio_yield(), {ZIO_ECANCELED});
        case 11:
            return allow(zio_task_request_cancel(tasks_[step.amount % program_.task_count]), {});
        case 12:
            return allow(
                zio_stream_shutdown(stream(step), dl),
                {ZIO_EBADF, ZIO_ECLOSED, ZIO_ENOTCONN, ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN});
        case 13:
            return close(step);
        case 14:
            return spawn(step);
        case 15:
            return join(self, step, dl);
        case 16:
            if (frame.scope_count == 4 || frame.shield_end != 0) return 0;
            frame.scopes_at[frame.scope_count] = zio_after_ns(step.wait * 3000);
            HOLDS(zio_timeout_push(&frame.scopes[frame.scope_count],
                                   frame.scopes_at[frame.scope_count]) == 0);
            // Inner ones end first.
            frame.scope_ends[frame.scope_count] =
                frame.scope_count == 0 ? end
                                       : std::min(end, frame.scope_ends[frame.scope_count - 1]);
            ++frame.scope_count;
            return 0;
        case 17:
            if (frame.shield_end == 0) {
                HOLDS(zio_shield_begin() == 0);
                frame.shield_end = end;
            }
            return 0;
        case 18:
            return connect(dl);
        default:
            if (step.amount % 2 == 0)
                return allow(zio_task_unpark(tasks_[step.amount / 2 % program_.task_count]), {});
            return allow(zio_task_park(dl), {ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN});
    }
}

std::int64_t World::io(const Step& step, const Frame& frame, zio_deadline_t dl) {
    const std::int64_t result = step.what % 20 < 4 ? send(step, dl) : receive(step, dl);
    zio_deadline_t earliest = dl > 0 ? dl : INT64_MAX;
    for (std::uint32_t i = 0; i < frame.scope_count; ++i) {
        earliest = std::min(earliest, frame.scopes_at[i]);
    }
    if (result == ZIO_ETIMEDOUT) HOLDS(zio_now() >= earliest);
    if (result == ZIO_EAGAIN) HOLDS(dl == ZIO_IMMEDIATE);
    if (result == ZIO_ECANCELED) HOLDS(dl != ZIO_IMMEDIATE && frame.shield_end == 0);
    return result;
}

std::int64_t World::send(const Step& step, zio_deadline_t dl) {
    const std::size_t count = step.amount < 200 ? step.amount : (step.amount - 199u) * 150u;
    std::vector<unsigned char> bytes(std::min(count, most_bytes));
    Way& way = out_of(index_of(step));
    if (way.senders++ > 0) way.is_mixed = true;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(way.sent + i);
    std::int64_t result;
    std::size_t done = 0;
    const std::size_t half = bytes.size() / 2;
    const zio_cbuf_t pieces[2] = {{bytes.data(), half}, {bytes.data() + half, bytes.size() - half}};
    switch (step.what % 20) {
        case 0:
            result = zio_stream_write(stream(step), bytes.data(), bytes.size(), dl);
            done = result > 0 ? static_cast<std::size_t>(result) : 0;
            break;
        case 1:
            result = zio_stream_writev(stream(step), pieces, 2, dl);
            done = result > 0 ? static_cast<std::size_t>(result) : 0;
            break;
        default:
            done = 99;
            result = zio_stream_write_all(stream(step), bytes.data(), bytes.size(), &done, dl);
            HOLDS(result == 0 ? done == bytes.size() : done < bytes.size() || done == 0);
    }
    HOLDS(done <= bytes.size());
    way.sent += done;
    --way.senders;
    return allow(result, {ZIO_EBADF, ZIO_ECLOSED, ZIO_EPIPE, ZIO_ECONNRESET, ZIO_ECANCELED,
                          ZIO_ETIMEDOUT, ZIO_EAGAIN});
}

std::int64_t World::receive(const Step& step, zio_deadline_t dl) {
    const std::size_t count = step.amount < 200 ? step.amount : (step.amount - 199u) * 150u;
    std::vector<unsigned char> bytes(std::min(count, most_bytes));
    Way& way = into(index_of(step));
    if (way.receivers++ > 0) way.is_mixed = true;
    std::int64_t result;
    std::size_t done = 0;
    bool is_kept = false;
    const std::size_t half = bytes.size() / 2;
    const zio_buf_t pieces[2] = {{bytes.data(), half}, {bytes.data() + half, bytes.size() - half}};
    switch (step.what % 20) {
        case 4:
            result = zio_stream_readv(stream(step), pieces, 2, dl);
            break;
        case 5:
            result = zio_stream_peek(stream(step), bytes.data(), bytes.size(), dl);
            is_kept = true;
            break;
        case 6:
            done = 99;
            result = zio_stream_read_exact(stream(step), bytes.data(), bytes.size(), &done, dl);
            HOLDS(result == 0 ? done == bytes.size() : done <= bytes.size());
            break;
        default:
            result = zio_stream_read(stream(step), bytes.data(), bytes.size(), dl);
    }
    if (step.what % 20 != 6 && result > 0) done = static_cast<std::size_t>(result);
    HOLDS(done <= bytes.size());
    for (std::size_t i = 0; i < done && !way.is_mixed; ++i) {
        HOLDS(bytes[i] == byte_at(way.received + i));
    }
    if (!is_kept) way.received += done;
    --way.receivers;
    return allow(result, {ZIO_EBADF, ZIO_ECLOSED, ZIO_ECONNRESET, ZIO_ECANCELED, ZIO_ETIMEDOUT,
                          ZIO_EAGAIN, ZIO_EEOF});
}

std::int64_t World::sleep(const Step& step, zio_deadline_t dl) {
    const zio_deadline_t until = dl > 0 ? dl : zio_after_ns(step.amount * 10000);
    const zio_err_t status = zio_sleep_until(until);
    if (status == 0) HOLDS(zio_now() >= until);
    return allow(status, {ZIO_ECANCELED, ZIO_ETIMEDOUT});
}

std::int64_t World::close(const Step& step) {
    const std::uint32_t index = index_of(step);
    const bool aborts = step.amount % 2 == 1;
    const zio_err_t status =
        aborts ? zio_stream_abort(streams_[index]) : zio_stream_close(streams_[index]);
    HOLDS(status == (is_open_[index] ? 0 : ZIO_EBADF));
    is_open_[index] = false;
    into(index).may_lose = true;
    // What was not read when it was closed breaks the connection off, and with it the other way.
    out_of(index).may_lose = true;
    note(status);
    return status;
}

std::int64_t World::join(const Actor& self, const Step& step, zio_deadline_t dl) {
    // Only who stands behind: in a ring everybody would wait for everybody, as the contract says.
    const std::uint32_t target = step.amount % most_tasks;
    if (self.number >= program_.task_count || target <= self.number ||
        target >= program_.task_count)
        return 0;
    zio_err_t result = -1;
    const zio_err_t status = zio_task_join(tasks_[target], &result, dl);
    HOLDS(status != 0 || result == static_cast<zio_err_t>(target));
    return allow(status, {ZIO_ETIMEDOUT, ZIO_EAGAIN});
}

zio_err_t run_actor(void* ud) {
    const Actor& self = *static_cast<Actor*>(ud);
    return self.world->act(self);
}

std::int64_t World::spawn(const Step& step) {
    if (actor_count_ == actors_.size()) return 0;
    Actor& child = actors_[actor_count_];
    child = {this, step.amount % program_.task_count, actor_count_};
    ++actor_count_;
    return allow(zio_group_spawn(children_, run_actor, &child, nullptr), {});
}

// A connection that comes and goes.
std::int64_t World::connect(zio_deadline_t dl) {
    zio_stream_t* made[2] = {};
    const zio_err_t status = zio_connect(&made[0], &address_, nullptr, dl);
    allow(status,
          {ZIO_ECANCELED, ZIO_ETIMEDOUT, ZIO_EAGAIN, ZIO_ECONNREFUSED, ZIO_ECONNRESET, ZIO_EMFILE});
    const zio_err_t accepted = zio_accept(listener_, &made[1], nullptr, ZIO_IMMEDIATE);
    allow(accepted, {ZIO_EAGAIN});
    HOLDS((status == 0) == (made[0] != nullptr) && (accepted == 0) == (made[1] != nullptr));
    HOLDS(zio_stream_close(made[0]) == 0 && zio_stream_close(made[1]) == 0);
    return status;
}

void World::open_links() {
    HOLDS(zio_addr_parse(&address_, "127.0.0.1:0", static_cast<std::size_t>(-1), 0) == 0);
    HOLDS(zio_listen(&listener_, &address_, nullptr) == 0);
    HOLDS(zio_listener_addr(listener_, &address_) == 0);
    for (std::uint32_t i = 0; i < 2 * program_.link_count; i += 2) {
        if ((program_.kinds >> (i / 2) & 1) != 0) {
            HOLDS(zio_connect(&streams_[i], &address_, nullptr, ZIO_NEVER) == 0);
            HOLDS(zio_accept(listener_, &streams_[i + 1], nullptr, ZIO_NEVER) == 0);
        } else {
            HOLDS(zio_stream_pair(&streams_[i], &streams_[i + 1]) == 0);
        }
        is_open_[i] = is_open_[i + 1] = true;
    }
}

// Everybody is asked at once: who waits for another one waits for one that is asked too.
void World::end_all() {
    is_ending_ = true;
    for (std::uint32_t i = 0; i < program_.task_count; ++i) {
        HOLDS(zio_task_request_cancel(tasks_[i]) == 0);
    }
    HOLDS(zio_group_cancel(children_) == 0);
    HOLDS(zio_group_destroy(children_) == 0);
    for (std::uint32_t i = 0; i < program_.task_count; ++i) {
        zio_err_t result = -1;
        HOLDS(zio_task_cancel(tasks_[i], &result) == 0 && result == static_cast<zio_err_t>(i));
        HOLDS(zio_task_unref(tasks_[i]) == 0);
    }
}

void World::receive_the_rest(std::uint32_t stream) {
    unsigned char bytes[4096];
    Way& way = into(stream);
    zio_ssize_t result = ZIO_EBADF;
    while (is_open_[stream] && (result = zio_stream_read(streams_[stream], bytes, sizeof bytes,
                                                         zio_after_ms(10000))) > 0) {
        for (zio_ssize_t i = 0; i < result && !way.is_mixed; ++i) {
            HOLDS(bytes[i] == byte_at(way.received + static_cast<std::uint64_t>(i)));
        }
        way.received += static_cast<std::uint64_t>(result);
    }
    HOLDS(way.received <= way.sent);
    HOLDS(way.received == way.sent || way.may_lose);
    HOLDS(result == 0 || result == ZIO_ETIMEDOUT || way.may_lose);
}

void World::run() {
    open_links();
    HOLDS(zio_group_create(nullptr, &children_, 0) == 0);
    actor_count_ = program_.task_count;
    for (std::uint32_t i = 0; i < program_.task_count; ++i) {
        actors_[i] = {this, i, i};
        HOLDS(zio_spawn(nullptr, &tasks_[i], run_actor, &actors_[i], nullptr) == 0);
    }
    HOLDS(zio_sleep_until(zio_after_ms(200)) == 0);
    end_all();
    for (std::uint32_t i = 0; i < 2 * program_.link_count; ++i) receive_the_rest(i);
    for (std::uint32_t i = 0; i < 2 * program_.link_count; ++i) {
        HOLDS(zio_stream_close(streams_[i]) == (is_open_[i] ? 0 : ZIO_EBADF));
    }
    HOLDS(zio_listener_close(listener_) == 0);
}

zio_err_t run_program(void* ud) {
    static_cast<World*>(ud)->run();
    return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Program program{};
    program.seed = input.number(2) + 1;
    program.link_count = 1 + input.below(most_links);
    program.task_count = 1 + input.below(most_tasks);
    program.kinds = input.byte();
    for (std::uint32_t i = 0; i < most_steps && !input.empty(); ++i) {
        const Step step{input.byte(), input.byte(), input.byte(), input.byte()};
        program.scripts[i % program.task_count].push_back(step);
    }
    World first(program);
    World second(program);
    const zio::fuzz::Outcome once = zio::fuzz::run_world(program.seed, run_program, &first);
    const zio::fuzz::Outcome again = zio::fuzz::run_world(program.seed, run_program, &second);
    HOLDS(once.hash == again.hash && once.event_count == again.event_count);
    HOLDS(once.spawned_count == again.spawned_count);
    HOLDS(first.trace() == second.trace());
    return 0;
}
