/* SPDX-License-Identifier: MIT */
/* The floor: the least a stackful runtime can do. One thread, a switch, a queue, a list of spare
 * tasks; no handle, no check, no error, no cancel. Its only use is to say how fast this machine is
 * at this moment, so that the library's figures can be given as ratios. */
#ifndef BENCH_TASKS_FLOOR_H
#define BENCH_TASKS_FLOOR_H

#include <stdbool.h>

struct floor_task;

/* False where the switch is not written for the processor; then nothing below may be called. */
bool floor_exists(void);

void floor_yield(void);
struct floor_task *floor_spawn(void (*entry)(void *), void *ud);
void floor_join(struct floor_task *task);

#endif
