// SPDX-License-Identifier: MIT
// The names and the texts of all error numbers: those of `enum zio_errno`, and the POSIX ones that
// the enum does not list, which keep their numbers and are named as POSIX names them.
#include "core/base/error.hpp"

namespace zio {

namespace {

struct ErrorText {
    std::int32_t code;
    const char* name;
    const char* text;
};

constexpr ErrorText texts[] = {
    {0, "ZIO_OK", "success"},
    {-1, "ZIO_EPERM", "operation not permitted"},
    {-2, "ZIO_ENOENT", "no such file, directory or entry"},
    {-3, "ZIO_ESRCH", "no such process"},
    {-4, "EINTR", "interrupted by a signal"},
    {-5, "ZIO_EIO", "input or output error"},
    {-6, "ZIO_ENXIO", "no such device or address"},
    {-7, "ZIO_E2BIG", "argument too large"},
    {-8, "ZIO_ENOEXEC", "not an executable format"},
    {-9, "ZIO_EBADF", "bad descriptor or handle"},
    {-10, "ZIO_ECHILD", "no child process"},
    {-11, "ZIO_EAGAIN", "not ready, try again"},
    {-12, "ZIO_ENOMEM", "out of memory"},
    {-13, "ZIO_EACCES", "permission denied"},
    {-14, "ZIO_EFAULT", "bad address"},
    {-16, "ZIO_EBUSY", "in use"},
    {-17, "ZIO_EEXIST", "already exists"},
    {-18, "ZIO_EXDEV", "on another file system"},
    {-19, "ZIO_ENODEV", "no such device"},
    {-20, "ZIO_ENOTDIR", "not a directory"},
    {-21, "ZIO_EISDIR", "is a directory"},
    {-22, "ZIO_EINVAL", "invalid argument"},
    {-23, "ZIO_ENFILE", "too many open files in the system"},
    {-24, "ZIO_EMFILE", "too many open files in the process"},
    {-25, "ZIO_ENOTTY", "not a terminal, or an operation the device does not have"},
    {-26, "ZIO_ETXTBSY", "executable file is in use"},
    {-27, "ZIO_EFBIG", "file too large"},
    {-28, "ZIO_ENOSPC", "no space left"},
    {-29, "ZIO_ESPIPE", "cannot seek"},
    {-30, "ZIO_EROFS", "read-only file system"},
    {-31, "ZIO_EMLINK", "too many links"},
    {-32, "ZIO_EPIPE", "nobody reads the other end"},
    {-33, "EDOM", "argument outside the domain of the function"},
    {-34, "ERANGE", "result out of range"},
    {-35, "ZIO_EDEADLK", "would wait for itself"},
    {-36, "ZIO_ENAMETOOLONG", "name too long"},
    {-37, "ZIO_ENOLCK", "no locks available"},
    {-38, "ZIO_ENOSYS", "not implemented by the system"},
    {-39, "ZIO_ENOTEMPTY", "directory not empty"},
    {-40, "ZIO_ELOOP", "too many symbolic links"},
    {-42, "ENOMSG", "no message of that type"},
    {-43, "EIDRM", "identifier was removed"},
    {-60, "ENOSTR", "not a stream device"},
    {-61, "ENODATA", "no data there"},
    {-62, "ETIME", "timer expired"},
    {-63, "ENOSR", "out of stream resources"},
    {-67, "ENOLINK", "link was cut"},
    {-71, "ZIO_EPROTO", "protocol error"},
    {-72, "EMULTIHOP", "too many hops"},
    {-74, "EBADMSG", "bad message"},
    {-75, "ZIO_EOVERFLOW", "number too large for its place"},
    {-84, "ZIO_EILSEQ", "illegal byte sequence"},
    {-88, "ENOTSOCK", "not a socket"},
    {-89, "ZIO_EDESTADDRREQ", "destination address required"},
    {-90, "ZIO_EMSGSIZE", "message too long"},
    {-91, "ZIO_EPROTOTYPE", "wrong kind of socket"},
    {-92, "ZIO_ENOPROTOOPT", "option not available for this protocol"},
    {-93, "ZIO_EPROTONOSUPPORT", "protocol not supported"},
    {-94, "ESOCKTNOSUPPORT", "kind of socket not supported"},
    {-95, "ZIO_ENOTSUP", "not supported"},
    {-97, "ZIO_EAFNOSUPPORT", "address family not supported"},
    {-98, "ZIO_EADDRINUSE", "address already in use"},
    {-99, "ZIO_EADDRNOTAVAIL", "address not available"},
    {-100, "ZIO_ENETDOWN", "network is down"},
    {-101, "ZIO_ENETUNREACH", "network is unreachable"},
    {-102, "ENETRESET", "connection broken off by the network"},
    {-103, "ZIO_ECONNABORTED", "connection given up before it was taken"},
    {-104, "ZIO_ECONNRESET", "connection broken off by the other side"},
    {-105, "ZIO_ENOBUFS", "no buffer space left"},
    {-106, "ZIO_EISCONN", "already connected"},
    {-107, "ZIO_ENOTCONN", "not connected"},
    {-110, "ZIO_ETIMEDOUT", "deadline passed"},
    {-111, "ZIO_ECONNREFUSED", "connection refused"},
    {-112, "ZIO_EHOSTDOWN", "host is down"},
    {-113, "ZIO_EHOSTUNREACH", "host is unreachable"},
    {-114, "ZIO_EALREADY", "already done or under way"},
    {-115, "ZIO_EINPROGRESS", "still in progress"},
    {-116, "ESTALE", "stale file handle"},
    {-122, "ZIO_EDQUOT", "quota exceeded"},
    {-125, "ZIO_ECANCELED", "canceled"},
    {-130, "EOWNERDEAD", "previous owner died"},
    {-131, "ENOTRECOVERABLE", "state not recoverable"},
    {-1000, "ZIO_EEOF", "end of stream"},
    {-1001, "ZIO_ECLOSED", "closed while in use"},
    {-1002, "ZIO_ENOTASK", "not in a task"},
    {-1003, "ZIO_ESTOPPING", "runtime is stopping or stopped"},
    {-1004, "ZIO_EDNS", "name resolution failed"},
    {-1005, "ZIO_ESTACK", "no stack available"},
    {-1006, "ZIO_EFORKED", "belongs to the parent process"},
    {-1007, "ZIO_ENOSUSPEND", "may not suspend here"},
    {-1008, "ZIO_EBROKEN", "barrier is broken"},
    {-1009, "ZIO_ELAGGED", "receiver was overtaken"},
    {-1010, "ZIO_ENETTIMEOUT", "no answer from the network"},
    {-1099, "ZIO_EINTERNAL", "internal error of the library"},
    {-1100, "ZIO_EUNKNOWN", "system error without a name of its own"},
};

const ErrorText* find(std::int32_t code) noexcept {
    for (const ErrorText& entry : texts) {
        if (entry.code == code) return &entry;
    }
    return nullptr;
}

}  // namespace

const char* error_text(std::int32_t code) noexcept {
    const ErrorText* entry = find(code);
    return entry != nullptr ? entry->text : "unknown error";
}

const char* error_name(std::int32_t code) noexcept {
    const ErrorText* entry = find(code);
    return entry != nullptr ? entry->name : "unknown";
}

}  // namespace zio
