// SPDX-License-Identifier: MIT
// Translates errno by name: other systems number the same names differently, and have not all.
#include "core/os/error.hpp"

#include <cerrno>
#include <cstddef>

namespace zio::os {

namespace {

struct Translation {
    int code;             // here
    std::int32_t number;  // on Linux
};

constexpr Translation translations[] = {
    {EPERM, 1},
    {ENOENT, 2},
    {ESRCH, 3},
    {EINTR, 4},
    {EIO, 5},
    {ENXIO, 6},
    {E2BIG, 7},
    {ENOEXEC, 8},
    {EBADF, 9},
    {ECHILD, 10},
    {EAGAIN, 11},
#if EWOULDBLOCK != EAGAIN
    {EWOULDBLOCK, 11},
#endif
    {ENOMEM, 12},
    {EACCES, 13},
    {EFAULT, 14},
    {EBUSY, 16},
    {EEXIST, 17},
    {EXDEV, 18},
    {ENODEV, 19},
    {ENOTDIR, 20},
    {EISDIR, 21},
    {EINVAL, 22},
    {ENFILE, 23},
    {EMFILE, 24},
    {ENOTTY, 25},
#ifdef ETXTBSY
    {ETXTBSY, 26},
#endif
    {EFBIG, 27},
    {ENOSPC, 28},
    {ESPIPE, 29},
    {EROFS, 30},
    {EMLINK, 31},
    {EPIPE, 32},
    {EDOM, 33},
    {ERANGE, 34},
    {EDEADLK, 35},
    {ENAMETOOLONG, 36},
    {ENOLCK, 37},
    {ENOSYS, 38},
    {ENOTEMPTY, 39},
    {ELOOP, 40},
#ifdef ENOMSG
    {ENOMSG, 42},
#endif
#ifdef EIDRM
    {EIDRM, 43},
#endif
#ifdef ENOSTR
    {ENOSTR, 60},
#endif
#ifdef ENODATA
    {ENODATA, 61},
#endif
#ifdef ETIME
    {ETIME, 62},
#endif
#ifdef ENOSR
    {ENOSR, 63},
#endif
#ifdef ENOLINK
    {ENOLINK, 67},
#endif
    {EPROTO, 71},
#ifdef EMULTIHOP
    {EMULTIHOP, 72},
#endif
#ifdef EBADMSG
    {EBADMSG, 74},
#endif
    {EOVERFLOW, 75},
    {EILSEQ, 84},
    {ENOTSOCK, 88},
    {EDESTADDRREQ, 89},
    {EMSGSIZE, 90},
    {EPROTOTYPE, 91},
    {ENOPROTOOPT, 92},
    {EPROTONOSUPPORT, 93},
#ifdef ESOCKTNOSUPPORT
    {ESOCKTNOSUPPORT, 94},
#endif
    {ENOTSUP, 95},
#if EOPNOTSUPP != ENOTSUP
    {EOPNOTSUPP, 95},
#endif
    {EAFNOSUPPORT, 97},
    {EADDRINUSE, 98},
    {EADDRNOTAVAIL, 99},
    {ENETDOWN, 100},
    {ENETUNREACH, 101},
    {ENETRESET, 102},
    {ECONNABORTED, 103},
    {ECONNRESET, 104},
    {ENOBUFS, 105},
    {EISCONN, 106},
    {ENOTCONN, 107},
    {ETIMEDOUT, -error::transport_timed_out},
    {ECONNREFUSED, 111},
#ifdef EHOSTDOWN
    {EHOSTDOWN, 112},
#endif
    {EHOSTUNREACH, 113},
    {EALREADY, 114},
    {EINPROGRESS, 115},
#ifdef ESTALE
    {ESTALE, 116},
#endif
#ifdef EDQUOT
    {EDQUOT, 122},
#endif
    {ECANCELED, 125},
#ifdef EOWNERDEAD
    {EOWNERDEAD, 130},
#endif
#ifdef ENOTRECOVERABLE
    {ENOTRECOVERABLE, 131},
#endif
};

// "Would block" is the most frequent answer there is, so the way in is one load.
constexpr std::size_t code_count = 160;
struct ByCode {
    std::int16_t error[code_count];
};

constexpr ByCode make_by_code() {
    ByCode table{};
    for (std::int16_t& entry : table.error) entry = static_cast<std::int16_t>(error::unknown);
    table.error[0] = error::ok;
    for (const Translation& entry : translations) {
        table.error[entry.code] = static_cast<std::int16_t>(-entry.number);
    }
    return table;
}
constexpr ByCode by_code = make_by_code();

}  // namespace

std::int32_t error_from_code(int os_code) noexcept {
    const auto index = static_cast<unsigned>(os_code);
    return index < code_count ? by_code.error[index] : error::unknown;
}

int code_from_error(std::int32_t error) noexcept {
    for (const Translation& entry : translations) {
        if (entry.number == -error) return entry.code;
    }
    return 0;
}

}  // namespace zio::os
