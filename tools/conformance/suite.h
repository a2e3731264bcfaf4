/* SPDX-License-Identifier: MIT */
/* The cases: what each does and what has to come of it, whichever backend is under it. */
#ifndef TOOLS_CONFORMANCE_SUITE_H
#define TOOLS_CONFORMANCE_SUITE_H

#include <stddef.h>

#include "kit.h"
#include "outcome.h"

/* Bits of `flags`. */
enum {
    PLAIN = 1, /* the body runs on a thread of its own, outside the runtime */
    HOST = 2,  /* on descriptors of the system, which the simulated backend leaves to it */
    REAL = 4,  /* nothing that can be simulated: threads, signals, limits, the system's own paths */
};

/* Which kinds of links a case with a link is run on, one after the other. */
enum {
    TCP4 = 1 << LINK_TCP4,
    TCP6 = 1 << LINK_TCP6,
    PATH = 1 << LINK_PATH,
    ABSTRACT = 1 << LINK_ABSTRACT,
    PAIR = 1 << LINK_PAIR,
    TCP = TCP4 | TCP6,
    LOCAL = PATH | ABSTRACT | PAIR,
    ALL = TCP | LOCAL
};

struct test_case {
    const char *name;     /* its area, a point, what it is about */
    const char *expected; /* the outcome; one for all kinds, or `tcp4: ... | pair: ...` */
    void (*body)(void);
    void (*on_link)(struct link *link); /* instead of `body`; what it leaves open is closed */
    unsigned kinds;
    unsigned flags;
};

/* A file of cases each. The list ends with one that has no name. */
extern const struct test_case abort_cases[], accept_cases[], address_cases[], buffered_cases[],
    cancel_cases[], close_cases[], connect_cases[], deadline_cases[], descriptor_cases[],
    listen_cases[], option_cases[], order_cases[], read_cases[], runtime_cases[], thread_cases[],
    time_cases[], transfer_cases[], vector_cases[], write_cases[];

/* All of them, in a fixed order. */
extern const struct test_case *const all_areas[];
extern const size_t area_count;

/* The case of that name, or NULL. */
const struct test_case *find_case(const char *name);
/* Whether the case is that one, or in that area. */
bool is_in(const struct test_case *one, const char *name);

#endif
