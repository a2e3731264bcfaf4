/* SPDX-License-Identifier: MIT */
/* A body that is held in memory until it is known to be whole. What one may take is limited, and
 * what all clients together may take as well, so that no crowd of them uses up the memory. */
#ifndef HTTP_SPOOL_H
#define HTTP_SPOOL_H

#include "connection.h"

struct spool_block;

struct spool {
    struct spool_block *first, *last;
    size_t length; /* of all that is in it */
};

void spool_init(struct spool *spool);
/* Takes a copy, and gives how many bytes it had room for. */
size_t spool_add(struct spool *spool, const char *data, size_t length);
/* Writes all of it and gives the memory back, block by block. */
zio_err_t spool_write(struct spool *spool, struct connection *connection);
void spool_clear(struct spool *spool);

#endif
