// SPDX-License-Identifier: MIT
#pragma once
// A bounded queue of bytes.
#include <cstddef>

#include "core/loop/backends/simulated/memory.hpp"
#include "core/os/handle.hpp"

namespace zio::loop::simulated {

// Goes through several pieces of memory as if they were one.
class Pieces {
  public:
    Pieces(const os::Buffer* buffers, std::size_t count) : buffers_(buffers), count_(count) {}

    std::size_t size() const;
    // The next piece of contiguous memory, at most `limit` bytes; `*got` is its size, 0 at the end.
    unsigned char* take(std::size_t limit, std::size_t* got);

  private:
    const os::Buffer* buffers_;
    std::size_t count_;
    std::size_t offset_ = 0;  // in the first buffer
};

class Bytes {
  public:
    Bytes() = default;
    Bytes(const Bytes&) = delete;
    Bytes& operator=(const Bytes&) = delete;
    ~Bytes() { give_memory(memory_, capacity_, 1); }

    std::size_t size() const { return size_; }
    // Makes room for `wanted` bytes in all. False: no memory, nothing changed.
    bool reserve(std::size_t wanted);
    // Room was reserved.
    void put(Pieces& pieces, std::size_t size);
    // Copies the oldest `size` bytes, which are there; `keep` leaves them there.
    void get(Pieces& pieces, std::size_t size, bool keep);
    // Forgets the oldest `size` bytes.
    void drop(std::size_t size);

  private:
    unsigned char* memory_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace zio::loop::simulated
