// SPDX-License-Identifier: MIT
#pragma once
// Buffered reading and writing over a stream that stays its owner's.
#include "core/base/time.hpp"
#include "core/net/exclusive.hpp"
#include "core/os/handle.hpp"

namespace zio::net {

inline constexpr std::size_t default_capacity = 16 * 1024;
inline constexpr std::size_t largest_capacity = std::size_t{1} << 40;

class Reader : public Exclusive {
  public:
    Reader* next = nullptr;

    static std::int32_t create(HandleBits stream, std::size_t capacity,
                               HandleBits* out) ZIO_NOTHROW;
    static std::int32_t read_until(HandleBits reader, std::uint8_t delimiter, os::Buffer* out,
                                   Deadline deadline) ZIO_NOTHROW;
    static std::int64_t read(HandleBits reader, void* data, std::size_t size,
                             Deadline deadline) ZIO_NOTHROW;
    static std::int32_t read_exact(HandleBits reader, void* data, std::size_t size,
                                   std::size_t* done, Deadline deadline) ZIO_NOTHROW;
    static std::int32_t peek(HandleBits reader, std::size_t least, os::Buffer* out,
                             Deadline deadline) ZIO_NOTHROW;
    static std::int32_t consume(HandleBits reader, std::size_t count) ZIO_NOTHROW;
    static std::int32_t destroy(HandleBits reader) ZIO_NOTHROW;

  private:
    class Use;
    std::size_t buffered() const { return end_ - begin_; }
    std::int64_t fill(Deadline deadline);
    std::size_t take(void* data, std::size_t size);
    void free_memory();

    HandleBits stream_ = 0;
    char* buffer_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

class Writer : public Exclusive {
  public:
    Writer* next = nullptr;

    static std::int32_t create(HandleBits stream, std::size_t capacity,
                               HandleBits* out) ZIO_NOTHROW;
    static std::int32_t write(HandleBits writer, const void* data, std::size_t size,
                              std::size_t* done, Deadline deadline) ZIO_NOTHROW;
    static std::int32_t flush(HandleBits writer, Deadline deadline) ZIO_NOTHROW;
    static std::int32_t destroy(HandleBits writer) ZIO_NOTHROW;

  private:
    class Use;
    std::int32_t drain(Deadline deadline);
    void free_memory();

    HandleBits stream_ = 0;
    char* buffer_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace zio::net
