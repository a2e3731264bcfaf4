/* SPDX-License-Identifier: MIT */
/* Streams whose tasks are on different workers: nothing is lost on the way, the workers share what
 * comes, and a wait for I/O can be ended from anywhere. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "net_kit.h"
#include "zio/listener.h"
#include "zio/stream.h"

enum { WORKERS = 3 };

static zio_rt_t *start_crew(void) {
    zio_rt_t *rt = make_crew(WORKERS);
    assert_int_equal(zio_rt_start(rt), 0);
    return rt;
}

/* What a plain thread spawns goes to the workers in turn, and this stays where it was put. */
static zio_task_t *place(zio_rt_t *rt, zio_task_fn entry, void *ud) {
    zio_spawn_options_t options = spawn_options();
    zio_task_t *task = NULL;
    options.flags = ZIO_TASK_PIN_HERE;
    assert_int_equal(zio_spawn(rt, &task, entry, ud, &options), 0);
    return task;
}

static bool is_set(const bool *flag) {
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}
static void set(bool *flag) {
    __atomic_store_n(flag, true, __ATOMIC_RELEASE);
}
static uint64_t count_of(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}
static void count(uint64_t *counter) {
    __atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL);
}

/* --- one end, two workers ------------------------------------------------------------------- */

struct end {
    zio_stream_t *stream;
    uint64_t bytes;
    uint64_t first; /* the place of its first byte */
    pid_t thread;
};

static zio_err_t writes_numbered(void *ud) {
    struct end *end = ud;
    static const size_t sizes[] = {1, 100, 5000, 40000, 13};
    static const size_t largest = 40000;
    unsigned char bytes[40000];
    uint64_t at = 0;
    end->thread = gettid();
    for (unsigned i = 0; at < end->bytes; ++i) {
        size_t size = sizes[i % (sizeof sizes / sizeof sizes[0])];
        if (size > end->bytes - at) size = (size_t)(end->bytes - at);
        REQUIRE(size <= largest);
        for (size_t k = 0; k < size; ++k) bytes[k] = byte_at(end->first + at + k);
        REQUIRE(zio_stream_write_all(end->stream, bytes, size, NULL, ZIO_NEVER) == 0);
        REQUIRE(gettid() == end->thread);
        at += size;
    }
    REQUIRE(zio_stream_shutdown(end->stream, ZIO_NEVER) == 0);
    return 0;
}

static zio_err_t reads_numbered(void *ud) {
    struct end *end = ud;
    unsigned char bytes[30000];
    uint64_t at = 0, seed = end->first;
    end->thread = gettid();
    for (;;) {
        const size_t size = 1 + next_random(&seed) % sizeof bytes;
        const zio_ssize_t got = zio_stream_read(end->stream, bytes, size, ZIO_NEVER);
        REQUIRE(gettid() == end->thread);
        if (got == 0) break;
        REQUIRE(got > 0);
        for (zio_ssize_t k = 0; k < got; ++k) REQUIRE(bytes[k] == byte_at(end->first + at++));
    }
    REQUIRE(at == end->bytes);
    return 0;
}

/* Both directions at once; each end is read on one worker and written on another. */
static void bytes_cross_workers(void **state) {
    zio_rt_t *rt = start_crew();
    (void)state;
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        const uint64_t bytes = scaled(UNDER_SANITIZER ? 200000 : 1000000);
        struct end ends[4] = {
            {link.a, bytes, 1000, 0}, /* read */
            {link.a, bytes, 5000, 0}, /* written */
            {link.b, bytes, 5000, 0},
            {link.b, bytes, 1000, 0},
        };
        zio_task_t *tasks[4];
        for (int i = 0; i < 4; ++i) {
            tasks[i] = place(rt, i % 2 == 0 ? reads_numbered : writes_numbered, &ends[i]);
        }
        for (int i = 0; i < 4; ++i) assert_int_equal(finish(tasks[i]), 0);
        assert_int_not_equal(ends[0].thread, ends[1].thread);
        assert_int_not_equal(ends[2].thread, ends[3].thread);
        assert_int_not_equal(ends[0].thread, getpid());
        close_link(&link);
    }
    end_runtime(rt);
}

/* --- who serves what was accepted ----------------------------------------------------------- */

enum { CROWD = 60 };
struct crowd {
    zio_listener_t *listener;
    zio_addr_t address;
    pid_t threads[CROWD];
};
struct guest {
    struct crowd *crowd;
    zio_stream_t *stream;
    zio_task_t *server;
};
static struct guest guests[CROWD];

