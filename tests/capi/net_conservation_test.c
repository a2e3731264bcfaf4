/* SPDX-License-Identifier: MIT */
/* No effect or no cancel: calls are canceled at random moments, while the other side counts. What a
 * canceled call did not do must still be there, what any other did must be there once. Each test
 * fails unless both endings were really raced, and says how often each came. */
#include <stdio.h>

#include "net_kit.h"
#include "zio/listener.h"
#include "zio/stream.h"

/* Ends of each kind that a race must have seen at least: 1 000 of 8 000. */
static uint64_t least(uint64_t runs) {
    return runs / 8;
}

static void report(const char *what, uint64_t canceled, uint64_t moved, uint64_t runs) {
    const char *backend = zio_rt_backend_name(zio_rt_current());
    print_message("%s on %s: %lu canceled, %lu with an effect\n", what, backend,
                  (unsigned long)canceled, (unsigned long)moved);
    assert_true(canceled >= least(runs));
    assert_true(moved >= least(runs));
}

/* Lets others go on for a random while: a few turns, or a moment of time. */
static void linger(uint64_t *random) {
    const uint64_t choice = next_random(random) % 16;
    if (choice == 0) {
        (void)zio_sleep_until(zio_after_ns((int64_t)(next_random(random) % 100000)));
        return;
    }
    for (uint64_t i = choice % 5; i > 0; --i) (void)zio_yield();
}

/* --- receives ------------------------------------------------------------------------------- */

struct race {
    zio_stream_t *stream;
    uint64_t at;       /* the place in the numbered bytes */
    uint64_t canceled; /* ends without an effect */
    uint64_t moved;    /* ends with one */
    uint64_t wrong;
    uint64_t seed;
    bool over;
    const struct race *other;
};

/* One receive; what it gives must be what comes next. */
static zio_err_t receive_once(void *ud) {
    struct race *race = ud;
    unsigned char bytes[64];
    const size_t size = 1 + next_random(&race->seed) % sizeof bytes;
    const zio_ssize_t got = zio_stream_read(race->stream, bytes, size, ZIO_NEVER);
    if (got == ZIO_ECANCELED) {
        ++race->canceled;
        return 0;
    }
    ++race->moved;
    if (got <= 0) ++race->wrong;
    for (zio_ssize_t i = 0; i < got; ++i) {
        if (bytes[i] != byte_at(race->at++)) ++race->wrong;
    }
    return 0;
}

static zio_err_t send_numbered(void *ud) {
    struct race *race = ud;
    while (!race->over) {
        /* Only a little ahead, so that the other side has to wait again and again. */
        if (race->at > race->other->at + 2) {
            const zio_err_t status = zio_yield();
            if (status != 0) return status;
            continue;
        }
        unsigned char bytes[48];
        const size_t size = 1 + next_random(&race->seed) % sizeof bytes;
        for (size_t i = 0; i < size; ++i) bytes[i] = byte_at(race->at + i);
        const zio_err_t status = zio_stream_write_all(race->stream, bytes, size, NULL, ZIO_NEVER);
        if (status != 0) return status;
        race->at += size;
        linger(&race->seed);
    }
    return 0;
}

