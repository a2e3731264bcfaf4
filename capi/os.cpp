// SPDX-License-Identifier: MIT
// zio/os.h: plain descriptors.
#include "zio/os.h"

#include "capi/guard.hpp"
#include "core/net/plain.hpp"

using namespace zio;
using capi::guard;

static_assert(os::ready_read == ZIO_READABLE && os::ready_write == ZIO_WRITABLE &&
              os::ready_hangup == ZIO_HANGUP && os::ready_error == ZIO_ERROR);

zio_ssize_t zio_fd_read(zio_fd_t fd, void* buf, size_t len, zio_deadline_t dl) noexcept {
    return guard([&] { return net::read_plain(fd, buf, len, dl); });
}

zio_ssize_t zio_fd_write(zio_fd_t fd, const void* buf, size_t len, zio_deadline_t dl) noexcept {
    return guard([&] { return net::write_plain(fd, buf, len, dl); });
}

zio_err_t zio_fd_wait(zio_fd_t fd, uint32_t want, uint32_t* got, zio_deadline_t dl) noexcept {
    return guard([&] { return net::wait_plain(fd, want, got, dl); });
}
