/* SPDX-License-Identifier: MIT */
/* A keyed hash (SipHash with one round per word and three at the end): clients choose the keys, so
 * without a secret they could choose ones that all fall into the same bucket. */
#ifndef KV_HASH_H
#define KV_HASH_H

#include <stddef.h>
#include <stdint.h>

void hash_seed(uint64_t seed[2]);
uint32_t hash_bytes(const uint64_t seed[2], const char *data, size_t length);

#endif
