// SPDX-License-Identifier: MIT
// The end of a process whose invariant broke. Declared in core/base, defined here because it speaks
// to the system; it needs no heap, no lock and little stack, whatever state they are in.
#include "core/base/assert.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace zio {

void assert_failed(const char* condition, const char* file, int line) noexcept {
    char digits[12];
    char* first = digits + sizeof digits;
    auto rest = static_cast<unsigned>(line < 0 ? 0 : line);
    do {
        *--first = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);

    const char* const pieces[] = {
        "zio: ", file, ":", first, ": assertion failed: ", condition, "\n"};
    constexpr int count = sizeof pieces / sizeof pieces[0];
    iovec message[count];
    for (int i = 0; i < count; ++i) {
        const bool is_line = pieces[i] == first;
        message[i].iov_base = const_cast<char*>(pieces[i]);
        message[i].iov_len = is_line ? static_cast<std::size_t>(digits + sizeof digits - first)
                                     : std::strlen(pieces[i]);
    }
    // One call, so that the line stays whole; there is nobody left to tell if it fails.
    [[maybe_unused]] const ssize_t written = ::writev(STDERR_FILENO, message, count);
    std::abort();
}

}  // namespace zio