static zio_err_t serves_one(void *ud) {
    struct guest *guest = ud;
    unsigned char number = 0;
    REQUIRE(zio_stream_read(guest->stream, &number, 1, ZIO_NEVER) == 1 && number < CROWD);
    guest->crowd->threads[number] = gettid();
    REQUIRE(zio_stream_write(guest->stream, &number, 1, ZIO_NEVER) == 1);
    REQUIRE(zio_stream_read(guest->stream, &number, 1, ZIO_NEVER) == 0);
    REQUIRE(zio_stream_close(guest->stream) == 0);
    return 0;
}

static zio_err_t serves_all(void *ud) {
    struct crowd *crowd = ud;
    for (int i = 0; i < CROWD; ++i) {
        guests[i].crowd = crowd;
        REQUIRE(zio_accept(crowd->listener, &guests[i].stream, NULL, ZIO_NEVER) == 0);
        REQUIRE(zio_spawn(NULL, &guests[i].server, serves_one, &guests[i], NULL) == 0);
    }
    return 0;
}

static void check_spread(const struct crowd *crowd) {
    pid_t seen[WORKERS];
    unsigned shares[WORKERS] = {0}, workers = 0;
    for (int i = 0; i < CROWD; ++i) {
        unsigned at = 0;
        while (at < workers && seen[at] != crowd->threads[i]) ++at;
        assert_in_range(at, 0, WORKERS - 1);
        if (at == workers) seen[workers++] = crowd->threads[i];
        ++shares[at];
    }
    print_message("%u, %u and %u\n", shares[0], shares[1], shares[2]);
    assert_int_equal(workers, WORKERS);
    for (unsigned i = 0; i < workers; ++i) assert_in_range(shares[i], CROWD / 10, CROWD);
}

static void accepted_connections_are_spread(void **state) {
    zio_rt_t *rt = start_crew();
    (void)state;
    for (int kind = 0; kind < 2; ++kind) {
        static struct crowd crowd;
        zio_stream_t *clients[CROWD];
        memset(&crowd, 0, sizeof crowd);
        const zio_addr_t asked = kind == 0 ? address_of("127.0.0.1:0") : fresh_name();
        assert_int_equal(zio_listen(&crowd.listener, &asked, NULL), 0);
        crowd.address = bound_to(crowd.listener);
        zio_task_t *server = NULL;
        assert_int_equal(zio_spawn(rt, &server, serves_all, &crowd, NULL), 0);
        for (unsigned char i = 0; i < CROWD; ++i) {
            assert_int_equal(zio_connect(&clients[i], &crowd.address, NULL, ZIO_NEVER), 0);
            assert_int_equal(zio_stream_write(clients[i], &i, 1, ZIO_NEVER), 1);
        }
        for (unsigned char i = 0; i < CROWD; ++i) {
            unsigned char number = 255;
            assert_int_equal(zio_stream_read(clients[i], &number, 1, ZIO_NEVER), 1);
            assert_int_equal(number, i);
        }
        assert_int_equal(finish(server), 0);
        for (int i = 0; i < CROWD; ++i) assert_int_equal(zio_stream_close(clients[i]), 0);
        for (int i = 0; i < CROWD; ++i) assert_int_equal(finish(guests[i].server), 0);
        check_spread(&crowd);
        assert_int_equal(zio_listener_close(crowd.listener), 0);
    }
    end_runtime(rt);
}

/* --- ending a wait from elsewhere ----------------------------------------------------------- */

struct disturbed {
    zio_stream_t *in, *out;
    zio_task_t *reader;
    uint64_t enough; /* of each ending */
    uint64_t moved, canceled, late, read, joins_late;
    uint64_t sent;
    bool over;
};

static zio_err_t reads_disturbed(void *ud) {
    struct disturbed *d = ud;
    uint64_t seed = 11, at = 0;
    while (d->moved < d->enough || d->canceled < d->enough || d->late < d->enough) {
        unsigned char bytes[32];
        const zio_deadline_t deadline = next_random(&seed) % 2 == 0
                                            ? ZIO_NEVER
                                            : zio_after_ns((int64_t)(next_random(&seed) % 50000));
        const zio_ssize_t got = zio_stream_read(d->in, bytes, sizeof bytes, deadline);
        if (got == ZIO_ECANCELED) {
            ++d->canceled;
        } else if (got == ZIO_ETIMEDOUT) {
            ++d->late;
        } else {
            REQUIRE(got > 0);
            for (zio_ssize_t k = 0; k < got; ++k) REQUIRE(bytes[k] == byte_at(at++));
            __atomic_store_n(&d->read, at, __ATOMIC_RELEASE);
            ++d->moved;
        }
    }
    set(&d->over);
    return 0;
}

