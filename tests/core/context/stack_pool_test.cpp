// SPDX-License-Identifier: MIT
// Stacks: where they lie, what guards them, how many there can be, and what they cost.
#include "core/context/stack_pool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/os/memory.hpp"

namespace {

using zio::context::GuardMode;
using zio::context::StackBounds;
using zio::context::StackClass;
using zio::context::StackOptions;
using zio::context::StackPool;
namespace os = zio::os;

constexpr std::size_t guard_size = 64 * 1024;
constexpr std::size_t head_size = 152;

StackOptions options_for(std::uint32_t slots, GuardMode guards = GuardMode::automatic) {
    StackOptions options;
    options.slots = slots;
    options.head_size = head_size;
    options.guards = guards;
    return options;
}

#ifdef ZIO_TEST_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

double scale() {
    const char* told = std::getenv("ZIO_TEST_SCALE");
    return told != nullptr ? std::atof(told) : 1;
}

// Whether the kernel can read the byte: the truth about a guard, without a signal handler.
bool is_readable(const void* address) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
    const bool readable = write(ends[1], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}

// One line of /proc/self/status, in KiB.
std::uint64_t status_kib(const char* name) {
    std::FILE* file = std::fopen("/proc/self/status", "r");
    char line[256];
    std::uint64_t kib = 0;
    while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
        if (std::strncmp(line, name, std::strlen(name)) == 0) {
            kib = std::strtoull(line + std::strlen(name) + 1, nullptr, 10);
        }
    }
    if (file != nullptr) std::fclose(file);
    return kib;
}
std::uint64_t mapping_count() {
    std::FILE* file = std::fopen("/proc/self/maps", "r");
    std::uint64_t lines = 0;
    for (int letter; file != nullptr && (letter = std::fgetc(file)) != EOF;)
        lines += letter == '\n';
    if (file != nullptr) std::fclose(file);
    return lines;
}

// Counts and refuses calls to the system.
struct RefusedMemory {
    os::MemoryTable saved = os::memory_table;
    static inline int calls, forbid_left, guards_left;
    RefusedMemory() {
        calls = 0;
        forbid_left = guards_left = 1 << 30;
        static os::MemoryTable real;
        real = saved;
        os::memory_table.forbid = [](char* start, std::size_t size) {
            calls++;
            return forbid_left-- > 0 ? real.forbid(start, size) : zio::error::no_memory;
        };
        os::memory_table.install_guards = [](const os::MemoryRange* ranges, std::size_t count) {
            calls++;
            return guards_left-- > 0 ? real.install_guards(ranges, count) : zio::error::no_memory;
        };
        os::memory_table.discard = [](const os::MemoryRange* ranges, std::size_t count) {
            calls++;
            return real.discard(ranges, count);
        };
    }
    ~RefusedMemory() { os::memory_table = saved; }
};

class StackPoolTest : public testing::TestWithParam<GuardMode> {
  protected:
    void SetUp() override {
        if (GetParam() == GuardMode::advice && !os::guards_work()) {
            GTEST_SKIP() << "this kernel, or the emulator, has no guard advice";
        }
    }
    void open(std::uint32_t slots) {
        ASSERT_EQ(pool_.open(options_for(slots, GetParam())), 0) << pool_.explanation();
        ASSERT_TRUE(pool_.guarantee(slots < 100 ? slots : 100)) << pool_.explanation();
    }
    StackPool pool_;
};
INSTANTIATE_TEST_SUITE_P(Guards, StackPoolTest,
                         testing::Values(GuardMode::advice, GuardMode::access_rights),
                         [](const auto& info) {
                             return info.param == GuardMode::advice ? "Advice" : "AccessRights";
                         });