static void race_receives(enum link_kind kind, uint64_t runs, struct race *total) {
    struct link link = make_link(kind);
    struct race reads = {.stream = link.a, .seed = 1 + (uint64_t)kind};
    struct race writes = {.stream = link.b, .seed = 1001 + (uint64_t)kind};
    uint64_t random = 2001 + (uint64_t)kind;
    writes.other = &reads;
    zio_task_t *sender = start(send_numbered, &writes);
    for (uint64_t i = 0; i < runs; ++i) {
        zio_task_t *reader = start(receive_once, &reads);
        linger(&random);
        if (next_random(&random) % 2 == 0) assert_int_equal(zio_task_request_cancel(reader), 0);
        assert_int_equal(finish(reader), 0);
    }
    writes.over = true;
    /* The sender may wait for room: what is left is read until it has ended and nothing is left. */
    zio_err_t sent = 0;
    for (bool ended = false; !ended || reads.at < writes.at;) {
        unsigned char byte;
        if (zio_stream_read(link.a, &byte, 1, zio_after_ns(MS)) == 1) {
            if (byte != byte_at(reads.at++)) ++reads.wrong;
        }
        if (!ended) ended = zio_task_join(sender, &sent, ZIO_IMMEDIATE) == 0;
    }
    assert_int_equal(sent, 0);
    assert_int_equal(zio_task_unref(sender), 0);
    settle();
    assert_int_equal(zio_stream_read(link.a, &random, 1, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(reads.wrong, 0);
    assert_int_equal(reads.at, writes.at);
    total->canceled += reads.canceled;
    total->moved += reads.moved;
    close_link(&link);
}

IN_TASK(canceled_receives_lose_no_byte) {
    const uint64_t runs = scaled(8000);
    struct race total = {.stream = NULL};
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        race_receives((enum link_kind)kind, runs / LINK_KINDS, &total);
    }
    report("receives", total.canceled, total.moved, runs / LINK_KINDS * LINK_KINDS);
}

/* --- sends ---------------------------------------------------------------------------------- */

enum { PIECE = 24 * 1024 };

/* Writes a piece; when it is canceled `done` says where the next one has to go on. */
static zio_err_t send_once(void *ud) {
    struct race *race = ud;
    static unsigned char bytes[PIECE];
    const size_t size = 1 + next_random(&race->seed) % PIECE;
    size_t done = SIZE_MAX;
    for (size_t i = 0; i < size; ++i) bytes[i] = byte_at(race->at + i);
    const zio_err_t status = zio_stream_write_all(race->stream, bytes, size, &done, ZIO_NEVER);
    if (done > size || (status == 0 && done != size)) return ZIO_EINTERNAL;
    race->at += done;
    if (status == ZIO_ECANCELED) ++race->canceled;
    if (status == 0) ++race->moved;
    return status == ZIO_ECANCELED ? 0 : status;
}

static zio_err_t receive_numbered(void *ud) {
    struct race *race = ud;
    static unsigned char bytes[16 * 1024];
    for (;;) {
        const size_t size = 1 + next_random(&race->seed) % sizeof bytes;
        const zio_ssize_t got = zio_stream_read(race->stream, bytes, size, ZIO_NEVER);
        if (got <= 0) return (zio_err_t)got;
        for (zio_ssize_t i = 0; i < got; ++i) {
            if (bytes[i] != byte_at(race->at++)) ++race->wrong;
        }
        linger(&race->seed);
    }
}

IN_TASK(canceled_sends_say_how_far_they_came) {
    const uint64_t runs = scaled(8000);
    uint64_t canceled = 0, moved = 0;
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct race writes = {.stream = link.a, .seed = 3001};
        struct race reads = {.stream = link.b, .seed = 4001};
        uint64_t random = 5001;
        if (kind == LINK_UNIX || kind == LINK_PAIR) {
            assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_SNDBUF, 4096), 0);
        }
        zio_task_t *reader = start(receive_numbered, &reads);
        for (uint64_t i = 0; i < runs / LINK_KINDS; ++i) {
            zio_task_t *writer = start(send_once, &writes);
            linger(&random);
            if (next_random(&random) % 2 == 0) assert_int_equal(zio_task_request_cancel(writer), 0);
            assert_int_equal(finish(writer), 0);
        }
        assert_int_equal(zio_stream_shutdown(link.a, ZIO_NEVER), 0);
        assert_int_equal(finish(reader), 0);
        assert_int_equal(reads.wrong, 0);
        assert_int_equal(reads.at, writes.at);
        canceled += writes.canceled;
        moved += writes.moved;
        close_link(&link);
    }
    report("sends", canceled, moved, runs / LINK_KINDS * LINK_KINDS);
}

/* --- accepts and connects ------------------------------------------------------------------- */

struct meeting {
    zio_listener_t *listener;
    zio_addr_t address;
    uint64_t connected, connect_canceled;
    uint64_t accepted, accept_canceled;
    uint64_t broken; /* accepted, but whoever connected was canceled and had gone */
};

static zio_err_t connect_once(void *ud) {
    struct meeting *meeting = ud;
    zio_stream_t *stream = NULL;
    zio_err_t status = zio_connect(&stream, &meeting->address, NULL, ZIO_NEVER);
    if (status == ZIO_ECANCELED) {
        ++meeting->connect_canceled;
        return stream == NULL ? 0 : ZIO_EINTERNAL;
    }
    if (status != 0) return status;
    ++meeting->connected;
    (void)zio_shield_begin();
    /* A hello, so that the other side can tell it from one that was given up. */
    status = zio_stream_write_all(stream, "h", 1, NULL, ZIO_NEVER);
    (void)zio_shield_end();
    const zio_err_t closed = zio_stream_close(stream);
    return status != 0 ? status : closed;
}

