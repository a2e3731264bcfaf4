// SPDX-License-Identifier: MIT
#include "tests/schedule/memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/memory.hpp"
#include "core/os/memory.hpp"
#include "core/runtime/worker.hpp"
#include "tests/schedule/engine.hpp"

// The linker's: where the program's own variables lie.
extern "C" char __data_start[];
extern "C" char _end[];

namespace zio::check {

namespace {

constexpr std::size_t arena_size = std::size_t{16} << 20;
constexpr std::size_t unit = 64;
constexpr unsigned most_blocks = 8192;
constexpr unsigned char fill_new = 0xa5;
constexpr unsigned char fill_dead = 0xdb;
constexpr std::size_t reserve_size = std::size_t{8} << 40;
// Of each reserved piece, so much begins as zeroes; tables do not use more here.
constexpr std::size_t zeroed_size = 16 * 1024;
// Ports of workers with higher numbers are not used.
constexpr unsigned port_count = 128;

struct Block {
    char* start;
    std::size_t size;
    bool dead;
};

struct Memory {
    char* arena;
    std::size_t used;
    unsigned block_count;
    Block blocks[most_blocks];
    std::uint16_t block_of[arena_size / unit];  // 1 more than its number
    char* reserve;
    std::size_t reserved;
    char* saved;  // the variables before the ports, then those behind them
};

Memory* memory = nullptr;

char* map(std::size_t size) {
    void* const start = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) abort();
    return static_cast<char*>(start);
}

Block* block_at(const void* place) {
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(place) - memory->arena);
    if (place < memory->arena || offset >= memory->used) return nullptr;
    const std::uint16_t number = memory->block_of[offset / unit];
    return number != 0 ? &memory->blocks[number - 1] : nullptr;
}

void* take(std::size_t size, std::size_t align, void*) {
    if (align < unit) align = unit;
    const std::size_t start = (memory->used + align - 1) / align * align;
    const std::size_t end = (start + size + unit - 1) / unit * unit;
    if (end + unit > arena_size || memory->block_count == most_blocks) found("the arena is full");
    memset(memory->block_of + memory->used / unit, 0,
           (end + unit - memory->used) / unit * sizeof(std::uint16_t));
    Block& block = memory->blocks[memory->block_count++];
    block = {memory->arena + start, size, false};
    for (std::size_t i = start; i < end; i += unit) {
        memory->block_of[i / unit] = static_cast<std::uint16_t>(memory->block_count);
    }
    memory->used = end + unit;  // one unit that nobody owns
    memset(block.start, fill_new, size);
    return block.start;
}

void give(void* start, std::size_t size, std::size_t, void*) {
    if (is_running()) settle_block(start, size);
    Block* const block = block_at(start);
    if (block == nullptr || block->start != start) found("gives back what is no block");
    if (block->dead) found("gives a block of %zu bytes back twice", size);
    if (block->size != size) found("gives %zu bytes of a block of %zu back", size, block->size);
    block->dead = true;
    memset(block->start, fill_dead, size);
}

char* reserve(std::size_t size) {
    size = (size + 4095) / 4096 * 4096;
    if (memory->reserved + size > reserve_size) found("the address space is full");
    char* const start = memory->reserve + memory->reserved;
    memory->reserved += size;
    memset(start, 0, size < zeroed_size ? size : zeroed_size);
    return start;
}

char* variables_end() {
    return reinterpret_cast<char*>(&runtime::worker_ports[port_count]);
}
char* rest_begin() {
    return reinterpret_cast<char*>(&runtime::worker_ports[runtime::worker_limit]);
}

}  // namespace

void prepare_memory() {
    memory = new (map(sizeof(Memory))) Memory;
    memory->arena = map(arena_size);
    memory->reserve = map(reserve_size);
    if (set_allocator({take, give, nullptr}) != 0) abort();
    seal_allocator();
    os::MemoryTable& table = os::memory_table;
    table.reserve = reserve;
    table.show_in_dumps = [](char*, std::size_t) {
    };
    table.release = [](char*, std::size_t) {
    };
    table.install_guards = [](const os::MemoryRange*, std::size_t) {
        return 0;
    };
    table.forbid = [](char*, std::size_t) {
        return 0;
    };
    table.discard = [](const os::MemoryRange*, std::size_t) {
        return 0;
    };
    table.try_guards = [] {
        return true;
    };
}

void remember_variables() {
    begin_memory();
    memory->saved = map(static_cast<std::size_t>(_end - __data_start));
    const auto first = static_cast<std::size_t>(variables_end() - __data_start);
    memcpy(memory->saved, __data_start, first);
    memcpy(memory->saved + first, rest_begin(), static_cast<std::size_t>(_end - rest_begin()));
}

void begin_memory() {
    memory->used = 0;
    memory->block_count = 0;
    memory->reserved = 0;
    const char* const saved = memory->saved;
    if (saved == nullptr) return;
    const auto first = static_cast<std::size_t>(variables_end() - __data_start);
    memcpy(__data_start, saved, first);
    memcpy(rest_begin(), saved + first, static_cast<std::size_t>(_end - rest_begin()));
}

void end_memory() {
    if (runtime::tasks.limit() * sizeof(runtime::Task) > zeroed_size) {
        found("more tasks than this build makes room for");
    }
    unsigned left = 0;
    std::size_t first_size = 0;
    for (unsigned i = 0; i < memory->block_count; ++i) {
        const Block& block = memory->blocks[i];
        if (!block.dead && left++ == 0) first_size = block.size;
        for (std::size_t at = 0; block.dead && at < block.size; ++at) {
            if (static_cast<unsigned char>(block.start[at]) == fill_dead) continue;
            found("somebody wrote to a block of %zu bytes at %zu after its end", block.size, at);
        }
    }
    if (left != 0) found("%u blocks were not given back, one of %zu bytes", left, first_size);
}

void touch(const void* place) {
    const Block* const block = block_at(place);
    if (block == nullptr || !block->dead) return;
    found("use of a block of %zu bytes after its end, at %zu", block->size,
          static_cast<std::size_t>(static_cast<const char*>(place) - block->start));
}

}  // namespace zio::check
