/* SPDX-License-Identifier: MIT */
/* Chance, from the seed, in a stream of its own: what zio_sim_random() gives stays what it is. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"

HOST(getrandom)
HOST(getentropy)

static _Atomic uint64_t state;
static _Atomic uint64_t seed_of_state;
static _Atomic bool has_state;
static _Atomic uint64_t branch; /* what forks made of the seed */
static uint64_t fork_count;

static uint64_t draw(uint64_t seed) {
    const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
    if (!atomic_load(&has_state) || atomic_load(&seed_of_state) != seed) {
        atomic_store(&state, mixed(seed ^ UINT64_C(0x7072656c6f616400)) ^ atomic_load(&branch));
        atomic_store(&seed_of_state, seed);
        atomic_store(&has_state, true);
    }
    return mixed(atomic_fetch_add(&state, step) + step);
}

static void fill(uint64_t seed, void *out, size_t size) {
    for (unsigned char *at = out; size > 0;) {
        uint64_t word = draw(seed);
        for (int i = 0; i < 8 && size > 0; i++, size--, word >>= 8) *at++ = (unsigned char)word;
    }
}

INTERCEPTED ssize_t getrandom(void *out, size_t size, unsigned flags) {
    const size_t most = 33554431; /* the kernel's limit for one call */
    uint64_t seed;
    if (!find_seed(&seed)) {
        if (host_getrandom != NULL) return host_getrandom(out, size, flags);
        return call_kernel(SYS_getrandom, (long[6]){(long)out, (long)size, flags});
    }
    if ((flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) != 0) {
        errno = EINVAL;
        return -1;
    }
    if (size > most) size = most;
    fill(seed, out, size);
    return (ssize_t)size;
}

INTERCEPTED int getentropy(void *out, size_t size) {
    uint64_t seed;
    if (!find_seed(&seed)) return NEXT(getentropy)(out, size);
    if (size > 256) {
        errno = EIO;
        return -1;
    }
    fill(seed, out, size);
    return 0;
}

#ifdef HAS_ARC4RANDOM
HOST(arc4random)
HOST(arc4random_buf)
HOST(arc4random_uniform)

INTERCEPTED uint32_t arc4random(void) {
    uint64_t seed;
    return find_seed(&seed) ? (uint32_t)draw(seed) : NEXT(arc4random)();
}

INTERCEPTED void arc4random_buf(void *out, size_t size) {
    uint64_t seed;
    if (find_seed(&seed)) {
        fill(seed, out, size);
    } else {
        NEXT(arc4random_buf)(out, size);
    }
}

INTERCEPTED uint32_t arc4random_uniform(uint32_t count) {
    uint64_t seed;
    if (!find_seed(&seed)) return NEXT(arc4random_uniform)(count);
    return (uint32_t)((draw(seed) >> 32) * count >> 32);
}
#endif

/* std::random_device, which asks the processor. Its library may be there for a part of the program
 * only, where it is not found. */
unsigned random_device(void *device) __asm__("_ZNSt13random_device9_M_getvalEv");
static unsigned (*host_device)(void *device);
__attribute__((constructor)) static void find_device(void) {
    host_device = (unsigned (*)(void *))(uintptr_t)find_next("_ZNSt13random_device9_M_getvalEv");
}
INTERCEPTED unsigned random_device(void *device) {
    uint64_t seed;
    unsigned number = 0;
    if (find_seed(&seed)) return (unsigned)draw(seed);
    if (host_device != NULL) return host_device(device);
    if (NEXT(getrandom)(&number, sizeof number, 0) != sizeof number) abort();
    return number;
}

/* A child draws other numbers than its parent, and than the other children. */
static void count_fork(void) {
    fork_count++;
}
static void move_in_child(void) {
    atomic_store(&branch, mixed(atomic_load(&branch) + fork_count));
    atomic_store(&state, mixed(atomic_load(&state) ^ atomic_load(&branch)));
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(count_fork, NULL, move_in_child);
}
