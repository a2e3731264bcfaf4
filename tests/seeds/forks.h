/* SPDX-License-Identifier: MIT */
/* Many runs of a program, one after the other, each in a process forked from this one. Starting a
 * program anew takes longer than most of these runs. What a run left is read as `zio-sim` does. */
#ifndef ZIO_TESTS_SEEDS_FORKS_H
#define ZIO_TESTS_SEEDS_FORKS_H

#include "kit.h"

/* Prints "program,seeds,events,failures,seconds"; for failures and the command that repeats them
 * standard error. Over many seeds a hope that was never true is a failure, too. 0 when there is
 * none. */
int run_seeds(const struct program *program, uint64_t first, uint64_t count, const char *self);
/* The same until one fails, which shows that the program's checks can fail. 0 when one did. */
int find_failure(const struct program *program, uint64_t first, uint64_t count);
/* Prints how many had the hash of the first. 0 when all had. */
int replay_seed(const struct program *program, uint64_t seed, uint64_t count);
/* Prints "program,seed,events,virtual_ns,hash" for each. */
int print_hashes(const struct program *program, uint64_t first, uint64_t count);

#endif
