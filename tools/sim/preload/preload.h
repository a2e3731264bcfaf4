/* SPDX-License-Identifier: MIT */
/* What the parts of the preloaded library share. It stands in front of the C library in a program
 * that runs in a simulated world, and answers for the world where code asks past libzio. It links
 * nothing of libzio: it finds the one that the program has. */
#ifndef ZIO_SIM_PRELOAD_H
#define ZIO_SIM_PRELOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The names that programs are to find here, and nothing else. */
#define INTERCEPTED __attribute__((visibility("default")))

/* HOST(name) stands once where NEXT(name) is used: the function which the program would have
 * without this library. It is found at the start, since to find it may take or give back memory,
 * and an allocator may be the caller. */
#define HOST(name)                                                    \
    static __typeof__(&name) host_##name;                             \
    __attribute__((constructor)) static void find_host_##name(void) { \
        host_##name = (__typeof__(&name))(uintptr_t)find_next(#name); \
    }
#define NEXT(name) (host_##name != NULL ? host_##name : (find_host_##name(), host_##name))
void *find_next(const char *name);

/* syscall.c: the kernel itself, for those who call before the start. */
long call_kernel(long number, const long *argument);

/* library.c: what is asked of libzio. */
struct library {
    int (*is_active)(void);
    uint64_t (*seed)(void);
    int64_t (*now)(void);
    int (*advance)(int64_t ns);
    void *(*task_self)(void);
};
/* NULL: the program has none now. */
const struct library *find_library(void);
/* Whether the instruction at `address` is its. */
bool is_of_library(const void *address);

/* seed.c: what decides. False: nothing is simulated, and nothing shall be. */
bool is_asked_for(uint64_t *seed);
bool find_seed(uint64_t *seed);
uint64_t mixed(uint64_t word);

/* clock.c: whose clock the caller is to see. NULL: the host's. */
const struct library *find_clock(void);
/* Nanoseconds; where the simulated time begins is `beginning`. Looking takes time. */
uint64_t virtual_time(const struct library *zio);
/* On the clock `id`, as clock_gettime() names it. False: no clock that is simulated. */
bool read_clock(const struct library *zio, int id, uint64_t *ns);
void pass_time(const struct library *zio, uint64_t ns);

/* sleep.c: whether the calling thread is the simulation's, so that time passes by its waits. */
bool is_of_simulation(const struct library *zio);
bool is_span(const struct timespec *span);
uint64_t ns_of(const struct timespec *span);

enum { second_ns = 1000000000 };
static const uint64_t beginning = second_ns;

#endif
