// SPDX-License-Identifier: MIT
// The switch keeps what a call would keep, and nothing of one party shows up in another.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cfenv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/context/exception_globals.hpp"
#include "core/context/fp_control.hpp"
#include "tests/core/context/fiber.hpp"

namespace {

using zio::context::ExceptionGlobals;
using zio::test::drop_fiber;
using zio::test::Fiber;
using zio::test::make_fiber;
using zio::test::pass_to;
using zio::test::resume;
using zio::test::suspend;

TEST(Switch, HandsOverWorkerAndTask) {
    static std::vector<void*> seen;
    seen.clear();
    Fiber fiber = make_fiber([](Fiber& me) {
        for (int i = 0; i < 3; i++) {
            seen.push_back(me.worker);
            suspend(me);
        }
    });
    int workers[4];
    for (int& worker : workers) resume(fiber, &worker);
    EXPECT_TRUE(fiber.ended);
    EXPECT_EQ(seen, (std::vector<void*>{&workers[0], &workers[1], &workers[2]}));
    drop_fiber(fiber);
}

// More integers, doubles and vectors alive across the switch than there are registers.
using Vector = int __attribute__((vector_size(16)));
volatile double seed = 1.5;
volatile int integer_seed = 3;

template <class Leave>
__attribute__((noinline)) int count_lost(int base, int rounds, Leave&& leave) {
    double d0 = seed * base, d1 = d0 + 1, d2 = d0 + 2, d3 = d0 + 3, d4 = d0 + 4, d5 = d0 + 5,
           d6 = d0 + 6, d7 = d0 + 7, d8 = d0 + 8, d9 = d0 + 9;
    long n0 = long{integer_seed} * base, n1 = n0 ^ 1, n2 = n0 ^ 2, n3 = n0 ^ 3, n4 = n0 ^ 4,
         n5 = n0 ^ 5, n6 = n0 ^ 6, n7 = n0 ^ 7;
    Vector v0 = {base, integer_seed, 2, 3}, v1 = v0 + 1, v2 = v0 + 2, v3 = v0 + 3;
    int lost = 0;
    for (int round = 0; round < rounds; round++) {
        leave();
        const double d = seed * base + round;
        const long n = long{integer_seed} * base;
        const int v = base + round;
        lost += d0 != d || d1 != d + 1 || d2 != d + 2 || d3 != d + 3 || d4 != d + 4;
        lost += d5 != d + 5 || d6 != d + 6 || d7 != d + 7 || d8 != d + 8 || d9 != d + 9;
        lost += n0 != n + round || n1 != (n ^ 1) + round || n2 != (n ^ 2) + round;
        lost += n3 != (n ^ 3) + round || n4 != (n ^ 4) + round || n5 != (n ^ 5) + round;
        lost += n6 != (n ^ 6) + round || n7 != (n ^ 7) + round;
        lost += v0[0] != v || v1[0] != v + 1 || v2[0] != v + 2 || v3[3] != round + 6;
        d0++, d1++, d2++, d3++, d4++, d5++, d6++, d7++, d8++, d9++;
        n0++, n1++, n2++, n3++, n4++, n5++, n6++, n7++;
        v0 += 1, v1 += 1, v2 += 1, v3 += 1;
    }
    return lost;
}

TEST(Switch, KeepsLiveValues) {
    constexpr int rounds = 2000;
    int lost_inside = -1;
    Fiber fiber = make_fiber(
        [](Fiber& me) {
            *static_cast<int*>(me.argument) = count_lost(7, rounds, [&me] { suspend(me); });
        },
        &lost_inside);
    EXPECT_EQ(count_lost(1000, rounds, [&fiber] { resume(fiber); }), 0);
    resume(fiber);
    EXPECT_TRUE(fiber.ended);
    EXPECT_EQ(lost_inside, 0);
    drop_fiber(fiber);
}

#if defined(__x86_64__)
// What a caller may rely on: rbx, rbp and r12-r15 come back. 0, or the number of the first loss.
extern "C" int zio_test_call_with_patterns(void (*function)(void*), void* argument, long pattern);
asm(R"(
    .text
    .type zio_test_call_with_patterns, @function
zio_test_call_with_patterns:
    .cfi_startproc
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    pushq %rdx
    .cfi_adjust_cfa_offset 8
    leaq 1(%rdx), %rbx
    leaq 2(%rdx), %rbp
    leaq 3(%rdx), %r12
    leaq 4(%rdx), %r13
    leaq 5(%rdx), %r14
    leaq 6(%rdx), %r15
    movq %rdi, %rax
    movq %rsi, %rdi
    callq *%rax
    popq %rdx
    .cfi_adjust_cfa_offset -8
    xorl %eax, %eax
    subq %rdx, %rbx
    subq %rdx, %rbp
    subq %rdx, %r12
    subq %rdx, %r13
    subq %rdx, %r14
    subq %rdx, %r15
    incl %eax
    cmpq $1, %rbx
    jne 1f
    incl %eax
    cmpq $2, %rbp
    jne 1f
    incl %eax
    cmpq $3, %r12
    jne 1f
    incl %eax
    cmpq $4, %r13
    jne 1f
    incl %eax
    cmpq $5, %r14
    jne 1f
    incl %eax
    cmpq $6, %r15
    jne 1f
    xorl %eax, %eax
1:  popq %r15
    .cfi_adjust_cfa_offset -8
    popq %r14
    .cfi_adjust_cfa_offset -8
    popq %r13
    .cfi_adjust_cfa_offset -8
    popq %r12
    .cfi_adjust_cfa_offset -8
    popq %rbp
    .cfi_adjust_cfa_offset -8
    popq %rbx
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size zio_test_call_with_patterns, . - zio_test_call_with_patterns
)");

TEST(Switch, KeepsTheRegistersThatCallsKeep) {
    int lost_inside = -1;
    Fiber fiber = make_fiber(
        [](Fiber& me) {
            *static_cast<int*>(me.argument) = zio_test_call_with_patterns(
                [](void* fiber_of_mine) { suspend(*static_cast<Fiber*>(fiber_of_mine)); }, &me,
                0x5500);
        },
        &lost_inside);
    const auto enter = [](void* other) {
        resume(*static_cast<Fiber*>(other));
    };
    EXPECT_EQ(zio_test_call_with_patterns(enter, &fiber, 0x1100), 0) << "when entering";
    EXPECT_EQ(zio_test_call_with_patterns(enter, &fiber, 0x2200), 0) << "when resuming";
    EXPECT_EQ(lost_inside, 0);
    drop_fiber(fiber);
}
#endif

TEST(Switch, StartsOnAnAlignedStack) {
    struct Found {
        std::uintptr_t frame, wide, head;
    } found{};
    Fiber fiber = make_fiber(
        [](Fiber& me) {
            alignas(64) volatile char wide[64] = {1};
            auto& out = *static_cast<Found*>(me.argument);
            out.frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 16;
            out.wide = reinterpret_cast<std::uintptr_t>(&wide[0]) % 64;
            out.head = reinterpret_cast<std::uintptr_t>(zio::context::head_of_stack(me.stack)) % 16;
        },
        &found);
    resume(fiber);
    EXPECT_EQ(found.frame, 0u);
    EXPECT_EQ(found.wide, 0u);
    EXPECT_EQ(found.head, 0u);
    drop_fiber(fiber);
}

TEST(Switch, LeavesTheOwnersHeadAlone) {
    Fiber fiber = make_fiber([](Fiber& me) {
        volatile char below[2000];
        for (volatile char& byte : below) byte = 1;
        suspend(me);
    });
    char* head = zio::context::head_of_stack(fiber.stack);
    char wanted[64];
    std::memset(wanted, 0x5a, sizeof wanted);
    std::memcpy(head, wanted, sizeof wanted);
    resume(fiber);
    resume(fiber);
    EXPECT_EQ(std::memcmp(head, wanted, sizeof wanted), 0);
    drop_fiber(fiber);
}

// Sixteen parties, each straight to the next; the last one ends, which returns to the test.
struct Ring {
    Fiber fibers[16];
    std::vector<int> order;
    int rounds;
};
void walk_ring(Fiber& me) {
    Ring& ring = *static_cast<Ring*>(me.argument);
    const int mine = static_cast<int>(&me - ring.fibers);
    volatile long private_sum = mine;
    for (int round = 0; round < ring.rounds; round++) {
        ring.order.push_back(mine);
        private_sum = private_sum + 16;
        pass_to(me, ring.fibers[(mine + 1) % 16]);
        if (private_sum % 16 != mine) ring.order.push_back(-1);
    }
}

TEST(Switch, PassesThroughSixteenPartiesInOrder) {
    static Ring ring;
    ring.rounds = 500;
    for (Fiber& fiber : ring.fibers) fiber = make_fiber(walk_ring, &ring);
    resume(ring.fibers[0]);
    // Number 0 ended first and its resumer is the only one there is: the others resume from it.
    EXPECT_TRUE(ring.fibers[0].ended);
    ASSERT_EQ(ring.order.size(), 16u * static_cast<unsigned>(ring.rounds));
    for (std::size_t i = 0; i < ring.order.size(); i++) {
        ASSERT_EQ(ring.order[i], static_cast<int>(i % 16)) << "step " << i;
    }
    for (int i = 1; i < 16; i++) {
        resume(ring.fibers[i]);
        EXPECT_TRUE(ring.fibers[i].ended);
    }
    for (Fiber& fiber : ring.fibers) drop_fiber(fiber);
    EXPECT_EQ(ring.order.size(), 16u * static_cast<unsigned>(ring.rounds));
}

TEST(Switch, DoesNotTouchErrno) {
    Fiber fiber = make_fiber([](Fiber& me) {
        EXPECT_EQ(errno, 77);
        errno = 78;
        suspend(me);
        EXPECT_EQ(errno, 79);
        errno = 80;
    });
    errno = 77;
    resume(fiber);
    EXPECT_EQ(errno, 78);
    errno = 79;
    resume(fiber);
    EXPECT_EQ(errno, 80);
    drop_fiber(fiber);
}

TEST(Switch, ResumesOnAnotherThread) {
    static std::vector<pid_t> ran_on;  // asked of the system: compilers keep pthread_self()
    ran_on.clear();
    Fiber fiber = make_fiber([](Fiber& me) {
        for (int i = 0; i < 2; i++) {
            ran_on.push_back(gettid());
            try {
                throw i;
            } catch (int) {
            }
            suspend(me);
        }
    });
    resume(fiber);
    std::thread([&fiber] { resume(fiber); }).join();
    resume(fiber);
    EXPECT_TRUE(fiber.ended);
    ASSERT_EQ(ran_on.size(), 2u);
    EXPECT_EQ(ran_on[0], gettid());
    EXPECT_NE(ran_on[1], gettid());
    drop_fiber(fiber);
}

TEST(Switch, StartsAgainOnAUsedStack) {
    static int runs;
    runs = 0;
    char* before = nullptr;
    for (int i = 0; i < 100; i++) {
        Fiber fiber = make_fiber([](Fiber& me) {
            volatile char locals[4000];
            for (volatile char& byte : locals) byte = static_cast<char>(runs);
            suspend(me);
            runs++;
        });
        if (before != nullptr) {
            EXPECT_EQ(fiber.stack, before);
        }
        before = fiber.stack;
        resume(fiber);
        resume(fiber);
        EXPECT_TRUE(fiber.ended);
        drop_fiber(fiber);
    }
    EXPECT_EQ(runs, 100);
}

// ---- exceptions ----

// What the scheduler does around a switch.
void suspend_with_exceptions(Fiber& me) {
    ExceptionGlobals mine = *zio::context::exception_globals();
    *zio::context::exception_globals() = {};
    suspend(me);
    *zio::context::exception_globals() = mine;
}

struct Thrower {
    std::string name;
    int right = 0;
    int wrong = 0;
    static constexpr int rounds = 100;
};

struct SuspendsWhenDestroyed {
    Fiber& fiber;
    ~SuspendsWhenDestroyed() { suspend_with_exceptions(fiber); }
};

void throw_and_suspend(Fiber& me) {
    auto& mine = *static_cast<Thrower*>(me.argument);
    const auto judge = [&mine](bool as_it_should) {
        (as_it_should ? mine.right : mine.wrong)++;
    };
    for (int i = 0; i < Thrower::rounds; i++) {
        try {
            try {
                SuspendsWhenDestroyed while_unwinding{me};
                throw std::runtime_error(mine.name);
            } catch (...) {
                suspend_with_exceptions(me);
                throw;
            }
        } catch (const std::exception& caught) {
            judge(caught.what() == mine.name);
            judge(std::uncaught_exceptions() == 0);
        }
    }
}

TEST(Exceptions, StayWithTheirOwner) {
    Thrower throwers[2];
    throwers[0].name = "first";
    throwers[1].name = "second";
    Fiber fibers[2] = {make_fiber(throw_and_suspend, &throwers[0]),
                       make_fiber(throw_and_suspend, &throwers[1])};
    while (!fibers[0].ended || !fibers[1].ended) {
        for (Fiber& fiber : fibers) {
            if (!fiber.ended) resume(fiber);
            EXPECT_FALSE(zio::context::exception_globals()->any());
        }
    }
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(throwers[i].right, 2 * Thrower::rounds);
        EXPECT_EQ(throwers[i].wrong, 0);
        drop_fiber(fibers[i]);
    }
}

