// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/simulation.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/base/attributes.hpp"
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
    Lock lock;
    Simulation* present = nullptr;  // where no others share it
    std::uint32_t backend_count = 0;
    os::Table host;
    Faults faults;
    Trace trace;
    Report last;        // of the world that ended last
    Report all;         // of all that ended, one after the other
    pid_t process = 0;  // a forked child has its own to report
    bool will_report = false;
    bool has_traced = false;  // the trace has the worlds one after the other
    bool has_left = false;    // a world that others share
    bool was_told_to_end = false;
    bool was_forked = false;  // by a program in such a world
    char verdict[200] = {};   // why the run was ended, for the report
    Sometimes hopes[most_hopes];
    std::uint32_t hope_count = 0;
};
Process& process() {
    alignas(Process) static unsigned char memory[sizeof(Process)];
    static Process* const instance = new (memory) Process;
    return *instance;
}

Lock& lock_of_world() {
    return stage() != nullptr ? stage()->lock : process().lock;
}
Simulation* present_world() {
    const Process& here = process();
    if (stage() == nullptr) return here.present;
    return here.has_left ? nullptr : stage()->present;
}
void set_present_world(Simulation* world) {
    (stage() != nullptr ? stage()->present : process().present) = world;
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
    Simulation* const present = present_world();
    here.trace.flush();
    write_hopes();
    if (present != nullptr) append(here.all, present->report());
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
    if (stage() != nullptr) {
        if (here.has_left) return;
        Entered inside;
        print_report_inside();
        inside.leave_stage();
        return;
    }
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

Trace& own_trace() {
    return process().trace;
}

void set_faults(const Faults& faults) {
    const std::lock_guard lock(lock_of_world());
    process().faults = faults;
    if (present_world() != nullptr) present_world()->world.faults = faults;
}

Faults faults() {
    const std::lock_guard lock(lock_of_world());
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
void Simulation::welcome(std::uint64_t thread) {
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

namespace {
ZIO_THREAD_LOCAL bool is_inside = false;
}

Entered::Mark::Mark() {
    is_inside = true;
}
Entered::Mark::~Mark() {
    is_inside = false;
}

Instant Entered::now_inside() {
    if (!is_inside) return 0;
    const Simulation* const present = present_world();
    return present != nullptr ? present->world.now() : host().now();
}

Entered::Entered()
    : lock_(lock_of_world()),
      simulation_(present_world()),
      seen_event_count_(simulation_ != nullptr ? simulation_->world.history.event_count() : 0) {
    if (simulation_ == nullptr) return;
    if (simulation_->has_absent) simulation_->welcome(this_thread());
    wait_for_own_turn();
}

Entered::Entered(Actor& begins)
    : lock_(lock_of_world()), simulation_(present_world()), seen_event_count_(0) {
    simulation_->turns.adopt(begins);
    wait_for_own_turn();
}

// Whoever stayed away for too long was given up.
void Entered::wait_for_own_turn() {
    Turns& turns = simulation_->turns;
    const bool is_copy =
        stage() == nullptr && !turns.is_alone() && simulation_->owner != ::getpid();
    if (is_copy) turns.forget_others();  // a forked child is alone
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
    is_inside = false;
    sleeper.sleep(limit_ns);
    is_inside = true;
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
    is_inside = false;
    host().wait_ready(requests.begin(), requests.count(), host().now() + limit_ns);
    is_inside = true;
    lock_.lock();
    simulation_->turns.holder_sleeps = false;
    seen_event_count_ = simulation_->world.history.event_count();
}

void Entered::pass_turn(Actor& self, Actor& next) {
    simulation_->world.record(What::turn, next.number, 0);
    if (stage() != nullptr) own_trace().flush();  // others write to the same file
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

std::int32_t Entered::open_trace(const Settings& settings) {
    Process& here = process();
    if (settings.trace == nullptr || here.trace.is_open()) return 0;
    const bool is_shared = stage() != nullptr;
    const bool begins = !here.has_traced && (!is_shared || simulation_ == nullptr);
    bool is_open = here.trace.open(settings.trace, !begins);
    if (is_open && begins && is_shared) {  // the others write to its end, too
        here.trace.close();
        is_open = here.trace.open(settings.trace, true);
    }
    here.has_traced |= is_open;
    return is_open ? 0 : error::invalid_argument;
}

Simulation* Entered::begin_world(const Settings& settings) {
    auto* begun = make<Simulation>(settings, stage() != nullptr ? stage()->program_count : 1);
    if (begun != nullptr) begun->owner = ::getpid();
    return begun;
}

// This process takes part from now on. It comes back with the turn.
std::int32_t Entered::join_world(const Settings& settings) {
    Process& here = process();
    if (const std::int32_t status = open_trace(settings)) return status;
    const bool begins = simulation_ == nullptr;
    if (begins) simulation_ = begin_world(settings);
    Actor* const me = simulation_ != nullptr
                          ? simulation_->turns.add(stage() != nullptr ? own_program() : 0)
                          : nullptr;
    const bool can_read = settings.only == nullptr || me == nullptr || !begins ||
                          simulation_->world.allowed.read(settings.only);
    if (me == nullptr || !can_read) {
        if (begins) unmake(simulation_);
        simulation_ = begins ? nullptr : simulation_;
        here.trace.close();
        return can_read ? error::no_memory : error::invalid_argument;
    }
    set_present_world(simulation_);
    here.host = os::table;
    os::table = simulated_table;
    os::table.simulated = true;
    if (here.process != ::getpid()) {
        here.process = ::getpid();
        here.all = Report{};
    }
    if (!here.will_report) here.will_report = std::atexit(print_report) == 0;
    simulation_->turns.adopt(*me);
    if (stage() != nullptr) stage()->arrived[own_program()] = 1;
    simulation_->turns.arrive();
    simulation_->turns.wait(*me, lock_);
    return 0;
}

std::int32_t Entered::open_backend(const Settings& settings) {
    Process& here = process();
    if (here.has_left) return error::not_supported;
    if (here.backend_count == 0 && !os::table.simulated) {
        if (const std::int32_t status = join_world(settings)) return status;
    }
    ++here.backend_count;
    ++simulation_->backend_count;
    ++simulation_->backend_serial;
    return 0;
}

void Entered::close_backend() {
    Process& here = process();
    --here.backend_count;
    if (--simulation_->backend_count > 0 || stage() != nullptr) return;
    here.last = simulation_->report();
    append(here.all, here.last);
    here.trace.close();
    os::table = here.host;
    here.present = nullptr;
    unmake(simulation_);
    simulation_ = nullptr;
}

// ---- a world that several programs share

void Entered::leave_stage() {
    Process& here = process();
    Stage& shared = *stage();
    simulation_->network.close_all_of(own_program());
    for (Sleeper** each = &simulation_->sleepers; *each != nullptr;) {
        if ((*each)->process == here.process) {
            simulation_->homes.forget((*each)->home);
            *each = (*each)->next;
        } else {
            each = &(*each)->next;
        }
    }
    simulation_->backend_count -= here.backend_count;
    os::table = here.host;
    here.has_left = true;
    here.trace.flush();
    shared.left[own_program()] = 1;
    shared.is_ending |= own_program() + 1 == shared.program_count;
    for (Sleeper* each = simulation_->sleepers; each != nullptr; each = each->next) {
        if (shared.is_ending != 0 && each->is_asleep) each->ring();
    }
    simulation_->turns.leave_all(here.process);
    simulation_ = nullptr;
}

bool has_left_stage() {
    return process().has_left;
}

bool was_forked_from_stage() {
    return process().was_forked;
}

bool Simulation::shall_end() const {
    if (stage() == nullptr || stage()->is_ending == 0 || process().was_told_to_end) return false;
    const Actor* const self = turns.self();
    return self != nullptr && self->entry == nullptr;
}

void end_program() {
    process().was_told_to_end = true;
    struct sigaction action;
    sigset_t blocked;
    sigemptyset(&blocked);
    ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
    const bool has_handler =
        ::sigaction(SIGTERM, nullptr, &action) == 0 && action.sa_handler != SIG_DFL;
    if (!has_handler && sigismember(&blocked, SIGTERM) == 0) print_report();  // it ends here
    ::kill(::getpid(), SIGTERM);
}

}  // namespace zio::loop::simulated
