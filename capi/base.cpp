// SPDX-License-Identifier: MIT
// zio/base.h: what needs no runtime. Errors by text and name, the allocator, the version.
#include "zio/base.h"

#include "capi/options.hpp"
#include "core/base/error.hpp"
#include "core/base/memory.hpp"
#include "core/runtime/system_error.hpp"

using namespace zio;

// One vocabulary, two spellings.
static_assert(error::ok == ZIO_OK);
static_assert(error::not_permitted == ZIO_EPERM);
static_assert(error::not_found == ZIO_ENOENT);
static_assert(error::input_output == ZIO_EIO);
static_assert(error::too_big == ZIO_E2BIG);
static_assert(error::bad_handle == ZIO_EBADF);
static_assert(error::would_block == ZIO_EAGAIN);
static_assert(error::no_memory == ZIO_ENOMEM);
static_assert(error::access_denied == ZIO_EACCES);
static_assert(error::bad_address == ZIO_EFAULT);
static_assert(error::busy == ZIO_EBUSY);
static_assert(error::exists == ZIO_EEXIST);
static_assert(error::no_device == ZIO_ENODEV);
static_assert(error::invalid_argument == ZIO_EINVAL);
static_assert(error::file_table_full == ZIO_ENFILE);
static_assert(error::too_many_files == ZIO_EMFILE);
static_assert(error::broken_pipe == ZIO_EPIPE);
static_assert(error::deadlock == ZIO_EDEADLK);
static_assert(error::name_too_long == ZIO_ENAMETOOLONG);
static_assert(error::no_system_call == ZIO_ENOSYS);
static_assert(error::overflow == ZIO_EOVERFLOW);
static_assert(error::message_size == ZIO_EMSGSIZE);
static_assert(error::no_protocol_option == ZIO_ENOPROTOOPT);
static_assert(error::not_supported == ZIO_ENOTSUP);
static_assert(error::family_not_supported == ZIO_EAFNOSUPPORT);
static_assert(error::address_in_use == ZIO_EADDRINUSE);
static_assert(error::address_not_available == ZIO_EADDRNOTAVAIL);
static_assert(error::network_down == ZIO_ENETDOWN);
static_assert(error::connection_aborted == ZIO_ECONNABORTED);
static_assert(error::connection_reset == ZIO_ECONNRESET);
static_assert(error::no_buffers == ZIO_ENOBUFS);
static_assert(error::is_connected == ZIO_EISCONN);
static_assert(error::not_connected == ZIO_ENOTCONN);
static_assert(error::timed_out == ZIO_ETIMEDOUT);
static_assert(error::connection_refused == ZIO_ECONNREFUSED);
static_assert(error::host_unreachable == ZIO_EHOSTUNREACH);
static_assert(error::already == ZIO_EALREADY);
static_assert(error::in_progress == ZIO_EINPROGRESS);
static_assert(error::canceled == ZIO_ECANCELED);
static_assert(error::end_of_stream == ZIO_EEOF);
static_assert(error::closed == ZIO_ECLOSED);
static_assert(error::no_task == ZIO_ENOTASK);
static_assert(error::stopping == ZIO_ESTOPPING);
static_assert(error::name_resolution == ZIO_EDNS);
static_assert(error::no_stack == ZIO_ESTACK);
static_assert(error::forked == ZIO_EFORKED);
static_assert(error::no_suspend == ZIO_ENOSUSPEND);
static_assert(error::broken == ZIO_EBROKEN);
static_assert(error::wrong_socket_type == ZIO_EPROTOTYPE);
static_assert(error::lagged == ZIO_ELAGGED);
static_assert(error::transport_timed_out == ZIO_ENETTIMEOUT);
static_assert(error::internal == ZIO_EINTERNAL);
static_assert(error::unknown == ZIO_EUNKNOWN);

static_assert(ZIO_VERSION_NUMBER ==
              (ZIO_VERSION_MAJOR << 16 | ZIO_VERSION_MINOR << 8 | ZIO_VERSION_PATCH));

#define ZIO_TEXT_OF(number) #number
#define ZIO_VERSION_TEXT(major, minor, patch) \
    ZIO_TEXT_OF(major) "." ZIO_TEXT_OF(minor) "." ZIO_TEXT_OF(patch)

const char* zio_strerror(zio_err_t err) noexcept {
    return error_text(err);
}

const char* zio_err_name(zio_err_t err) noexcept {
    return error_name(err);
}

zio_err_t zio_err_from_os(int32_t os_error) noexcept {
    return runtime::error_of_system(os_error);
}

zio_err_t zio_set_allocator(const zio_allocator_t* a) noexcept {
    if (a == nullptr) return error::invalid_argument;
    zio_allocator_t given;
    if (const std::int32_t error = capi::read_options(a, given)) return error;
    if (given.allocate == nullptr || given.release == nullptr) return error::invalid_argument;
    return set_allocator({given.allocate, given.release, given.ud});
}

uint32_t zio_version(void) noexcept {
    return ZIO_VERSION_NUMBER;
}

const char* zio_version_string(void) noexcept {
    return ZIO_VERSION_TEXT(ZIO_VERSION_MAJOR, ZIO_VERSION_MINOR, ZIO_VERSION_PATCH);
}
