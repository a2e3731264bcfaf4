/* SPDX-License-Identifier: MIT */
/* Some libraries call the kernel by number, to run with a C library that is older than the call. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"

/* What is simulated, by the functions above the kernel. False: this is not. */
static bool answer(long number, const long *argument, long *result) {
    uint64_t ns;
    const struct library *zio;
    if (number == SYS_getrandom) {
        *result = getrandom((void *)argument[0], (size_t)argument[1], (unsigned)argument[2]);
        return true;
    }
    if (number != SYS_clock_gettime) return false;
    zio = find_clock();
    if (zio == NULL || !read_clock(zio, (int)argument[0], &ns)) return false;
    *(struct timespec *)argument[1] =
        (struct timespec){(time_t)(ns / second_ns), (long)(ns % second_ns)};
    *result = 0;
    return true;
}

/* A call has six arguments at most; to read some that were not given does no harm here. */
INTERCEPTED long syscall(long number, ...) {
    long argument[6], result;
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++) argument[i] = va_arg(rest, long);
    va_end(rest);
    if (!is_of_library(__builtin_return_address(0)) && answer(number, argument, &result)) {
        return result;
    }
    return NEXT(syscall)(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                         argument[5]);
}
