/* SPDX-License-Identifier: MIT */
/* Several programs in one simulated world: `-- SERVER ARGUMENTS -- CLIENT ARGUMENTS`. */
#ifndef ZIO_SIM_STAGE_H
#define ZIO_SIM_STAGE_H

#include <stdbool.h>

/* Whether the words name more than one program. */
bool are_several(char *const *words);
/* Starts them all and waits for their ends. The status of the process that calls this: 0, or that
 * of the first program that failed; or it ends by the signal that this one ended by. */
int play(char **words);

#endif
