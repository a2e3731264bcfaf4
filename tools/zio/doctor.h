/* SPDX-License-Identifier: MIT */
/* `zio doctor`: what this machine offers the library, and what would fail at a million tasks. Each
 * part adds its section to the report. */
#ifndef TOOLS_ZIO_DOCTOR_H
#define TOOLS_ZIO_DOCTOR_H

#include "park.h"
#include "report.h"

/* The command; `argv[0]` is "doctor". Returns the exit status. */
int doctor_main(int argc, char **argv);

void doctor_backends(struct report *report);
void doctor_kernel(struct report *report);
void doctor_processors(struct report *report);
void doctor_limits(struct report *report);
void doctor_environment(struct report *report);
/* `sample`: a few thousand parked tasks, from which the rest is calculated. */
void doctor_tasks(struct report *report, const struct parking *sample);
void doctor_connections(struct report *report, const struct parking *sample);
/* All of them. */
void doctor_try(struct report *report);

/* Whether the kernel has guards that cost no mapping (MADV_GUARD_INSTALL), and means it. */
bool has_guard_advice(void);

#endif
