/* SPDX-License-Identifier: MIT */
#include "expiry.h"

static void place_at(struct store *store, size_t index, struct entry *entry) {
    store->expiring[index] = entry;
    entry->expiry_index = index;
}

static void move_up(struct store *store, size_t index, struct entry *entry) {
    while (index > 0) {
        const size_t parent = (index - 1) / 2;
        if (store->expiring[parent]->expires_ms <= entry->expires_ms) break;
        place_at(store, index, store->expiring[parent]);
        index = parent;
    }
    place_at(store, index, entry);
}

static void move_down(struct store *store, size_t index, struct entry *entry) {
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= store->expiring_count) break;
        if (child + 1 < store->expiring_count &&
            store->expiring[child + 1]->expires_ms < store->expiring[child]->expires_ms) {
            child++;
        }
        if (store->expiring[child]->expires_ms >= entry->expires_ms) break;
        place_at(store, index, store->expiring[child]);
        index = child;
    }
    place_at(store, index, entry);
}

void expiry_add(struct store *store, struct entry *entry) {
    if (store->expiring_count == store->expiring_capacity) {
        store->expiring_capacity =
            store->expiring_capacity == 0 ? 64 : store->expiring_capacity * 2;
        store->expiring =
            must_resize(store->expiring, store->expiring_capacity * sizeof *store->expiring);
    }
    move_up(store, store->expiring_count++, entry);
}

void expiry_remove(struct store *store, struct entry *entry) {
    const size_t index = entry->expiry_index;
    struct entry *last = store->expiring[--store->expiring_count];
    if (last == entry) return;
    if (last->expires_ms < entry->expires_ms) {
        move_up(store, index, last);
    } else {
        move_down(store, index, last);
    }
}
