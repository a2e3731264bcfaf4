// SPDX-License-Identifier: MIT
// Readers and writers against the simplest model there is: the bytes that were taken, and how many
// of them came out. Any order of calls, sizes, deadlines and cancels, over a simulated stream.
#include "zio/buffered.h"

#include <algorithm>
#include <vector>

#include "tests/fuzz/input.hpp"
#include "tests/fuzz/world.hpp"
#include "zio/task.h"

namespace {

using zio::fuzz::Input;

constexpr std::uint64_t most_bytes = 1 << 18;  // through one stream

// Few values, so that delimiters are met; no two stretches are alike.
unsigned char byte_at(std::uint64_t at) {
    std::uint64_t z = (at + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 29)) * 0xbf58476d1ce4e5b9;
    return static_cast<unsigned char>('a' + (z >> 59) % 24);
}

class Script {
  public:
    explicit Script(Input input) : input_(input) {}
    void run();

  private:
    std::size_t size();
    zio_deadline_t deadline();
    bool expects(std::int64_t status);
    void compare(const void* bytes, std::size_t count) const;
    void took(std::size_t count) { read_ += count; }
    std::size_t shown();
    void write();
    void flush();
    void write_past_the_writer();
    void end();
    void read();
    void read_exact();
    void read_until(unsigned char delimiter);
    void peek();
    void consume();
    void drain();

    Input input_;
    zio_stream_t* streams_[2] = {};
    zio_reader_t* reader_ = nullptr;
    zio_writer_t* writer_ = nullptr;
    std::size_t reader_capacity_ = 0;
    std::uint64_t taken_ = 0;  // by the writer or the stream
    std::uint64_t read_ = 0;
    bool is_flushed_ = true;    // nothing is in the writer's buffer
    bool is_ended_ = false;     // no more will be written
    bool is_canceled_ = false;  // a request is pending
    std::vector<unsigned char> memory_ = std::vector<unsigned char>(80000);
};

std::size_t Script::size() {
    switch (input_.byte() % 8) {
        case 0:
            return input_.byte() * 16u;
        case 1:
            return input_.number(2);
        default:
            return input_.byte() % 40;
    }
}

zio_deadline_t Script::deadline() {
    is_canceled_ = false;
    const std::uint8_t choice = input_.byte();
    if (choice % 16 == 15) {
        HOLDS(zio_task_request_cancel(zio_task_self()) == 0);
        is_canceled_ = true;
    }
    switch (choice / 16 % 3) {
        case 0:
            return zio_after_ms(50);  // all that was sent arrives before
        case 1:
            return zio_after_ns(choice * 1000);
        default:
            return ZIO_IMMEDIATE;
    }
}

// How a wait may end without a result. A cancel that was asked for is delivered by a call with a
// deadline, before anything else; else it is taken back here.
bool Script::expects(std::int64_t status) {
    const bool was_canceled = is_canceled_;
    is_canceled_ = false;
    const bool is_delivered = was_canceled && zio_check_cancel() == 0;
    if (is_delivered) HOLDS(status == ZIO_ECANCELED);
    return status == ZIO_EAGAIN || status == ZIO_ETIMEDOUT ||
           (is_delivered && status == ZIO_ECANCELED);
}

void Script::compare(const void* bytes, std::size_t count) const {
    HOLDS(count <= taken_ - read_);
    for (std::size_t i = 0; i < count; ++i) {
        HOLDS(static_cast<const unsigned char*>(bytes)[i] == byte_at(read_ + i));
    }
}

// What is in the reader's buffer, which no call changes that only shows it.
std::size_t Script::shown() {
    zio_cbuf_t out;
    HOLDS(zio_reader_peek(reader_, 0, &out, ZIO_IMMEDIATE) == 0);
    HOLDS(out.len <= reader_capacity_);
    compare(out.base, out.len);
    return out.len;
}

