/* SPDX-License-Identifier: MIT */
/* The limits of the control groups this process lives in, of both versions: the tightest of its
 * group and of all above it. */
#ifndef TOOLS_ZIO_CGROUP_H
#define TOOLS_ZIO_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

struct cgroup_limit {
    bool found;
    uint64_t limit;
    uint64_t left;  /* of it; cached files do not count as used */
    char file[512]; /* where it is written */
};

/* Thousandths of a processor; `left` is the same. */
struct cgroup_limit cgroup_processors(void);
struct cgroup_limit cgroup_memory(void); /* bytes */
struct cgroup_limit cgroup_pids(void);

/* What can still be had before something is killed: of the machine, swap included, and of the
 * groups. 0 when the system does not say. */
uint64_t available_memory(void);

#endif
