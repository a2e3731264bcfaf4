/* SPDX-License-Identifier: MIT */
/* Closes against everything else: tasks of several workers and plain threads read, write, accept
 * and close the same few streams and listeners, all at once and without knowing of each other. Each
 * connection says its own number, so that a byte that went astray is seen. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "net_kit.h"
#include "zio/group.h"
#include "zio/listener.h"
#include "zio/stream.h"

enum { WORKERS = 3, PLACES = 6, RECORD = 8, ENOUGH = 500 /* that everything happens */ };

static uint64_t load(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}
static bool is_over(const bool *over) {
    return __atomic_load_n(over, __ATOMIC_ACQUIRE);
}
static void add(uint64_t *counter, uint64_t more) {
    __atomic_fetch_add(counter, more, __ATOMIC_ACQ_REL);
}

/* Somebody who takes part: a task that stays on its worker, or a plain thread. */
struct party {
    zio_task_fn act;
    void *arena;
    uint64_t seed;
};
static void *act_in_a_thread(void *ud) {
    struct party *party = ud;
    REQUIRE(party->act(party) == 0);
    return NULL;
}

enum { MOST_PARTIES = 24 };
struct parties {
    struct party party[MOST_PARTIES];
    zio_task_t *tasks[MOST_PARTIES];
    pthread_t threads[MOST_PARTIES];
    int count;
};
/* One on each worker, or one plain thread. */
static void add_party(struct parties *all, zio_rt_t *rt, bool in_threads, zio_task_fn act,
                      void *arena) {
    for (int i = 0; i < (in_threads ? 1 : WORKERS); ++i) {
        const int at = all->count++;
        REQUIRE(at < MOST_PARTIES);
        all->party[at] = (struct party){act, arena, 1000 + (uint64_t)at};
        all->tasks[at] = NULL;
        if (in_threads) {
            all->threads[at] = start_thread(act_in_a_thread, &all->party[at]);
            continue;
        }
        zio_spawn_options_t options = spawn_options();
        options.flags = ZIO_TASK_PIN_HERE;
        assert_int_equal(zio_spawn(rt, &all->tasks[at], act, &all->party[at], &options), 0);
    }
}
static void end_parties(struct parties *all) {
    for (int i = 0; i < all->count; ++i) {
        if (all->tasks[i] == NULL)
            finish_thread(all->threads[i]);
        else
            assert_int_equal(finish(all->tasks[i]), 0);
    }
    all->count = 0;
}

static void linger(uint64_t *seed) {
    const uint64_t choice = next_random(seed) % 8;
    if (choice == 0) {
        REQUIRE(zio_sleep_until(zio_after_ns((int64_t)(next_random(seed) % 50000))) == 0);
    } else {
        for (uint64_t i = 0; i < choice; ++i) REQUIRE(zio_yield() == 0);
    }
}

/* --- streams -------------------------------------------------------------------------------- */

/* One connection. Its near end is everybody's, its far end belongs to one task. */
struct connection {
    struct link link;
    uint64_t number;
    uint64_t sent, received; /* bytes by the near end, and what came of them */
    uint64_t closes;
    bool ended_well; /* the far end saw the end of the stream, and no reset */
};

struct streams {
    zio_group_t *far_ends;
    struct connection *connections;
    uint64_t places[PLACES]; /* which connection is there */
    uint64_t made, wanted;
    uint64_t reads, writes, peeks, late, closed, dead; /* how calls ended */
    uint64_t ends, resets;
    bool over;
};

static struct connection *any_connection(struct streams *all, uint64_t *seed) {
    return &all->connections[load(&all->places[next_random(seed) % PLACES])];
}

/* A call of a stream that may be closed at any time has ended. */
static void count_end(struct streams *all, zio_err_t status) {
    REQUIRE(status == ZIO_ECLOSED || status == ZIO_EBADF);
    add(status == ZIO_ECLOSED ? &all->closed : &all->dead, 1);
}

static bool is_part_of(const unsigned char *bytes, size_t size, uint64_t number) {
    unsigned char whole[RECORD];
    memcpy(whole, &number, sizeof whole);
    return memcmp(bytes, whole, size) == 0;
}