TEST_P(StackPoolTest, LaysStacksOut) {
    open(100);
    EXPECT_EQ(pool_.guards_by_advice(), GetParam() == GuardMode::advice);
    std::set<std::uintptr_t> colours;
    std::vector<char*> stacks;
    for (int i = 0; i < 64; i++) {
        char* stack = pool_.take();
        ASSERT_NE(stack, nullptr);
        stacks.push_back(stack);
        const StackBounds bounds = pool_.bounds(stack);
        EXPECT_GE(bounds.size, 256u * 1024);
        EXPECT_EQ(bounds.low + bounds.size, stack);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(stack) % 16, 8u);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bounds.low) % os::page_size(), 0u);
        colours.insert(reinterpret_cast<std::uintptr_t>(stack) % 4096);
        std::memset(zio::context::head_of_stack(stack), 1, head_size);
        if (i > 0) {  // fresh stacks come from below, an odd number of pages apart
            const auto stride = pool_.bounds(stack).low - pool_.bounds(stacks[i - 1]).low;
            EXPECT_EQ(static_cast<std::size_t>(stride) / os::page_size() % 2, 1u);
            if (os::page_size() == 4096) {
                EXPECT_EQ(stride, 81 * 4096);
            }
        }
    }
    EXPECT_EQ(colours.size(), 16u);
}

TEST_P(StackPoolTest, GuardsEveryStack) {
    open(300);
    ASSERT_TRUE(pool_.guarantee(300));
    std::mt19937 random(7);
    for (int i = 0; i < 300; i++) {
        char* stack = pool_.take();
        char* low = pool_.bounds(stack).low;
        EXPECT_TRUE(is_readable(low)) << i;
        EXPECT_FALSE(is_readable(low - 1)) << i;
        EXPECT_FALSE(is_readable(low - guard_size)) << i;
        EXPECT_FALSE(is_readable(low - 1 - random() % guard_size)) << i;
        EXPECT_EQ(pool_.guarded_stack(low - 1, nullptr), stack);
        EXPECT_TRUE(pool_.is_guard(low - guard_size));
        EXPECT_FALSE(pool_.is_guard(low - guard_size - 1));
        EXPECT_FALSE(pool_.is_guard(low));
        EXPECT_FALSE(pool_.is_guard(stack));
    }
    EXPECT_FALSE(pool_.is_guard(this));
    EXPECT_FALSE(pool_.is_guard(nullptr));
}

TEST_P(StackPoolTest, ReusesTheWarmestWithoutASystemCall) {
    open(200);
    std::vector<char*> stacks;
    for (int i = 0; i < 100; i++) stacks.push_back(pool_.take());
    const RefusedMemory counted;
    for (int i = 0; i < 100; i++) pool_.give(stacks[static_cast<std::size_t>(i)]);
    for (int i = 99; i >= 0; i--) EXPECT_EQ(pool_.take(), stacks[static_cast<std::size_t>(i)]);
    EXPECT_EQ(RefusedMemory::calls, 0);
}

TEST_P(StackPoolTest, GivesWhatItGuaranteed) {
    open(500);
    ASSERT_TRUE(pool_.guarantee(450));
    EXPECT_GE(pool_.guaranteed(), 450u);
    std::set<char*> all;
    for (int i = 0; i < 450; i++) {
        char* stack = pool_.take();
        ASSERT_NE(stack, nullptr);
        EXPECT_TRUE(all.insert(stack).second) << "handed out twice";
    }
    EXPECT_FALSE(pool_.guarantee(501));
    EXPECT_NE(std::string(pool_.explanation()).find("address space limit"), std::string::npos)
        << pool_.explanation();
}

