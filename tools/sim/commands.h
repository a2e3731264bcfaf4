/* SPDX-License-Identifier: MIT */
/* The commands of `zio-sim`. Each gives the status of the process: 0 all is well, 1 a run failed or
 * differs, 2 it could not be told. */
#ifndef ZIO_SIM_COMMANDS_H
#define ZIO_SIM_COMMANDS_H

#include "options.h"

int run_seeds(const struct options *options);
int replay_seed(const struct options *options);
int show_timeline(const struct options *options);
int diff_seed(const struct options *options);
int shrink_seed(const struct options *options);

#endif
