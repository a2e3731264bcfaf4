/* SPDX-License-Identifier: MIT */
/* A hash table of chains that grows and shrinks in steps: while two tables exist, every call moves
 * a few buckets, so that no single request pays for all keys. New keys go to the new table,
 * look-ups see both. Keys that expire also stand in a heap. */
#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expiry.h"
#include "hash.h"
#include "zio.h"

enum { SMALLEST_TABLE = 64, BUCKETS_PER_STEP = 2, EMPTY_BUCKETS_PER_STEP = 64 };

void store_init(struct store *store) {
    memset(store, 0, sizeof *store);
    pthread_mutex_init(&store->lock, NULL);
    hash_seed(store->seed);
    store->wall_offset_ms = (int64_t)time(NULL) * 1000 - zio_now() / 1000000;
}

int64_t store_now_ms(const struct store *store) {
    return store->wall_offset_ms + zio_now() / 1000000;
}

static void entry_free(struct entry *entry) {
    blob_release(entry->value);
    free(entry);
}

static void table_free(struct table *table) {
    for (size_t i = 0; i < table->size; i++) {
        struct entry *entry = table->buckets[i];
        while (entry != NULL) {
            struct entry *next = entry->next;
            entry_free(entry);
            entry = next;
        }
    }
    free(table->buckets);
    table->buckets = NULL;
    table->size = 0;
}

void store_clear(struct store *store) {
    table_free(&store->table);
    table_free(&store->old);
    free(store->expiring);
    store->expiring = NULL;
    store->expiring_count = store->expiring_capacity = 0;
    store->count = 0;
}

void store_destroy(struct store *store) {
    store_clear(store);
    pthread_mutex_destroy(&store->lock);
}

/* --- moving to a table of another size ------------------------------------------------------ */

static void move_some(struct store *store) {
    size_t buckets = BUCKETS_PER_STEP, empty = EMPTY_BUCKETS_PER_STEP;
    while (store->old_next < store->old.size && buckets > 0 && empty > 0) {
        struct entry *entry = store->old.buckets[store->old_next];
        if (entry == NULL) {
            empty--;
        } else {
            buckets--;
        }
        while (entry != NULL) {
            struct entry *next = entry->next;
            struct entry **bucket = &store->table.buckets[entry->hash & (store->table.size - 1)];
            entry->next = *bucket;
            *bucket = entry;
            entry = next;
        }
        store->old.buckets[store->old_next++] = NULL;
    }
    if (store->old_next == store->old.size) {
        free(store->old.buckets);
        store->old.buckets = NULL;
        store->old.size = 0;
    }
}

/* Nothing is lost when there is no memory for a better size: the chains just stay longer. */
static void resize(struct store *store) {
    if (store->old.size != 0) {
        move_some(store);
        return;
    }
    const bool full = store->count >= store->table.size;
    const bool sparse = store->table.size > SMALLEST_TABLE && store->count < store->table.size / 8;
    if (!full && !sparse) return;

    size_t size = SMALLEST_TABLE;
    while (size < store->count * 2) size *= 2;
    struct entry **buckets = calloc(size, sizeof *buckets);
    if (buckets == NULL) {
        if (store->table.size == 0) must_allocate(SIZE_MAX / 2);
        return;
    }
    store->old = store->table;
    store->old_next = 0;
    store->table.buckets = buckets;
    store->table.size = size;
    move_some(store);
}

/* --- keys ----------------------------------------------------------------------------------- */

/* The place that points to the key's entry, NULL when there is none. */
static struct entry **find_in(struct table *table, uint32_t hash, const char *key, size_t length) {
    if (table->size == 0) return NULL;
    struct entry **place = &table->buckets[hash & (table->size - 1)];
    for (; *place != NULL; place = &(*place)->next) {
        const struct entry *entry = *place;
        if (entry->hash == hash && entry->key_length == length &&
            memcmp(entry->key, key, length) == 0) {
            return place;
        }
    }
    return NULL;
}

