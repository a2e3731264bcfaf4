// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/trace.hpp"

#include <algorithm>
#include <cstring>

namespace zio::loop::simulated {

namespace {

// In the order of What, from 1.
constexpr const char* names_of_events[] = {
    "choice", "started",   "finished",   "cancel",    "opened",    "closed",
    "bound",  "listening", "connecting", "connected", "refused",   "accepted",
    "sent",   "arrived",   "received",   "end",       "reset",     "shut",
    "option", "cut",       "healed",     "crashed",   "restarted", "turn",
};

}  // namespace

void Trace::close() {
    if (file_ != nullptr) std::fclose(file_);
    file_ = nullptr;
}

void Trace::flush() {
    if (file_ != nullptr) std::fflush(file_);
}

bool Trace::open(const char* path, bool append) {
    file_ = std::fopen(path, append ? "ae" : "we");
    return file_ != nullptr;
}

void Trace::event(Instant at, What what, std::uint64_t subject, std::int64_t value) {
    if (file_ == nullptr) return;
    std::fprintf(file_, "%llu.%09llu %s %llu %lld\n",
                 static_cast<unsigned long long>(at / second_ns),
                 static_cast<unsigned long long>(at % second_ns),
                 names_of_events[static_cast<unsigned>(what) - 1],
                 static_cast<unsigned long long>(subject), static_cast<long long>(value));
}

void Trace::fault(Instant at, Fault fault, std::uint64_t subject, std::uint32_t number) {
    if (file_ == nullptr) return;
    std::fprintf(file_, "%llu.%09llu ! %s:%llu:%u\n",
                 static_cast<unsigned long long>(at / second_ns),
                 static_cast<unsigned long long>(at % second_ns), name_of(fault),
                 static_cast<unsigned long long>(subject), number);
}

void Trace::text(const char* line) {
    if (file_ == nullptr) return;
    std::fputs(line, file_);
    std::fputc('\n', file_);
}

bool Allowed::add_line(const char* line) {
    const char* mark = std::strchr(line, '!');
    char name[32];
    unsigned long long subject = 0;
    unsigned number = 0;
    if (mark == nullptr || std::sscanf(mark, "! %31[a-z_]:%llu:%u", name, &subject, &number) != 3) {
        return true;  // something else
    }
    for (unsigned i = 0; i < fault_count; ++i) {
        if (std::strcmp(name, name_of(static_cast<Fault>(i))) != 0) continue;
        if (!keys_.reserve(keys_.count() + 1)) return false;
        keys_.push(key_of(i, subject, number));
        return true;
    }
    return true;
}

bool Allowed::read(const char* path) {
    std::FILE* file = std::fopen(path, "re");
    if (file == nullptr) return false;
    char line[256];
    bool is_read = true;
    while (is_read && std::fgets(line, sizeof line, file) != nullptr) is_read = add_line(line);
    std::fclose(file);
    std::sort(keys_.begin(), keys_.end());
    is_given_ = true;
    return is_read;
}

bool Allowed::allows(Fault fault, std::uint64_t subject, std::uint32_t number) const {
    if (!is_given_) return true;
    const std::uint64_t key = key_of(static_cast<unsigned>(fault), subject, number);
    std::uint32_t low = 0;
    std::uint32_t high = keys_.count();
    while (low < high) {
        const std::uint32_t middle = (low + high) / 2;
        if (keys_[middle] == key) return true;
        if (keys_[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

}  // namespace zio::loop::simulated
