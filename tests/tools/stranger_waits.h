/* SPDX-License-Identifier: MIT */
/* A part of stranger.c. */
#ifndef ZIO_STRANGER_WAITS_H
#define ZIO_STRANGER_WAITS_H

#include <stdbool.h>

void check_waits(void (*expect)(bool holds, const char *what));

#endif
