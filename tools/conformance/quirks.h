/* SPDX-License-Identifier: MIT */
/* What kernels do that the library has to know: a table, a small program for each line that finds
 * out whether this kernel does it, and the case that shows that nobody notices. */
#ifndef TOOLS_CONFORMANCE_QUIRKS_H
#define TOOLS_CONFORMANCE_QUIRKS_H

#include "table.h"

enum answer { NO, YES, CANNOT_TELL };

/* Each is called in a process of its own. */
#define QUIRK(name, since, until, what, shown_by) enum answer probe_##name(void);
#include "quirks.inc"
#undef QUIRK

/* Prints the line of that name, or all for NULL, and runs their cases on the backends of `table`.
 * Whether the table is right and no case differs; -1: there is no such line; -2: none could be
 * tried. */
int check_quirks(const char *name, const struct table *table);

#endif
