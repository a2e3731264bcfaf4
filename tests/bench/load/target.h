/* SPDX-License-Identifier: MIT */
/* One server under load: its connections, and what was seen in one slice of time. */
#ifndef BENCH_LOAD_TARGET_H
#define BENCH_LOAD_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "demo/measure.h"
#include "load/dialogue.h"

enum { NAME_BYTES = 24 };

/* How the client behaves. */
struct manner {
    bool saturated; /* it never sleeps, but looks every 20 us */
    bool http;      /* it asks for a page; else its messages come back */
    bool brief;     /* each message has a connection of its own */
};

struct connection {
    int fd;
    bool waiting; /* for an answer */
    int64_t sent_ns;
    uint32_t received; /* bytes of the answer so far */
    uint64_t answers;  /* in this slice */
    char message[MESSAGE_BYTES];
};

struct target {
    char name[NAME_BYTES];
    char base[NAME_BYTES]; /* the hand-written server of the same interface */
    int port;
    int pid;
    clockid_t clock; /* CPU time of the server */
    struct manner manner;
    struct dialogue dialogue;
    int poller;
    struct connection *connections;
    uint32_t count;
    struct durations slice_waits, waits; /* of the last slice; of all that were kept */
};

struct slice {
    uint64_t answers;
    double wall_ns, cpu_ns;  /* cpu: of the server */
    double fewest_to_median; /* answers of a connection */
    double longest_to_mean;  /* time of an answer, those that did not come included */
    double lost_ns;          /* server and client waited so long for a CPU: others had it */
};

int64_t now_ns(void);

/* Ends the program with what errno says. */
_Noreturn void fail(const char *what, const struct target *target);

void target_connect(struct target *target, uint32_t count, struct manner manner);
void target_disconnect(struct target *target);

/* Each connection has one message under way for this long. The client sleeps when there is nothing
 * to do; saturated, it looks every 20 us, so that answers gather and it is never what the server
 * waits for. All answers have come back when this returns. */
struct slice target_load(struct target *target, int64_t duration_ns);

/* The last slice counts. */
void target_keep_waits(struct target *target);

#endif
