// SPDX-License-Identifier: MIT
// The allocator of the process. Its first use cannot be undone, so each test that uses it runs in a
// child of its own, which starts with it unused.
#include "core/base/memory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "core/base/error.hpp"

namespace zio {
namespace {

struct Counts {
    std::atomic<int> allocated{0};
    std::atomic<int> released{0};
    std::atomic<std::size_t> bytes{0};
};

void* counting_allocate(std::size_t size, std::size_t align, void* user) {
    auto* const counts = static_cast<Counts*>(user);
    ++counts->allocated;
    counts->bytes += size;
    return std::aligned_alloc(align, (size + align - 1) / align * align);
}

void counting_release(void* memory, std::size_t size, std::size_t, void* user) {
    auto* const counts = static_cast<Counts*>(user);
    ++counts->released;
    counts->bytes -= size;
    std::free(memory);
}

// Runs `body` in a child process and wants all its conditions to have held.
#define IN_CHILD(...) EXPECT_EXIT((__VA_ARGS__)(), testing::ExitedWithCode(0), "")

void require(bool condition) {
    if (!condition) std::exit(1);
}

bool is_aligned(const void* memory, std::size_t align) {
    return reinterpret_cast<std::uintptr_t>(memory) % align == 0;
}

TEST(Memory, DefaultAllocatorGivesAlignedWritableMemory) {
    IN_CHILD([] {
        for (std::size_t align = 1; align <= 4096; align *= 2) {
            for (const std::size_t size : {0u, 1u, 7u, 64u, 5000u}) {
                void* const memory = allocate(size, align);
                require(memory != nullptr && is_aligned(memory, align));
                std::memset(memory, 0xa5, size);
                release(memory, size, align);
            }
        }
        release(nullptr, 8, 8);
        std::exit(0);
    });
}

TEST(Memory, ImpossibleSizeGivesNull) {
    IN_CHILD([] {
        static Counts counts;
        const Allocator stingy{[](std::size_t, std::size_t, void*) -> void* { return nullptr; },
                               counting_release, &counts};
        require(set_allocator(stingy) == error::ok);
        require(allocate(64, 8) == nullptr);
        require(create<int>(5) == nullptr);
        require(counts.released == 0);
        std::exit(0);
    });
}

TEST(Memory, ReplacedAllocatorGetsEveryCallWithItsNumbers) {
    IN_CHILD([] {
        static Counts counts;
        require(set_allocator({counting_allocate, counting_release, &counts}) == error::ok);
        void* const memory = allocate(100, 32);
        require(counts.allocated == 1 && counts.bytes == 100 && is_aligned(memory, 32));
        release(memory, 100, 32);
        require(counts.released == 1 && counts.bytes == 0);
        std::exit(0);
    });
}

TEST(Memory, LastAllocatorBeforeTheFirstUseStays) {
    IN_CHILD([] {
        static Counts first;
        static Counts second;
        require(set_allocator({counting_allocate, counting_release, &first}) == error::ok);
        require(set_allocator({counting_allocate, counting_release, &second}) == error::ok);
        release(allocate(1, 1), 1, 1);
        require(first.allocated == 0 && second.allocated == 1);
        require(set_allocator({counting_allocate, counting_release, &first}) == error::busy);
        release(allocate(1, 1), 1, 1);
        require(first.allocated == 0 && second.allocated == 2);
        std::exit(0);
    });
}

TEST(Memory, SealingIsAFirstUseToo) {
    IN_CHILD([] {
        static Counts counts;
        seal_allocator();
        seal_allocator();
        require(set_allocator({counting_allocate, counting_release, &counts}) == error::busy);
        release(allocate(16, 16), 16, 16);
        require(counts.allocated == 0);
        std::exit(0);
    });
}

TEST(Memory, MisalignedBlockIsGivenBackAndCountsAsNone) {
    IN_CHILD([] {
        static Counts counts;
        static unsigned char pool[64];
        const Allocator crooked{[](std::size_t, std::size_t, void*) -> void* {
                                    return is_aligned(pool, 16) ? pool + 8 : pool;
                                },
                                [](void*, std::size_t, std::size_t, void* user) {
                                    ++static_cast<Counts*>(user)->released;
                                },
                                &counts};
        require(set_allocator(crooked) == error::ok);
        require(allocate(16, 16) == nullptr);
        require(counts.released == 1);
        std::exit(0);
    });
}

TEST(Memory, ObjectsAreConstructedAndDestroyed) {
    IN_CHILD([] {
        struct alignas(64) Object {
            explicit Object(int& alive) : alive_(alive) { ++alive_; }
            ~Object() { --alive_; }
            int& alive_;
        };
        int alive = 0;
        Object* const object = create<Object>(alive);
        require(object != nullptr && is_aligned(object, 64) && alive == 1);
        destroy(object);
        require(alive == 0);
        destroy<Object>(nullptr);
        std::exit(0);
    });
}

// Many threads use it for the first time while one still sets it: each block comes from one
// allocator, whichever it was, and goes back to the same.
TEST(Memory, FirstUseRacesWithSetting) {
    IN_CHILD([] {
        static Counts counts;
        std::atomic<bool> go{false};
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) {
            threads.emplace_back([&go] {
                while (!go) std::this_thread::yield();
                for (int j = 0; j < 1000; ++j) release(allocate(32, 16), 32, 16);
            });
        }
        std::int32_t last = error::ok;
        go = true;
        while (last == error::ok) {
            last = set_allocator({counting_allocate, counting_release, &counts});
        }
        for (std::thread& thread : threads) thread.join();
        require(last == error::busy);
        require(counts.allocated == counts.released);
        require(counts.allocated == 0 || counts.allocated == 3000);
        std::exit(0);
    });
}

}  // namespace
}  // namespace zio
