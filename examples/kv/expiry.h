/* SPDX-License-Identifier: MIT */
/* The keys that expire, as a heap with the earliest first. An entry knows its place in it. */
#ifndef KV_EXPIRY_H
#define KV_EXPIRY_H

#include "store.h"

void expiry_add(struct store *store, struct entry *entry);
void expiry_remove(struct store *store, struct entry *entry);

#endif