TEST_P(StackPoolTest, LetsTheKernelWriteToAColdStack) {
    open(10);
    const int zeros = open64("/dev/zero", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(zeros, 0);
    char* stack = pool_.take();
    const StackBounds bounds = pool_.bounds(stack);
    const std::size_t part = 200 * 1024;
    EXPECT_EQ(read(zeros, bounds.low, part), static_cast<ssize_t>(part)) << std::strerror(errno);
    char* deep = bounds.low + part;
    iovec vector[2] = {{deep, 100}, {deep + 20000, 100}};
    EXPECT_EQ(readv(zeros, vector, 2), 200) << std::strerror(errno);
    errno = 0;
    EXPECT_EQ(read(zeros, bounds.low - 4096, 4096), -1) << "into the guard";
    EXPECT_EQ(errno, EFAULT);
    close(zeros);
}

std::size_t resident_pages(const StackBounds& bounds) {
    const std::size_t page = os::page_size();
    std::vector<unsigned char> pages(bounds.size / page + 1);
    if (mincore(bounds.low, pages.size() * page, pages.data()) != 0) return SIZE_MAX;
    std::size_t count = 0;
    for (const unsigned char one : pages) count += one & 1;
    return count;
}

TEST_P(StackPoolTest, TrimsWhatIsCached) {
    open(300);
    ASSERT_TRUE(pool_.guarantee(200));
    std::vector<char*> stacks;
    for (int i = 0; i < 200; i++) {
        stacks.push_back(pool_.take());
        std::memset(stacks.back() - 10000, 1, 10000);
    }
    for (char* stack : stacks) pool_.give(stack);
    EXPECT_GE(resident_pages(pool_.bounds(stacks[0])), 3u);
    EXPECT_EQ(pool_.trim(50), pool_.statistics().cached - 50);
    EXPECT_EQ(pool_.trim(50), 0u) << "those were trimmed already";
    for (std::size_t i = 0; i < 200; i++) {
        const StackBounds bounds = pool_.bounds(stacks[i]);
        if (i < 150) {
            EXPECT_EQ(resident_pages(bounds), 0u) << i;
        } else {
            EXPECT_GE(resident_pages(bounds), 3u) << i;
        }
        EXPECT_FALSE(is_readable(bounds.low - 1)) << "the guard of " << i << " is gone";
        EXPECT_FALSE(is_readable(bounds.low - guard_size)) << i;
    }
    for (std::size_t i = 200; i-- > 0;) EXPECT_EQ(pool_.take(), stacks[i]) << "warm ones first";
    EXPECT_EQ(*(stacks[0] - 1), 0) << "old contents";
    for (std::size_t i = 0; i < 100; i++) pool_.give(stacks[i]);
    EXPECT_EQ(pool_.trim(0), 100u);
    std::set<char*> again;
    for (int i = 0; i < 100; i++) EXPECT_TRUE(again.insert(pool_.take()).second);
}

TEST_P(StackPoolTest, HasStacksOfOtherSizes) {
    open(1000);
    const std::size_t kib = 1024;
    for (const std::size_t wanted : {std::size_t{1}, 16 * kib, 17 * kib, 64 * kib, 100 * kib,
                                     1024 * kib, 8192 * kib, 1024 * 1024 * kib}) {
        StackClass* from = nullptr;
        char* stack = pool_.take_sized(wanted, &from);
        ASSERT_NE(stack, nullptr) << wanted << ": " << pool_.explanation();
        const StackBounds bounds = pool_.bounds(stack);
        EXPECT_GE(bounds.size, wanted);
        EXPECT_GE(bounds.size, 16 * kib + os::signal_frame_size());
        EXPECT_LE(bounds.size, 2 * wanted + 48 * kib) << "wasteful";
        EXPECT_EQ(from->slot_size() / os::page_size() % 2, 1u);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(stack) % 16, 8u);
        *bounds.low = 1;
        std::memset(zio::context::head_of_stack(stack), 1, head_size);
        EXPECT_FALSE(is_readable(bounds.low - 1));
        EXPECT_FALSE(is_readable(bounds.low - guard_size));
        StackBounds found{};
        EXPECT_EQ(pool_.guarded_stack(bounds.low - 5, &found), stack);
        EXPECT_EQ(found.low, bounds.low);
        pool_.give_sized(stack, from);
        StackClass* again = nullptr;
        EXPECT_EQ(pool_.take_sized(wanted, &again), stack);
        EXPECT_EQ(again, from);
    }
    StackClass* from = nullptr;
    EXPECT_EQ(pool_.take_sized((std::size_t{1} << 30) + 1, &from), nullptr);
    EXPECT_NE(std::string(pool_.explanation()).find("1 GiB"), std::string::npos);
    char* standard = pool_.take_sized(0, &from);
    ASSERT_NE(standard, nullptr);
    EXPECT_GE(pool_.bounds(standard).size, 256 * kib);
}

TEST_P(StackPoolTest, KeepsErrno) {
    errno = 123;
    open(100);
    for (int i = 0; i < 100; i++) EXPECT_NE(pool_.take(), nullptr);
    pool_.trim(0);
    StackClass* from = nullptr;
    pool_.take_sized(1 << 20, &from);
    pool_.close();
    EXPECT_EQ(errno, 123);
}

TEST(StackPool, RefusesOptionsThatMakeNoSense) {
    StackPool pool;
    StackOptions options = options_for(10);
    options.usable = (std::size_t{1} << 30) + 1;
    EXPECT_EQ(pool.open(options), zio::error::invalid_argument);
    options = options_for(10);
    options.usable = 1;
    ASSERT_EQ(pool.open(options), 0);
    ASSERT_TRUE(pool.guarantee(1));
    EXPECT_GE(pool.bounds(pool.take()).size, 16 * 1024 + os::signal_frame_size());
}

