/* SPDX-License-Identifier: MIT */
/* What the cases share: connected streams of each kind, tasks, addresses, bytes. */
#ifndef TOOLS_CONFORMANCE_KIT_H
#define TOOLS_CONFORMANCE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zio.h"

enum { MS = 1000000 };
/* An instant that has passed. */
#define PAST ((zio_deadline_t)1)

/* Whether the runtime of this process is a simulated one. */
extern bool is_simulated;
/* The runtime of this process; a case on a plain thread asks for it. */
extern zio_rt_t *the_runtime;

/* A deadline that only a failure meets. */
zio_deadline_t soon(void);
/* Long enough for everything that can happen by itself to have happened. */
void settle(void);

/* --- connected streams ---------------------------------------------------------------------- */

enum link_kind { LINK_TCP4, LINK_TCP6, LINK_PATH, LINK_ABSTRACT, LINK_PAIR, LINK_KINDS };
struct link {
    enum link_kind kind;
    zio_stream_t *a; /* that connected */
    zio_stream_t *b; /* that was accepted */
};
const char *link_name(enum link_kind kind);
/* Whether this machine has it. */
bool has_link(enum link_kind kind);
void make_link(struct link *link, enum link_kind kind);
/* Both ends, those that are still open. */
void close_link(struct link *link);
void close_a(struct link *link);
void close_b(struct link *link);
bool is_tcp(const struct link *link);
/* Whether a stream that is full stays so until the other side reads; TCP finds room when it likes.
 */
bool has_firm_room(const struct link *link);

/* --- addresses ------------------------------------------------------------------------------ */

zio_addr_t address_of(const char *text);
/* For a listener; a fresh name for those of Unix. */
zio_addr_t fresh_address(enum link_kind kind);
zio_addr_t bound_to(zio_listener_t *listener);
zio_listener_t *listen_at(const zio_addr_t *address);
zio_stream_t *connect_to(const zio_addr_t *address);
zio_stream_t *accept_from(zio_listener_t *listener);
/* An address of 127.0.0.1 or ::1 at which nobody listens. */
zio_addr_t nobodys_address(enum link_kind kind);
bool same_address(const zio_addr_t *a, const zio_addr_t *b);

/* --- bytes ---------------------------------------------------------------------------------- */

/* Byte `at` of a row in which each place can be told from its neighbours. */
unsigned char byte_at(uint64_t at);
void fill_bytes(void *to, size_t size, uint64_t at);
bool are_bytes(const void *bytes, size_t size, uint64_t at);
void send_text(zio_stream_t *stream, const char *text);
/* Reads exactly so much and tells it: `what=text`. */
void tell_text(const char *what, zio_stream_t *stream, size_t size);
/* Writes until there is no room for a single byte; how many. */
size_t fill(zio_stream_t *stream);
/* Reads so many bytes, which have to come. */
void drain(zio_stream_t *stream, size_t size);

/* --- tasks ---------------------------------------------------------------------------------- */

zio_task_t *start(zio_task_fn entry, void *ud);
/* Joins it, ends the reference, gives its result. */
zio_err_t finish(zio_task_t *task);
/* Requests its cancel, then the same. */
zio_err_t cancel(zio_task_t *task);
bool has_ended(zio_task_t *task);

/* One call on a stream, for a task. */
enum call {
    CALL_READ,
    CALL_READV,
    CALL_READ_EXACT,
    CALL_PEEK,
    CALL_WRITE,
    CALL_WRITEV,
    CALL_WRITE_ALL,
    CALL_SHUTDOWN,
    CALLS
};
struct calling {
    zio_stream_t *stream;
    enum call call;
    size_t size; /* of a buffer of its own */
    zio_deadline_t deadline;
    size_t done;
};
const char *call_name(enum call call);
/* As a task's function; `ud` is a struct calling. */
zio_err_t make_call(void *ud);

/* What never ends but by a cancel. */
zio_err_t sleeps_for_ever(void *ud);

unsigned descriptor_count(void);

#endif
