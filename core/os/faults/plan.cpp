// SPDX-License-Identifier: MIT
#include "core/os/faults/plan.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/os/environment.hpp"

namespace zio::fault {

namespace {

// What is over by itself fails so often in a row.
constexpr std::int32_t most_passing = 32;
constexpr Verdict go_on{0, SIZE_MAX};

struct Plan {
    std::uint64_t at = 1;      // the first call of those meant that fails
    Site site = Site::count;   // count: any
    int code = 0;              // 0: the first of the site's
    std::size_t short_of = 0;  // not an error, but so many bytes at most
    bool persists = false;
    bool only_counts = false;
};

Plan plan;
std::atomic<bool> is_active{false};
std::atomic<std::uint64_t> meant{0};  // calls so far that the plan means
std::atomic<int> lasts{0};            // what every later call gives that can
std::atomic<std::int32_t> passing_left{0};
std::atomic<std::uint64_t> calls[site_count];
std::atomic<std::uint64_t> failed{0};
std::atomic<std::int64_t> blocks{0};
std::atomic<std::int64_t> mappings{0};
const char* report_path = nullptr;
pid_t reporter = 0;

// The number behind `prefix`, of an item; false: it is something else.
bool read_number(const char* item, std::size_t size, const char* prefix, std::uint64_t* out) {
    const std::size_t length = std::strlen(prefix);
    if (size <= length || std::strncmp(item, prefix, length) != 0) return false;
    std::uint64_t number = 0;
    for (std::size_t i = length; i < size; ++i) {
        if (item[i] < '0' || item[i] > '9' || number > UINT32_MAX) return false;
        number = number * 10 + static_cast<std::uint64_t>(item[i] - '0');
    }
    *out = number;
    return number != 0;
}

bool is_word(const char* item, std::size_t size, const char* word) {
    return std::strlen(word) == size && std::memcmp(item, word, size) == 0;
}

bool read_item(const char* item, std::size_t size, Plan* out) {
    std::uint64_t number = 0;
    if (read_number(item, size, "nth=", &number) || read_number(item, size, "after=", &number)) {
        out->at += number - (item[0] == 'n' ? 1 : 0);
        return true;
    }
    if (read_number(item, size, "short=", &number)) {
        out->short_of = static_cast<std::size_t>(number);
        return true;
    }
    if (is_word(item, size, "persist")) return out->persists = true;
    if (is_word(item, size, "count")) return out->only_counts = true;
    if (size > 5 && std::memcmp(item, "site=", 5) == 0) {
        out->site = site_of(item + 5, size - 5);
        return out->site != Site::count;
    }
    if (size > 6 && std::memcmp(item, "errno=", 6) == 0) {
        out->code = code_of(item + 6, size - 6);
        return out->code != 0;
    }
    return false;
}

bool read_plan(const char* text, Plan* out) {
    while (*text != '\0') {
        const char* end = std::strchr(text, ',');
        const std::size_t size =
            end != nullptr ? static_cast<std::size_t>(end - text) : std::strlen(text);
        if (!read_item(text, size, out)) return false;
        text += size + (end != nullptr ? 1 : 0);
    }
    const bool is_site = out->site != Site::count;
    if (is_site && out->code != 0 && find_error(out->site, out->code) == nullptr) return false;
    return !is_site || out->short_of == 0 || info_of(out->site).moves_bytes;
}

bool is_meant(Site site) {
    if (plan.site != Site::count && plan.site != site) return false;
    if (plan.short_of != 0) return info_of(site).moves_bytes;
    return plan.code == 0 || find_error(site, plan.code) != nullptr;
}

Verdict fail(const Error& error) {
    if (error.is_passing && passing_left.fetch_sub(1, std::memory_order_relaxed) <= 0) {
        return go_on;
    }
    failed.fetch_add(1, std::memory_order_relaxed);
    return {error.code, SIZE_MAX};
}

Verdict decide(Site site) {
    if (const int code = lasts.load(std::memory_order_relaxed)) {
        const Error* error = find_error(site, code);
        return error != nullptr ? fail(*error) : go_on;
    }
    if (plan.only_counts || !is_meant(site)) return go_on;
    const std::uint64_t number = meant.fetch_add(1, std::memory_order_relaxed) + 1;
    if (plan.short_of != 0) {
        if (number < plan.at || (number > plan.at && !plan.persists)) return go_on;
        failed.fetch_add(1, std::memory_order_relaxed);
        return {0, plan.short_of};
    }
    if (number != plan.at) return go_on;
    const Error& error = plan.code != 0 ? *find_error(site, plan.code) : info_of(site).errors[0];
    passing_left.store(plan.persists ? most_passing : 1, std::memory_order_relaxed);
    if (plan.persists) lasts.store(error.code, std::memory_order_relaxed);
    return fail(error);
}

void write_report() {
    if (report_path == nullptr || reporter != getpid()) return;
    char text[4096];
    std::uint64_t sum = 0;
    for (const auto& count : calls) sum += count.load(std::memory_order_relaxed);
    int size = std::snprintf(text, sizeof text, "calls %llu\nfailed %llu\n",
                             static_cast<unsigned long long>(sum),
                             static_cast<unsigned long long>(failed_count()));
    for (std::size_t i = 0; i < site_count; ++i) {
        const Site site = static_cast<Site>(i);
        if (calls_of(site) == 0) continue;
        size += std::snprintf(text + size, sizeof text - static_cast<std::size_t>(size),
                              "call %s %llu\n", info_of(site).name,
                              static_cast<unsigned long long>(calls_of(site)));
    }
    const int file = ::open(report_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return;
    [[maybe_unused]] const ssize_t written = ::write(file, text, static_cast<std::size_t>(size));
    ::close(file);
}

__attribute__((constructor)) void begin_by_environment() {
    wrap_table();
    wrap_linux_tables();
    reporter = getpid();
    report_path = os::environment("ZIO_FAULT_REPORT");
    const char* text = os::environment("ZIO_FAULT");
    if (text != nullptr) begin(text);
}
__attribute__((destructor)) void end() {
    write_report();
}

}  // namespace

Verdict judge(Site site) noexcept {
    if (!is_active.load(std::memory_order_acquire)) return go_on;
    calls[static_cast<std::size_t>(site)].fetch_add(1, std::memory_order_relaxed);
    return decide(site);
}

int error_at(Site site) noexcept {
    return judge(site).code;
}

bool begin(const char* text) noexcept {
    stop();
    plan = Plan{};
    const bool is_plan = read_plan(text, &plan);
    plan.only_counts |= !is_plan;
    for (auto& count : calls) count.store(0, std::memory_order_relaxed);
    failed.store(0, std::memory_order_relaxed);
    meant.store(0, std::memory_order_relaxed);
    lasts.store(0, std::memory_order_relaxed);
    is_active.store(true, std::memory_order_release);
    return is_plan;
}

void stop() noexcept {
    is_active.store(false, std::memory_order_release);
}

std::uint64_t calls_of(Site site) noexcept {
    return calls[static_cast<std::size_t>(site)].load(std::memory_order_relaxed);
}
std::uint64_t failed_count() noexcept {
    return failed.load(std::memory_order_relaxed);
}
std::int64_t block_count() noexcept {
    return blocks.load(std::memory_order_relaxed);
}
std::int64_t mapping_count() noexcept {
    return mappings.load(std::memory_order_relaxed);
}
void count_blocks(int more) noexcept {
    blocks.fetch_add(more, std::memory_order_relaxed);
}
void count_mappings(int more) noexcept {
    mappings.fetch_add(more, std::memory_order_relaxed);
}

}  // namespace zio::fault