/* Sends a few records with the number, then hears all until the end. */
static zio_err_t is_far_end(void *ud) {
    struct connection *me = ud;
    unsigned char bytes[512];
    uint64_t seed = me->number;
    size_t held = 0;
    const uint64_t records = next_random(&seed) % 6;
    zio_err_t sent = 0;
    zio_ssize_t got;
    for (uint64_t i = 0; i < records && sent == 0; ++i)
        sent = zio_stream_write_all(me->link.b, &me->number, RECORD, NULL, ZIO_NEVER);
    REQUIRE(sent == 0 || sent == ZIO_EPIPE || sent == ZIO_ECONNRESET);
    for (;;) {
        got = zio_stream_read(me->link.b, bytes + held, sizeof bytes - held, ZIO_NEVER);
        if (got <= 0) break;
        me->received += (uint64_t)got;
        size_t at = 0;
        held += (size_t)got;
        for (; held - at >= RECORD; at += RECORD)
            REQUIRE(is_part_of(bytes + at, RECORD, me->number));
        memmove(bytes, bytes + at, held - at);
        held -= at;
    }
    REQUIRE(is_part_of(bytes, held, me->number));
    REQUIRE(got == 0 || got == ZIO_ECONNRESET);
    me->ended_well = got == 0 && sent == 0;
    REQUIRE(zio_stream_close(me->link.b) == 0);
    return 0;
}

/* A listener of one's own for each kind, for those who make connections. */
struct maker {
    zio_listener_t *listeners[LINK_KINDS];
};
static struct maker open_maker(void) {
    struct maker maker = {{NULL}};
    for (int kind = LINK_TCP; kind <= LINK_UNIX; kind += LINK_UNIX - LINK_TCP) {
        const zio_addr_t asked = kind == LINK_TCP ? address_of("127.0.0.1:0") : fresh_name();
        REQUIRE(zio_listen(&maker.listeners[kind], &asked, NULL) == 0);
    }
    return maker;
}
static void close_maker(struct maker *maker) {
    for (int kind = 0; kind < LINK_KINDS; ++kind)
        REQUIRE(zio_listener_close(maker->listeners[kind]) == 0);
}
static void make_connection(const struct maker *maker, struct connection *made) {
    const int kind = made->number % 8 == 0  ? LINK_TCP
                     : made->number % 8 < 4 ? LINK_UNIX
                                            : LINK_PAIR;
    if (kind == LINK_PAIR) {
        REQUIRE(zio_stream_pair(&made->link.a, &made->link.b) == 0);
        return;
    }
    zio_addr_t address;
    REQUIRE(zio_listener_addr(maker->listeners[kind], &address) == 0);
    REQUIRE(zio_connect(&made->link.a, &address, NULL, ZIO_NEVER) == 0);
    REQUIRE(zio_accept(maker->listeners[kind], &made->link.b, NULL, ZIO_NEVER) == 0);
}

/* Puts a new connection to a place; false when there were enough. */
static bool fill_place(struct streams *all, const struct maker *maker, uint64_t *place) {
    const uint64_t number = __atomic_fetch_add(&all->made, 1, __ATOMIC_RELAXED);
    if (number >= all->wanted) return false;
    struct connection *made = &all->connections[number];
    made->number = number;
    make_connection(maker, made);
    REQUIRE(zio_group_spawn(all->far_ends, is_far_end, made, NULL) == 0);
    __atomic_store_n(place, number, __ATOMIC_RELEASE);
    return true;
}

static bool close_connection(struct connection *victim) {
    const zio_err_t status = zio_stream_close(victim->link.a);
    REQUIRE(status == 0 || status == ZIO_EBADF);
    add(&victim->closes, status == 0);
    return status == 0;
}

static zio_err_t closes_streams(void *ud) {
    struct party *me = ud;
    struct streams *all = me->arena;
    struct maker maker = open_maker();
    for (bool more = true; more && load(&all->made) < all->wanted;) {
        uint64_t *const place = &all->places[next_random(&me->seed) % PLACES];
        struct connection *victim = &all->connections[load(place)];
        linger(&me->seed);
        if (close_connection(victim)) more = fill_place(all, &maker, place);
    }
    close_maker(&maker);
    return 0;
}

