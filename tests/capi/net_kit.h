/* SPDX-License-Identifier: MIT */
/* What the tests of streams and listeners share: a runtime around a test, connected streams of each
 * kind, tasks to start and to wait for. */
#ifndef ZIO_TESTS_CAPI_NET_KIT_H
#define ZIO_TESTS_CAPI_NET_KIT_H

#include "test.h"
#include "zio/net.h"
#include "zio/task.h"

#define MS INT64_C(1000000) /* nanoseconds */

/* The backend of this run is the simulated one: there are no other processes and no real time. */
bool is_simulated(void);
/* How much a test does, by ZIO_TEST_SCALE. */
uint64_t scaled(uint64_t count);

/* Runs `body` as the main task of a runtime. IN_TASK defines a test that does. */
void run_in_task(void (*body)(void));
#define IN_TASK(name)                 \
    static void name##_in_task(void); \
    static void name(void **state) {  \
        (void)state;                  \
        run_in_task(name##_in_task);  \
    }                                 \
    static void name##_in_task(void)

/* --- tasks ---------------------------------------------------------------------------------- */

zio_task_t *start(zio_task_fn entry, void *ud);
/* Waits for it and gives its result. */
zio_err_t finish(zio_task_t *task);
/* Lets the others run until they wait, and what was sent arrive. */
void settle(void);

/* --- connected streams ---------------------------------------------------------------------- */

enum link_kind { LINK_TCP, LINK_TCP6, LINK_UNIX, LINK_PAIR, LINK_KINDS };
struct link {
    zio_stream_t *a; /* that connected */
    zio_stream_t *b; /* that was accepted */
};
struct link make_link(enum link_kind kind);
/* Both ends, those that are still open. */
void close_link(struct link *link);

zio_addr_t address_of(const char *text);
/* An abstract Unix address that nobody else has. */
zio_addr_t fresh_name(void);
zio_addr_t bound_to(zio_listener_t *listener);
/* A listener on a free port of 127.0.0.1. */
zio_listener_t *listen_tcp(void);

/* Whether a stream that is full stays so until the other side reads. TCP finds room when it likes.
 */
bool has_firm_room(enum link_kind kind);
/* Writes until there is no room for a byte; the bytes written. */
size_t fill(zio_stream_t *stream);
/* Reads until `count` bytes have come. */
void drain(zio_stream_t *stream, size_t count);

/* --- the process ---------------------------------------------------------------------------- */

/* Open descriptors. */
unsigned descriptor_count(void);
unsigned thread_count(void);
/* Byte `at` of a stream of bytes in which each place can be told from its neighbours. */
unsigned char byte_at(uint64_t at);
/* A generator of its own for each seed. */
uint64_t next_random(uint64_t *state);

#endif
