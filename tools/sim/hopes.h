/* SPDX-License-Identifier: MIT */
/* What programs said with zio_sim_sometimes(), over many runs. */
#ifndef ZIO_SIM_HOPES_H
#define ZIO_SIM_HOPES_H

#include <stdint.h>

struct hope {
    char text[120];
    uint64_t true_count, runs;
};
struct hopes {
    struct hope *all;
    unsigned count;
};

/* Adds what one run wrote and empties the file. */
void read_hopes(struct hopes *hopes, const char *path);
/* How often each was true, and which never was. */
void print_hopes(const struct hopes *hopes);
void free_hopes(struct hopes *hopes);

#endif
