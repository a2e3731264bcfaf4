/* SPDX-License-Identifier: MIT */
/* What the command line of `zio-sim` says. */
#ifndef ZIO_SIM_OPTIONS_H
#define ZIO_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    uint64_t seed;  /* the one, or the first */
    uint64_t seeds; /* how many */
    unsigned jobs;
    double patience;    /* real seconds that one run may take */
    const char *faults; /* NULL: as the environment says; so the next three */
    const char *off;
    const char *calm;
    const char *limit;
    const char *only;  /* a file with the only faults that may happen */
    const char *trace; /* where to write what happened */
    bool goes_on;      /* after a failure */
    bool is_quiet;     /* no progress */
    bool wants_preload;
    const char *preload; /* the path of the library to put in front of the program, or NULL */
    char **program;      /* with its arguments, ends with NULL */
};

/* False: it was wrong, and said so. `argv[0]` is the name of the command, `seed_first` whether a
 * seed must follow it. */
bool read_options(int argc, char **argv, bool seed_first, struct options *out);

#endif
