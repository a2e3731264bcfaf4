/* SPDX-License-Identifier: MIT */
/* Looked for from where this command is, so that an installation may be moved as a whole. */
#define _GNU_SOURCE
#include "preload_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "libzio-sim-preload.so"

static const char *complain(const char *what, const char *which) {
    fprintf(stderr, "zio-sim: --preload: %s%s\n", what, which);
    return NULL;
}

const char *find_preload(void) {
    static const char *const folders[] = {ZIO_PRELOAD_INSTALLED, ZIO_PRELOAD_BUILT};
    static char found[PATH_MAX];
    char own[PATH_MAX], path[PATH_MAX + 256];
    const ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
    if (size <= 0) return complain("/proc does not tell where this command is", "");
    own[size] = '\0';
    *strrchr(own, '/') = '\0';
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s/" NAME, own, folders[i]);
        if (realpath(path, found) == NULL) continue;
        if (strpbrk(found, ": ") == NULL) return found;
        return complain("LD_PRELOAD cannot name a file with a space or colon in its path: ", found);
    }
    snprintf(path, sizeof path, "%s/%s/" NAME, own, folders[0]);
    return complain("there is no ", path);
}
