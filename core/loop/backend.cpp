// SPDX-License-Identifier: MIT
// Which backend a loop gets. The candidates are those that the build found, best first.
#include "core/loop/backend.hpp"

#include <iterator>
#include <string_view>

namespace zio::loop {

#define ZIO_BACKEND(name) Opened open_##name(const BackendOptions& options);
#include "backends.inc"
#undef ZIO_BACKEND

namespace {

struct Candidate {
    BackendChoice choice;
    Opened (*open)(const BackendOptions& options);
};

constexpr Candidate candidates[] = {
#define ZIO_BACKEND(name) {BackendChoice::name, open_##name},
#include "backends.inc"
#undef ZIO_BACKEND
};

// By their numbers.
constexpr std::string_view names[] = {"",     "io_uring", "epoll", "kqueue",
                                      "iocp", "poll",     "uv",    "sim"};

// Running out of descriptors or memory says nothing about the backend: the next would do no better,
// and the caller wants to know.
bool is_passing(std::int32_t status) {
    return status == error::too_many_files || status == error::file_table_full;
}

// The first candidate that works. Its own reason if it is the best one, else why the best is not.
Opened open_best(const BackendOptions& options) {
    const char* refusal = nullptr;
    Opened opened;
    for (const Candidate& candidate : candidates) {
        if (candidate.choice == BackendChoice::simulated) continue;
        opened = candidate.open(options);
        if (opened.backend == nullptr && !is_passing(opened.status)) {
            if (refusal == nullptr) refusal = opened.reason;
            continue;
        }
        break;
    }
    if (opened.backend == nullptr && opened.status == 0) {
        opened.status = error::not_supported;
        opened.reason = "this build has no backend for this system";
    }
    if (refusal != nullptr) opened.reason = refusal;
    return opened;
}

}  // namespace

Opened open_backend(BackendChoice choice, const BackendOptions& options) {
    if (choice == BackendChoice::automatic) return open_best(options);
    for (const Candidate& candidate : candidates) {
        if (candidate.choice == choice) return candidate.open(options);
    }
    Opened refused;
    const bool is_known = static_cast<std::size_t>(choice) < std::size(names);
    refused.status = is_known ? error::not_supported : error::invalid_argument;
    refused.reason = is_known ? "this build does not have the backend that was asked for"
                              : "there is no backend of that number";
    return refused;
}

bool choice_of(const char* name, BackendChoice* out) {
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (names[i] != name) continue;
        *out = static_cast<BackendChoice>(i);
        return true;
    }
    return false;
}

}  // namespace zio::loop
