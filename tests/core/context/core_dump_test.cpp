// SPDX-License-Identifier: MIT
// What the kernel leaves out of a core dump, by its own account: reservations as large as the
// machine, but not the stacks that are or were in use.
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "core/context/stack_pool.hpp"
#include "core/os/memory.hpp"

namespace {

using zio::context::StackOptions;
using zio::context::StackPool;
namespace os = zio::os;

enum class Dumped { no, yes, unknown };

// By the flags of the mapping that holds `address`.
Dumped is_dumped(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    std::ifstream mappings("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(mappings, line);) {
        std::uintptr_t from = 0;
        std::uintptr_t to = 0;
        char dash = 0;
        std::istringstream head(line);
        if (head >> std::hex >> from >> dash >> to && dash == '-') {
            inside = from <= wanted && wanted < to;
        } else if (inside && line.rfind("VmFlags:", 0) == 0) {
            return (line + " ").find(" dd ") != std::string::npos ? Dumped::no : Dumped::yes;
        }
    }
    return Dumped::unknown;
}

class CoreDump : public testing::Test {
  protected:
    void SetUp() override {
#ifdef ZIO_TEST_EMULATED
        GTEST_SKIP() << "the emulator makes no core dumps of its own";
#endif
        static char known[2];
        if (is_dumped(known) == Dumped::unknown) GTEST_SKIP() << "the kernel does not tell";
    }
};

TEST_F(CoreDump, leaves_out_what_is_only_reserved) {
    constexpr std::size_t size = 1 << 20;
    char* memory = os::memory_table.reserve(size);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(is_dumped(memory), Dumped::no);
    os::memory_table.show_in_dumps(memory, size / 2);
    EXPECT_EQ(is_dumped(memory), Dumped::yes);
    EXPECT_EQ(is_dumped(memory + size / 2 - 1), Dumped::yes);
    EXPECT_EQ(is_dumped(memory + size / 2), Dumped::no);
    os::memory_table.release(memory, size);
}

TEST_F(CoreDump, has_every_stack_that_was_handed_out) {
    constexpr std::uint32_t slots = 1000;
    constexpr std::uint32_t taken = 150;
    StackPool pool;
    StackOptions options;
    options.slots = slots;
    ASSERT_EQ(pool.open(options), 0) << pool.explanation();
    ASSERT_TRUE(pool.guarantee(taken)) << pool.explanation();
    char* lowest = nullptr;
    char* highest = nullptr;
    for (std::uint32_t i = 0; i < taken; ++i) {
        char* stack = pool.take();
        ASSERT_NE(stack, nullptr);
        EXPECT_EQ(is_dumped(stack), Dumped::yes);
        EXPECT_EQ(is_dumped(pool.bounds(stack).low), Dumped::yes);
        if (lowest == nullptr || stack < lowest) lowest = stack;
        if (highest == nullptr || stack > highest) highest = stack;
    }
    const auto stride = static_cast<std::size_t>(highest - lowest) / taken;
    EXPECT_EQ(is_dumped(lowest + (slots - 100) * stride), Dumped::no);
    pool.close();
}

}  // namespace