/* Was it given up, or does it say hello? */
static zio_err_t receive_hello(struct meeting *meeting, zio_stream_t *stream) {
    char byte = 0;
    (void)zio_shield_begin();
    const zio_ssize_t got = zio_stream_read(stream, &byte, 1, ZIO_NEVER);
    (void)zio_shield_end();
    const zio_err_t closed = zio_stream_close(stream);
    if (got == 1 && byte == 'h') {
        ++meeting->accepted;
    } else if (got == 0 || got == ZIO_ECONNRESET) {
        ++meeting->broken;
    } else {
        return got < 0 ? (zio_err_t)got : ZIO_EINTERNAL;
    }
    return closed;
}

static zio_err_t accept_once(void *ud) {
    struct meeting *meeting = ud;
    zio_stream_t *stream = NULL;
    const zio_err_t status = zio_accept(meeting->listener, &stream, NULL, ZIO_NEVER);
    if (status == ZIO_ECANCELED) {
        ++meeting->accept_canceled;
        return stream == NULL ? 0 : ZIO_EINTERNAL;
    }
    return status != 0 ? status : receive_hello(meeting, stream);
}

/* The connections that still wait are accepted, so that the sums can be compared. */
static void accept_the_rest(struct meeting *meeting) {
    zio_stream_t *stream = NULL;
    zio_err_t status;
    while ((status = zio_accept(meeting->listener, &stream, NULL, zio_after_ns(50 * MS))) == 0) {
        assert_int_equal(receive_hello(meeting, stream), 0);
    }
    assert_int_equal(status, ZIO_ETIMEDOUT);
}

static void race_meetings(int kind, uint64_t runs, struct meeting *total) {
    struct meeting meeting = {.listener = NULL};
    uint64_t random = 6001 + (uint64_t)kind;
    const zio_addr_t asked = kind == 0 ? address_of("127.0.0.1:0") : fresh_name();
    assert_int_equal(zio_listen(&meeting.listener, &asked, NULL), 0);
    meeting.address = bound_to(meeting.listener);
    for (uint64_t i = 0; i < runs; ++i) {
        zio_task_t *accepts = start(accept_once, &meeting);
        if (next_random(&random) % 2 == 0) linger(&random);
        zio_task_t *connects = start(connect_once, &meeting);
        const uint64_t choice = next_random(&random) % 4;
        if (choice != 3) linger(&random);
        if (choice <= 1) assert_int_equal(zio_task_request_cancel(connects), 0);
        if (choice != 1) assert_int_equal(zio_task_request_cancel(accepts), 0);
        assert_int_equal(finish(connects), 0);
        /* Without somebody who connects the accept would wait for ever. */
        linger(&random);
        assert_int_equal(zio_task_request_cancel(accepts), 0);
        assert_int_equal(finish(accepts), 0);
        if (i % 1000 == 999) accept_the_rest(&meeting); /* a listener holds only so many */
    }
    const uint64_t accept_canceled = meeting.accept_canceled;
    accept_the_rest(&meeting);
    assert_int_equal(meeting.accepted, meeting.connected);
    assert_true(meeting.broken <= meeting.connect_canceled);
    assert_int_equal(zio_listener_close(meeting.listener), 0);
    total->connected += meeting.connected;
    total->connect_canceled += meeting.connect_canceled;
    total->accepted += runs - accept_canceled;
    total->accept_canceled += accept_canceled;
}

IN_TASK(canceled_accepts_and_connects_lose_no_connection) {
    const uint64_t runs = scaled(8000);
    struct meeting total = {.listener = NULL};
    uint64_t random = 1;
    settle(); /* the loop opens what it needs for a wait at the first one */
    const unsigned before = descriptor_count();
    for (int kind = 0; kind < 2; ++kind) race_meetings(kind, runs / 2, &total);
    linger(&random);
    assert_int_equal(descriptor_count(), before);
    report("connects", total.connect_canceled, total.connected, runs);
    report("accepts", total.accept_canceled, total.accepted, runs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canceled_receives_lose_no_byte),
        cmocka_unit_test(canceled_sends_say_how_far_they_came),
        cmocka_unit_test(canceled_accepts_and_connects_lose_no_connection),
    };
    return cmocka_run_group_tests_name("net_conservation", tests, NULL, NULL);
}
