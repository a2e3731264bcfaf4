// SPDX-License-Identifier: MIT
#pragma once
// Buffered reading and writing over a stream that stays its owner's.
#include "core/base/attributes.hpp"
#include "core/base/time.hpp"
#include "core/net/exclusive.hpp"
#include "core/os/handle.hpp"

namespace zio::net {

inline constexpr std::size_t default_capacity = 16 * 1024;
inline constexpr std::size_t largest_capacity = std::size_t{1} << 40;

// What both have: a stream that is borrowed, and bytes on their way from or to it.
class Buffered : public Exclusive {
  protected:
    std::size_t buffered() const { return end_ - begin_; }
    // Borrows `stream` and gets the buffer. Nothing is taken when it fails.
    std::int32_t begin(HandleBits stream, std::size_t capacity);
    void free_buffer();
    // A call with a deadline is a suspension point, also when all it needs is in the buffer.
    std::int32_t pass(Deadline deadline) const;

    HandleBits stream_ = 0;
    char* buffer_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;  // the bytes are in [begin_, end_)
    std::size_t end_ = 0;
};

// Making, using and destroying an object of the table `table`, the same for both.
template <class Object, auto& table>
class BufferedLife : public Buffered {
  public:
    Object* next = nullptr;

    static std::int32_t create(HandleBits stream, std::size_t capacity, HandleBits* out) {
        if (out == nullptr) return error::invalid_argument;
        Object* object = table.take();
        if (object == nullptr) return error::no_memory;
        if (const std::int32_t status = object->begin(stream, capacity)) {
            table.give(*object);
            return status;
        }
        *out = table.handle_of(*object, object->open());
        return 0;
    }
    static std::int32_t destroy(HandleBits handle) {
        if (handle == 0) return 0;
        Object* object = table.at(handle);
        bool unused = false;
        if (object == nullptr) return table.dead(handle);
        if (const std::int32_t status = object->close(generation_of(handle), &unused)) {
            return status;
        }
        if (unused) object->give_back();
        return 0;
    }

  protected:
    // One call's use; its end frees an object that was destroyed meanwhile.
    class Use {
      public:
        explicit Use(HandleBits handle, Deadline deadline = immediate) : object_(table.at(handle)) {
            status_ =
                object_ != nullptr ? object_->enter(generation_of(handle)) : table.dead(handle);
            entered_ = status_ == 0;
            if (entered_) status_ = object_->pass(deadline);
        }
        ~Use() {
            if (entered_ && object_->leave()) object_->give_back();
        }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        std::int32_t status() const { return status_; }
        Object* operator->() const { return object_; }

      private:
        Object* object_;
        std::int32_t status_;
        bool entered_;
    };

  private:
    void give_back() {
        free_buffer();
        retire();
        table.give(static_cast<Object&>(*this));
    }
};

class Reader;
class Writer;
using ReaderTable = SlotTable<Reader, HandleType::reader>;
using WriterTable = SlotTable<Writer, HandleType::writer>;
extern ReaderTable readers;
extern WriterTable writers;

class Reader : public BufferedLife<Reader, readers> {
  public:
    static std::int32_t read_until(HandleBits reader, std::uint8_t delimiter, os::Buffer* out,
                                   Deadline deadline);
    static std::int64_t read(HandleBits reader, void* data, std::size_t size, Deadline deadline);
    static std::int32_t read_exact(HandleBits reader, void* data, std::size_t size,
                                   std::size_t* done, Deadline deadline);
    static std::int32_t peek(HandleBits reader, std::size_t least, os::Buffer* out,
                             Deadline deadline);
    static std::int32_t consume(HandleBits reader, std::size_t count);

  private:
    std::int64_t fill(Deadline deadline);
    std::size_t take(void* data, std::size_t size);
    friend class BufferedLife<Reader, readers>;
};

class Writer : public BufferedLife<Writer, writers> {
  public:
    static std::int32_t write(HandleBits writer, const void* data, std::size_t size,
                              std::size_t* done, Deadline deadline);
    static std::int32_t flush(HandleBits writer, Deadline deadline);

  private:
    std::int32_t drain(Deadline deadline);
    friend class BufferedLife<Writer, writers>;
};

}  // namespace zio::net
