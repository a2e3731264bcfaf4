// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/backend.hpp"

#include <unistd.h>

#include <new>

namespace zio::loop {
namespace simulated {

namespace {

constexpr Instant late_cancel_ns = 100'000;  // at most

}  // namespace

std::int32_t Simulated::open(const Settings& settings) {
    Entered inside;
    const std::int32_t opened = inside.open_backend(settings);
    if (opened < 0) return opened;
    const std::int32_t can_sleep = sleeper_.open();
    const std::int64_t number = can_sleep < 0 ? can_sleep : inside->homes.add(home_);
    if (number < 0) {
        inside.close_backend();
        return can_sleep < 0 ? can_sleep : error::no_memory;
    }
    number_ = static_cast<std::uint32_t>(number);
    process_ = ::getpid();
    simulation_ = inside.simulation();
    sleeper_.home = &home_;
    simulation_->drive(sleeper_);
    simulation_->add(sleeper_);
    const World& world = simulation_->world;
    const std::uint64_t serial = simulation_->backend_serial;
    serial_ = serial;
    schedule_ = Chances(world.stream(Stream::schedule).split(serial));
    completion_ = Chances(world.stream(Stream::completion).split(serial));
    deferral_ = Chances(world.stream(Stream::deferral).split(serial));
    cancel_ = Chances(world.stream(Stream::cancel).split(serial));
    return 0;
}

Simulated::~Simulated() {
    if (simulation_ == nullptr) return;
    // A forked child may have some left, of tasks that do not exist there.
    ZIO_ASSERT(home_.waiting_count == 0 || process_ != ::getpid());
    Entered inside;
    if (home_.waiting_count != 0) simulation_->network.forget_operations(number_);
    simulation_->remove(sleeper_);
    simulation_->homes.remove(number_);
    inside.close_backend();
}

std::uint64_t Simulated::take_wakes() {
    const std::uint64_t count = consumed_wakes_;
    consumed_wakes_ = 0;
    return count;
}

// Less than `count`, by chance; 0 where that is not allowed.
std::uint32_t Simulated::pick(Fault fault, Chances& chances, std::uint32_t count) {
    if (count < 2) return 0;
    const auto drawn = static_cast<std::uint32_t>(chances.next() % count);
    if (drawn == 0) return 0;
    return simulation_->world.takes(fault, serial_, chances.count) ? drawn : 0;
}

std::uint32_t Simulated::choose(std::uint32_t count) {
    Entered inside;
    if (!inside->turns.is_alone() && inside->turns.gives_way()) inside.offer_turn();
    const std::uint32_t chosen = pick(Fault::schedule, schedule_, count);
    inside->world.record(What::choice, count, chosen);
    return chosen;
}

// What could end at once may also end later; both happen with kernels.
bool Simulated::defers(Socket& socket, const Operation& operation) {
    return simulation_->network.may_go_on(socket, operation) &&
           simulation_->world.strikes(Fault::deferral, serial_, deferral_);
}

bool Simulated::start(Operation& operation) {
    operation.backend_index = number_;
    operation.backend_flags = 0;
    const Entered inside;
    if (!home_.reserve()) {
        operation.finish(error::no_memory);
        return true;
    }
    if (!is_simulated(operation.handle)) return start_on_host(operation);
    Network& network = inside->network;
    Socket* socket = network.find(operation.handle);
    if (socket == nullptr) {
        operation.finish(error::bad_handle);
        return true;
    }
    inside->world.record(What::started, socket->serial, static_cast<int>(operation.kind));
    const bool connects = operation.kind == OperationKind::connect;
    const bool waits_for_others = network.has_queue(*socket, operation) && !connects;
    if (!waits_for_others && (connects || !defers(*socket, operation))) {
        const std::int64_t result = network.attempt(*socket, operation, false);
        if (result != error::would_block) {
            operation.finish(result);
            inside->world.record(What::finished, socket->serial, result);
            return true;
        }
    }
    ++home_.waiting_count;
    network.enqueue(*socket, operation);
    return false;
}

bool Simulated::start_on_host(Operation& operation) {
    const std::int64_t result = attempt(operation, false);
    if (result != error::would_block) {
        operation.finish(result);
        return true;
    }
    if (!sleeper_.requests().reserve(sleeper_.requests().count() + 1)) {
        operation.finish(error::no_memory);
        return true;
    }
    std::uint32_t wanted =
        direction_of(operation.kind) == os::Direction::read ? os::ready_read : os::ready_write;
    if (operation.kind == OperationKind::ready) wanted = static_cast<Ready&>(operation).wanted;
    operation.backend_flags = flag_real;
    ++home_.waiting_count;
    home_.real.push(&operation);
    sleeper_.requests().push({operation.handle, wanted, 0});
    return false;
}

void Simulated::forget_host(Operation& operation) {
    std::uint32_t place = 0;
    while (home_.real[place] != &operation) ++place;
    home_.real.remove_at(place);
    sleeper_.requests().remove_at(Sleeper::first_request + place);
}

bool Simulated::cancel(Operation& operation) {
    const Entered inside;
    if ((operation.backend_flags & flag_real) != 0) {
        forget_host(operation);
        --home_.waiting_count;
        operation.finish(error::canceled);
        return true;
    }
    Socket* socket = inside->network.find(operation.handle);
    const bool is_orphaned = (operation.backend_flags & flag_orphaned) != 0;
    const bool is_late = is_orphaned || inside->world.strikes(Fault::late_cancel, serial_, cancel_);
    const std::uint64_t serial = is_orphaned ? 0 : socket->serial;
    inside->world.record(What::cancel, serial, is_late);
    if (is_late) {
        operation.backend_flags |= flag_late;
        home_.late.push({&operation, inside->world.now() + cancel_.random.below(late_cancel_ns)});
        return false;
    }
    inside->network.dequeue(*socket, operation);
    finish(operation, serial, error::canceled);
    return true;
}

void Simulated::finish(Operation& operation, std::uint64_t subject, std::int64_t result) {
    home_.unmark(operation);
    home_.forget_late(operation);
    --home_.waiting_count;
    simulation_->world.record(What::finished, subject, result);
    operation.finish(result);
}

// Any of the first `*rest_count`. Those that are marked meanwhile stay behind them.
Operation& Simulated::take_ready(std::uint32_t* rest_count) {
    Array<Operation*>& ready = home_.ready;
    const bool reorders = simulation_->world.faults.reorder;
    const std::uint32_t place = reorders ? pick(Fault::reorder, completion_, *rest_count) : 0;
    Operation& operation = *ready[place];
    if (place != 0) {
        ready[place] = ready[*rest_count - 1];
        ready[*rest_count - 1] = ready[ready.count() - 1];
        ready.pop();
    } else {
        ready.remove_at(0);
    }
    --*rest_count;
    operation.backend_flags &= static_cast<std::uint8_t>(~flag_marked);
    return operation;
}

std::uint32_t Simulated::finish_ready(Completed& completed) {
    Network& network = simulation_->network;
    std::uint32_t finished_count = 0;
    std::uint32_t rest_count = home_.ready.count();
    while (rest_count > 0) {
        Operation& operation = take_ready(&rest_count);
        if ((operation.backend_flags & flag_orphaned) != 0) {
            finish(operation, 0, error::bad_handle);
        } else {
            Socket& socket = *network.find(operation.handle);
            const std::int64_t result = network.attempt(socket, operation, true);
            if (result == error::would_block) continue;
            network.dequeue(socket, operation);
            finish(operation, socket.serial, result);
        }
        completed.push(operation);
        ++finished_count;
    }
    return finished_count;
}

// What was canceled and got no result in time.
std::uint32_t Simulated::finish_late(Completed& completed) {
    std::uint32_t finished_count = 0;
    for (std::uint32_t place = 0; place < home_.late.count();) {
        if (home_.late[place].at > simulation_->world.now()) {
            ++place;
            continue;
        }
        Operation& operation = *home_.late[place].operation;
        Socket& socket = *simulation_->network.find(operation.handle);
        simulation_->network.dequeue(socket, operation);
        finish(operation, socket.serial, error::canceled);
        completed.push(operation);
        ++finished_count;
    }
    return finished_count;
}

std::uint32_t Simulated::finish_on_host(Completed& completed) {
    if (home_.real.empty() || sleeper_.look() == 0) return 0;
    std::uint32_t finished_count = 0;
    for (std::uint32_t place = 0; place < home_.real.count();) {
        Operation& operation = *home_.real[place];
        const bool is_ready = sleeper_.requests()[Sleeper::first_request + place].got != 0;
        const std::int64_t result = is_ready ? attempt(operation, true) : error::would_block;
        if (result == error::would_block) {
            ++place;
            continue;
        }
        forget_host(operation);
        --home_.waiting_count;
        operation.finish(result);
        completed.push(operation);
        ++finished_count;
    }
    return finished_count;
}

std::uint32_t Simulated::finish_all(Completed& completed) {
    const std::uint32_t ready_count = finish_ready(completed);
    return ready_count + finish_late(completed) + finish_on_host(completed);
}

void Simulated::poll(Completed& completed, Instant until) {
    Entered inside;
    World& world = inside->world;
    is_idle_ = false;
    inside->drive(sleeper_);
    if (until == 0) inside.offer_turn();
    std::uint64_t wakes = sleeper_.take_wakes();
    world.pass(poll_ns);
    if (world.now() > inside->limit) inside->stop_at_limit();
    std::uint32_t finished_count = finish_all(completed);
    while (finished_count == 0 && wakes == 0 && until > world.now()) {
        const Instant late_at = home_.first_late_at();
        if (home_.ready.empty() &&
            !inside->let_pass(inside, sleeper_, late_at < until ? late_at : until)) {
            is_idle_ = true;
            break;
        }
        wakes = sleeper_.take_wakes();
        finished_count = finish_all(completed);
    }
    consumed_wakes_ += wakes;
}

}  // namespace simulated

Opened open_simulated(const BackendOptions& options);

Opened open_simulated(const BackendOptions& options) {
    simulated::Settings settings;
    if (!simulated::read_settings(options.seed, &settings)) {
        return {nullptr, error::invalid_argument, settings.reason};
    }
    auto* backend = new (std::nothrow) simulated::Simulated;
    if (backend == nullptr) return {nullptr, error::no_memory, "out of memory"};
    Opened opened{std::unique_ptr<Backend>(backend), 0, settings.reason};
    opened.status = backend->open(settings);
    if (opened.status < 0) {
        opened.backend = nullptr;
        opened.reason = opened.status == error::invalid_argument
                            ? "ZIO_SIM_TRACE or ZIO_SIM_ONLY names no file that can be opened"
                            : "no descriptor or no memory for the simulated backend";
    }
    return opened;
}

}  // namespace zio::loop
