// SPDX-License-Identifier: MIT
#include "tests/schedule/engine.hpp"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/context/context.hpp"
#include "tests/schedule/memory.hpp"

namespace zio::check {

int mutant = 0;

namespace {

constexpr std::size_t stack_size = 256 * 1024;
constexpr std::size_t most_thread_local = 1024;
constexpr unsigned buffer_size = 32;
constexpr std::uint64_t most_steps = 400'000;
constexpr std::uint64_t most_in_a_row = 4'000;  // then a thread of high priority makes room
constexpr unsigned nobody = thread_limit;

struct Stored {
    void* place;
    std::size_t size;
    Bits value;
    bool overlaps(const void* other, std::size_t other_size) const {
        const auto here = reinterpret_cast<std::uintptr_t>(place);
        const auto there = reinterpret_cast<std::uintptr_t>(other);
        return here < there + other_size && there < here + size;
    }
};

enum class State : std::uint8_t { unused, able, blocked, ended };

struct VirtualThread {
    context::Context context;
    char* stack = nullptr;
    State state = State::unused;
    char name[16] = {};
    const char* why = "";
    Instant until = forever;
    std::int64_t priority = 0;
    void (*entry)(void*) = nullptr;
    void* data = nullptr;
    void (*leave)(void*) = nullptr;
    void* leave_data = nullptr;
    unsigned joiner = nobody;
    Stored kept[buffer_size];  // the oldest first
    unsigned kept_count = 0;
    char thread_local_data[most_thread_local];
};

struct Engine {
    Settings settings{};
    bool running = false;
    std::uint64_t state = 0;  // of the random numbers
    std::uint64_t steps = 0;
    std::uint64_t steps_in_a_row = 0;
    Instant clock = 0;
    Instant look_ns = 0;
    unsigned one_in_switch = 2;
    unsigned one_in_drain = 4;
    std::int64_t lowest = 0;
    std::uint64_t changes[3] = {};
    unsigned current = 0;
    unsigned count = 0;
    unsigned live = 0;
    context::Context driver{};
    char driver_thread_local[most_thread_local];
    char* thread_local_at = nullptr;
    std::size_t thread_local_size = 0;
    char thread_local_initially[most_thread_local];
    VirtualThread threads[thread_limit];
};

// Outside of what an execution finds as it was (memory.hpp).
Engine* engine = nullptr;

std::uint64_t number() {
    std::uint64_t z = engine->state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

VirtualThread& me() {
    return engine->threads[engine->current];
}

// ---- what is kept back
void drain_one(VirtualThread& thread) {
    const Stored oldest = thread.kept[0];
    --thread.kept_count;
    memmove(&thread.kept[0], &thread.kept[1], thread.kept_count * sizeof(Stored));
    touch(oldest.place);
    memcpy(oldest.place, &oldest.value, oldest.size);
}
void drain(VirtualThread& thread) {
    while (thread.kept_count > 0) drain_one(thread);
}
void drain_some() {
    for (unsigned i = 0; i < engine->count; ++i) {
        VirtualThread& thread = engine->threads[i];
        if (thread.kept_count > 0 && number() % engine->one_in_drain == 0) drain_one(thread);
    }
}

// ---- who goes on
void go(unsigned next) {
    if (next == engine->current) return;
    VirtualThread& from = me();
    VirtualThread& to = engine->threads[next];
    memcpy(from.thread_local_data, engine->thread_local_at, engine->thread_local_size);
    memcpy(engine->thread_local_at, to.thread_local_data, engine->thread_local_size);
    engine->current = next;
    engine->steps_in_a_row = 0;
    context::switch_to(from.context, to.context, &to, nullptr);
}

[[noreturn]] void report_standstill() {
    char text[1024];
    int length = snprintf(text, sizeof text, "nobody can go on, a wake was lost:");
    for (unsigned i = 0; i < engine->count; ++i) {
        const VirtualThread& thread = engine->threads[i];
        if (thread.state != State::blocked) continue;
        length += snprintf(text + length, sizeof text - static_cast<std::size_t>(length),
                           " [%s: %s]", thread.name, thread.why);
        if (static_cast<std::size_t>(length) > sizeof text - 100) break;
    }
    found("%s", text);
}

void let_time_pass(Instant until) {
    if (until > engine->clock) engine->clock = until;
    for (unsigned i = 0; i < engine->count; ++i) {
        VirtualThread& thread = engine->threads[i];
        if (thread.state == State::blocked && thread.until <= engine->clock) {
            thread.state = State::able;
        }
    }
}
Instant earliest_end() {
    Instant earliest = forever;
    for (unsigned i = 0; i < engine->count; ++i) {
        const VirtualThread& thread = engine->threads[i];
        if (thread.state == State::blocked && thread.until < earliest) earliest = thread.until;
    }
    return earliest;
}

// Any thread that can go on, `but` only if there is no other; `nobody`.
unsigned pick(unsigned but) {
    unsigned able[thread_limit];
    unsigned count = 0;
    for (unsigned i = 0; i < engine->count; ++i) {
        if (engine->threads[i].state == State::able && i != but) able[count++] = i;
    }
    if (count == 0) {
        return but < nobody && engine->threads[but].state == State::able ? but : nobody;
    }
    if (engine->settings.policy == Policy::walk) return able[number() % count];
    unsigned best = able[0];
    for (unsigned i = 1; i < count; ++i) {
        if (engine->threads[able[i]].priority > engine->threads[best].priority) best = able[i];
    }
    return best;
}

// The calling thread cannot go on.
void leave() {
    for (;;) {
        const unsigned next = pick(nobody);
        if (next != nobody) return go(next);
        const Instant until = earliest_end();
        if (until == forever) report_standstill();
        let_time_pass(until);
    }
}

void step() {
    if (++engine->steps > most_steps) {
        found("no end after %llu steps, in %s", static_cast<unsigned long long>(most_steps),
              me().name);
    }
    drain_some();
    const Instant until = earliest_end();
    if (until != forever && (until <= engine->clock || number() % 512 == 0)) let_time_pass(until);
}

void point() {
    step();
    if (engine->settings.policy == Policy::walk) {
        if (number() % engine->one_in_switch == 0) go(pick(nobody));
        return;
    }
    for (const std::uint64_t change : engine->changes) {
        if (engine->steps == change) me().priority = --engine->lowest;
    }
    if (++engine->steps_in_a_row > most_in_a_row) me().priority = --engine->lowest;
    go(pick(nobody));
}

void trace(const char* what, const void* place, Bits value) {
    if (!engine->settings.traces) return;
    char text[200];
    const int length = snprintf(text, sizeof text, "%6llu %-12s %-9s %p %llx\n",
                                static_cast<unsigned long long>(engine->steps), me().name, what,
                                place, static_cast<unsigned long long>(value));
    (void)!write(2, text, static_cast<std::size_t>(length));
}

// ---- the life of a virtual thread
[[noreturn]] void live(void* thread, void*) {
    for (;;) {
        auto& mine = *static_cast<VirtualThread*>(thread);
        mine.entry(mine.data);
        if (mine.leave != nullptr) mine.leave(mine.leave_data);
        enter_system();
        mine.state = State::ended;
        trace("ends", nullptr, 0);
        if (mine.joiner != nobody) unblock(mine.joiner);
        if (--engine->live != 0) {
            leave();
        } else {
            context::switch_to(mine.context, engine->driver, nullptr, nullptr);
        }
    }
}

void give_stack(VirtualThread& thread) {
    void* const memory = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) abort();
    mprotect(memory, 4096, PROT_NONE);
    thread.stack = static_cast<char*>(memory);
    // As a function finds the stack that was called.
    char* const sp = thread.stack + stack_size - 2 * sizeof(void*) - sizeof(void*);
    thread.context = {sp, nullptr, reinterpret_cast<void*>(&live)};
}

int find_thread_local(dl_phdr_info* info, std::size_t, void*) {
    for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
        if (info->dlpi_phdr[i].p_type != PT_TLS) continue;
        engine->thread_local_at = static_cast<char*>(info->dlpi_tls_data);
        engine->thread_local_size = info->dlpi_phdr[i].p_memsz;
    }
    return 1;  // the program comes first, and that is all
}

void choose_settings() {
    Engine& e = *engine;
    e.one_in_switch = 2U << number() % 4;
    e.one_in_drain = 2U << number() % 6;
    e.look_ns = Instant{100} << number() % 9;
    e.clock = second_ns;
    e.lowest = 0;
    const std::uint64_t range = std::uint64_t{32} << number() % 8;
    const std::uint64_t change_count = 1 + number() % 3;
    for (unsigned i = 0; i < 3; ++i) e.changes[i] = i < change_count ? 1 + number() % range : 0;
}

}  // namespace

