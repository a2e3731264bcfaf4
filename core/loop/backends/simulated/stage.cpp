// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/stage.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/memory.hpp"
#include "core/loop/backends/simulated/faults.hpp"
#include "core/loop/backends/simulated/memory.hpp"
#include "core/os/environment.hpp"

namespace zio::loop::simulated {

namespace {

// Nothing else lies there: programs, libraries, heaps and stacks begin higher, sanitizers' shadows
// lower.
constexpr std::uintptr_t address_of_stage = 0x2a0000000000;
constexpr std::size_t least_size = 16;

Stage* present_stage = nullptr;
std::uint32_t program = 0;

// "PATH:PROGRAM"
bool read_place(const char* text, char* path, std::size_t path_room, std::uint64_t* number) {
    const char* const colon = std::strrchr(text, ':');
    if (colon == nullptr || static_cast<std::size_t>(colon - text) >= path_room) return false;
    std::memcpy(path, text, static_cast<std::size_t>(colon - text));
    path[colon - text] = '\0';
    return read_number(colon + 1, number);
}

Stage* map(const char* path) {
    const int file = ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return nullptr;
    struct stat about;
    void* mapped = MAP_FAILED;
    if (::fstat(file, &about) == 0 && about.st_size >= static_cast<off_t>(sizeof(Stage))) {
        mapped = ::mmap(reinterpret_cast<void*>(address_of_stage),
                        static_cast<std::size_t>(about.st_size), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, file, 0);
    }
    ::close(file);
    if (mapped == MAP_FAILED) return nullptr;
    auto* const found = static_cast<Stage*>(mapped);
    if (reinterpret_cast<std::uintptr_t>(mapped) == address_of_stage &&
        found->magic == Stage::right_magic && found->program_count <= most_programs) {
        return found;
    }
    ::munmap(mapped, static_cast<std::size_t>(about.st_size));
    return nullptr;
}

unsigned power_for(std::size_t size, std::size_t align) {
    if (size < least_size) size = least_size;
    if (size < align) size = align;
    return static_cast<unsigned>(std::bit_width(size - 1));
}

}  // namespace

Stage* stage() {
    return present_stage;
}

std::uint32_t own_program() {
    return program;
}

std::int32_t enter_stage() {
    if (present_stage != nullptr) return 0;
    const char* const text = os::environment("ZIO_SIM_WORLD");
    if (text == nullptr || text[0] == '\0') return 0;
    char path[256];
    std::uint64_t number = 0;
    if (!read_place(text, path, sizeof path, &number)) return error::invalid_argument;
    Stage* const found = map(path);
    if (found == nullptr || number >= found->program_count) return error::invalid_argument;
    found->memory_lock.lock();
    if (found->used == 0) {
        struct stat about;
        found->used = (sizeof(Stage) + 4095) & ~std::uint64_t{4095};
        found->size = ::stat(path, &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
    }
    found->memory_lock.unlock();
    program = static_cast<std::uint32_t>(number);
    present_stage = found;
    return 0;
}

void forget_stage() {
    present_stage = nullptr;
}

void* take_memory(std::size_t size, std::size_t align) noexcept {
    if (present_stage == nullptr) return allocate(size, align);
    Stage& here = *present_stage;
    const unsigned power = power_for(size, align);
    const std::uint64_t whole = std::uint64_t{1} << power;
    here.memory_lock.lock();
    void* found = here.spare[power];
    if (found != nullptr) {
        std::memcpy(&here.spare[power], found, sizeof(void*));
    } else {
        const std::uint64_t from = (here.used + whole - 1) & ~(whole - 1);
        if (from + whole <= here.size) {
            found = reinterpret_cast<unsigned char*>(&here) + from;
            here.used = from + whole;
        }
    }
    here.memory_lock.unlock();
    return found;
}

void give_memory(void* memory, std::size_t size, std::size_t align) noexcept {
    if (present_stage == nullptr) return release(memory, size, align);
    if (memory == nullptr) return;
    Stage& here = *present_stage;
    const unsigned power = power_for(size, align);
    here.memory_lock.lock();
    std::memcpy(memory, &here.spare[power], sizeof(void*));
    here.spare[power] = memory;
    here.memory_lock.unlock();
}

}  // namespace zio::loop::simulated
