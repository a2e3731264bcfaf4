// SPDX-License-Identifier: MIT
// The rules of extensible structs, for each of them: what the library reads of a caller's struct of
// another version, and what it writes into one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "capi/options.hpp"

namespace zio::capi {
namespace {

template <class T>
class OptionsRules : public testing::Test {
  protected:
    // The caller's struct, followed by `tail` bytes that this version does not know.
    static std::vector<unsigned char> given(std::size_t tail) {
        std::vector<unsigned char> bytes(sizeof(T) + tail);
        EXPECT_EQ(init_options(reinterpret_cast<T*>(bytes.data()), bytes.size()), 0);
        return bytes;
    }
    static std::int32_t read(const std::vector<unsigned char>& bytes, T& out) {
        return read_options(reinterpret_cast<const T*>(bytes.data()), out);
    }
    static void set_size(std::vector<unsigned char>& bytes, std::uint32_t size) {
        std::memcpy(bytes.data(), &size, sizeof size);
    }
};

using Structs = testing::Types<zio_allocator_t, zio_task_hooks_t, zio_worker_hooks_t,
                               zio_rt_options_t, zio_spawn_options_t, zio_sock_options_t>;
TYPED_TEST_SUITE(OptionsRules, Structs);

TYPED_TEST(OptionsRules, NullMeansTheDefaults) {
    TypeParam defaults;
    TypeParam prepared;
    std::memset(&defaults, 0xff, sizeof defaults);
    ASSERT_EQ(read_options<TypeParam>(nullptr, defaults), error::ok);
    ASSERT_EQ(init_options(&prepared, sizeof prepared), error::ok);
    EXPECT_EQ(std::memcmp(&defaults, &prepared, sizeof defaults), 0);
}

TYPED_TEST(OptionsRules, PreparedStructIsReadAsItIs) {
    const auto bytes = this->given(0);
    TypeParam out;
    ASSERT_EQ(this->read(bytes, out), error::ok);
    EXPECT_EQ(std::memcmp(&out, bytes.data(), sizeof out), 0);
}

TYPED_TEST(OptionsRules, SmallerThanTheFirstVersionIsRefused) {
    auto bytes = this->given(0);
    TypeParam out;
    std::memset(&out, 0x5a, sizeof out);
    const TypeParam before = out;
    for (std::uint32_t size = 0; size < OptionRules<TypeParam>::first_size; ++size) {
        this->set_size(bytes, size);
        // Only the size may be looked at, so the rest need not be there.
        const std::vector<unsigned char> short_one(
            bytes.begin(), bytes.begin() + std::max<std::uint32_t>(size, sizeof size));
        EXPECT_EQ(this->read(short_one, out), error::invalid_argument) << size;
    }
    EXPECT_EQ(std::memcmp(&out, &before, sizeof out), 0);
}

TYPED_TEST(OptionsRules, LargerWithZeroTailIsReadAsOurs) {
    for (const std::size_t tail :
         {std::size_t{1}, std::size_t{64}, options_limit - sizeof(TypeParam)}) {
        TypeParam out;
        ASSERT_EQ(this->read(this->given(tail), out), error::ok) << tail;
        EXPECT_EQ(out.struct_size, sizeof(TypeParam));
    }
}

TYPED_TEST(OptionsRules, LargerWithAnythingInItsTailIsTooBig) {
    for (const std::size_t tail : {std::size_t{1}, std::size_t{64}}) {
        for (std::size_t at = 0; at < tail; ++at) {
            auto bytes = this->given(tail);
            bytes[sizeof(TypeParam) + at] = 1;
            TypeParam out;
            EXPECT_EQ(this->read(bytes, out), error::too_big) << tail << ' ' << at;
        }
    }
}

TYPED_TEST(OptionsRules, AbsurdSizeIsTooBigWithoutBeingLookedAt) {
    auto bytes = this->given(0);
    TypeParam out;
    for (const std::uint32_t size : {static_cast<std::uint32_t>(options_limit) + 1, UINT32_MAX}) {
        this->set_size(bytes, size);
        EXPECT_EQ(this->read(bytes, out), error::too_big) << size;
    }
}

// Sets one 32-bit or 64-bit field at a time and wants the struct refused.
template <class T, class Field>
void expect_refused(Field T::*field) {
    T options;
    ASSERT_EQ(init_options(&options, sizeof options), error::ok);
    options.*field = 1;
    T out;
    EXPECT_EQ(read_options(&options, out), error::invalid_argument);
}

template <class T, std::size_t count>
void expect_refused(std::uint64_t (T::*field)[count]) {
    for (std::size_t i = 0; i < count; ++i) {
        T options;
        ASSERT_EQ(init_options(&options, sizeof options), error::ok);
        (options.*field)[i] = std::uint64_t{1} << 63;
        T out;
        EXPECT_EQ(read_options(&options, out), error::invalid_argument) << i;
    }
}

TEST(OptionsReserved, ReservedFieldsMustBeZero) {
    expect_refused(&zio_allocator_t::reserved0);
    expect_refused(&zio_task_hooks_t::flags);
    expect_refused(&zio_worker_hooks_t::flags);
    expect_refused(&zio_rt_options_t::reserved);
    expect_refused(&zio_spawn_options_t::reserved0);
    expect_refused(&zio_spawn_options_t::reserved);
    expect_refused(&zio_sock_options_t::reserved);
}

zio_rt_stats_t some_statistics() {
    zio_rt_stats_t values{};
    values.workers = 3;
    values.tasks_live = 5;
    values.accept_backoffs = 7;
    return values;
}

TEST(OptionsOutput, ValuesAreWrittenAndTheSizeStays) {
    zio_rt_stats_t out;
    ASSERT_EQ(init_options(&out, sizeof out), error::ok);
    ASSERT_EQ(write_output(some_statistics(), &out), error::ok);
    EXPECT_EQ(out.struct_size, sizeof out);
    EXPECT_EQ(out.workers, 3u);
    EXPECT_EQ(out.tasks_live, 5u);
    EXPECT_EQ(out.accept_backoffs, 7u);
}

TEST(OptionsOutput, WhatALaterVersionKnowsBecomesZero) {
    std::vector<std::uint64_t> memory(64, UINT64_MAX);
    auto* const out = reinterpret_cast<zio_rt_stats_t*>(memory.data());
    out->struct_size = 256;
    ASSERT_EQ(write_output(some_statistics(), out), error::ok);
    EXPECT_EQ(out->struct_size, 256u);
    EXPECT_EQ(out->tasks_live, 5u);
    for (std::size_t i = sizeof *out / 8; i < 256 / 8; ++i) EXPECT_EQ(memory[i], 0u) << i;
    for (std::size_t i = 256 / 8; i < memory.size(); ++i) EXPECT_EQ(memory[i], UINT64_MAX) << i;
}

TEST(OptionsOutput, WrongSizesAreRefusedAndWriteNothing) {
    EXPECT_EQ(write_output<zio_rt_stats_t>(some_statistics(), nullptr), error::invalid_argument);
    zio_rt_stats_t out{};
    for (const std::uint32_t size : {0u, 4u, 159u}) {
        out.struct_size = size;
        EXPECT_EQ(write_output(some_statistics(), &out), error::invalid_argument) << size;
    }
    for (const std::uint32_t size : {4097u, UINT32_MAX}) {
        out.struct_size = size;
        EXPECT_EQ(write_output(some_statistics(), &out), error::too_big) << size;
    }
    EXPECT_EQ(out.workers, 0u);
}

}  // namespace
}  // namespace zio::capi