void prepare_engine() {
    void* const memory =
        mmap(nullptr, sizeof(Engine), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    engine = new (memory) Engine;
    dl_iterate_phdr(&find_thread_local, nullptr);
    if (engine->thread_local_size > most_thread_local) abort();
    memcpy(engine->thread_local_initially, engine->thread_local_at, engine->thread_local_size);
    for (VirtualThread& thread : engine->threads) give_stack(thread);
}

void execute(const Settings& settings, void (*scenario)()) {
    Engine& e = *engine;
    e.settings = settings;
    e.state = settings.seed * 0x2545f4914f6cdd1d + static_cast<unsigned>(settings.policy) * 2 +
              static_cast<unsigned>(settings.model);
    choose_settings();
    e.steps = e.steps_in_a_row = 0;
    e.count = e.live = 0;
    e.running = true;
    start([](void* entry) { reinterpret_cast<void (*)()>(entry)(); },
          reinterpret_cast<void*>(scenario), "first");
    e.current = 0;
    memcpy(e.driver_thread_local, e.thread_local_at, e.thread_local_size);
    memcpy(e.thread_local_at, e.threads[0].thread_local_data, e.thread_local_size);
    context::switch_to(e.driver, e.threads[0].context, &e.threads[0], nullptr);
    memcpy(e.thread_local_at, e.driver_thread_local, e.thread_local_size);
    e.running = false;
}

std::uint64_t step_count() {
    return engine->steps;
}

void found(const char* format, ...) {
    char text[1200] = "found: ";
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text + 7, sizeof text - 8, format, arguments) + 7;
    va_end(arguments);
    text[length] = '\n';
    (void)!write(2, text, static_cast<std::size_t>(length) + 1);
    _exit(status_found);
}

