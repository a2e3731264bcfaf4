// SPDX-License-Identifier: MIT
// zio/buffered.h: buffered reading and writing.
#include "zio/buffered.h"

#include "capi/guard.hpp"
#include "core/net/buffered.hpp"

using namespace zio;
using capi::bits_of;
using capi::guard;
using capi::place_of;
using net::Reader;
using net::Writer;

static_assert(sizeof(zio_cbuf_t) == sizeof(os::Buffer));

zio_err_t zio_reader_create(zio_reader_t** out, zio_stream_t* s, size_t capacity) noexcept {
    return guard([&] { return Reader::create(bits_of(s), capacity, place_of(out)); });
}

zio_err_t zio_reader_read_until(zio_reader_t* r, uint8_t delim, zio_cbuf_t* out,
                                zio_deadline_t dl) noexcept {
    return guard([&] {
        return Reader::read_until(bits_of(r), delim, reinterpret_cast<os::Buffer*>(out), dl);
    });
}

zio_ssize_t zio_reader_read(zio_reader_t* r, void* buf, size_t len, zio_deadline_t dl) noexcept {
    return guard([&] { return Reader::read(bits_of(r), buf, len, dl); });
}

zio_err_t zio_reader_read_exact(zio_reader_t* r, void* buf, size_t len, size_t* done,
                                zio_deadline_t dl) noexcept {
    return guard([&] { return Reader::read_exact(bits_of(r), buf, len, done, dl); });
}

zio_err_t zio_reader_peek(zio_reader_t* r, size_t min, zio_cbuf_t* out,
                          zio_deadline_t dl) noexcept {
    return guard(
        [&] { return Reader::peek(bits_of(r), min, reinterpret_cast<os::Buffer*>(out), dl); });
}

zio_err_t zio_reader_consume(zio_reader_t* r, size_t n) noexcept {
    return guard([&] { return Reader::consume(bits_of(r), n); });
}

zio_err_t zio_reader_destroy(zio_reader_t* r) noexcept {
    return guard([&] { return Reader::destroy(bits_of(r)); });
}

zio_err_t zio_writer_create(zio_writer_t** out, zio_stream_t* s, size_t capacity) noexcept {
    return guard([&] { return Writer::create(bits_of(s), capacity, place_of(out)); });
}

zio_err_t zio_writer_write(zio_writer_t* w, const void* buf, size_t len, size_t* done,
                           zio_deadline_t dl) noexcept {
    return guard([&] { return Writer::write(bits_of(w), buf, len, done, dl); });
}

zio_err_t zio_writer_flush(zio_writer_t* w, zio_deadline_t dl) noexcept {
    return guard([&] { return Writer::flush(bits_of(w), dl); });
}

zio_err_t zio_writer_destroy(zio_writer_t* w) noexcept {
    return guard([&] { return Writer::destroy(bits_of(w)); });
}