static zio_err_t reads_streams(void *ud) {
    struct party *me = ud;
    struct streams *all = me->arena;
    while (!is_over(&all->over)) {
        struct connection *at = any_connection(all, &me->seed);
        unsigned char bytes[RECORD];
        if (next_random(&me->seed) % 4 == 0) {
            const zio_deadline_t soon = zio_after_ns((int64_t)(next_random(&me->seed) % 50000));
            const zio_ssize_t got = zio_stream_peek(at->link.a, bytes, RECORD, soon);
            if (got > 0) {
                REQUIRE(is_part_of(bytes, (size_t)got, at->number));
                add(&all->peeks, 1);
            } else if (got == ZIO_ETIMEDOUT) {
                add(&all->late, 1);
            } else {
                count_end(all, (zio_err_t)got);
            }
            continue;
        }
        size_t done = 99;
        const zio_err_t status = zio_stream_read_exact(at->link.a, bytes, RECORD, &done, ZIO_NEVER);
        REQUIRE(done <= RECORD && is_part_of(bytes, done, at->number));
        if (status == 0) {
            add(&all->reads, 1);
        } else {
            count_end(all, status);
        }
    }
    return 0;
}

static zio_err_t writes_streams(void *ud) {
    struct party *me = ud;
    struct streams *all = me->arena;
    while (!is_over(&all->over)) {
        struct connection *at = any_connection(all, &me->seed);
        unsigned char bytes[128 * RECORD];
        const size_t size = (1 + next_random(&me->seed) % 128) * RECORD;
        size_t done = sizeof bytes + 1;
        for (size_t i = 0; i < size; i += RECORD) memcpy(bytes + i, &at->number, RECORD);
        const zio_err_t status = zio_stream_write_all(at->link.a, bytes, size, &done, ZIO_NEVER);
        REQUIRE(done <= size);
        add(&at->sent, done);
        if (status == 0) {
            REQUIRE(done == size);
            add(&all->writes, 1);
        } else {
            count_end(all, status);
        }
        if (next_random(&me->seed) % 4 == 0) linger(&me->seed);
    }
    return 0;
}

static void judge_connections(struct streams *all) {
    for (uint64_t i = 0; i < all->wanted; ++i) {
        const struct connection *one = &all->connections[i];
        assert_int_equal(one->closes, 1);
        if (one->ended_well) assert_int_equal(one->received, one->sent);
        assert_in_range(one->received, 0, one->sent);
        ++*(one->ended_well ? &all->ends : &all->resets);
    }
    print_message(
        "%lu closes, %lu reads, %lu writes, %lu peeks, %lu late; ended by a close %lu, "
        "came after one %lu; the other side saw %lu ends, %lu resets\n",
        (unsigned long)all->wanted, (unsigned long)all->reads, (unsigned long)all->writes,
        (unsigned long)all->peeks, (unsigned long)all->late, (unsigned long)all->closed,
        (unsigned long)all->dead, (unsigned long)all->ends, (unsigned long)all->resets);
    assert_true(all->wanted < ENOUGH ||
                (all->reads > 0 && all->writes > 0 && all->closed > 0 && all->ends > 0));
}

static void race_streams(uint64_t wanted) {
    static struct parties users, closers;
    struct streams all = {.wanted = wanted};
    struct maker maker = open_maker();
    zio_rt_t *rt = make_crew(WORKERS);
    all.connections = test_calloc(wanted, sizeof *all.connections);
    assert_int_equal(zio_rt_start(rt), 0);
    assert_int_equal(zio_group_create(rt, &all.far_ends, 0), 0);
    for (int i = 0; i < PLACES; ++i) assert_true(fill_place(&all, &maker, &all.places[i]));
    close_maker(&maker);
    add_party(&users, rt, false, reads_streams, &all);
    add_party(&users, rt, false, reads_streams, &all);
    add_party(&users, rt, false, writes_streams, &all);
    add_party(&users, rt, true, reads_streams, &all);
    add_party(&users, rt, true, writes_streams, &all);
    add_party(&closers, rt, false, closes_streams, &all);
    add_party(&closers, rt, true, closes_streams, &all);
    end_parties(&closers);
    __atomic_store_n(&all.over, true, __ATOMIC_RELEASE);
    for (int i = 0; i < PLACES; ++i) (void)close_connection(&all.connections[all.places[i]]);
    end_parties(&users);
    assert_int_equal(zio_group_wait(all.far_ends, ZIO_NEVER), 0);
    judge_connections(&all);
    assert_int_equal(zio_group_destroy(all.far_ends), 0);
    end_runtime(rt);
    test_free(all.connections);
}

