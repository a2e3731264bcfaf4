/* SPDX-License-Identifier: MIT */
/* One run of a program under simulation, in a process of its own. */
#ifndef ZIO_SIM_RUN_H
#define ZIO_SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "options.h"

struct run {
    uint64_t seed;
    pid_t process;
    int output; /* a file in memory: what it printed, both streams */
    double end; /* when it has taken too long */
    bool took_too_long;
    int status; /* as wait() tells */
    /* The library's last line. */
    bool has_line;
    uint64_t events, virtual_ns, hash;
    char verdict[200]; /* "": the run was not ended by the simulation */
};

/* Seconds on a clock that only goes on. */
double seconds_now(void);
/* Starts it. `shown`: it keeps standard output and error, and nothing is read of them. `hopes` and
 * `trace` are files, or NULL. False: no process could be had, and it was said. */
bool start_run(struct run *run, const struct options *options, uint64_t seed, bool shown,
               const char *trace, const char *hopes);
/* What it left, once `status` is known. */
void read_run(struct run *run);
void close_run(struct run *run);
/* Starts it and waits for its end. */
bool whole_run(struct run *run, const struct options *options, uint64_t seed, bool shown,
               const char *trace);
bool has_failed(const struct run *run);
/* In a few words; the text is valid until the next call. */
const char *describe_run(const struct run *run);
/* Prints what it printed, without the library's line. */
void show_output(const struct run *run);
/* Prints the command line that repeats it. */
void print_command(const struct options *options, uint64_t seed, const char *only);
/* The path of a new file in a folder of this process. False: there is no folder. They all go with
 * drop_files(). */
bool make_file(char *path, unsigned long size);
void drop_files(void);

#endif
