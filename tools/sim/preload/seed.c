/* SPDX-License-Identifier: MIT */
/* The seed: that of the world while there is one, before and after it what the environment says.
 * Languages draw the secrets of their hash tables before anything of the program runs. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "preload.h"

enum { UNKNOWN, NO, YES };
static _Atomic int environment_says = UNKNOWN;
static _Atomic uint64_t environment_seed;

static _Atomic bool knows_world;
static _Atomic uint64_t world_seed;

/* As libzio reads it. */
static bool read_number(const char *text, uint64_t *out) {
    uint64_t number = 0;
    if (*text == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number)) {
            return false;
        }
    }
    *out = number;
    return true;
}

/* At the start, so that it does not matter what the program makes of its environment. */
__attribute__((constructor)) static void read_environment(void) {
    const char *const backend = secure_getenv("ZIO_BACKEND");
    const char *const text = secure_getenv("ZIO_SEED");
    uint64_t seed = 1;
    const bool is_asked = backend != NULL && strcmp(backend, "sim") == 0 &&
                          (text == NULL || read_number(text, &seed));
    atomic_store(&environment_seed, seed);
    atomic_store(&environment_says, is_asked ? YES : NO);
}

bool is_asked_for(uint64_t *seed) {
    if (atomic_load(&environment_says) == UNKNOWN) read_environment();
    *seed = atomic_load(&environment_seed);
    return atomic_load(&environment_says) == YES;
}

bool find_seed(uint64_t *seed) {
    const struct library *const zio = find_library();
    if (zio == NULL || zio->is_active() == 0) {
        atomic_store(&knows_world, false);
        return is_asked_for(seed);
    }
    /* Asked for once in each world: the library answers under a lock. */
    if (!atomic_load(&knows_world)) {
        atomic_store(&world_seed, zio->seed());
        atomic_store(&knows_world, true);
    }
    *seed = atomic_load(&world_seed);
    return true;
}

/* Every bit of the result depends on every bit of `word`. */
uint64_t mixed(uint64_t word) {
    word = (word ^ (word >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    word = (word ^ (word >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return word ^ (word >> 32);
}
