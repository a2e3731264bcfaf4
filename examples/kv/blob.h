/* SPDX-License-Identifier: MIT */
/* A value of the database: bytes that never change once they are stored. Whoever needs them longer
 * than a moment (the table, a reply that is still being written) holds a reference, so that a value
 * of any size is sent to any number of slow clients without a copy. */
#ifndef KV_BLOB_H
#define KV_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
    uint32_t references; /* atomic: replies are written while nobody holds the table's lock */
    size_t length;
    char data[];
};

/* Room for `length` bytes, to be filled before anybody else sees them. NULL: no memory. */
struct blob *blob_create(size_t length);
/* A copy of these bytes; ends the program when there is no memory for a small one. */
struct blob *blob_copy(const char *data, size_t length);
struct blob *blob_share(struct blob *blob);
void blob_release(struct blob *blob); /* NULL is fine */

/* Memory without which nothing can go on, as everywhere else in this server's small things. */
void *must_allocate(size_t size);
void *must_resize(void *memory, size_t size);

#endif
