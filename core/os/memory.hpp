// SPDX-License-Identifier: MIT
#pragma once
// Address space: reserve a lot of it, let the system fill in pages as they are touched, make parts
// of it untouchable, give pages back. Results are 0 or an error number; errno ends here.
//
// Every call goes through `memory_table`, so that a test can refuse any of them.
#include <cstddef>
#include <cstdint>

namespace zio::os {

struct MemoryRange {
    void* start;
    std::size_t size;
};

struct MemoryTable {
    // Readable and writable memory that costs nothing until it is touched, page-aligned, never in
    // large pages (one touched byte is to cost one small page). Core dumps leave it out. Null when
    // it does not fit.
    char* (*reserve)(std::size_t size);
    // Core dumps shall have this part of it: it is about to be used. Best in few large parts, each
    // beginning where the last one ended. The system may refuse, which is nobody's error.
    void (*show_in_dumps)(char* start, std::size_t size);
    void (*release)(char* start, std::size_t size);
    // The pages are not touched from now on but for an error; survives `discard`. Costs no mapping.
    std::int32_t (*install_guards)(const MemoryRange* ranges, std::size_t count);
    // The same by access rights: works everywhere, but every range costs two mappings.
    std::int32_t (*forbid)(char* start, std::size_t size);
    // The contents are not needed: the pages go back to the system and read as zero afterwards.
    std::int32_t (*discard)(const MemoryRange* ranges, std::size_t count);
    // How much of a range has memory of its own; touches nothing.
    std::size_t (*resident)(char* start, std::size_t size);
    // Whether `install_guards` really guards; emulators accept the advice and ignore it. The system
    // itself must fail to read such a page. Asked once per process by `guards_work`.
    bool (*try_guards)();
};
extern MemoryTable memory_table;

// `try_guards`, remembered.
bool guards_work() noexcept;
std::size_t page_size() noexcept;
// How many mappings a process may have; a large number when the system does not say.
std::uint64_t mapping_limit() noexcept;
// How much address space the process may have; a very large number when there is no limit.
std::uint64_t address_space_limit() noexcept;
// What the kernel may push on a stack to deliver a signal.
std::size_t signal_frame_size() noexcept;

}  // namespace zio::os
