/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hash_seed(uint64_t seed[2]) {
    FILE *source = fopen("/dev/urandom", "rb");
    if (source == NULL || fread(seed, sizeof(uint64_t), 2, source) != 2) {
        fprintf(stderr, "no random numbers: /dev/urandom cannot be read\n");
        exit(1);
    }
    fclose(source);
}

static uint64_t rotate(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

static inline void mix(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static inline void take(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
}

uint32_t hash_bytes(const uint64_t seed[2], const char *data, size_t length) {
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du,
                     seed[0] ^ 0x6c7967656e657261u, seed[1] ^ 0x7465646279746573u};
    uint64_t word, last = (uint64_t)length << 56;
    const size_t whole = length & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&word, data + i, 8);
        take(v, word);
    }
    for (size_t i = whole; i < length; i++) {
        last |= (uint64_t)(unsigned char)data[i] << (8 * (i - whole));
    }
    take(v, last);
    v[2] ^= 0xff;
    mix(v);
    mix(v);
    mix(v);
    const uint64_t sum = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t)(sum ^ sum >> 32);
}
