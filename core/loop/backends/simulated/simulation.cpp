// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/simulation.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/os/environment.hpp"

namespace zio::loop::simulated {

namespace {

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

void Simulation::drive(Sleeper& sleeper) {
    sleeper.thread = this_thread();
    sleeper.is_guests = turns.self() == nullptr;
}

// A thread that was given up is here again.
void Simulation::welcome(const void* thread) {
    has_absent = false;
    for (Sleeper* sleeper = sleepers; sleeper != nullptr; sleeper = sleeper->next) {
        if (sleeper->thread == thread) sleeper->is_absent = false;
        has_absent |= sleeper->is_absent;
    }
}

// Of what is planned, and of what anybody waits for.
Instant Simulation::next_at() const {
    Instant next = world.events.next_at();
    for (const Sleeper* each = sleepers; each != nullptr; each = each->next) {
        if (each->is_asleep && !each->is_due() && each->until < next) next = each->until;
    }
    return next;
}

void Simulation::ring_due() {
    for (Sleeper* other = sleepers; other != nullptr; other = other->next) {
        if (other->is_asleep && other->until <= world.now()) other->ring();
    }
}

Entered::Entered()
    : lock_(process().lock),
      simulation_(process().present),
      seen_event_count_(simulation_ != nullptr ? simulation_->world.history.event_count() : 0) {
    if (simulation_ == nullptr) return;
    if (simulation_->has_absent) simulation_->welcome(this_thread());
    wait_for_own_turn();
}

Entered::Entered(Actor& begins)
    : lock_(process().lock), simulation_(process().present), seen_event_count_(0) {
    simulation_->turns.adopt(begins);
    wait_for_own_turn();
}

// Whoever stayed away for too long was given up.
void Entered::wait_for_own_turn() {
    Turns& turns = simulation_->turns;
    if (!turns.is_alone() && simulation_->owner != ::getpid()) turns.forget_others();
    Actor* const self = turns.self();
    if (self == nullptr || turns.holder() == self) return;
    self->state = Actor::State::ready;
    turns.wait(*self, lock_);
    seen_event_count_ = simulation_->world.history.event_count();
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
        if (!sleeper->is_asleep) continue;
        if (sleeper->is_guests || sleeper->home == nullptr) {
            sleeper->ring();
        } else if (simulation_->turns.holder_sleeps && sleeper->is_due()) {
            sleeper->stir();
        }
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

void Entered::sleep_for_all(Array<os::ReadyRequest>& requests, Instant limit_ns) {
    ring_sleepers();
    for (Sleeper* other = simulation_->sleepers; other != nullptr; other = other->next) {
        if (other->is_asleep && other->is_polite && other->is_guests) other->ring();
    }
    simulation_->turns.holder_sleeps = true;
    lock_.unlock();
    host().wait_ready(requests.begin(), requests.count(), host().now() + limit_ns);
    lock_.lock();
    simulation_->turns.holder_sleeps = false;
    seen_event_count_ = simulation_->world.history.event_count();
}

void Entered::pass_turn(Actor& self, Actor& next) {
    simulation_->world.record(What::turn, next.number, 0);
    ring_sleepers();
    simulation_->turns.grant(next);
    simulation_->turns.wait(self, lock_);
    seen_event_count_ = simulation_->world.history.event_count();
}

void Entered::offer_turn() {
    Turns& turns = simulation_->turns;
    Actor* const self = turns.is_alone() ? nullptr : turns.self();
    Actor* const next = self != nullptr ? turns.choose(self) : nullptr;
    if (next == nullptr || next == self) return;
    self->state = Actor::State::ready;
    pass_turn(*self, *next);
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
        Actor* const first = opened->turns.add();
        if (first == nullptr) {
            destroy(opened);
            return error::no_memory;
        }
        opened->turns.begin_with(*first);
        opened->owner = ::getpid();
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
