/* SPDX-License-Identifier: MIT */
/* What the simulated programs share. Each is a file with one `struct program`: some tasks that do
 * what a real program does, and say what must hold. A seed decides all of it: what they do, in
 * which order, and the weather. The bugs planted in them are switched on by --bug. */
#ifndef ZIO_TESTS_SEEDS_KIT_H
#define ZIO_TESTS_SEEDS_KIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zio.h>

struct program {
    const char *name;
    zio_task_fn body;  /* the main task */
    const char *harsh; /* the classes of harsh faults it lives with; "" none */
};
extern const struct program *const programs[];
extern const unsigned program_count;

/* ---- the run ------------------------------------------------------------------------------- */

extern bool is_planted; /* the program's bug is on */
/* Sets the environment that the seed means, as far as nobody else has: nothing harsh, harsh faults
 * at any time (safety), or until some instant (liveness). */
void choose_weather(const struct program *program, uint64_t seed);
/* The status of the process. */
int run_program(const struct program *program);
/* What chance may make fail: calls that could not help it. */
bool is_harsh(void);
/* Nothing harsh happens, or not for ever: the program must get everything done. */
bool must_finish(void);
/* Whether a call may have failed so by the weather alone. */
bool is_weather(zio_err_t err);

/* ---- chance and what must hold ------------------------------------------------------------- */

uint64_t below(uint64_t count);
bool chance(unsigned per_mille);
void must(bool holds, const char *what);
/* 0, or the weather's. Gives whether it is 0. */
bool went_well(int64_t result, const char *what);

/* ---- tasks and time ------------------------------------------------------------------------ */

/* Sleeps less than so many microseconds; 0, or ZIO_ECANCELED. */
zio_err_t pause_us(uint64_t most);
/* ZIO_NEVER, or some instant within so many microseconds. */
zio_deadline_t some_deadline(uint64_t most_us);
zio_task_t *start(zio_task_fn entry, void *ud);
/* Waits for its end and gives it up; its result. */
zio_err_t finish(zio_task_t *task);
/* The same, but cancels it. */
zio_err_t stop(zio_task_t *task);

/* ---- sockets ------------------------------------------------------------------------------- */

struct link {
    zio_stream_t *a, *b;
};
zio_addr_t host(unsigned number); /* 127.0.0.<number>, any port */
/* Listens, however often it takes; `address` becomes the one it is bound to. */
zio_listener_t *listen_at(zio_addr_t *address, uint32_t backlog);
/* Two that are connected: over TCP, a Unix socket, or a pair. */
struct link make_link(void);
struct link make_pair(void);
/* Byte number `at` of a stream whose bytes can be told from their neighbours. */
unsigned char byte_at(uint64_t at);
void fill_bytes(unsigned char *out, size_t size, uint64_t at);
bool are_bytes(const unsigned char *bytes, size_t size, uint64_t at);

#endif
