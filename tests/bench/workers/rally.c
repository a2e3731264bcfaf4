/* SPDX-License-Identifier: MIT */
/* Two tasks on two workers send each other a ball. */
#define _GNU_SOURCE

#include <unistd.h>

#include "workers/kit.h"

enum { TRIPS = 100000, TRIPS_ASLEEP = 400, PAUSE_NS = 300 * 1000 };

struct side {
    struct rally *rally;
    int number;
    pid_t thread;
};

struct rally {
    struct side sides[2];
    zio_task_t *tasks[2]; /* who asks wakes up when both are known */
    int64_t pause_ns;     /* work before each send */
    int count;
    int64_t sent_ns, travelled_ns; /* the ball: it is with one side at a time */
    int64_t took_ns;
};

static void send_ball(struct rally *rally, int to) {
    if (rally->pause_ns > 0) work_for(rally->pause_ns);
    if (rally->pause_ns > 0) rally->sent_ns = now_ns();
    (void)zio_task_unpark(rally->tasks[to]);
}

static void catch_ball(struct rally *rally) {
    MUST(zio_task_park(ZIO_NEVER) == 0);
    if (rally->pause_ns > 0) rally->travelled_ns += now_ns() - rally->sent_ns;
}

static zio_err_t ZIO_CALL answers(void *ud) {
    struct side *const me = ud;
    me->thread = gettid();
    const int trips = me->rally->count + me->rally->count / 10;
    for (int i = 0; i < trips; i++) {
        catch_ball(me->rally);
        send_ball(me->rally, 0);
    }
    return 0;
}

static zio_err_t ZIO_CALL asks(void *ud) {
    static int64_t travelled[TRIPS_ASLEEP];
    struct side *const me = ud;
    struct rally *const rally = me->rally;
    int64_t began = 0;
    me->thread = gettid();
    MUST(zio_task_park(ZIO_NEVER) == 0);
    for (int i = -rally->count / 10; i < rally->count; i++) {
        if (i == 0) began = now_ns();
        rally->travelled_ns = 0;
        send_ball(rally, 1);
        catch_ball(rally);
        if (rally->pause_ns > 0 && i >= 0) travelled[i] = rally->travelled_ns;
    }
    rally->took_ns = rally->pause_ns > 0 ? median_of(travelled, rally->count)
                                         : (now_ns() - began) / rally->count;
    return 0;
}

static int64_t play(int count, int64_t pause_ns) {
    struct rally rally = {.count = count, .pause_ns = pause_ns};
    zio_rt_t *const runtime = make_runtime(2);
    MUST(zio_rt_start(runtime) == 0);
    for (int i = 0; i < 2; i++) {
        rally.sides[i] = (struct side){&rally, i, 0};
        rally.tasks[i] = spawn_pinned(runtime, i == 0 ? asks : answers, &rally.sides[i]);
    }
    MUST(zio_task_unpark(rally.tasks[0]) == 0);
    for (int i = 0; i < 2; i++) {
        MUST(zio_task_join(rally.tasks[i], NULL, ZIO_NEVER) == 0);
        MUST(zio_task_unref(rally.tasks[i]) == 0);
    }
    MUST(rally.sides[0].thread != rally.sides[1].thread);
    end_runtime(runtime);
    return rally.took_ns;
}

int64_t measure_round_trip(void) {
    return play(TRIPS, 0);
}

int64_t measure_round_trip_asleep(void) {
    return play(TRIPS_ASLEEP, PAUSE_NS);
}