void Script::write() {
    const std::size_t count = std::min(size(), static_cast<std::size_t>(most_bytes - taken_));
    for (std::size_t i = 0; i < count; ++i) memory_[i] = byte_at(taken_ + i);
    std::size_t done = 99;
    const zio_err_t status = zio_writer_write(writer_, memory_.data(), count, &done, deadline());
    const bool is_expected = expects(status);
    HOLDS(status == 0 ? done == count : done <= count);
    taken_ += done;
    if (done > 0) is_flushed_ = false;
    HOLDS(status == 0 || is_expected);
}

void Script::flush() {
    const zio_err_t status = zio_writer_flush(writer_, deadline());
    const bool is_expected = expects(status);
    if (status == 0) is_flushed_ = true;
    HOLDS(status == 0 || is_expected);
}

void Script::write_past_the_writer() {
    if (!is_flushed_) return;
    const std::size_t count = std::min(size(), static_cast<std::size_t>(most_bytes - taken_));
    for (std::size_t i = 0; i < count; ++i) memory_[i] = byte_at(taken_ + i);
    const zio_ssize_t moved = zio_stream_write(streams_[1], memory_.data(), count, deadline());
    const bool is_expected = expects(moved);
    if (moved >= 0) {
        HOLDS(static_cast<std::size_t>(moved) <= count && (moved > 0 || count == 0));
        taken_ += static_cast<std::uint64_t>(moved);
    } else {
        HOLDS(is_expected);
    }
}

// From then on a writer gives EPIPE; before that, what it holds goes out.
void Script::end() {
    if (is_ended_) return;
    drain();
    HOLDS(zio_stream_shutdown(streams_[1], ZIO_NEVER) == 0);
    is_ended_ = true;
}

void Script::read() {
    const std::size_t count = size();
    const std::size_t buffered = shown();
    const zio_ssize_t moved = zio_reader_read(reader_, memory_.data(), count, deadline());
    const bool is_expected = expects(moved);
    if (moved < 0) {
        HOLDS(is_expected && (buffered == 0 || moved == ZIO_ECANCELED || count == 0));
        return;
    }
    HOLDS(static_cast<std::size_t>(moved) <= count);
    HOLDS(buffered == 0 || static_cast<std::size_t>(moved) == std::min(count, buffered));
    compare(memory_.data(), static_cast<std::size_t>(moved));
    took(static_cast<std::size_t>(moved));
    HOLDS(moved > 0 || count == 0 || (is_ended_ && read_ == taken_));
}

void Script::read_exact() {
    const std::size_t count = size();
    std::size_t done = 99;
    const zio_err_t status =
        zio_reader_read_exact(reader_, memory_.data(), count, &done, deadline());
    const bool is_expected = expects(status);
    HOLDS(status == 0 ? done == count : done <= count);
    compare(memory_.data(), done);
    took(done);
    if (status == ZIO_EEOF) {
        HOLDS(is_ended_ && read_ == taken_ && done < count);
    } else {
        HOLDS(status == 0 || is_expected);
    }
}

void Script::read_until(unsigned char delimiter) {
    const std::size_t buffered = shown();
    zio_cbuf_t out = {this, 99};
    const zio_err_t status = zio_reader_read_until(reader_, delimiter, &out, deadline());
    const bool is_expected = expects(status);
    if (status != 0 && status != ZIO_EEOF) {
        HOLDS(out.base == this && shown() >= buffered);  // nothing is lost
        HOLDS(status == ZIO_EMSGSIZE ? shown() == reader_capacity_ : is_expected);
        return;
    }
    compare(out.base, out.len);
    const auto* const bytes = static_cast<const unsigned char*>(out.base);
    const auto found =
        static_cast<std::size_t>(std::find(bytes, bytes + out.len, delimiter) - bytes);
    took(out.len);
    if (status == 0) {
        HOLDS(found + 1 == out.len);
    } else {
        HOLDS(found == out.len && is_ended_ && read_ == taken_);
    }
}

