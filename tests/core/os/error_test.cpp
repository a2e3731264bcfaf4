// SPDX-License-Identifier: MIT
// The translation of errno, compared with the C library's own names of its codes.
#include "core/os/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace zio::os {
namespace {

// All of POSIX.1, which every system must translate.
constexpr int posix_codes[] = {
    E2BIG,       EACCES,       EADDRINUSE,   EADDRNOTAVAIL, EAFNOSUPPORT,
    EAGAIN,      EALREADY,     EBADF,        EBADMSG,       EBUSY,
    ECANCELED,   ECHILD,       ECONNABORTED, ECONNREFUSED,  ECONNRESET,
    EDEADLK,     EDESTADDRREQ, EDOM,         EDQUOT,        EEXIST,
    EFAULT,      EFBIG,        EHOSTUNREACH, EIDRM,         EILSEQ,
    EINPROGRESS, EINTR,        EINVAL,       EIO,           EISCONN,
    EISDIR,      ELOOP,        EMFILE,       EMLINK,        EMSGSIZE,
    EMULTIHOP,   ENAMETOOLONG, ENETDOWN,     ENETRESET,     ENETUNREACH,
    ENFILE,      ENOBUFS,      ENODEV,       ENOENT,        ENOEXEC,
    ENOLCK,      ENOLINK,      ENOMEM,       ENOMSG,        ENOPROTOOPT,
    ENOSPC,      ENOSYS,       ENOTCONN,     ENOTDIR,       ENOTEMPTY,
    ENOTSOCK,    ENOTSUP,      ENOTTY,       ENXIO,         EOPNOTSUPP,
    EOVERFLOW,   EPERM,        EPIPE,        EPROTO,        EPROTONOSUPPORT,
    EPROTOTYPE,  ERANGE,       EROFS,        ESPIPE,        ESRCH,
    ESTALE,      ETXTBSY,      EWOULDBLOCK,  EXDEV,         ENOTRECOVERABLE,
    EOWNERDEAD,
};

TEST(OsError, EveryPosixCodeHasAnErrorAndBack) {
    for (const int code : posix_codes) {
        const std::int32_t error = error_from_code(code);
        EXPECT_LT(error, 0) << code;
        EXPECT_NE(error, error::unknown) << code;
        EXPECT_EQ(error_from_code(code_from_error(error)), error) << code;
    }
}

TEST(OsError, TheSystemsTimeoutIsNotTheCallers) {
    EXPECT_EQ(error_from_code(ETIMEDOUT), error::transport_timed_out);
    EXPECT_EQ(code_from_error(error::transport_timed_out), ETIMEDOUT);
    EXPECT_EQ(code_from_error(error::timed_out), 0);
}

TEST(OsError, SuccessAndNonsense) {
    EXPECT_EQ(error_from_code(0), error::ok);
    for (const int code : {-1, -22, 15, 159, 160, 4096, INT32_MAX, INT32_MIN}) {
        EXPECT_EQ(error_from_code(code), error::unknown) << code;
    }
}

TEST(OsError, TheLibrarysOwnHaveNoCode) {
    for (std::int32_t error = -1000; error >= -1009; --error) EXPECT_EQ(code_from_error(error), 0);
    EXPECT_EQ(code_from_error(error::internal), 0);
    EXPECT_EQ(code_from_error(error::unknown), 0);
    EXPECT_EQ(code_from_error(error::ok), 0);
    EXPECT_EQ(code_from_error(INT32_MIN + 1), 0);
}

#if defined(__linux__) && defined(__GLIBC__) && defined(_GNU_SOURCE)
// On Linux the number is the code itself, exactly where the code has a POSIX name; and the name is
// the one the C library gives it.
TEST(OsError, NumbersAndNamesAreLinux) {
    unsigned translated = 0;
    for (int code = 1; code < 160; ++code) {
        const std::int32_t error = error_from_code(code);
        if (error == error::unknown || code == ETIMEDOUT) continue;
        ++translated;
        EXPECT_EQ(error, -code);
        std::string name = error_name(error);
        if (name.rfind("ZIO_", 0) == 0) name.erase(0, 4);
        const char* const system_name = strerrorname_np(code);
        ASSERT_NE(system_name, nullptr) << code;
        if (code == ENOTSUP) continue;  // one number, two names
        EXPECT_EQ(name, system_name) << code;
    }
    EXPECT_GE(translated, std::size(posix_codes) - 2);  // two names of EAGAIN, two of ENOTSUP
}
#endif

}  // namespace
}  // namespace zio::os
