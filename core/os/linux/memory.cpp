// SPDX-License-Identifier: MIT
#include "core/os/memory.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "core/base/fault.hpp"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

namespace zio::os {
namespace {

// These calls happen between two tasks, so nobody's errno may change.
class KeepErrno {
  public:
    KeepErrno() : saved_(errno) {}
    ~KeepErrno() { errno = saved_; }

  private:
    int saved_;
};

// Newer than the headers this must build with.
constexpr int advice_guard_install = 102;
constexpr int own_process = -10000;  // in place of a process descriptor
constexpr std::size_t ranges_at_once = 512;

static_assert(sizeof(MemoryRange) == sizeof(iovec) &&
              offsetof(MemoryRange, start) == offsetof(iovec, iov_base) &&
              offsetof(MemoryRange, size) == offsetof(iovec, iov_len));

char* reserve(std::size_t size) {
    const KeepErrno keep;
    void* start = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (start == MAP_FAILED) return nullptr;
    madvise(start, size, MADV_NOHUGEPAGE);  // refused where there are no large pages: fine
    // The kernel looks at every page of what it dumps, also where nothing was ever touched: of
    // hundreds of gigabytes that takes many seconds.
    madvise(start, size, MADV_DONTDUMP);
    return static_cast<char*>(start);
}

void show_in_dumps(char* start, std::size_t size) {
    const KeepErrno keep;
    madvise(start, size, MADV_DODUMP);
}

void release(char* start, std::size_t size) {
    const KeepErrno keep;
    munmap(start, size);
}

std::int32_t forbid(char* start, std::size_t size) {
    const KeepErrno keep;
    return mprotect(start, size, PROT_NONE) == 0 ? 0 : -errno;
}

bool advise_at_once(const MemoryRange* ranges, std::size_t count, int advice) {
    if (count == 1) return false;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; i++) bytes += ranges[i].size;
    const long done = syscall(SYS_process_madvise, own_process,
                              reinterpret_cast<const iovec*>(ranges), count, advice, 0);
    return done >= 0 && static_cast<std::size_t>(done) == bytes;
}

std::int32_t advise_one(const MemoryRange& range, int advice) {
    constexpr int attempts = 1000;  // EAGAIN: the kernel is short of something just now
    for (int i = 0;; i++) {
        if (madvise(range.start, range.size, advice) == 0) return 0;
        if (errno != EINTR && (errno != EAGAIN || i == attempts)) return -errno;
    }
}

// One call for many ranges where the kernel allows that, else one call each. A call that stops in
// the middle needs no bookkeeping: both kinds of advice may be given twice.
std::int32_t advise(const MemoryRange* ranges, std::size_t count, int advice) {
    const KeepErrno keep;
    while (count > 0) {
        const std::size_t part = count < ranges_at_once ? count : ranges_at_once;
        if (!advise_at_once(ranges, part, advice)) {
            for (std::size_t i = 0; i < part; i++) {
                const std::int32_t result = advise_one(ranges[i], advice);
                if (result != 0) return result;
            }
        }
        ranges += part;
        count -= part;
    }
    return 0;
}

std::int32_t install_guards(const MemoryRange* ranges, std::size_t count) {
    return advise(ranges, count, advice_guard_install);
}

std::int32_t discard(const MemoryRange* ranges, std::size_t count) {
    return advise(ranges, count, MADV_DONTNEED);
}

std::size_t resident(char* start, std::size_t size) {
    const KeepErrno keep;
    constexpr std::size_t pages_at_once = 128;
    unsigned char pages[pages_at_once];
    const std::size_t page = page_size();
    std::size_t found = 0;
    char* const end = start + size;
    for (char* at = start - reinterpret_cast<std::uintptr_t>(start) % page; at < end;) {
        std::size_t count = (static_cast<std::size_t>(end - at) + page - 1) / page;
        if (count > pages_at_once) count = pages_at_once;
        if (mincore(at, count * page, pages) != 0) break;
        for (std::size_t i = 0; i < count; ++i) found += pages[i] & 1;
        at += count * page;
    }
    return found * page;
}

// The kernel's own access decides: an emulator that dropped the advice lets it through. First by
// write(2) from the page; where no descriptor can be had for that, by a futex wait on it, which
// reads the word and, finding zero instead of one, returns at once.
bool try_guards() {
    const KeepErrno keep;
    const std::size_t size = page_size();
    char* page = reserve(size);
    if (page == nullptr) return false;
    const MemoryRange range{page, size};
    bool guarded = install_guards(&range, 1) == 0;
    if (guarded) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
            guarded = write(ends[1], page, 1) == -1 && errno == EFAULT;
            close(ends[0]);
            close(ends[1]);
        } else {
            guarded = syscall(SYS_futex, page, FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0) == -1 &&
                      errno == EFAULT;
        }
    }
    release(page, size);
    return guarded;
}

std::uint64_t read_mapping_limit() {
    const KeepErrno keep;
    constexpr std::uint64_t unknown = UINT32_MAX;
    if (ZIO_FAULT_AT(read_setting) != 0) return unknown;
    const int file = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    if (file < 0) return unknown;
    char text[24];
    const ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0) return unknown;
    text[size] = 0;
    const std::uint64_t limit = std::strtoull(text, nullptr, 10);
    return limit > 0 ? limit : unknown;
}

}  // namespace

MemoryTable memory_table = {reserve, show_in_dumps, release,  install_guards,
                            forbid,  discard,       resident, try_guards};

bool guards_work() noexcept {
    enum : int { unknown, no, yes };
    static std::atomic<int> answer{unknown};
    int known = answer.load(std::memory_order_relaxed);
    if (known == unknown) {
        known = memory_table.try_guards() ? yes : no;
        answer.store(known, std::memory_order_relaxed);
    }
    return known == yes;
}

std::size_t page_size() noexcept {
    static const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

std::uint64_t mapping_limit() noexcept {
    static const std::uint64_t limit = read_mapping_limit();
    return limit;
}

std::uint64_t address_space_limit() noexcept {
    const KeepErrno keep;
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    return limit.rlim_cur;
}

std::size_t signal_frame_size() noexcept {
    const KeepErrno keep;
    const std::size_t told = getauxval(AT_MINSIGSTKSZ);
    const std::size_t least = MINSIGSTKSZ;
    return told > least ? told : least;
}

}  // namespace zio::os
