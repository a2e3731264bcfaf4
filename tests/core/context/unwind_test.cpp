// SPDX-License-Identifier: MIT
// Whoever looks at a stack, at whatever instruction, sees a whole one: debuggers, profilers and
// crash handlers. Each instruction of two parties that switch back and forth is stopped at, and the
// stack walked with the compiler's own unwinder.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include "core/context/overflow.hpp"
#include "tests/core/context/fiber.hpp"

namespace {

using zio::context::Context;
using zio::context::Resumed;
using zio::test::drop_fiber;
using zio::test::Fiber;
using zio::test::make_fiber;
using zio::test::resume;

#if defined(__x86_64__)
#define ZIO_TEST_PROCESSOR "x86_64"
#elif defined(__aarch64__)
#define ZIO_TEST_PROCESSOR "aarch64"
#else
#define ZIO_TEST_PROCESSOR "another"
#endif

struct Walk {
    static constexpr int most = 100;
    std::uintptr_t address[most];
    int count;
    int reason;
};

_Unwind_Reason_Code note_frame(_Unwind_Context* frame, void* out) {
    Walk& walk = *static_cast<Walk*>(out);
    if (walk.count == Walk::most) return _URC_NORMAL_STOP;
    walk.address[walk.count++] = _Unwind_GetIP(frame);
    return _URC_NO_REASON;
}
__attribute__((noinline)) Walk walk_stack() {
    Walk walk{};
    walk.reason = _Unwind_Backtrace(note_frame, &walk);
    return walk;
}

[[maybe_unused]] const auto stack_end = reinterpret_cast<std::uintptr_t>(zio_hidden_stack_end);
const auto task_main = reinterpret_cast<std::uintptr_t>(zio_hidden_task_main);
[[maybe_unused]] bool is_in_task_main(std::uintptr_t address) {
    return address >= task_main && address < task_main + 0x400;
}

TEST(Unwind, EndsAtTheBaseOfTheStack) {
    static Walk walk;
    Fiber fiber = make_fiber([](Fiber&) { walk = walk_stack(); });
    resume(fiber);
    drop_fiber(fiber);
    EXPECT_EQ(walk.reason, _URC_END_OF_STACK);
    ASSERT_GE(walk.count, 3);
    EXPECT_LE(walk.count, 8);
    // An unwinder may show one more frame for "nobody".
    if (walk.address[walk.count - 1] == 0) walk.count--;
#if !defined(ZIO_CONTEXT_UCONTEXT)
    EXPECT_EQ(walk.address[walk.count - 1], stack_end);
    EXPECT_TRUE(is_in_task_main(walk.address[walk.count - 2]));
#endif
}

// ---- a debugger ----

extern "C" __attribute__((noinline)) void zio_test_stop_here() {
    asm volatile("" ::: "memory");
}

TEST(Unwind, StopsForADebugger) {
    Fiber fiber = make_fiber([](Fiber&) {
        zio_test_stop_here();
        asm volatile("" ::: "memory");
    });
    resume(fiber);
    EXPECT_TRUE(fiber.ended);
    drop_fiber(fiber);
}

std::string output_of(const std::string& command) {
    std::string output;
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return output;
    for (int letter; (letter = std::fgetc(pipe)) != EOF;) output += static_cast<char>(letter);
    pclose(pipe);
    return output;
}

TEST(Unwind, DebuggersSeeTheWholeStack) {
#if defined(ZIO_TEST_SANITIZED) || defined(ZIO_CONTEXT_UCONTEXT)
    GTEST_SKIP() << "this build is not what people debug";
#endif
    const bool native = output_of("uname -m").find(ZIO_TEST_PROCESSOR) == 0;
    if (!native) GTEST_SKIP() << "no debugger for programs under an emulator";
    if (std::getenv("ZIO_TEST_VALGRIND") != nullptr) GTEST_SKIP() << "Valgrind is the debugger";
    char self[4096];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    ASSERT_GT(size, 0);
    self[size] = 0;
    const std::string told = output_of(
        std::string("gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'break zio_test_stop_here'"
                    " -ex 'run"
                    " --gtest_filter=Unwind.StopsForADebugger' -ex bt '") +
        self + "' 2>&1");
    if (told.find("Breakpoint 1, ") == std::string::npos) {
        GTEST_SKIP() << "gdb is not installed, or may not trace here: " << told;
    }
    const std::size_t first = told.find("\n#0 ");
    ASSERT_NE(first, std::string::npos) << told;
    const std::size_t main_function = told.find("zio_hidden_task_main", first);
    const std::size_t base = told.find("zio_hidden_stack_base", first);
    EXPECT_NE(main_function, std::string::npos) << told;
    EXPECT_NE(base, std::string::npos) << told;
    EXPECT_LT(main_function, base) << told;
    EXPECT_EQ(told.find("\n#", base), std::string::npos) << "frames beyond the end: " << told;
    EXPECT_EQ(told.find("Backtrace stopped"), std::string::npos) << told;
    EXPECT_EQ(told.find("corrupt"), std::string::npos) << told;
}

#ifdef ZIO_TEST_FRAME_POINTERS
TEST(Unwind, FramePointersEndInZero) {
    static int length;
    static bool grows;
    Fiber fiber = make_fiber([](Fiber& me) {
        const auto bounds = zio::test::stacks().bounds(me.stack);
        grows = true;
        auto* frame = static_cast<void**>(__builtin_frame_address(0));
        for (length = 0; frame != nullptr && length < 100; length++) {
            auto* next = static_cast<void**>(*frame);
            const auto* place = reinterpret_cast<char*>(frame);
            grows = grows && place >= bounds.low && place < bounds.low + bounds.size + 16;
            if (next != nullptr) grows = grows && next > frame;
            if (!grows) break;
            frame = next;
        }
    });
    resume(fiber);
    drop_fiber(fiber);
    EXPECT_TRUE(grows);
    EXPECT_GE(length, 1);
    EXPECT_LE(length, 6);
}
#endif

#if defined(__x86_64__) && !defined(ZIO_CONTEXT_UCONTEXT) && !defined(ZIO_TEST_SANITIZED)

// How a walk goes on from where the native party returns to, outwards.
std::uintptr_t native_return;
Walk outside;
volatile bool stop;
struct Tally {
    long steps, on_native, on_fiber, wrong;
    bool walking;  // stays set when the unwinder does not come back
};
Tally* tally;

bool is_whole_native(const std::uintptr_t* from, const std::uintptr_t* end) {
    from = std::find(from, end, native_return);
    return std::equal(from, end, outside.address, outside.address + outside.count);
}
// Before the first instruction of the task's main function the frame that enters it stands for it.
bool is_whole_fiber(const std::uintptr_t* from, const std::uintptr_t* end) {
    if (end - from < 2 || end[-1] != stack_end) return false;
    return is_in_task_main(end[-2]) || end - from == 2;
}
void judge(const Walk& walk, std::uintptr_t at) {
    const std::uintptr_t* end = walk.address + walk.count;
    const std::uintptr_t* from = std::find(walk.address, end, at);
    if (end != from && end[-1] == 0) end--;
    tally->steps++;
    if (walk.reason != _URC_END_OF_STACK || from == end) {
        tally->wrong++;
    } else if (is_whole_native(from, end)) {
        tally->on_native++;
    } else if (is_whole_fiber(from, end)) {
        tally->on_fiber++;
    } else {
        tally->wrong++;
    }
}

constexpr long trap_flag = 0x100;
void on_step(int, siginfo_t*, void* interrupted) {
    auto& registers = static_cast<ucontext_t*>(interrupted)->uc_mcontext.gregs;
    if (stop) {
        registers[REG_EFL] &= ~trap_flag;
        return;
    }
    registers[REG_EFL] |= trap_flag;
    tally->walking = true;
    judge(walk_stack(), static_cast<std::uintptr_t>(registers[REG_RIP]));
    tally->walking = false;
}

// The two parties, with frames of different shape, so that the rules of one are wrong for the
// other. `Switch` is what changes stacks.
struct Parties {
    Context native;
    Context fiber;
    long rounds;
};
ZIO_INLINE void keep(volatile char* frame) {
    asm volatile("" : : "r"(frame) : "memory");
}
template <class Switch>
__attribute__((noinline)) void native_party(Parties& parties, char* stack) {
    native_return = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    volatile char frame[1000];
    keep(frame);
    const Walk here = walk_stack();
    const std::uintptr_t* end = here.address + here.count;
    if (end[-1] == 0) end--;
    const std::uintptr_t* from = std::find(here.address, end, native_return);
    outside.count = static_cast<int>(std::copy(from, end, outside.address) - outside.address);
    raise(SIGTRAP);  // from here on, every instruction
    Switch::enter(parties, stack);
    for (long i = 0; i < parties.rounds; i++) Switch::to_fiber(parties);
    stop = true;
}
template <class Switch>
__attribute__((noinline)) void fiber_party(Parties& parties) {
    volatile char frame[40];
    keep(frame);
    for (long i = 0; i < parties.rounds; i++) Switch::to_native(parties);
    Switch::leave(parties);
}

void (*run_fiber_party)(Parties&);
void run_body(Fiber& me) {
    run_fiber_party(*static_cast<Parties*>(me.argument));
}
Fiber stepped_fiber;

struct RealSwitch {
    ZIO_INLINE static void enter(Parties& parties, char* stack) {
        zio::context::enter_new(parties.native, stack, nullptr, &stepped_fiber);
    }
    ZIO_INLINE static void to_fiber(Parties& parties) {
        zio::context::switch_to(parties.native, parties.fiber, nullptr, nullptr);
    }
    ZIO_INLINE static void to_native(Parties& parties) {
        zio::context::switch_to(parties.fiber, parties.native, nullptr, nullptr);
    }
    ZIO_INLINE static void leave(Parties& parties) {
        zio::context::leave_to(parties.native, nullptr, nullptr);
    }
};

// The same without the frame information: what the test must notice.
struct SilentSwitch : RealSwitch {
    ZIO_INLINE static void go(Context& from, const Context& to) {
        register const Context* rdx asm("rdx") = &to;
        register Context* rax asm("rax") = &from;
        asm volatile(
            "leaq 0f(%%rip), %%r8\n movq %%rsp, 0(%%rax)\n movq %%rbp, 8(%%rax)\n"
            "movq %%r8, 16(%%rax)\n movq 0(%%rdx), %%rsp\n movq 8(%%rdx), %%rbp\n"
            "jmpq *16(%%rdx)\n nop\n0:\n"
            : "+r"(rdx), "+r"(rax)
            :
            : "rbx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
              "cc", "memory");
    }
    ZIO_INLINE static void to_fiber(Parties& parties) { go(parties.native, parties.fiber); }
    ZIO_INLINE static void to_native(Parties& parties) { go(parties.fiber, parties.native); }
};

template <class Switch>
void step_through(long rounds) {
    static Parties parties;
    parties.rounds = rounds;
    run_fiber_party = fiber_party<Switch>;
    stepped_fiber = make_fiber(run_body, &parties);
    stepped_fiber.started = true;
    zio::context::AlternateStack alternate;
    alternate.install();
    struct sigaction action {};
    action.sa_sigaction = on_step;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    struct sigaction before {};
    sigaction(SIGTRAP, &action, &before);
    stop = false;
    native_party<Switch>(parties, stepped_fiber.stack);
    sigaction(SIGTRAP, &before, nullptr);
    drop_fiber(stepped_fiber);
}

// In a child: wrong frame information may well make the unwinder crash, which counts as wrong.
template <class Switch>
Tally step_in_child(long rounds) {
    void* shared =
        mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return {};
    tally = new (shared) Tally{};
    const pid_t child = fork();
    if (child == 0) {
        step_through<Switch>(rounds);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    Tally result = *tally;
    munmap(shared, sizeof(Tally));
    if (WIFSIGNALED(status)) {
        EXPECT_TRUE(result.walking) << "died of signal " << WTERMSIG(status) << " elsewhere";
        result.wrong++;
    }
    return result;
}

bool single_steps_here() {
    return std::getenv("ZIO_TEST_VALGRIND") == nullptr;
}

TEST(Unwind, IsRightAtEveryInstruction) {
    if (!single_steps_here()) GTEST_SKIP() << "no single steps under Valgrind";
    const Tally result = step_in_child<RealSwitch>(20);
    EXPECT_EQ(result.wrong, 0);
    EXPECT_EQ(result.steps, result.on_native + result.on_fiber);
    // 20 times there and back, at least six instructions each.
    EXPECT_GE(result.on_native, 20 * 6);
    EXPECT_GE(result.on_fiber, 20 * 6);
}

// With frame pointers the parties have the same rules, and nothing would be wrong.
#ifndef ZIO_TEST_FRAME_POINTERS
TEST(Unwind, TheStepsFindASwitchWithoutFrameInformation) {
    if (!single_steps_here()) GTEST_SKIP() << "no single steps under Valgrind";
    const Tally result = step_in_child<SilentSwitch>(20);
    EXPECT_GT(result.wrong, 0);
}
#endif

#endif

}  // namespace
