/* SPDX-License-Identifier: MIT */
/* The public functions as data: generated from the headers, so that none is left out and each is
 * held to what its own comment says. */
#ifndef ZIO_TESTS_MISUSE_FUNCTIONS_H
#define ZIO_TESTS_MISUSE_FUNCTIONS_H

#include "zio.h"

#ifdef __cplusplus
extern "C" {
#endif

enum kind {
    /* Handles, and where one is given out. */
    KIND_RT,
    KIND_FRESH_RT, /* nobody runs it */
    KIND_TASK,
    KIND_PREPARED, /* a task that was not launched */
    KIND_GROUP,
    KIND_STREAM,
    KIND_LISTENER,
    KIND_READER,
    KIND_WRITER,
    KIND_OUT_RT,
    KIND_OUT_TASK,
    KIND_OUT_GROUP,
    KIND_OUT_STREAM,
    KIND_OUT_LISTENER,
    KIND_OUT_READER,
    KIND_OUT_WRITER,
    /* Descriptors. */
    KIND_FD_READ,
    KIND_FD_WRITE,
    KIND_FD_STREAM,
    KIND_FD_LISTENER,
    /* Instants. */
    KIND_DEADLINE, /* far */
    KIND_SOON,
    /* What is read. */
    KIND_ADDRESS, /* somebody listens there */
    KIND_FREE_ADDRESS,
    KIND_SOCKADDR,
    KIND_ALLOCATOR,
    KIND_RT_OPTIONS,
    KIND_SOCK_OPTIONS,
    KIND_SPAWN_OPTIONS,
    KIND_PIECES,
    KIND_ENTRY,
    KIND_KEY,
    KIND_NUMBER,
    KIND_NOTHING, /* NULL, whatever it is for */
    /* What is written, or read and written. */
    KIND_MEMORY,
    KIND_STATS,
    KIND_OUT
};

union value {
    void *pointer;
    int64_t number;
};

enum parameter_flag { MAY_BE_NULL = 1, NULL_IS_NOTHING = 2 };
struct parameter {
    const char *name;
    enum kind kind;
    unsigned flags;
    int64_t good;
    int bad_count;
    struct {
        int64_t number;
        zio_err_t error;
    } bad[2];
};

enum function_flag {
    GIVES_STATUS = 1,   /* else a value */
    SUSPENDS = 2,       /* also with good arguments for which nothing is to be waited */
    NEEDS_TASK = 4,     /* it is about the current task */
    ZERO_IF_BAD = 8,    /* 0, NULL for a handle that is none */
    MINUS_IF_BAD = 16,  /* -1 for one */
    PASSES_RESULTS = 32 /* what a task's function returned, whatever it is */
};
enum { most_parameters = 10, most_errors = 40 };
struct function {
    const char *name;
    int64_t (*call)(const union value *values);
    void (*undo)(const union value *values); /* of a success; NULL = nothing is to be undone */
    const struct parameter *parameters;
    int parameter_count;
    unsigned flags;
    zio_err_t errors[most_errors]; /* that its comment names, then 0 */
    zio_err_t outcomes[4];         /* of good arguments in a task, then 1; none = any success */
};
extern const struct function functions[];
extern const int function_count;

#ifdef __cplusplus
}
#endif
#endif