bool is_running() {
    return engine != nullptr && engine->running;
}

unsigned start(void (*entry)(void*), void* data, const char* name) {
    Engine& e = *engine;
    if (e.count != 0) enter_system();
    if (e.count == thread_limit) found("more virtual threads than there may be");
    const unsigned number_of_new = e.count++;
    VirtualThread& thread = e.threads[number_of_new];
    thread.entry = entry;
    thread.data = data;
    thread.leave = nullptr;
    thread.joiner = nobody;
    thread.kept_count = 0;
    snprintf(thread.name, sizeof thread.name, "%s", name);
    thread.until = forever;
    thread.priority = static_cast<std::int64_t>(number() >> 2) + 1;
    thread.state = State::able;
    memcpy(thread.thread_local_data, e.thread_local_initially, e.thread_local_size);
    ++e.live;
    return number_of_new;
}

void join(unsigned thread) {
    enter_system();
    VirtualThread& target = engine->threads[thread];
    target.joiner = engine->current;
    while (target.state != State::ended) block("waits for the end of a thread", forever);
}

unsigned current() {
    return engine->current;
}

void at_exit_of_thread(void (*leave_thread)(void*), void* data) {
    me().leave = data != nullptr ? leave_thread : nullptr;
    me().leave_data = data;
}

void enter_system() {
    if (!is_running()) return;
    point();
    drain(me());
}

void block(const char* why, Instant until) {
    VirtualThread& mine = me();
    drain(mine);
    mine.why = why;
    mine.until = until;
    mine.state = State::blocked;
    trace(why, nullptr, until);
    leave();
}

void unblock(unsigned thread) {
    VirtualThread& target = engine->threads[thread];
    if (target.state != State::blocked) return;
    target.state = State::able;
    target.until = forever;
}

Instant now() {
    if (is_running()) engine->clock += engine->look_ns;
    return is_running() ? engine->clock : second_ns;
}

unsigned random(unsigned n) {
    return static_cast<unsigned>(number() % n);
}

// ---- the words

Bits load(const void* place, std::size_t size) {
    Bits value = 0;
    if (is_running()) {
        point();
        touch(place);
        VirtualThread& mine = me();
        for (unsigned i = mine.kept_count; i-- > 0;) {
            if (mine.kept[i].place == place && mine.kept[i].size == size) return mine.kept[i].value;
            if (mine.kept[i].overlaps(place, size)) {
                drain(mine);
                break;
            }
        }
    }
    memcpy(&value, place, size);
    if (is_running()) trace("load", place, value);
    return value;
}

void store(void* place, std::size_t size, Bits value, std::memory_order order) {
    if (!is_running()) {
        memcpy(place, &value, size);
        return;
    }
    point();
    touch(place);
    trace("store", place, value);
    VirtualThread& mine = me();
    if (engine->settings.model == Model::buffered && order != std::memory_order_seq_cst) {
        if (mine.kept_count == buffer_size) drain_one(mine);
        mine.kept[mine.kept_count++] = {place, size, value};
        return;
    }
    drain(mine);
    memcpy(place, &value, size);
}

void exchange(void* place, std::size_t) {
    if (!is_running()) return;
    point();
    drain(me());
    touch(place);
    trace("exchange", place, 0);
}

bool fails_for_no_reason() {
    return is_running() && number() % 32 == 0;
}

void let_others_go_on() {
    if (is_running()) point();
}

void pause() {
    if (!is_running()) return;
    step();
    if (engine->settings.policy == Policy::priorities) me().priority = --engine->lowest;
    engine->clock += engine->look_ns;
    go(pick(engine->current));
}

void settle(const void* place) {
    if (!is_running()) return;
    VirtualThread& mine = me();
    for (unsigned i = 0; i < mine.kept_count; ++i) {
        if (mine.kept[i].place == place) return drain(mine);
    }
}

void settle_block(const void* start, std::size_t size) {
    VirtualThread& mine = me();
    for (unsigned i = 0; i < mine.kept_count; ++i) {
        if (mine.kept[i].overlaps(start, size)) return drain(mine);
    }
}

const void* this_thread() {
    return engine != nullptr ? &me() : nullptr;
}

}  // namespace zio::check
