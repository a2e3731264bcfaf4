/* SPDX-License-Identifier: MIT */
/* What the echo servers of the benchmarks have in common, so that they differ in nothing but the
 * way they do their I/O: the socket, the ready line, the buffer's size, the work for each request.
 */
#ifndef BENCH_SERVER_KIT_H
#define BENCH_SERVER_KIT_H

#include <stddef.h>
#include <stdint.h>

enum { BUFFER_BYTES = 16 * 1024, MESSAGE_BYTES = 64, CONNECTIONS = 8192 };

/* A listening, non-blocking socket on a free port of the loopback; accepted ones have TCP_NODELAY.
 */
int kit_listen(void);

/* The line that the examples print when they are ready. */
void kit_ready(int listener, const char *backend);

/* Burns what BENCH_WORK_NS in the environment says for each message in `length` bytes; by default
 * nothing. It stands for the user's code of a server that is not limited by its client. */
void kit_work(size_t length);

/* Ends the program with what errno says. */
_Noreturn void kit_fail(const char *what);

#endif
