// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/sleeper.hpp"

#include <sys/stat.h>

#include "core/base/error.hpp"

// Its checker has a thread of its own, which does nothing to the program.
extern "C" [[gnu::weak]] void __tsan_init();

namespace zio::loop::simulated {

const void* this_thread() {
    static thread_local char marker;
    return &marker;
}

// The kernel counts the threads as links of a directory.
bool are_only_threads(std::uint32_t count, bool otherwise) {
    struct stat tasks;
    if (::stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink < 3) return otherwise;
    const unsigned hidden_count = __tsan_init != nullptr ? 1 : 0;
    return tasks.st_nlink - 2 <= count + hidden_count;
}

Sleeper::~Sleeper() {
    if (wakeup_ != os::no_handle) host_.close(wakeup_);
}

std::int32_t Sleeper::open() {
    if (!requests_.reserve(1)) return error::no_memory;
    const std::int32_t opened = host_.open_wakeup(&wakeup_);
    if (opened < 0) return opened;
    requests_.push({wakeup_, os::ready_read, 0});
    return 0;
}

void Sleeper::wake() {
    wakes_.fetch_add(1, std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_seq_cst)) host_.raise_wakeup(wakeup_);
}

std::int64_t Sleeper::look() {
    if (!waits_for_host()) return 0;
    return host_.wait_ready(requests_.begin() + first_request, requests_.count() - first_request,
                            0);
}

void Sleeper::sleep(Instant limit_ns) {
    if (wakes_.load(std::memory_order_seq_cst) != 0) return;
    host_.wait_ready(requests_.begin(), requests_.count(), host_.now() + limit_ns);
}

void Sleeper::get_up() {
    asleep_.store(false, std::memory_order_relaxed);
    is_asleep = is_rung = is_polite = is_absent = false;
    until = forever;
    host_.take_wakeups(wakeup_);
}

}  // namespace zio::loop::simulated
