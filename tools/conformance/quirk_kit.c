/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "quirk_kit.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int raw_listen(enum raw_kind kind, int backlog, struct raw_address *address) {
    memset(address, 0, sizeof *address);
    const int fd = socket(kind == RAW_TCP ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (kind == RAW_TCP) {
        struct sockaddr_in *name = (struct sockaddr_in *)&address->storage;
        name->sin_family = AF_INET;
        name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address->size = sizeof *name;
    } else {
        address->storage.ss_family = AF_UNIX;
        address->size = sizeof(sa_family_t); /* the kernel finds an abstract name */
    }
    if (bind(fd, (struct sockaddr *)&address->storage, address->size) != 0) return -1;
    address->size = sizeof address->storage;
    if (getsockname(fd, (struct sockaddr *)&address->storage, &address->size) != 0) return -1;
    return listen(fd, backlog) == 0 ? fd : -1;
}

int raw_connect(const struct raw_address *address) {
    const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&address->storage, address->size) == 0 ? fd : -1;
}

bool raw_link(enum raw_kind kind, int ends[2]) {
    struct raw_address address;
    const int listener = raw_listen(kind, 8, &address);
    ends[0] = listener >= 0 ? raw_connect(&address) : -1;
    ends[1] = ends[0] >= 0 ? accept(listener, NULL, NULL) : -1;
    if (listener >= 0) (void)close(listener);
    return ends[1] >= 0;
}

void raw_abort(int fd) {
    const struct linger at_once = {1, 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(fd);
}

void raw_pause(void) {
    const struct timespec moment = {0, 8000000};
    (void)nanosleep(&moment, NULL);
}