TEST(StackPool, OpensAgainAfterClose) {
    StackPool pool;
    for (int i = 0; i < 20; i++) {
        ASSERT_EQ(pool.open(options_for(1000)), 0);
        ASSERT_TRUE(pool.guarantee(100));
        char* stack = pool.take();
        *stack = 1;
        StackClass* from = nullptr;
        ASSERT_NE(pool.take_sized(1 << 20, &from), nullptr);
        pool.close();
        EXPECT_FALSE(pool.is_guard(stack));
        EXPECT_EQ(pool.statistics().reserved_bytes, 0u);
    }
}

// ---- where guards cost mappings ----

TEST(StackBudget, StopsEarlyAndSaysWhy) {
    if (os::mapping_limit() > 200000) GTEST_SKIP() << "vm.max_map_count is not a limit here";
    StackPool pool;
    ASSERT_EQ(pool.open(options_for(50000, GuardMode::access_rights)), 0);
    EXPECT_FALSE(pool.guarantee(40000));
    EXPECT_EQ(pool.guaranteed(), 0u) << "a refusal takes nothing";
    std::uint32_t spawned = 0;
    while (spawned < 40000 && pool.guarantee(spawned + 1)) spawned++;
    const std::string why = pool.explanation();
    EXPECT_EQ(why.find("mapping limit reached: "), 0u) << why;
    EXPECT_NE(why.find("vm.max_map_count"), std::string::npos) << why;
    const std::uint64_t allowed = os::mapping_limit() / 2 * 8 / 10;
    EXPECT_EQ(spawned, allowed);
    EXPECT_EQ(pool.guaranteed(), allowed);

    // The process is well: it can map, and open files.
    std::FILE* file = std::fopen("/proc/self/status", "r");
    ASSERT_NE(file, nullptr);
    std::fclose(file);
    std::vector<void*> maps;
    for (int i = 0; i < 100; i++) {
        void* map = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(map, MAP_FAILED);
        mprotect(map, 4096, PROT_NONE);
        maps.push_back(map);
    }
    for (void* map : maps) munmap(map, 8192);

    // All that was promised is there, and guarded.
    for (std::uint32_t i = 0; i < pool.guaranteed(); i++) {
        char* stack = pool.take();
        ASSERT_NE(stack, nullptr);
        if (i % 97 == 0) {
            ASSERT_FALSE(is_readable(pool.bounds(stack).low - 1)) << i;
        }
    }
    // The budget is the process': another pool gets nothing, until the first one is closed.
    StackPool other;
    ASSERT_EQ(other.open(options_for(1000, GuardMode::access_rights)), 0);
    EXPECT_FALSE(other.guarantee(1));
    StackClass* from = nullptr;
    EXPECT_EQ(other.take_sized(1 << 20, &from), nullptr);
    EXPECT_EQ(std::string(other.explanation()).find("mapping limit reached: "), 0u);
    pool.close();
    EXPECT_TRUE(other.guarantee(1000));
}

TEST(StackBudget, ChecksEveryResult) {
    RefusedMemory refused;
    StackPool pool;
    ASSERT_EQ(pool.open(options_for(1000, GuardMode::access_rights)), 0);
    RefusedMemory::forbid_left = 100;
    EXPECT_FALSE(pool.guarantee(200));
    EXPECT_EQ(pool.guaranteed(), 100u);
    EXPECT_EQ(std::string(pool.explanation()).find("mapping limit reached: "), 0u);
    for (int i = 0; i < 100; i++) ASSERT_FALSE(is_readable(pool.bounds(pool.take()).low - 1));
    RefusedMemory::forbid_left = 1000;
    EXPECT_TRUE(pool.guarantee(200)) << "the refusal was not for ever";
}

TEST(StackBudget, TakesOverWhenAdviceIsRefusedLater) {
    if (!os::guards_work()) GTEST_SKIP() << "no guard advice here";
    RefusedMemory refused;
    StackPool pool;
    ASSERT_EQ(pool.open(options_for(1000, GuardMode::advice)), 0);
    ASSERT_TRUE(pool.guarantee(1000));
    RefusedMemory::guards_left = 2;
    for (int i = 0; i < 300; i++) {
        char* stack = pool.take();
        ASSERT_NE(stack, nullptr);
        EXPECT_FALSE(is_readable(pool.bounds(stack).low - 1)) << i;
    }
}