static struct entry **find_place(struct store *store, uint32_t hash, const char *key,
                                 size_t length) {
    if (store->old.size != 0) move_some(store);
    struct entry **place = find_in(&store->table, hash, key, length);
    if (place == NULL && store->old.size != 0) place = find_in(&store->old, hash, key, length);
    return place;
}

static void remove_at(struct store *store, struct entry **place) {
    struct entry *entry = *place;
    if (entry->expires_ms != 0) expiry_remove(store, entry);
    *place = entry->next;
    store->count--;
    entry_free(entry);
}

static bool is_expired(const struct store *store, const struct entry *entry) {
    return entry->expires_ms != 0 && store_now_ms(store) > entry->expires_ms;
}

static struct entry **find_live(struct store *store, uint32_t hash, const char *key,
                                size_t length) {
    struct entry **place = find_place(store, hash, key, length);
    if (place == NULL || !is_expired(store, *place)) return place;
    remove_at(store, place);
    store->expired_count++;
    return NULL;
}

struct entry *store_find(struct store *store, const char *key, size_t length) {
    struct entry **place = find_live(store, hash_bytes(store->seed, key, length), key, length);
    return place == NULL ? NULL : *place;
}

struct entry *store_put(struct store *store, const char *key, size_t length, struct blob *value) {
    const uint32_t hash = hash_bytes(store->seed, key, length);
    struct entry **place = find_live(store, hash, key, length);
    if (place != NULL) {
        store_replace(*place, value);
        return *place;
    }
    resize(store);
    struct entry *entry = must_allocate(sizeof *entry + length);
    entry->value = value;
    entry->expires_ms = 0;
    entry->expiry_index = 0;
    entry->hash = hash;
    entry->key_length = (uint32_t)length;
    memcpy(entry->key, key, length);
    struct entry **bucket = &store->table.buckets[hash & (store->table.size - 1)];
    entry->next = *bucket;
    *bucket = entry;
    store->count++;
    return entry;
}

void store_replace(struct entry *entry, struct blob *value) {
    blob_release(entry->value);
    entry->value = value;
}

bool store_remove(struct store *store, const char *key, size_t length) {
    struct entry **place = find_live(store, hash_bytes(store->seed, key, length), key, length);
    if (place == NULL) return false;
    remove_at(store, place);
    resize(store);
    return true;
}

static void each_in(const struct store *store, const struct table *table,
                    void (*each)(void *context, const struct entry *entry), void *context) {
    for (size_t i = 0; i < table->size; i++) {
        for (const struct entry *entry = table->buckets[i]; entry != NULL; entry = entry->next) {
            if (!is_expired(store, entry)) each(context, entry);
        }
    }
}

void store_each(struct store *store, void (*each)(void *context, const struct entry *entry),
                void *context) {
    each_in(store, &store->table, each, context);
    each_in(store, &store->old, each, context);
}

/* --- expiry --------------------------------------------------------------------------------- */

void store_expire(struct store *store, struct entry *entry, int64_t at_ms) {
    if (entry->expires_ms != 0) expiry_remove(store, entry);
    entry->expires_ms = at_ms;
    if (at_ms != 0) expiry_add(store, entry);
}

int64_t store_next_expiry_ms(const struct store *store) {
    return store->expiring_count == 0 ? 0 : store->expiring[0]->expires_ms;
}

bool store_remove_expired(struct store *store, size_t limit) {
    const int64_t now_ms = store_now_ms(store);
    while (store->expiring_count > 0 && store->expiring[0]->expires_ms < now_ms) {
        if (limit-- == 0) return false;
        const struct entry *entry = store->expiring[0];
        remove_at(store, find_place(store, entry->hash, entry->key, entry->key_length));
        store->expired_count++;
        resize(store);
    }
    return true;
}
