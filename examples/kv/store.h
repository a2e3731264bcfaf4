/* SPDX-License-Identifier: MIT */
/* The database: keys, their values, and the moments at which they expire. It knows nothing of tasks
 * or sockets and never waits. Several workers may run clients, so that whoever touches it holds
 * its lock, for as long as no call suspends the task. */
#ifndef KV_STORE_H
#define KV_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"

struct entry {
    struct entry *next; /* of the same bucket */
    struct blob *value;
    int64_t expires_ms;  /* 0: never */
    size_t expiry_index; /* its place in `expiring` */
    uint32_t hash;
    uint32_t key_length;
    char key[];
};

struct table {
    struct entry **buckets;
    size_t size; /* a power of two, or 0 */
};

struct store {
    pthread_mutex_t lock;
    struct table table;
    struct table old; /* being emptied into `table`, a few buckets with each call */
    size_t old_next;  /* its first bucket that may not be empty */
    size_t count;
    struct entry **expiring; /* a heap, the earliest first */
    size_t expiring_count, expiring_capacity;
    uint64_t seed[2];
    int64_t wall_offset_ms;
    uint64_t expired_count;
};

void store_init(struct store *store);
void store_clear(struct store *store);
void store_destroy(struct store *store);

/* Milliseconds since 1970, running evenly from the program's start on. */
int64_t store_now_ms(const struct store *store);

/* NULL: not there, or expired (and then removed). Valid until the store changes. */
struct entry *store_find(struct store *store, const char *key, size_t length);
/* Takes over the reference to `value`; the entry's expiry stays as it is, a new one has none. */
struct entry *store_put(struct store *store, const char *key, size_t length, struct blob *value);
/* Exchanges the value of an entry; takes over the reference. */
void store_replace(struct entry *entry, struct blob *value);
bool store_remove(struct store *store, const char *key, size_t length);
void store_expire(struct store *store, struct entry *entry, int64_t at_ms); /* 0: never */

/* Calls `each` for every key that has not expired; it must not change the store. */
void store_each(struct store *store, void (*each)(void *context, const struct entry *entry),
                void *context);

/* When the next key expires, 0: none does. */
int64_t store_next_expiry_ms(const struct store *store);
/* Removes at most `limit` keys whose time has come; false when some are left. */
bool store_remove_expired(struct store *store, size_t limit);

#endif
