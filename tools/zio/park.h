/* SPDX-License-Identifier: MIT */
/* Tasks that only wait, as many as asked for or as there is room for: what each costs, and what
 * ends it. Nothing is calculated here, all is seen. */
#ifndef TOOLS_ZIO_PARK_H
#define TOOLS_ZIO_PARK_H

#include <stdbool.h>
#include <stdint.h>

#include "zio.h"

struct parking {
    uint64_t wanted;
    /* What came of it. */
    uint64_t parked;
    zio_err_t error;  /* why there are not more */
    char step[64];    /* what gave it */
    char detail[256]; /* the library's words */
    bool is_stopped;  /* by us, before the system runs out of memory */
    int killed_by;    /* see run_in_child() */
    int64_t filling_ns;
    uint64_t bytes;       /* memory of all, page tables included */
    uint64_t mappings;    /* of the process, that came with them */
    uint64_t slot_bytes;  /* address space of one stack, guard included */
    uint64_t stacks;      /* that are reserved; 0 = not known */
    uint64_t descriptors; /* open while the runtime runs */
    /* Inside. */
    uint64_t spawned;
    uintptr_t previous_stack;
};

/* In a child. NULL when there is no memory to share with it. */
const struct parking *park_tasks(uint64_t wanted);

#endif
