// SPDX-License-Identifier: MIT
#pragma once
// Bytes as decisions: what the fuzzer gives is read from the front; when it is used up every answer
// is 0. And what a target does when something does not hold.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace zio::fuzz {

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    bool empty() const { return at_ == size_; }
    std::size_t left() const { return size_ - at_; }
    const std::uint8_t* rest() const { return data_ + at_; }
    std::uint8_t byte() { return empty() ? 0 : data_[at_++]; }
    // `bytes` of them as a number, the first one the lowest.
    std::uint64_t number(unsigned bytes) {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
        return value;
    }
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(number(limit > 256 ? 4 : 1) % limit);
    }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
    std::size_t at_ = 0;
};

[[noreturn]] inline void fail(const char* file, int line, const char* what) {
    std::fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
    std::abort();
}

}  // namespace zio::fuzz

#define HOLDS(condition) ((condition) ? void() : ::zio::fuzz::fail(__FILE__, __LINE__, #condition))

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
