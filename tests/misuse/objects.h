/* SPDX-License-Identifier: MIT */
/* Arguments of every kind and quality, and what becomes of them. */
#ifndef ZIO_TESTS_MISUSE_OBJECTS_H
#define ZIO_TESTS_MISUSE_OBJECTS_H

#include "functions.h"

enum { kind_count = KIND_OUT + 1, most_kept = 2048, most_fresh = 16 };

struct argument {
    union value extra[3]; /* what must be ended beside it */
    unsigned char memory[512] __attribute__((aligned(16)));
};

/* Where calls are made from: what is there, and what was made for them. */
struct scene {
    zio_rt_t *rt;    /* that runs, or may */
    bool is_stopped; /* each object's runtime has been shut down */
    bool is_alone;   /* there is no runtime */
    bool is_child;   /* what is good was made before a fork, and stands in `before` */
    union value before[kind_count];
    zio_rt_t *fresh_before[most_fresh];
    int fresh_before_count;
    struct argument *arguments_before;
    zio_listener_t *helper; /* somebody listens at `address` */
    zio_addr_t address;
    uint32_t key;
    void *dead[kind_count];
    zio_rt_t *foreign_rt; /* alive, and no handle of any other kind */
    zio_listener_t *foreign_listener;
    /* What can only be ended where a call may suspend. */
    zio_rt_t *runtimes[most_kept];
    zio_group_t *groups[most_kept];
    int runtime_count, group_count;
};

enum quality {
    GOOD,
    NO_POINTER,
    DEAD,
    FOREIGN,
    INVENTED,
    NEXT_LIFE,
    OTHER_SLOT,
    BAD_NUMBER,
    OTHER_BAD_NUMBER,
    NEGATIVE,
    AT_ONCE,
    PAST,
    TOO_SMALL,
    TOO_LARGE,
    NO_DESCRIPTOR,
    WRONG_DESCRIPTOR,
    quality_count
};
extern const char *const quality_names[quality_count];

enum { ANY_RESULT = 2, NULL_OF_CURRENT = 3 }; /* beside 0 and errors */

struct call {
    const struct function *function;
    int lacking; /* the parameter for which the scene has nothing good; -1 = none */
    union value values[most_parameters];
    union value made[most_parameters]; /* the values before one was spoiled */
    struct argument arguments[most_parameters];
};

void open_scene(struct scene *scene);
/* Handles that are dead, of the kinds that need a runtime; where the tasks of `rt` can run. */
void bury(struct scene *scene);
/* One of each kind, for a child that has none of them. */
void make_before(struct scene *scene);
void end_before(struct scene *scene);
void close_scene(struct scene *scene);
/* What was kept, where a call may suspend and the tasks can run. */
void end_kept(struct scene *scene);

void prepare_call(struct scene *scene, struct call *call, const struct function *function);
/* Spoils one argument; false: that cannot be done to its kind. `expected`: an error, 0 for a
 * success, or one of the above. */
bool spoil(struct scene *scene, struct call *call, int parameter, enum quality quality,
           int64_t *expected);
/* Ends what was made for it and what it gave. It suspends nowhere. */
void finish_call(struct scene *scene, struct call *call, int64_t result);

#endif
