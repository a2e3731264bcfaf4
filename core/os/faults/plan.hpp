// SPDX-License-Identifier: MIT
#pragma once
// Which call fails, and how: the plan, what has been counted so far, and the verdict on each call.
//
// ZIO_FAULT in the environment is a list of these, separated by commas; docs/fault-injection.md
// explains them:
//   nth=17  site=accept  errno=EMFILE  persist  after=100  short=1  count
// ZIO_FAULT_REPORT names a file that is written when the program ends.
#include <cstddef>
#include <cstdint>

#include "core/base/fault.hpp"
#include "core/os/faults/sites.hpp"
#include "core/os/handle.hpp"

namespace zio::fault {

struct Verdict {
    int code;           // 0: the call is made
    std::size_t limit;  // and moves no more bytes than this
};
// A call that moves bytes is about to be made.
Verdict judge(Site site) noexcept;

// Put the verdict in front of what the tables of core/os hold now; once.
void wrap_table();
void wrap_linux_tables();

// A transfer on `handle` was cut short: an edge-triggered poller hears of what is left, as it would
// if that had come later.
void report_again(os::Handle handle);

// From now on, counted from 0. False: `text` is no plan, and nothing will fail.
bool begin(const char* text) noexcept;
// No call fails and none is counted any more.
void stop() noexcept;

// Since `begin`.
std::uint64_t calls_of(Site site) noexcept;
std::uint64_t failed_count() noexcept;  // cut transfers are among them
// Of the process.
std::int64_t block_count() noexcept;
std::int64_t mapping_count() noexcept;
void count_mappings(int more) noexcept;

}  // namespace zio::fault