static zio_err_t writes_now_and_then(void *ud) {
    struct disturbed *d = ud;
    uint64_t seed = 12;
    while (!is_set(&d->over)) {
        unsigned char bytes[48];
        const size_t size = 1 + next_random(&seed) % sizeof bytes;
        if (d->sent > count_of(&d->read) + 100) {
            REQUIRE(zio_yield() == 0);
            continue;
        }
        for (size_t k = 0; k < size; ++k) bytes[k] = byte_at(d->sent + k);
        REQUIRE(zio_stream_write_all(d->out, bytes, size, NULL, ZIO_NEVER) == 0);
        d->sent += size;
        REQUIRE(zio_sleep_until(zio_after_ns((int64_t)(next_random(&seed) % 60000))) == 0);
    }
    return 0;
}

static zio_err_t cancels_now_and_then(void *ud) {
    struct disturbed *d = ud;
    uint64_t seed = 13;
    while (!is_set(&d->over)) {
        REQUIRE(zio_task_request_cancel(d->reader) == 0);
        if (next_random(&seed) % 2 == 0) {
            REQUIRE(zio_sleep_until(zio_after_ns((int64_t)(next_random(&seed) % 60000))) == 0);
        } else {
            REQUIRE(zio_yield() == 0);
        }
    }
    return 0;
}

static zio_err_t joins_now_and_then(void *ud) {
    struct disturbed *d = ud;
    uint64_t seed = 14;
    zio_err_t result = 1, status;
    while ((status = zio_task_join(d->reader, &result,
                                   zio_after_ns((int64_t)(next_random(&seed) % 100000)))) != 0) {
        REQUIRE(status == ZIO_ETIMEDOUT);
        ++d->joins_late;
    }
    return result;
}

static void cancels_and_deadlines_lose_no_byte(void **state) {
    zio_rt_t *rt = start_crew();
    (void)state;
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct disturbed d = {.in = link.a, .out = link.b};
        d.enough = scaled(UNDER_SANITIZER ? 100 : 400);
        static const zio_task_fn others[] = {writes_now_and_then, cancels_now_and_then,
                                             joins_now_and_then};
        zio_task_t *tasks[3];
        d.reader = place(rt, reads_disturbed, &d);
        for (int i = 0; i < 3; ++i) tasks[i] = place(rt, others[i], &d);
        for (int i = 0; i < 3; ++i) assert_int_equal(finish(tasks[i]), 0);
        assert_int_equal(finish(d.reader), 0);
        print_message("%lu moved, %lu canceled, %lu late, %lu joins late\n", (unsigned long)d.moved,
                      (unsigned long)d.canceled, (unsigned long)d.late,
                      (unsigned long)d.joins_late);
        assert_int_equal(zio_stream_close(link.b), 0);
        unsigned char byte;
        while (zio_stream_read(link.a, &byte, 1, ZIO_NEVER) == 1) {
            assert_int_equal(byte, byte_at(d.read++));
        }
        assert_int_equal(d.read, d.sent);
        assert_int_equal(zio_stream_close(link.a), 0);
    }
    end_runtime(rt);
}

struct chain {
    zio_stream_t *stream;
    zio_task_t *reader;
    uint64_t there;
};
static zio_err_t reads_one(void *ud) {
    struct chain *chain = ud;
    char byte;
    count(&chain->there);
    return (zio_err_t)zio_stream_read(chain->stream, &byte, 1, ZIO_NEVER);
}
static zio_err_t joins_one(void *ud) {
    struct chain *chain = ud;
    zio_err_t result = 1;
    count(&chain->there);
    REQUIRE(zio_task_join(chain->reader, &result, ZIO_NEVER) == 0);
    REQUIRE(result == ZIO_ECANCELED);
    return zio_check_cancel();
}

/* The reader, who joins it and who cancels that one are each somewhere else. */
static void a_cancel_goes_through_a_join(void **state) {
    const uint64_t rounds = scaled(UNDER_SANITIZER ? 100 : 300);
    zio_rt_t *rt = start_crew();
    (void)state;
    for (uint64_t i = 0; i < rounds; ++i) {
        struct link link = make_link(i % 8 == 0 ? LINK_TCP : LINK_PAIR);
        struct chain chain = {.stream = link.a};
        zio_err_t result = 1;
        chain.reader = place(rt, reads_one, &chain);
        zio_task_t *joiner = place(rt, joins_one, &chain);
        /* Half of the time both wait, half of the time they may not even have started. */
        while (i % 2 == 0 && count_of(&chain.there) < 2) assert_int_equal(zio_yield(), 0);
        assert_int_equal(zio_task_cancel(joiner, &result), 0);
        assert_int_equal(result, ZIO_ECANCELED);
        assert_int_equal(finish(chain.reader), ZIO_ECANCELED);
        assert_int_equal(zio_task_unref(joiner), 0);
        close_link(&link);
    }
    end_runtime(rt);
}

