/* SPDX-License-Identifier: MIT */
/* No effect or no cancel, in numbers: calls are canceled at random moments until so many ended that
 * way, while numbered bytes and greetings tell whether anything was lost or came twice. */
#ifndef TOOLS_CONFORMANCE_CANCELS_H
#define TOOLS_CONFORMANCE_CANCELS_H

#include "runner.h"

/* Prints one line for each kind of call; whether all is in order. */
bool race_cancels(const struct backend *backend, uint64_t count, bool is_csv);
void print_cancels_head(bool is_csv);

#endif
