// SPDX-License-Identifier: MIT
// How many processors a process may use: its affinity mask, cut down by the quotas of the control
// groups it lives in (version 2: cpu.max of the group and of all above it; version 1: the
// controller's own pair of files).
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/fault.hpp"
#include "core/os/error.hpp"
#include "core/os/thread.hpp"

namespace zio::os {

namespace {

constexpr std::uint64_t no_quota = UINT64_MAX;

// The whole of a small file as text; false when it cannot be read.
bool read_text(const char* path, char* text, std::size_t size) {
    if (ZIO_FAULT_AT(read_setting) != 0) return false;
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    std::size_t length = 0;
    while (length + 1 < size) {
        const ssize_t count = ::read(file, text + length, size - 1 - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        length += static_cast<std::size_t>(count);
    }
    ::close(file);
    text[length] = '\0';
    return length > 0;
}

// Processors that `quota` in every `period` makes, rounded up.
std::uint64_t processors_of(const char* quota, const char* period) {
    char* end;
    const long long granted = strtoll(quota, &end, 10);
    const long long every = strtoll(period, nullptr, 10);
    if (end == quota || granted <= 0 || every <= 0) return no_quota;  // "max", or -1
    return static_cast<std::uint64_t>((granted + every - 1) / every);
}

std::uint64_t smaller(std::uint64_t one, std::uint64_t other) {
    return one < other ? one : other;
}

// Version 2: `group` is the path of the process' group; each one above it has its say.
std::uint64_t unified_quota(char* group) {
    std::uint64_t least = no_quota;
    for (;;) {
        char path[PATH_MAX];
        char text[64];
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        if (read_text(path, text, sizeof text)) {
            const char* const period = strchr(text, ' ');
            if (period != nullptr) least = smaller(least, processors_of(text, period));
        }
        char* const slash = strrchr(group, '/');
        if (slash == nullptr) return least;
        *slash = '\0';
    }
}

std::uint64_t controller_quota(const char* group) {
    char path[PATH_MAX];
    char quota[32];
    char period[32];
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
    if (!read_text(path, quota, sizeof quota)) return no_quota;
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
    return read_text(path, period, sizeof period) ? processors_of(quota, period) : no_quota;
}

// Lines of /proc/self/cgroup are `number:controllers:/path`.
std::uint64_t quota() {
    char groups[4096];
    if (!read_text("/proc/self/cgroup", groups, sizeof groups)) return no_quota;
    std::uint64_t least = no_quota;
    char* rest = nullptr;
    for (char* line = strtok_r(groups, "\n", &rest); line != nullptr;
         line = strtok_r(nullptr, "\n", &rest)) {
        char* const controllers = strchr(line, ':');
        char* const group = controllers != nullptr ? strchr(controllers + 1, ':') : nullptr;
        if (group == nullptr) continue;
        if (group == controllers + 1) {
            least = smaller(least, unified_quota(group + 1));
        } else if (strstr(controllers, ",cpu:") != nullptr ||
                   strstr(controllers, ":cpu,") != nullptr ||
                   strstr(controllers, ":cpu:") != nullptr) {
            least = smaller(least, controller_quota(group + 1));
            least = smaller(least, controller_quota(""));
        }
    }
    return least;
}

// The calling thread's mask. That of a machine with many processors needs more room than the usual
// set has.
class Affinity {
  public:
    Affinity() {
        for (count_ = 1024; count_ <= most; count_ *= 4) {
            set_ = CPU_ALLOC(count_);
            if (set_ == nullptr) return;
            size_ = CPU_ALLOC_SIZE(count_);
            if (sched_getaffinity(0, size_, set_) == 0 && CPU_COUNT_S(size_, set_) > 0) return;
            CPU_FREE(set_);
            set_ = nullptr;
        }
    }
    ~Affinity() {
        if (set_ != nullptr) CPU_FREE(set_);
    }
    Affinity(const Affinity&) = delete;
    Affinity& operator=(const Affinity&) = delete;

    std::uint32_t count() const {
        return set_ != nullptr ? static_cast<std::uint32_t>(CPU_COUNT_S(size_, set_)) : 1;
    }
    // Leaves the thread the processor number `wanted` of those it may use, in turn.
    std::int32_t narrow(std::uint32_t wanted) {
        if (set_ == nullptr) return error::no_memory;
        wanted %= count();
        for (std::size_t cpu = 0; cpu < count_; ++cpu) {
            if (!CPU_ISSET_S(cpu, size_, set_) || wanted-- != 0) continue;
            CPU_ZERO_S(size_, set_);
            CPU_SET_S(cpu, size_, set_);
            break;
        }
        return sched_setaffinity(0, size_, set_) == 0 ? 0 : error_from_code(errno);
    }

  private:
    static constexpr std::size_t most = std::size_t{1} << 16;
    cpu_set_t* set_ = nullptr;
    std::size_t size_ = 0;
    std::size_t count_ = 0;
};

}  // namespace

std::uint32_t usable_processors() noexcept {
    return static_cast<std::uint32_t>(smaller(Affinity().count(), quota()));
}

std::int32_t pin_thread(std::uint32_t number) noexcept {
    if (const int code = ZIO_FAULT_AT(pin_thread)) return error_from_code(code);
    return Affinity().narrow(number);
}

}  // namespace zio::os
