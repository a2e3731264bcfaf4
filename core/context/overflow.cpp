// SPDX-License-Identifier: MIT
#include "core/context/overflow.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/os/memory.hpp"

namespace zio::context {
namespace {

std::atomic<FindOverflowed> find_overflowed{nullptr};
std::atomic<bool> installed{false};

struct Caught {
    int number;
    struct sigaction previous;
};
Caught caught[] = {{SIGSEGV, {}}, {SIGBUS, {}}};

// One line, put together without anything that a signal handler may not call.
class Line {
  public:
    void text(const char* words) {
        while (*words != 0) put(*words++);
    }
    void number(std::uint64_t value) {
        char digits[20];
        unsigned count = 0;
        do {
            digits[count++] = static_cast<char>('0' + value % 10);
            value /= 10;
        } while (value != 0);
        while (count > 0) put(digits[--count]);
    }
    // A name comes from outside: nothing in it may end the line or steer a terminal.
    void name(const char* words) {
        for (; *words != 0 && size_ < sizeof line_ - 40; words++) {
            const bool control = static_cast<unsigned char>(*words) < ' ' || *words == 127;
            put(control ? '?' : *words);
        }
    }
    void print() {
        for (std::size_t done = 0; done < size_;) {
            const ssize_t count = write(STDERR_FILENO, line_ + done, size_ - done);
            if (count > 0) done += static_cast<std::size_t>(count);
            if (count <= 0 && errno != EINTR) return;
        }
    }

  private:
    void put(char letter) {
        if (size_ < sizeof line_) line_[size_++] = letter;
    }
    char line_[256];
    std::size_t size_ = 0;
};

void report(const OverflowedTask& task) {
    Line line;
    line.text("zio: stack overflow in task #");
    line.number(task.id);
    if (task.name != nullptr) {
        line.text(" \"");
        line.name(task.name);
        line.text("\"");
    }
    line.text(" (");
    line.number(task.stack_bytes / 1024);
    line.text(" KiB)\n");
    line.print();
}

// The system's own action: a fault happens again when we return, a signal that was sent does not.
void act_by_default(int number, const siginfo_t* info) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(number, &standard, nullptr);
    if (info->si_code <= 0) raise(number);  // blocked while we run: arrives on our return
}

void pass_on(const Caught& mine, siginfo_t* info, void* registers) {
    const struct sigaction& previous = mine.previous;
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(mine.number, info, registers);
    } else if (previous.sa_handler == SIG_DFL) {
        act_by_default(mine.number, info);
    } else if (previous.sa_handler != SIG_IGN) {
        previous.sa_handler(mine.number);
    } else if (info->si_code > 0) {
        act_by_default(mine.number, info);  // a real fault cannot be ignored
    }
}

void on_fault(int number, siginfo_t* info, void* registers) {
    const int saved = errno;
    const Caught& mine = number == caught[0].number ? caught[0] : caught[1];
    const FindOverflowed find = find_overflowed.load(std::memory_order_acquire);
    OverflowedTask task{};
    if (find != nullptr && info->si_code > 0 && find(info->si_addr, &task)) {
        report(task);
        sigaction(number, &mine.previous, nullptr);
        installed.store(false, std::memory_order_relaxed);
    }
    pass_on(mine, info, registers);
    errno = saved;
}

bool is_ours(const struct sigaction& action) {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_fault;
}

}  // namespace

std::int32_t install_overflow_report(FindOverflowed find) {
    find_overflowed.store(find, std::memory_order_release);
    if (installed.exchange(true, std::memory_order_acq_rel)) return 0;
    for (Caught& mine : caught) {
        struct sigaction current {};
        if (sigaction(mine.number, nullptr, &current) != 0) return -errno;
        if (is_ours(current)) continue;
        mine.previous = current;
        struct sigaction action {};
        action.sa_sigaction = on_fault;
        action.sa_mask = current.sa_mask;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | (current.sa_flags & (SA_NODEFER | SA_RESTART));
        if (sigaction(mine.number, &action, nullptr) != 0) return -errno;
    }
    return 0;
}

void remove_overflow_report() {
    find_overflowed.store(nullptr, std::memory_order_release);
    if (!installed.load(std::memory_order_acquire)) return;
    bool all = true;
    for (Caught& mine : caught) {
        struct sigaction current {};
        sigaction(mine.number, nullptr, &current);
        if (is_ours(current)) {
            sigaction(mine.number, &mine.previous, nullptr);
        } else {
            all = false;
        }
    }
    // Whoever is on top of us may still call us; we then only pass on.
    if (all) installed.store(false, std::memory_order_release);
}

std::int32_t AlternateStack::install() {
    constexpr std::size_t least = 64 * 1024;
    constexpr std::size_t for_handlers = 16 * 1024;
    const std::size_t page = os::page_size();
    std::size_t wanted = os::signal_frame_size() + for_handlers;
    if (wanted < least) wanted = least;
    wanted = (wanted + page - 1) / page * page;
    stack_t current{};
    if (sigaltstack(nullptr, &current) != 0) return -errno;
    if ((current.ss_flags & SS_DISABLE) == 0 && current.ss_size >= wanted) return 0;

    char* memory = os::memory_table.reserve(page + wanted);
    if (memory == nullptr) return -ENOMEM;
    os::memory_table.show_in_dumps(memory + page, wanted);
    std::int32_t result = os::memory_table.forbid(memory, page);
    stack_t mine{};
    mine.ss_sp = memory + page;
    mine.ss_size = wanted;
    if (result == 0 && sigaltstack(&mine, &current) != 0) result = -errno;
    if (result != 0) {
        os::memory_table.release(memory, page + wanted);
        return result;
    }
    memory_ = memory;
    size_ = page + wanted;
    previous_ = current.ss_sp;
    previous_size_ = current.ss_size;
    previous_flags_ = current.ss_flags;
    return 0;
}

void AlternateStack::remove() {
    if (memory_ == nullptr) return;
    stack_t current{};
    const bool still_ours =
        sigaltstack(nullptr, &current) == 0 && current.ss_sp == memory_ + os::page_size();
    if (still_ours) {
        stack_t previous{};
        previous.ss_sp = previous_;
        previous.ss_size = previous_size_;
        previous.ss_flags = previous_flags_;
        sigaltstack(&previous, nullptr);
    }
    os::memory_table.release(memory_, size_);
    memory_ = nullptr;
}

}  // namespace zio::context