TEST(Exceptions, GlobalsAreThoseOfTheRuntime) {
    ExceptionGlobals* globals = zio::context::exception_globals();
    ASSERT_NE(globals, nullptr);
    EXPECT_FALSE(globals->any());
    try {
        throw 1;
    } catch (int) {
        EXPECT_NE(globals->caught, nullptr);
        EXPECT_TRUE(globals->any());
    }
    EXPECT_FALSE(globals->any());
    ExceptionGlobals* elsewhere = globals;
    std::thread([&elsewhere] { elsewhere = zio::context::exception_globals(); }).join();
    EXPECT_NE(elsewhere, globals);
}

TEST(ExceptionsDeathTest, UncaughtInAFiberTerminates) {
    EXPECT_EXIT(
        {
            std::set_terminate([] { _exit(42); });
            Fiber fiber = make_fiber([](Fiber&) { throw 1; });
            resume(fiber);
        },
        testing::ExitedWithCode(42), "");
}

// ---- floating-point control words ----

bool on_valgrind() {
    return std::getenv("ZIO_TEST_VALGRIND") != nullptr;
}

volatile double one = 1.0;
volatile double three = 3.0;

TEST(FpControl, IsKeptForThoseWhoAsk) {
    if (on_valgrind()) GTEST_SKIP() << "Valgrind rounds to nearest, whatever it is told";
    static double up, down;
    Fiber fiber = make_fiber([](Fiber& me) {
        std::fesetround(FE_UPWARD);
        const auto mine = zio::context::save_fp_control();
        suspend(me);
        zio::context::load_fp_control(mine);
        up = one / three;
    });
    const auto standard = zio::context::save_fp_control();
    resume(fiber);
    zio::context::load_fp_control(standard);
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    std::fesetround(FE_DOWNWARD);
    resume(fiber);
    // The switch itself does not carry them, except where it is made of calls that do.
#if !defined(ZIO_CONTEXT_UCONTEXT)
    EXPECT_EQ(std::fegetround(), FE_UPWARD);
#endif
    zio::context::load_fp_control(standard);
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    std::fesetround(FE_DOWNWARD);
    down = one / three;
    zio::context::load_fp_control(standard);
    EXPECT_GT(up, down);
    drop_fiber(fiber);
}

#if defined(__x86_64__)
TEST(FpControl, HoldsBothUnits) {
    if (on_valgrind()) GTEST_SKIP() << "Valgrind has no control words of its own";
    const auto standard = zio::context::save_fp_control();
    auto changed = standard;
    changed.sse ^= 0x8000;                                            // flush to zero
    changed.x87 = static_cast<std::uint16_t>(changed.x87 & ~0x0300);  // single precision
    zio::context::load_fp_control(changed);
    const auto read_back = zio::context::save_fp_control();
    zio::context::load_fp_control(standard);
    EXPECT_EQ(read_back.sse, changed.sse);
    EXPECT_EQ(read_back.x87, changed.x87);
    EXPECT_NE(read_back.x87, standard.x87);
}
#endif

TEST(Sanitizer, IsSeenWhenItIsThere) {
#if defined(ZIO_TEST_SANITIZED)
    EXPECT_TRUE(zio::context::sanitizer::active());
#else
    EXPECT_EQ(zio::context::sanitizer::active(), on_valgrind());
#endif
}

}  // namespace