/* --- turns ---------------------------------------------------------------------------------- */

enum { SENDERS = 6, RECEIVERS = 6, RECORD = 120 };
struct turns {
    zio_stream_t *in, *out;
    unsigned each; /* records of a sender */
    unsigned char *seen[SENDERS];
    uint64_t received, peeked;
    uint64_t there; /* receivers */
    bool over;
};
struct turn {
    struct turns *turns;
    unsigned char number;
};

static zio_err_t sends_records(void *ud) {
    const struct turn *me = ud;
    unsigned char record[RECORD];
    for (uint32_t i = 0; i < me->turns->each; ++i) {
        memset(record, me->number, sizeof record);
        memcpy(record + 1, &i, sizeof i);
        REQUIRE(zio_stream_write_all(me->turns->out, record, RECORD, NULL, ZIO_NEVER) == 0);
    }
    return 0;
}

static zio_err_t receives_records(void *ud) {
    const struct turn *me = ud;
    struct turns *turns = me->turns;
    unsigned char record[RECORD];
    uint64_t total = (uint64_t)turns->each * SENDERS, mine = 0;
    count(&turns->there);
    /* As many as are left, shared among all. */
    while (__atomic_fetch_add(&turns->received, 1, __ATOMIC_RELAXED) < total) {
        uint32_t number;
        REQUIRE(zio_stream_read_exact(turns->in, record, RECORD, NULL, ZIO_NEVER) == 0);
        memcpy(&number, record + 1, sizeof number);
        REQUIRE(record[0] < SENDERS && number < turns->each);
        for (int i = 5; i < RECORD; ++i) REQUIRE(record[i] == record[0]);
        REQUIRE(__atomic_fetch_add(&turns->seen[record[0]][number], 1, __ATOMIC_RELAXED) == 0);
        ++mine;
    }
    return mine != 0;
}

/* Waits for a turn, not for long: a record's beginning is what it sees. */
static zio_err_t peeks(void *ud) {
    struct turns *turns = ud;
    uint64_t seed = 21;
    while (!is_set(&turns->over)) {
        unsigned char first = 255;
        const zio_ssize_t got = zio_stream_peek(
            turns->in, &first, 1, zio_after_ns((int64_t)(next_random(&seed) % 30000)));
        REQUIRE(got == 1 || got == ZIO_ETIMEDOUT);
        REQUIRE(got != 1 || first < SENDERS);
        if (got == 1) count(&turns->peeked);
        REQUIRE(zio_yield() == 0);
    }
    return 0;
}

static void *receives_in_a_thread(void *ud) {
    (void)receives_records(ud);
    return NULL;
}

static void workers_and_threads_take_turns(void **state) {
    zio_rt_t *rt = start_crew();
    (void)state;
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct turns turns = {.in = link.a, .out = link.b};
        struct turn each[SENDERS];
        zio_task_t *senders[SENDERS], *receivers[RECEIVERS];
        turns.each = (unsigned)scaled(UNDER_SANITIZER ? 100 : 300);
        for (unsigned char i = 0; i < SENDERS; ++i) {
            each[i] = (struct turn){&turns, i};
            turns.seen[i] = test_calloc(turns.each, 1);
        }
        zio_task_t *peeker = place(rt, peeks, &turns);
        for (int i = 0; i < RECEIVERS; ++i) receivers[i] = place(rt, receives_records, &each[i]);
        const pthread_t thread = start_thread(receives_in_a_thread, &each[0]);
        while (count_of(&turns.there) < RECEIVERS + 1) assert_int_equal(zio_yield(), 0);
        for (int i = 0; i < SENDERS; ++i) senders[i] = place(rt, sends_records, &each[i]);
        unsigned took_part = 0;
        for (int i = 0; i < SENDERS; ++i) assert_int_equal(finish(senders[i]), 0);
        for (int i = 0; i < RECEIVERS; ++i) took_part += finish(receivers[i]) == 1;
        finish_thread(thread);
        set(&turns.over);
        assert_int_equal(finish(peeker), 0);
        assert_int_equal(took_part, RECEIVERS);
        for (int i = 0; i < SENDERS; ++i) {
            for (unsigned k = 0; k < turns.each; ++k) assert_int_equal(turns.seen[i][k], 1);
            test_free(turns.seen[i]);
        }
        close_link(&link);
    }
    end_runtime(rt);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_cross_workers),
        cmocka_unit_test(accepted_connections_are_spread),
        cmocka_unit_test(cancels_and_deadlines_lose_no_byte),
        cmocka_unit_test(a_cancel_goes_through_a_join),
        cmocka_unit_test(workers_and_threads_take_turns),
    };
    return cmocka_run_group_tests_name("net_workers", tests, NULL, NULL);
}