static void closes_against_reads_and_writes(void **state) {
    (void)state;
    race_streams(100); /* whatever the process keeps is there from now on */
    const unsigned before = descriptor_count();
    race_streams(PLACES + scaled(UNDER_SANITIZER ? 2000 : 10000));
    assert_int_equal(descriptor_count(), before);
}

/* --- listeners ------------------------------------------------------------------------------ */

/* Each is bound to an address that no other has had. */
struct door {
    zio_listener_t *listener;
    zio_addr_t address;
    uint64_t number;
    uint64_t closes;
};
struct doors {
    struct door *doors;
    uint64_t places[PLACES];
    uint64_t made, wanted;
    uint64_t accepted, answered, given_up, refused;
    uint64_t canceled, closed, dead;
    struct parties *accepting;
    bool over;
};

static bool open_door(struct doors *all, uint64_t *place) {
    const uint64_t number = __atomic_fetch_add(&all->made, 1, __ATOMIC_RELAXED);
    if (number >= all->wanted) return false;
    struct door *made = &all->doors[number];
    zio_addr_t asked = fresh_name();
    if (number % 2 == 0) {
        char text[32];
        snprintf(text, sizeof text, "127.%u.%u.%u:0", 1 + (unsigned)(number >> 16) % 254,
                 (unsigned)(number >> 8) % 256, (unsigned)(number % 256));
        asked = address_of(text);
    }
    made->number = number;
    REQUIRE(zio_listen(&made->listener, &asked, NULL) == 0);
    REQUIRE(zio_listener_addr(made->listener, &made->address) == 0);
    __atomic_store_n(place, number, __ATOMIC_RELEASE);
    return true;
}

static bool close_door(struct door *door) {
    const zio_err_t status = zio_listener_close(door->listener);
    REQUIRE(status == 0 || status == ZIO_EBADF);
    add(&door->closes, status == 0);
    return status == 0;
}

static zio_err_t closes_doors(void *ud) {
    struct party *me = ud;
    struct doors *all = me->arena;
    for (bool more = true; more && load(&all->made) < all->wanted;) {
        uint64_t *const place = &all->places[next_random(&me->seed) % PLACES];
        struct door *victim = &all->doors[load(place)];
        for (int i = 0; i < 3; ++i) linger(&me->seed);
        if (close_door(victim)) more = open_door(all, place);
    }
    return 0;
}

/* Who came in must have asked for this door. */
static void receive(struct doors *all, const struct door *door, zio_stream_t *stream) {
    uint64_t asked = 0;
    REQUIRE(zio_stream_read_exact(stream, &asked, RECORD, NULL, ZIO_NEVER) == 0);
    REQUIRE(asked == door->number);
    REQUIRE(zio_stream_write_all(stream, &asked, RECORD, NULL, ZIO_NEVER) == 0);
    REQUIRE(zio_stream_close(stream) == 0);
    add(&all->accepted, 1);
}

static zio_err_t accepts(void *ud) {
    struct party *me = ud;
    struct doors *all = me->arena;
    const bool in_task = zio_task_self() != NULL;
    while (!is_over(&all->over)) {
        const struct door *door = &all->doors[load(&all->places[next_random(&me->seed) % PLACES])];
        zio_stream_t *stream = NULL;
        const zio_err_t status = zio_accept(door->listener, &stream, NULL, ZIO_NEVER);
        if (status == 0) {
            if (in_task) REQUIRE(zio_shield_begin() == 0);
            receive(all, door, stream);
            if (in_task) REQUIRE(zio_shield_end() == 0);
            continue;
        }
        REQUIRE(stream == NULL);
        REQUIRE(status == ZIO_ECLOSED || status == ZIO_EBADF || status == ZIO_ECANCELED);
        add(status == ZIO_ECLOSED ? &all->closed
            : status == ZIO_EBADF ? &all->dead
                                  : &all->canceled,
            1);
    }
    return 0;
}

