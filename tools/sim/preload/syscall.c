/* SPDX-License-Identifier: MIT */
/* Some libraries call the kernel by number, to run with a C library that is older than the call. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"

HOST(syscall)

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

#ifdef __x86_64__
static long trap(long number, const long *argument) {
    long result = number;
    register long fourth __asm__("r10") = argument[3];
    register long fifth __asm__("r8") = argument[4];
    register long sixth __asm__("r9") = argument[5];
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(argument[0]), "S"(argument[1]), "d"(argument[2]), "r"(fourth),
                       "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined __aarch64__
static long trap(long number, const long *argument) {
    register long what __asm__("x8") = number;
    register long first __asm__("x0") = argument[0];
    register long second __asm__("x1") = argument[1];
    register long third __asm__("x2") = argument[2];
    register long fourth __asm__("x3") = argument[3];
    register long fifth __asm__("x4") = argument[4];
    register long sixth __asm__("x5") = argument[5];
    __asm__ volatile("svc 0"
                     : "+r"(first)
                     : "r"(what), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "memory");
    return first;
}
#else
static long trap(long number, const long *argument) {
    return NEXT(syscall)(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                         argument[5]);
}
#endif

long call_kernel(long number, const long *argument) {
    const long result = trap(number, argument);
    if (result >= 0 || result < -4095) return result;
    errno = (int)-result;
    return -1;
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
    if (host_syscall == NULL) return call_kernel(number, argument);
    return host_syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                        argument[5]);
}
