/* SPDX-License-Identifier: MIT */
/* What the cases of the benchmark `workers` have in common. */
#ifndef BENCH_WORKERS_KIT_H
#define BENCH_WORKERS_KIT_H

#include <stdint.h>

#include "zio.h"

/* Ends the program when something that must hold does not. */
#define MUST(condition) kit_must(condition, #condition)
void kit_must(int holds, const char *what);

int64_t now_ns(void);
/* Keeps the processor busy. */
void work_for(int64_t span_ns);
/* Sorts the values. */
int64_t median_of(int64_t *values, int count);
/* What two looks at the clock say when nothing is between them. */
int64_t clock_cost_ns(void);

/* A runtime with so many workers, on the backend that the environment asks for. */
zio_rt_t *make_runtime(uint32_t workers);
/* Ends it and its tasks. */
void end_runtime(zio_rt_t *runtime);
/* A task that stays on the worker it is given to: from a plain thread, each worker in turn. */
zio_task_t *spawn_pinned(zio_rt_t *runtime, zio_task_fn entry, void *ud);

/* --- the cases: each gives nanoseconds ------------------------------------------------------ */

/* A round trip between two tasks on two workers, both of which wait awake. */
int64_t measure_round_trip(void);
/* The same when each side works so long before it answers that the other sleeps by then: the time
 * on the way. */
int64_t measure_round_trip_asleep(void);

/* zio_task_unpark() by a plain thread, of a parked task on a worker that never sleeps, or that
 * sleeps. */
int64_t measure_wake(int busy);

/* To make a runtime with so many workers, run a task on it, and end it. */
int64_t measure_life(uint32_t workers);

/* 1 000 tasks that sleep and 1 000 that wait for a client's words, on two workers, for so many
 * seconds: says `ready`, then how often their loops were polled meanwhile. */
void stay_idle(int64_t seconds);

#endif
