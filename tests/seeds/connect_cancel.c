/* SPDX-License-Identifier: MIT */
/* Connects that are canceled or late, to those who answer, who are full, who are not there. One
 * that fails leaves nothing behind, one that succeeds gives a stream that works. The bug: who is
 * canceled throws away what it has just got. */
#include "kit.h"

enum { TASKS = 4, CONNECTS = 5, KINDS = 6 };
enum kind { ANSWERS, ANSWERS_UNIX, FULL, FULL_UNIX, GONE, FAR };

static zio_addr_t targets[KINDS];
static zio_listener_t *listeners[4];
static zio_task_t *tasks[TASKS];
static unsigned connecting, connected, given_up, late;

static zio_err_t answer_all(void *ud) {
    zio_listener_t *const listener = ud;
    zio_stream_t *stream;
    unsigned char byte;
    while (zio_accept(listener, &stream, NULL, ZIO_NEVER) == ZIO_OK) {
        const zio_ssize_t got = zio_stream_read(stream, &byte, 1, ZIO_NEVER);
        byte++;
        if (got == 1) went_well(zio_stream_write_all(stream, &byte, 1, NULL, ZIO_NEVER), "a write");
        zio_stream_close(stream);
    }
    return ZIO_OK;
}

static bool is_right(enum kind kind, zio_err_t err) {
    switch (err) {
        case ZIO_ECANCELED:
        case ZIO_ETIMEDOUT:
        case ZIO_EAGAIN:
            return true;
        case ZIO_ECONNREFUSED:
            return kind == GONE || is_weather(err);
        case ZIO_ENETTIMEOUT:
            return kind == FULL || is_weather(err);
        case ZIO_EHOSTUNREACH:
            return kind == FAR;
        default:
            return is_weather(err);
    }
}

static void use(zio_stream_t *stream, enum kind kind) {
    unsigned char byte = 41;
    must(kind != GONE && kind != FAR, "nobody is there who answers");
    if (kind == ANSWERS || kind == ANSWERS_UNIX) {
        zio_shield_begin();
        bool is_answered =
            went_well(zio_stream_write_all(stream, &byte, 1, NULL, ZIO_NEVER), "a write");
        if (is_answered) {
            is_answered =
                went_well(zio_stream_read_exact(stream, &byte, 1, NULL, ZIO_NEVER), "a read");
        }
        if (is_answered) must(byte == 42, "what connects works");
        zio_shield_end();
    }
    zio_stream_close(stream);
}

static zio_deadline_t short_deadline(void) {
    if (chance(100)) return ZIO_IMMEDIATE;
    return chance(150) ? ZIO_NEVER : zio_after_ns((int64_t)below(3000000));
}

static zio_err_t connect_often(void *ud) {
    (void)ud;
    for (unsigned i = 0; i < CONNECTS; i++) {
        zio_stream_t *const nothing = (zio_stream_t *)&targets;
        zio_stream_t *stream = nothing;
        const enum kind kind = (enum kind)below(KINDS);
        const zio_err_t err = zio_connect(&stream, &targets[kind], NULL, short_deadline());
        if (err != ZIO_OK) {
            must(is_right(kind, err), "a connect fails as it may");
            must(stream == nothing, "one that fails gives nothing");
            given_up += err == ZIO_ECANCELED;
            late += err == ZIO_ETIMEDOUT;
            continue;
        }
        connected++;
        if (is_planted && zio_check_cancel() == ZIO_ECANCELED) continue;
        use(stream, kind);
    }
    connecting--;
    return ZIO_OK;
}

static zio_err_t disturb(void *ud) {
    (void)ud;
    for (unsigned i = 0; connecting > 0; i++) {
        if (pause_us(i < 300 ? 300 : 10000000) != ZIO_OK) break;
        if (connecting > 0) zio_task_request_cancel(tasks[below(TASKS)]);
    }
    return ZIO_OK;
}

static void open_targets(void) {
    static const char *const names[] = {"unix:@answers", "unix:@full", "10.1.2.3:80"};
    targets[ANSWERS] = targets[FULL] = targets[GONE] = host(1);
    for (unsigned i = 0; i < 3; i++) {
        const unsigned kind = i == 0 ? ANSWERS_UNIX : i == 1 ? FULL_UNIX : FAR;
        must(zio_addr_parse(&targets[kind], names[i], (size_t)-1, 0) == ZIO_OK, "a name is one");
    }
    for (unsigned kind = ANSWERS; kind <= FULL_UNIX; kind++) {
        listeners[kind] = listen_at(&targets[kind], kind >= FULL ? 1 : 0);
    }
    zio_listener_close(listen_at(&targets[GONE], 0));
}

static zio_err_t body(void *ud) {
    zio_task_t *answerers[2], *disturber;
    (void)ud;
    open_targets();
    for (unsigned i = 0; i < 2; i++) answerers[i] = start(answer_all, listeners[i]);
    connecting = TASKS;
    for (unsigned i = 0; i < TASKS; i++) tasks[i] = start(connect_often, NULL);
    disturber = start(disturb, NULL);
    for (unsigned i = 0; i < TASKS; i++) {
        must(zio_task_join(tasks[i], NULL, ZIO_NEVER) == ZIO_OK, "who connects ends");
    }
    stop(disturber);
    for (unsigned i = 0; i < TASKS; i++) zio_task_unref(tasks[i]);
    for (unsigned i = 0; i < 4; i++) zio_listener_close(listeners[i]);
    for (unsigned i = 0; i < 2; i++) finish(answerers[i]);
    zio_sim_sometimes(connected > 4, "several get through");
    zio_sim_sometimes(given_up > 2, "several are canceled");
    zio_sim_sometimes(late > 2, "several are late");
    return ZIO_OK;
}

const struct program connect_cancel = {"connect_cancel", body,
                                       "refuse,lose,reset,cut,descriptors,memory"};
