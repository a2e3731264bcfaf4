// SPDX-License-Identifier: MIT
// A stack that runs over ends the process by the signal it always would have, after one line that
// says whose stack it was, and after whoever else handles such signals.
#include "core/context/overflow.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/context/stack_pool.hpp"
#include "core/os/memory.hpp"
#include "tests/core/context/fiber.hpp"
#include "tests/core/context/large_frames.hpp"

namespace {

using zio::context::AlternateStack;
using zio::context::GuardMode;
using zio::context::OverflowedTask;
using zio::context::StackPool;
using zio::test::Fiber;
using zio::test::resume;
namespace os = zio::os;

StackPool* pool;
const char* name_of_task = "conn-reader";

bool find_overflowed(const void* address, OverflowedTask* out) {
    if (pool->guarded_stack(address, nullptr) == nullptr) return false;
    *out = {42, name_of_task, 256 * 1024};
    return true;
}

constexpr const char* report = "zio: stack overflow in task #42 \"conn-reader\" \\(256 KiB\\)\n";

// What is on stderr when nobody has anything to say.
#ifdef ZIO_TEST_EMULATED
constexpr const char* silence = "";  // the emulator comments on signals
#else
constexpr const char* silence = "^$";
#endif

void open_pool(GuardMode guards) {
    pool = new StackPool;
    zio::context::StackOptions options;
    options.slots = 64;
    options.guards = guards;
    if (pool->open(options) != 0 || !pool->guarantee(8)) {
        std::fputs(pool->explanation(), stderr);
        _exit(99);
    }
}

void run_over(int frame_kib) {
    Fiber fiber;
    static int size;
    size = frame_kib;
    fiber.body = [](Fiber&) {
        zio::test::recurse_in_frames_of(size);
    };
    // Not the lowest slot: below its guard lies another stack, which must not be written to.
    pool->take();
    pool->take();
    fiber.stack = pool->take();
    resume(fiber);
    std::fputs("the stack did not end\n", stderr);
    _exit(98);
}

void run_over_reported(GuardMode guards, int frame_kib) {
    static AlternateStack alternate;
    open_pool(guards);
    if (alternate.install() != 0) _exit(97);
    if (zio::context::install_overflow_report(find_overflowed) != 0) _exit(96);
    run_over(frame_kib);
}

// gtest's own children inherit what the parent installed; each test starts from the defaults.
class OverflowDeathTest : public testing::Test {
  protected:
    void SetUp() override {
#ifdef ZIO_TEST_SANITIZED
        GTEST_SKIP() << "the sanitizer reports faults by itself";
#endif
        if (std::getenv("ZIO_TEST_VALGRIND") != nullptr)
            GTEST_SKIP() << "Valgrind does that itself";
    }
};

class GuardedOverflowDeathTest : public OverflowDeathTest,
                                 public testing::WithParamInterface<GuardMode> {
  protected:
    void SetUp() override {
        OverflowDeathTest::SetUp();
        if (GetParam() == GuardMode::advice && !os::guards_work()) {
            GTEST_SKIP() << "this kernel, or the emulator, has no guard advice";
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Guards, GuardedOverflowDeathTest,
                         testing::Values(GuardMode::advice, GuardMode::access_rights),
                         [](const auto& info) {
                             return info.param == GuardMode::advice ? "Advice" : "AccessRights";
                         });

TEST_P(GuardedOverflowDeathTest, NamesTheTask) {
    EXPECT_EXIT(run_over_reported(GetParam(), 0), testing::KilledBySignal(SIGSEGV), report);
}

// A frame larger than a page must not step over the guard.
TEST_P(GuardedOverflowDeathTest, CatchesLargeFrames) {
    for (const int kib : {4, 8, 16, 32, 48, 60}) {
        EXPECT_EXIT(run_over_reported(GetParam(), kib), testing::KilledBySignal(SIGSEGV), report)
            << kib << " KiB";
    }
}

TEST_F(OverflowDeathTest, WithoutTheReportItIsAPlainFault) {
    EXPECT_EXIT(
        {
            open_pool(GuardMode::automatic);
            run_over(0);
        },
        testing::KilledBySignal(SIGSEGV), "");
}

TEST_F(OverflowDeathTest, NamelessTasksAndWildNames) {
    EXPECT_EXIT(
        {
            name_of_task = nullptr;
            run_over_reported(GuardMode::automatic, 0);
        },
        testing::KilledBySignal(SIGSEGV), "zio: stack overflow in task #42 \\(256 KiB\\)\n");
    EXPECT_EXIT(
        {
            name_of_task = "a\033[2Jb\n\"c";
            run_over_reported(GuardMode::automatic, 0);
        },
        testing::KilledBySignal(SIGSEGV), "task #42 \"a\\?\\[2Jb\\?\"c\" \\(256 KiB\\)\n");
    EXPECT_EXIT(
        {
            static char endless[5000];
            std::memset(endless, 'x', sizeof endless - 1);
            name_of_task = endless;
            run_over_reported(GuardMode::automatic, 0);
        },
        testing::KilledBySignal(SIGSEGV), "task #42 \"x+\" \\(256 KiB\\)\n");
}

void say(const char* words) {
    if (write(STDERR_FILENO, words, std::strlen(words)) < 0) _exit(95);
}

TEST_F(OverflowDeathTest, TheHandlerBeforeRunsToo) {
    EXPECT_EXIT(
        {
            struct sigaction action {};
            action.sa_sigaction = [](int number, siginfo_t* info, void* registers) {
                const bool told = number == SIGSEGV && info->si_addr != nullptr &&
                                  registers != nullptr && pool->is_guard(info->si_addr);
                say(told ? "the previous handler\n" : "wrong arguments\n");
                _exit(3);
            };
            action.sa_flags = SA_SIGINFO;  // without SA_ONSTACK: it runs on ours
            sigaction(SIGSEGV, &action, nullptr);
            run_over_reported(GuardMode::automatic, 0);
        },
        testing::ExitedWithCode(3),
        "zio: stack overflow in task #42 \"conn-reader\" \\(256 KiB\\)\nthe previous handler\n");
    EXPECT_EXIT(
        {
            signal(SIGSEGV, [](int number) {
                say(number == SIGSEGV ? "a plain handler\n" : "wrong number\n");
                _exit(4);
            });
            run_over_reported(GuardMode::automatic, 0);
        },
        testing::ExitedWithCode(4), "KiB\\)\na plain handler\n");
}

void install_report() {
    static AlternateStack alternate;
    open_pool(GuardMode::automatic);
    if (alternate.install() != 0) _exit(97);
    if (zio::context::install_overflow_report(find_overflowed) != 0) _exit(96);
}

// Programs that repair their faults (virtual machines do) must not notice us.
TEST_F(OverflowDeathTest, OtherFaultsPassThrough) {
    EXPECT_EXIT(
        {
            static char* page;
            static volatile int repaired;
            page = static_cast<char*>(
                mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            struct sigaction action {};
            action.sa_sigaction = [](int, siginfo_t* info, void*) {
                if (info->si_addr != page + 5) _exit(94);
                mprotect(page, 4096, PROT_READ | PROT_WRITE);
                repaired = repaired + 1;
            };
            action.sa_flags = SA_SIGINFO;
            sigaction(SIGSEGV, &action, nullptr);
            install_report();
            for (int i = 0; i < 3; i++) {
                mprotect(page, 4096, PROT_NONE);
                page[5] = 1;
            }
            say("repaired\n");
            if (repaired != 3) _exit(93);
            run_over_reported(GuardMode::automatic, 0);
        },
        testing::ExitedWithCode(94), "^repaired\nzio: stack overflow");
    EXPECT_EXIT(
        {
            install_report();
            volatile char* volatile nowhere = nullptr;
            *nowhere = 1;
        },
        testing::KilledBySignal(SIGSEGV), silence);
}

TEST_F(OverflowDeathTest, SentSignalsStillKill) {
    EXPECT_EXIT(
        {
            install_report();
            kill(getpid(), SIGSEGV);
            _exit(0);
        },
        testing::KilledBySignal(SIGSEGV), silence);
    EXPECT_EXIT(
        {
            signal(SIGBUS, SIG_IGN);
            install_report();
            kill(getpid(), SIGBUS);
            _exit(5);
        },
        testing::ExitedWithCode(5), silence);
}

TEST_F(OverflowDeathTest, OtherThreadsReportToo) {
    EXPECT_EXIT(
        {
            install_report();
            pthread_t thread;
            pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                    AlternateStack alternate;
                    if (alternate.install() != 0) _exit(92);
                    run_over(0);
                    return nullptr;
                },
                nullptr);
            pthread_join(thread, nullptr);
        },
        testing::KilledBySignal(SIGSEGV), report);
}

TEST(OverflowReport, PutsBackWhatWasThere) {
    struct sigaction before {
    }, between{}, after{};
    sigaction(SIGSEGV, nullptr, &before);
    ASSERT_EQ(zio::context::install_overflow_report(find_overflowed), 0);
    ASSERT_EQ(zio::context::install_overflow_report(find_overflowed), 0);
    sigaction(SIGSEGV, nullptr, &between);
    EXPECT_NE(between.sa_sigaction, before.sa_sigaction);
    EXPECT_TRUE(between.sa_flags & SA_ONSTACK);
    zio::context::remove_overflow_report();
    sigaction(SIGSEGV, nullptr, &after);
    EXPECT_EQ(after.sa_sigaction, before.sa_sigaction);
    constexpr int restorer = 0x04000000;  // the C library's own
    EXPECT_EQ(after.sa_flags & ~restorer, before.sa_flags & ~restorer);
}

TEST(OverflowReport, LeavesHandlersOnTopAlone) {
    struct sigaction original {
    }, theirs{}, found{};
    sigaction(SIGBUS, nullptr, &original);
    ASSERT_EQ(zio::context::install_overflow_report(find_overflowed), 0);
    theirs.sa_handler = [](int) {
    };
    sigaction(SIGBUS, &theirs, nullptr);
    zio::context::remove_overflow_report();
    sigaction(SIGBUS, nullptr, &found);
    EXPECT_EQ(found.sa_handler, theirs.sa_handler);
    sigaction(SIGBUS, &original, nullptr);
    zio::context::remove_overflow_report();
}

TEST(AlternateStack, HasAGuardAndGoesAway) {
    pthread_t thread;
    static bool right;
    pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
            stack_t before{};
            stack_t mine{};
            stack_t after{};
            sigaltstack(nullptr, &before);
            AlternateStack alternate;
            right = alternate.install() == 0;
            sigaltstack(nullptr, &mine);
            right = right && mine.ss_size >= 64 * 1024 &&
                    mine.ss_size >= os::signal_frame_size() + 16 * 1024;
            int ends[2];
            if (pipe(ends) != 0) return nullptr;
            const char* low = static_cast<char*>(mine.ss_sp);
            const bool replaced = mine.ss_sp != before.ss_sp;
            if (replaced) {
                right = right && write(ends[1], low, 1) == 1 && write(ends[1], low - 1, 1) == -1;
            }
            close(ends[0]);
            close(ends[1]);
            alternate.remove();
            sigaltstack(nullptr, &after);
            right = right && after.ss_flags == before.ss_flags && after.ss_sp == before.ss_sp;
            return nullptr;
        },
        nullptr);
    pthread_join(thread, nullptr);
    EXPECT_TRUE(right);
}

TEST(AlternateStack, KeepsALargeOneThatIsThere) {
    static char large[1 << 20];
    stack_t theirs{};
    stack_t before{};
    stack_t found{};
    theirs.ss_sp = large;
    theirs.ss_size = sizeof large;
    ASSERT_EQ(sigaltstack(&theirs, &before), 0);
    {
        AlternateStack alternate;
        EXPECT_EQ(alternate.install(), 0);
        sigaltstack(nullptr, &found);
        EXPECT_EQ(found.ss_sp, large);
    }
    sigaltstack(nullptr, &found);
    EXPECT_EQ(found.ss_sp, large);
    sigaltstack(&before, nullptr);
}

}  // namespace
