// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/simulation.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/os/environment.hpp"

namespace zio::loop::simulated {

namespace {

// How long the clock really waits before it jumps: for the host as long as the jump is, but not for
// ever; for threads that could do something, once. And how often who waits for ever asks again
// whether there still is anybody.
constexpr Instant host_chance_ns = second_ns / 10;
constexpr Instant thread_chance_ns = second_ns / 5;
constexpr Instant recheck_ns = second_ns / 10;

constexpr std::uint32_t most_hopes = 256;
struct Sometimes {
    char text[120];
    std::uint64_t asked_count;
    std::uint64_t true_count;
};

// Never destroyed: used until the process ends.
struct Process {
    std::mutex lock;
    Simulation* present = nullptr;
    os::Table host;
    Faults faults;
    Report last;        // of the world that ended last
    Report all;         // of all that ended, one after the other
    pid_t process = 0;  // a forked child has its own to report
    bool will_report = false;
    bool has_traced = false;  // the trace has the worlds one after the other
    char verdict[200] = {};   // why the run was ended, for the report
    Sometimes hopes[most_hopes];
    std::uint32_t hope_count = 0;
};
Process& process() {
    alignas(Process) static unsigned char memory[sizeof(Process)];
    static Process* const instance = new (memory) Process;
    return *instance;
}

void append(Report& all, const Report& next) {
    if (all.event_count == 0 && all.hash == 0) {
        all = next;
        return;
    }
    all.event_count += next.event_count;
    all.virtual_ns += next.virtual_ns;
    all.hash = Random(all.hash).split(next.hash).next();
}

// To the end of the trace, which may be closed by now, or to a file of their own.
void write_hopes() {
    const Process& here = process();
    const char* path = os::environment("ZIO_SIM_HOPES");
    if (path == nullptr) path = os::environment("ZIO_SIM_TRACE");
    Trace trace;
    if (here.hope_count == 0 || path == nullptr || !trace.open(path, true)) return;
    for (std::uint32_t i = 0; i < here.hope_count; ++i) {
        const Sometimes& hope = here.hopes[i];
        char line[200];
        std::snprintf(line, sizeof line, "? %llu %llu %s",
                      static_cast<unsigned long long>(hope.true_count),
                      static_cast<unsigned long long>(hope.asked_count), hope.text);
        trace.text(line);
    }
}

void print_report_inside() {
    Process& here = process();
    if (here.present != nullptr) here.present->world.trace.flush();
    write_hopes();
    if (here.present != nullptr) append(here.all, here.present->report());
    char line[400];
    const int size = std::snprintf(
        line, sizeof line, "zio-sim: seed=%llu events=%llu virtual_ns=%llu hash=%016llx%s\n",
        static_cast<unsigned long long>(here.all.seed),
        static_cast<unsigned long long>(here.all.event_count),
        static_cast<unsigned long long>(here.all.virtual_ns),
        static_cast<unsigned long long>(here.all.hash), here.verdict);
    const auto written = ::write(STDERR_FILENO, line, static_cast<std::size_t>(size));
    static_cast<void>(written);  // there is nobody left to tell
}

void print_report() {
    Process& here = process();
    if (here.process != ::getpid()) return;
    const std::unique_lock lock(here.lock, std::try_to_lock);
    if (lock.owns_lock()) print_report_inside();
}

// Inside the simulation, so that nobody else changes what is reported.
[[noreturn]] void end_run() {
    print_report_inside();
    std::abort();
}

}  // namespace

const os::Table& host() {
    return process().host;
}

void set_faults(const Faults& faults) {
    Process& here = process();
    const std::lock_guard lock(here.lock);
    here.faults = faults;
    if (here.present != nullptr) here.present->world.faults = faults;
}

Faults faults() {
    const std::lock_guard lock(process().lock);
    return process().faults;
}

Report report() {
    const Entered inside;
    return inside.simulation() != nullptr ? inside->report() : process().last;
}

Report Simulation::report() const {
    return {world.seed(), world.history.event_count(), world.now() - World::beginning,
            world.history.hash()};
}

void Simulation::stop_at_limit() {
    std::snprintf(process().verdict, sizeof process().verdict, " stopped=limit");
    end_run();
}

void Simulation::stop(const char* what_does_not_hold) {
    std::snprintf(process().verdict, sizeof process().verdict, " stopped=always \"%s\"",
                  what_does_not_hold);
    end_run();
}

void note_sometimes(bool holds, const char* what) {
    Process& here = process();
    std::uint32_t place = 0;
    while (place < here.hope_count &&
           std::strncmp(here.hopes[place].text, what, sizeof here.hopes[place].text - 1) != 0) {
        ++place;
    }
    if (place == most_hopes) return;
    Sometimes& hope = here.hopes[place];
    if (place == here.hope_count) {
        ++here.hope_count;
        std::snprintf(hope.text, sizeof hope.text, "%s", what);
    }
    ++hope.asked_count;
    hope.true_count += holds;
}

void Simulation::add(Sleeper& sleeper) {
    sleeper.next = sleepers;
    sleepers = &sleeper;
}

void Simulation::remove(Sleeper& sleeper) {
    Sleeper** here = &sleepers;
    while (*here != &sleeper) here = &(*here)->next;
    *here = sleeper.next;
}

bool Simulation::others_are_awake(const Sleeper& sleeper) const {
    for (const Sleeper* other = sleepers; other != nullptr; other = other->next) {
        const bool is_awake = (!other->is_asleep || other->is_rung) && !other->is_absent;
        if (is_awake && other->thread != nullptr && other->thread != sleeper.thread) return true;
    }
    return false;
}

void Simulation::give_up_others(const Sleeper& sleeper) {
    for (Sleeper* other = sleepers; other != nullptr; other = other->next) {
        if (other->thread == sleeper.thread || (other->is_asleep && !other->is_rung)) continue;
        other->is_absent = has_absent = true;
    }
}

// A thread that was given up is here again.
void Simulation::welcome(const void* thread) {
    has_absent = false;
    for (Sleeper* sleeper = sleepers; sleeper != nullptr; sleeper = sleeper->next) {
        if (sleeper->thread == thread) sleeper->is_absent = false;
        has_absent |= sleeper->is_absent;
    }
}

bool Simulation::knows_other_threads(const Sleeper& sleeper) const {
    for (const Sleeper* other = sleepers; other != nullptr; other = other->next) {
        if (other->thread != nullptr && other->thread != sleeper.thread) return true;
    }
    return false;
}

Instant Simulation::next_at(const Sleeper& sleeper, Instant until) const {
    Instant next = world.events.next_at() < until ? world.events.next_at() : until;
    for (const Sleeper* other = sleepers; other != nullptr; other = other->next) {
        if (other == &sleeper || !other->is_asleep || other->is_rung) continue;
        if (other->until < next) next = other->until;
    }
    return next;
}

void Simulation::ring_due() {
    for (Sleeper* other = sleepers; other != nullptr; other = other->next) {
        if (other->is_asleep && other->until <= world.now()) other->ring();
    }
}

bool Simulation::leave_a_chance(Entered& inside, Sleeper& sleeper, Instant next) {
    const bool waits_for_threads = others_are_awake(sleeper);
    const bool waits_for_host = sleeper.requests().count() > Sleeper::first_request;
    if (next <= world.now() || !(waits_for_threads || waits_for_host)) return false;
    Instant limit_ns = next - world.now() < host_chance_ns ? next - world.now() : host_chance_ns;
    if (waits_for_threads) limit_ns = thread_chance_ns;
    const std::uint64_t event_count = world.history.event_count();
    sleeper.is_polite = true;
    const bool was_rung = inside.sleep(sleeper, limit_ns);
    if (was_rung || sleeper.has_wakes() || world.history.event_count() != event_count ||
        sleeper.look() != 0) {
        return true;
    }
    if (waits_for_threads) give_up_others(sleeper);
    return false;
}

bool Simulation::let_pass(Entered& inside, Sleeper& sleeper, Instant until) {
    inside.ring_sleepers();
    sleeper.until = until;
    const Instant next = next_at(sleeper, until);
    if (next < forever) {
        if (leave_a_chance(inside, sleeper, next)) return true;
        world.pass_until(next);
        ring_due();
        return true;
    }
    const bool waits_for_host = sleeper.requests().count() > Sleeper::first_request;
    if (!waits_for_host && is_only_thread(knows_other_threads(sleeper))) return false;
    inside.sleep(sleeper, recheck_ns);
    return true;
}

Entered::Entered()
    : lock_(process().lock),
      simulation_(process().present),
      seen_event_count_(simulation_ != nullptr ? simulation_->world.history.event_count() : 0) {
    if (simulation_ != nullptr && simulation_->has_absent) simulation_->welcome(this_thread());
}

Entered::~Entered() {
    ring_sleepers();
}

void Entered::ring_sleepers() {
    if (simulation_ == nullptr) return;
    const std::uint64_t event_count = simulation_->world.history.event_count();
    if (event_count == seen_event_count_) return;
    seen_event_count_ = event_count;
    for (Sleeper* sleeper = simulation_->sleepers; sleeper != nullptr; sleeper = sleeper->next) {
        if (sleeper->is_asleep) sleeper->ring();
    }
}

bool Entered::sleep(Sleeper& sleeper, Instant limit_ns) {
    ring_sleepers();
    for (Sleeper* other = simulation_->sleepers; other != nullptr; other = other->next) {
        if (other->is_asleep && other->is_polite) other->ring();  // it waits for this one
    }
    sleeper.lie_down();
    lock_.unlock();
    sleeper.sleep(limit_ns);
    lock_.lock();
    const bool was_rung = sleeper.is_rung;
    sleeper.get_up();
    seen_event_count_ = simulation_->world.history.event_count();
    return was_rung;
}

std::int32_t Entered::open_backend(const Settings& settings) {
    Process& here = process();
    if (simulation_ == nullptr) {
        Simulation* opened = create<Simulation>(settings);
        if (opened == nullptr) return error::no_memory;
        World& world = opened->world;
        if ((settings.only != nullptr && !world.allowed.read(settings.only)) ||
            (settings.trace != nullptr && !world.trace.open(settings.trace, here.has_traced))) {
            destroy(opened);
            return error::invalid_argument;
        }
        here.has_traced = settings.trace != nullptr;
        here.present = simulation_ = opened;
        here.host = os::table;
        os::table = simulated_table;
        os::table.simulated = true;
        if (here.process != ::getpid()) {
            here.process = ::getpid();
            here.all = Report{};
        }
        if (!here.will_report) here.will_report = std::atexit(print_report) == 0;
    }
    ++simulation_->backend_count;
    ++simulation_->backend_serial;
    return 0;
}

void Entered::close_backend() {
    Process& here = process();
    if (--simulation_->backend_count > 0) return;
    here.last = simulation_->report();
    append(here.all, here.last);
    os::table = here.host;
    here.present = nullptr;
    destroy(simulation_);
    simulation_ = nullptr;
}

}  // namespace zio::loop::simulated