static zio_err_t connects(void *ud) {
    struct party *me = ud;
    struct doors *all = me->arena;
    while (!is_over(&all->over)) {
        const struct door *door = &all->doors[load(&all->places[next_random(&me->seed) % PLACES])];
        zio_stream_t *stream = NULL;
        uint64_t answer = 0;
        size_t done = 99;
        zio_err_t status = zio_connect(&stream, &door->address, NULL, ZIO_NEVER);
        if (status != 0) {
            REQUIRE(status == ZIO_ECONNREFUSED || status == ZIO_ECONNRESET);
            add(&all->refused, 1);
            continue;
        }
        status = zio_stream_write_all(stream, &door->number, RECORD, NULL, ZIO_NEVER);
        REQUIRE(status == 0 || status == ZIO_EPIPE || status == ZIO_ECONNRESET);
        status = zio_stream_read_exact(stream, &answer, RECORD, &done, ZIO_NEVER);
        if (status == 0) {
            REQUIRE(answer == door->number);
            REQUIRE(zio_stream_read(stream, &answer, 1, ZIO_NEVER) == 0);
            add(&all->answered, 1);
        } else { /* it waited at the door when that was closed */
            zio_addr_t address;
            REQUIRE(done == 0 && (status == ZIO_EEOF || status == ZIO_ECONNRESET));
            REQUIRE(zio_listener_addr(door->listener, &address) == ZIO_EBADF);
            add(&all->given_up, 1);
        }
        REQUIRE(zio_stream_close(stream) == 0);
    }
    return 0;
}

static zio_err_t cancels_accepts(void *ud) {
    struct party *me = ud;
    struct doors *all = me->arena;
    while (!is_over(&all->over)) {
        zio_task_t *task = all->accepting->tasks[next_random(&me->seed) % WORKERS];
        REQUIRE(zio_task_request_cancel(task) == 0);
        linger(&me->seed);
    }
    return 0;
}

static void race_doors(uint64_t wanted) {
    static struct parties users, closers;
    struct doors all = {.wanted = wanted, .accepting = &users};
    zio_rt_t *rt = make_crew(WORKERS);
    all.doors = test_calloc(wanted, sizeof *all.doors);
    assert_int_equal(zio_rt_start(rt), 0);
    for (int i = 0; i < PLACES; ++i) assert_true(open_door(&all, &all.places[i]));
    add_party(&users, rt, false, accepts, &all); /* those who are canceled */
    add_party(&users, rt, false, accepts, &all);
    add_party(&users, rt, true, accepts, &all);
    add_party(&closers, rt, false, connects, &all);
    add_party(&closers, rt, true, connects, &all);
    add_party(&closers, rt, true, cancels_accepts, &all);
    struct parties leading = {.count = 0};
    add_party(&leading, rt, false, closes_doors, &all);
    add_party(&leading, rt, true, closes_doors, &all);
    end_parties(&leading);
    __atomic_store_n(&all.over, true, __ATOMIC_RELEASE);
    for (int i = 0; i < PLACES; ++i) (void)close_door(&all.doors[all.places[i]]);
    end_parties(&closers);
    end_parties(&users);
    print_message(
        "%lu closes, %lu accepted, %lu answered, %lu given up, %lu refused; ended by a "
        "close %lu, came after one %lu, canceled %lu\n",
        (unsigned long)wanted, (unsigned long)all.accepted, (unsigned long)all.answered,
        (unsigned long)all.given_up, (unsigned long)all.refused, (unsigned long)all.closed,
        (unsigned long)all.dead, (unsigned long)all.canceled);
    for (uint64_t i = 0; i < wanted; ++i) assert_int_equal(all.doors[i].closes, 1);
    assert_int_equal(all.accepted, all.answered);
    assert_true(wanted < ENOUGH || (all.accepted > 0 && all.closed > 0 && all.canceled > 0));
    end_runtime(rt);
    test_free(all.doors);
}

static void closes_against_accepts(void **state) {
    (void)state;
    race_doors(50);
    const unsigned before = descriptor_count();
    race_doors(PLACES + scaled(UNDER_SANITIZER ? 500 : 1500));
    assert_int_equal(descriptor_count(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_against_reads_and_writes),
        cmocka_unit_test(closes_against_accepts),
    };
    return cmocka_run_group_tests_name("net_close", tests, NULL, NULL);
}