void Script::peek() {
    const std::size_t buffered = shown();
    const std::size_t least = size();
    zio_cbuf_t out = {this, 99};
    const zio_err_t status = zio_reader_peek(reader_, least, &out, deadline());
    const bool is_expected = expects(status);
    if (status != 0 && status != ZIO_EEOF) {
        HOLDS(out.base == this && shown() >= buffered);
        HOLDS(status == ZIO_EMSGSIZE ? least > reader_capacity_ : is_expected);
        return;
    }
    compare(out.base, out.len);
    HOLDS(out.len >= buffered && out.len == shown());
    if (status == 0) {
        HOLDS(out.len >= least);
    } else {
        HOLDS(out.len < least && is_ended_ && read_ + out.len == taken_);
    }
}

void Script::consume() {
    const std::size_t buffered = shown();
    const std::size_t count = size();
    const zio_err_t status = zio_reader_consume(reader_, count);
    HOLDS(status == (count <= buffered ? 0 : ZIO_EINVAL));
    if (status == 0) took(count);
    HOLDS(shown() == (status == 0 ? buffered - count : buffered));
}

// Everything that was taken comes out; the stream holds less than that at once.
void Script::drain() {
    while (!is_flushed_ || read_ < taken_) {
        const std::uint64_t before = read_;
        const zio_err_t status = zio_writer_flush(writer_, zio_after_ms(50));
        HOLDS(status == 0 || status == ZIO_ETIMEDOUT);
        if (status == 0) is_flushed_ = true;
        if (read_ == taken_) continue;
        const zio_ssize_t moved =
            zio_reader_read(reader_, memory_.data(), memory_.size(), zio_after_ms(5000));
        HOLDS(moved > 0);
        compare(memory_.data(), static_cast<std::size_t>(moved));
        took(static_cast<std::size_t>(moved));
        HOLDS(read_ > before);
    }
}

void Script::run() {
    const std::uint8_t capacities = input_.byte();
    reader_capacity_ = capacities % 16 == 15 ? 16 * 1024 : 1 + capacities % 16 * 7u;
    HOLDS(zio_stream_pair(&streams_[0], &streams_[1]) == 0);
    HOLDS(zio_reader_create(&reader_, streams_[0], reader_capacity_) == 0);
    HOLDS(zio_writer_create(&writer_, streams_[1], 1 + capacities / 16 * 9u) == 0);
    for (unsigned steps = 0; steps < 200 && !input_.empty(); ++steps) {
        const std::uint8_t what = input_.byte();
        switch (what % 16) {
            case 0:
            case 1:
            case 2:
                if (!is_ended_) write();
                break;
            case 3:
            case 4:
                flush();
                break;
            case 5:
                if (!is_ended_) write_past_the_writer();
                break;
            case 6:
            case 7:
                read();
                break;
            case 8:
            case 9:
                read_exact();
                break;
            case 10:
            case 11:
                read_until(static_cast<unsigned char>('a' + what / 16));
                break;
            case 12:
            case 13:
                peek();
                break;
            case 14:
                consume();
                break;
            default:
                if (what >= 0xe0) end();
        }
    }
    end();
    HOLDS(zio_reader_read(reader_, memory_.data(), 1, ZIO_NEVER) == 0);
    HOLDS(zio_reader_destroy(reader_) == 0 && zio_reader_destroy(reader_) == ZIO_EBADF);
    HOLDS(zio_writer_destroy(writer_) == 0 && zio_writer_destroy(writer_) == ZIO_EBADF);
    for (zio_stream_t* stream : streams_) HOLDS(zio_stream_close(stream) == 0);
}

zio_err_t run_script(void* ud) {
    static_cast<Script*>(ud)->run();
    return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::uint64_t seed = input.number(2) + 1;
    Script script(input);
    zio::fuzz::run_world(seed, run_script, &script);
    return 0;
}
