/* SPDX-License-Identifier: MIT */
/* What the questions to the kernel share: sockets without the library. What they open ends with
 * their process. */
#ifndef TOOLS_CONFORMANCE_QUIRK_KIT_H
#define TOOLS_CONFORMANCE_QUIRK_KIT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "quirks.h"

enum raw_kind { RAW_TCP, RAW_UNIX };
struct raw_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* A descriptor, or -1. Unix listeners have abstract names. */
int raw_listen(enum raw_kind kind, int backlog, struct raw_address *address);
int raw_connect(const struct raw_address *address);
/* Both ends, connected. */
bool raw_link(enum raw_kind kind, int ends[2]);
/* Closes it by a reset. */
void raw_abort(int fd);
/* Until everything that is under way has come. */
void raw_pause(void);

#endif
