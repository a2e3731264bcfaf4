/* SPDX-License-Identifier: MIT */
#include "spool.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_BYTES = 16 * 1024,
    MOST_BYTES = 8 * 1024 * 1024,                  /* of one body */
    SHARED_BLOCKS = 24 * 1024 * 1024 / BLOCK_BYTES /* of all, but for each one's first */
};

struct spool_block {
    struct spool_block *next;
    size_t length;
    char data[BLOCK_BYTES];
};

static int shared_blocks; /* in use; atomic, as clients are served by several workers */

void spool_init(struct spool *spool) {
    memset(spool, 0, sizeof *spool);
}

static bool reserve_block(void) {
    if (__atomic_add_fetch(&shared_blocks, 1, __ATOMIC_RELAXED) <= SHARED_BLOCKS) return true;
    __atomic_sub_fetch(&shared_blocks, 1, __ATOMIC_RELAXED);
    return false;
}

static bool add_block(struct spool *spool) {
    const bool shared = spool->last != NULL;
    if (shared && !reserve_block()) return false;
    struct spool_block *const block = malloc(sizeof *block);
    if (block == NULL) {
        if (shared) __atomic_sub_fetch(&shared_blocks, 1, __ATOMIC_RELAXED);
        return false;
    }
    block->next = NULL;
    block->length = 0;
    *(shared ? &spool->last->next : &spool->first) = block;
    spool->last = block;
    return true;
}

static void remove_first(struct spool *spool) {
    struct spool_block *const block = spool->first;
    spool->first = block->next;
    spool->length -= block->length;
    if (spool->first == NULL) {
        spool->last = NULL; /* one of them was never counted: call it this one */
    } else {
        __atomic_sub_fetch(&shared_blocks, 1, __ATOMIC_RELAXED);
    }
    free(block);
}

size_t spool_add(struct spool *spool, const char *data, size_t length) {
    const size_t allowed = MOST_BYTES - spool->length;
    if (length > allowed) length = allowed;
    size_t taken = 0;
    while (taken < length) {
        struct spool_block *block = spool->last;
        if (block == NULL || block->length == BLOCK_BYTES) {
            if (!add_block(spool)) break;
            block = spool->last;
        }
        const size_t room = BLOCK_BYTES - block->length;
        const size_t count = length - taken < room ? length - taken : room;
        memcpy(block->data + block->length, data + taken, count);
        block->length += count;
        spool->length += count;
        taken += count;
    }
    return taken;
}

zio_err_t spool_write(struct spool *spool, struct connection *connection) {
    zio_err_t error = 0;
    while (error == 0 && spool->first != NULL) {
        error = connection_write(connection, spool->first->data, spool->first->length);
        remove_first(spool);
    }
    return error;
}

void spool_clear(struct spool *spool) {
    while (spool->first != NULL) remove_first(spool);
}
