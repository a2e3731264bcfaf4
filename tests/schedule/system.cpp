// SPDX-License-Identifier: MIT
// The system of a check build: threads are virtual, and this stands for core/os/posix/thread.cpp
// and core/os/linux/processors.cpp.
#include "tests/schedule/system.hpp"

#include <cerrno>

#include "core/os/table.hpp"
#include "core/os/thread.hpp"
#include "tests/schedule/engine.hpp"

namespace zio::check {

std::uint8_t close_counts[handle_limit];

void prepare_system() {
    os::Table& table = os::table;
    table.now = [] {
        return now();
    };
    table.close = [](os::Handle handle) {
        enter_system();
        const auto number = static_cast<unsigned>(handle);
        ZIO_EXPECT(number < handle_limit);
        if (++close_counts[number] != 1) found("descriptor %u is closed twice", number);
        return 0;
    };
    table.shutdown = [](os::Handle, bool, bool) {
        return 0;
    };
}

}  // namespace zio::check

namespace zio::os {

int* errno_address() noexcept {
    return &errno;
}
void yield_thread() noexcept {
    check::pause();
}
bool at_thread_exit(void (*leave)(void* data), void* data) noexcept {
    check::at_exit_of_thread(leave, data);
    return true;
}
// The number 0 is no thread.
std::int32_t start_thread(ThreadEntry entry, void* data, const char* name, Thread* out) noexcept {
    out->id = check::start(entry, data, name) + 1;
    return 0;
}
void join_thread(Thread thread) noexcept {
    check::join(static_cast<unsigned>(thread.id) - 1);
}
std::int32_t watch_forks(void (*)(), void (*)(), void (*)()) noexcept {
    return 0;
}
std::uint32_t usable_processors() noexcept {
    return check::is_running() ? 1 + check::random(4) : 2;
}
std::int32_t pin_thread(std::uint32_t) noexcept {
    return 0;
}

}  // namespace zio::os
