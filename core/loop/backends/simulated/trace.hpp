// SPDX-License-Identifier: MIT
#pragma once
// What a simulated run did, as a text file, for people and for `zio-sim`; and, the other way, which
// faults a run may have. Written only where ZIO_SIM_TRACE names a file, and read only where
// ZIO_SIM_ONLY does.
//
//   0.001234567 sent 3 48            an event: instant in seconds, what, who, how much
//   0.001234567 ! short_io:3:17      a fault: class, who, which of its chances
//   ? 4 12 the cache was full        at the end: true 4 times of 12
#include <cstdint>
#include <cstdio>

#include "core/base/time.hpp"
#include "core/loop/backends/simulated/array.hpp"
#include "core/loop/backends/simulated/faults.hpp"
#include "core/loop/backends/simulated/history.hpp"

namespace zio::loop::simulated {

class Trace {
  public:
    Trace() = default;
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    ~Trace() { close(); }

    // The file begins anew with the first world of a process. False: it cannot be written.
    bool open(const char* path, bool append);
    void close();
    void flush();
    bool is_open() const { return file_ != nullptr; }
    void event(Instant at, What what, std::uint64_t subject, std::int64_t value);
    void fault(Instant at, Fault fault, std::uint64_t subject, std::uint32_t number);
    void text(const char* line);

  private:
    std::FILE* file_ = nullptr;
};

// The one of this process. Several programs of one world write to the same file.
Trace& own_trace();

// The faults that may happen. Without a list all may.
class Allowed {
  public:
    // Lines of a trace, those with faults. False: it cannot be read.
    bool read(const char* path);
    bool allows(Fault fault, std::uint64_t subject, std::uint32_t number) const;

  private:
    static std::uint64_t key_of(unsigned fault, std::uint64_t subject, std::uint64_t number) {
        return std::uint64_t{fault} << 56 | (subject & 0xffffffff) << 24 | (number & 0xffffff);
    }
    bool add_line(const char* line);

    bool is_given_ = false;
    Array<std::uint64_t> keys_;  // sorted
};

}  // namespace zio::loop::simulated
