/* SPDX-License-Identifier: MIT */
#include "blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct blob *blob_create(size_t length) {
    struct blob *blob = malloc(sizeof(struct blob) + length);
    if (blob == NULL) return NULL;
    blob->references = 1;
    blob->length = length;
    return blob;
}

struct blob *blob_copy(const char *data, size_t length) {
    struct blob *blob = must_allocate(sizeof(struct blob) + length);
    blob->references = 1;
    blob->length = length;
    memcpy(blob->data, data, length);
    return blob;
}

struct blob *blob_share(struct blob *blob) {
    __atomic_fetch_add(&blob->references, 1, __ATOMIC_RELAXED);
    return blob;
}

void blob_release(struct blob *blob) {
    if (blob == NULL) return;
    /* The only holder needs no exchange: nobody is left who could take another reference. */
    if (__atomic_load_n(&blob->references, __ATOMIC_ACQUIRE) == 1 ||
        __atomic_sub_fetch(&blob->references, 1, __ATOMIC_ACQ_REL) == 0) {
        free(blob);
    }
}

void *must_allocate(size_t size) {
    return must_resize(NULL, size);
}

void *must_resize(void *memory, size_t size) {
    void *moved = realloc(memory, size);
    if (moved == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", size);
        abort();
    }
    return moved;
}