// What guards_work() must not believe: advice that is accepted and does nothing.
TEST(StackGuards, AreNotBelievedWithoutProof) {
    EXPECT_EQ(os::memory_table.try_guards(), os::guards_work());
    StackPool pool;
    const std::int32_t result = pool.open(options_for(10, GuardMode::advice));
    EXPECT_EQ(result, os::guards_work() ? 0 : zio::error::no_stack);
    if (result == 0) {
        ASSERT_TRUE(pool.guarantee(1));
        EXPECT_FALSE(is_readable(pool.bounds(pool.take()).low - 1));
    }
}

// ---- address space ----

TEST(StackAddressSpace, LeavesRoomForOthers) {
    if (sanitized) GTEST_SKIP() << "the sanitizer needs it itself";
    if (std::getenv("ZIO_TEST_VALGRIND") != nullptr) GTEST_SKIP() << "Valgrind needs it itself";
    const pid_t child = fork();
    if (child == 0) {
        const rlim_t limit = (status_kib("VmSize:") + 1024 * 1024) * 1024;
        const rlimit bounds{limit, limit};
        if (setrlimit(RLIMIT_AS, &bounds) != 0) _exit(77);
        void* too_much = mmap(nullptr, limit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (too_much != MAP_FAILED) _exit(77);
        StackPool pool;
        if (pool.open(options_for(1'200'000)) != 0) _exit(2);
        if (!pool.guarantee(100)) _exit(3);
        for (int i = 0; i < 100; i++) {
            if (pool.take() == nullptr) _exit(4);
        }
        if (pool.guarantee(1'000'000)) _exit(5);
        if (std::strncmp(pool.explanation(), "address space limit", 19) != 0) _exit(6);
        void* others = std::malloc(300 << 20);
        if (others == nullptr) _exit(7);
        StackClass* from = nullptr;
        if (pool.take_sized(1 << 20, &from) == nullptr) _exit(8);
        // One stack that is larger than what is left.
        if (pool.take_sized(std::size_t{1} << 30, &from) != nullptr) _exit(9);
        if (std::strncmp(pool.explanation(), "address space limit", 19) != 0) _exit(10);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "the address space cannot be limited here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

// ---- a great many ----

TEST(StackScale, CostsLittleMoreThanOnePage) {
    if (sanitized) GTEST_SKIP() << "the sanitizer's shadow would be counted";
    if (!os::guards_work()) GTEST_SKIP() << "no guard advice here";
    const std::uint32_t count = scale() >= 50 ? 1'000'000 : 20'000;
    StackPool pool;
    StackOptions options = options_for(1'200'000);
    ASSERT_EQ(pool.open(options), 0);
    ASSERT_TRUE(pool.guarantee(count)) << pool.explanation();
    const std::uint64_t before = status_kib("VmRSS:") + status_kib("VmPTE:");
    const std::uint64_t mappings_before = mapping_count();
    std::vector<char*> stacks(count);
    for (char*& stack : stacks) {
        stack = pool.take();
        ASSERT_NE(stack, nullptr);
        *stack = 1;
    }
    const std::uint64_t after = status_kib("VmRSS:") + status_kib("VmPTE:");
    const double bytes = static_cast<double>(after - before) * 1024 / count;
    std::printf("%u stacks: %.0f bytes each, page tables included\n", count, bytes);
    // A vector of pointers and the pool's own array are 16 of these.
    EXPECT_LE(bytes, 4900 + 16);
    EXPECT_GE(bytes, 4096);
    EXPECT_LE(mapping_count(), mappings_before + 16);
    std::mt19937 random(3);
    for (int i = 0; i < 1000; i++) {
        ASSERT_FALSE(
            is_readable(pool.bounds(stacks[random() % count]).low - 1 - random() % guard_size));
    }
    for (char* stack : stacks) pool.give(stack);
    EXPECT_EQ(pool.trim(0), pool.statistics().cached);
    const std::uint64_t trimmed = status_kib("VmRSS:");
    EXPECT_LE(trimmed, before + std::uint64_t{count} * 16 / 1024 + 4096) << "pages came not back";
}

}  // namespace
