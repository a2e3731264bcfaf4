/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "cancels.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum race { RECEIVES, SENDS, ACCEPTS, CONNECTS, RACES };
static const char *const race_names[RACES] = {"receives", "sends", "accepts", "connects"};

enum { SECONDS_MOST = 600, PIECE = 24 * 1024 };

struct tally {
    uint64_t canceled; /* ended without an effect */
    uint64_t moved;    /* ended with one */
    uint64_t wrong;    /* bytes or connections that were lost, or came twice */
};

struct contest {
    uint64_t count; /* of cancels, for each race */
    struct tally tallies[RACES];
    uint64_t random;
    /* What the tasks share. */
    struct tally *tally;
    zio_stream_t *stream;
    zio_listener_t *listener;
    zio_addr_t address;
    uint64_t sent; /* bytes of the row */
    uint64_t got;
    uint64_t greeted;
    uint64_t greetings;
};

static uint64_t next_random(struct contest *contest) {
    uint64_t z = (contest->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Lets others go on for a random while. */
static void linger(struct contest *contest) {
    const uint64_t choice = next_random(contest) % 16;
    if (choice == 0) {
        MUST(zio_sleep_until(zio_after_ns((int64_t)(next_random(contest) % 50000))) == 0);
    }
    for (uint64_t i = choice % 4; i > 0; i--) MUST(zio_yield() == 0);
}

static void end_call(zio_task_t *task, struct contest *contest) {
    linger(contest);
    if (next_random(contest) % 4 != 0) MUST(zio_task_request_cancel(task) == 0);
    linger(contest);
}

/* --- bytes ---------------------------------------------------------------------------------- */

static void check_bytes(struct contest *contest, const void *bytes, zio_ssize_t count) {
    if (!are_bytes(bytes, (size_t)count, contest->got)) contest->tally->wrong++;
    contest->got += (uint64_t)count;
}

static zio_err_t receive_once(void *ud) {
    struct contest *contest = ud;
    unsigned char bytes[64];
    const zio_ssize_t got = zio_stream_read(contest->stream, bytes, sizeof bytes, ZIO_NEVER);
    if (got == ZIO_ECANCELED) {
        contest->tally->canceled++;
        return 0;
    }
    if (got <= 0) return ZIO_EIO;
    contest->tally->moved++;
    check_bytes(contest, bytes, got);
    return 0;
}

static void send_some(struct contest *contest, zio_stream_t *stream) {
    unsigned char bytes[16];
    const size_t size = 1 + next_random(contest) % sizeof bytes;
    fill_bytes(bytes, size, contest->sent);
    MUST(zio_stream_write_all(stream, bytes, size, NULL, soon()) == 0);
    contest->sent += size;
}

/* Whatever is left of the row. */
static void receive_rest(struct contest *contest, zio_stream_t *stream) {
    static unsigned char bytes[4096];
    while (contest->got < contest->sent) {
        const zio_ssize_t got = zio_stream_read(stream, bytes, sizeof bytes, soon());
        MUST(got > 0);
        check_bytes(contest, bytes, got);
    }
    settle();
    if (zio_stream_read(stream, bytes, 1, ZIO_IMMEDIATE) != ZIO_EAGAIN) contest->tally->wrong++;
}

static void race_receives(struct contest *contest, struct link *link, uint64_t count) {
    struct tally *tally = contest->tally;
    contest->stream = link->b;
    for (const uint64_t end = tally->canceled + count; tally->canceled < end;) {
        zio_task_t *task = start(receive_once, contest);
        if (next_random(contest) % 3 == 0) linger(contest);
        if (next_random(contest) % 3 != 0) send_some(contest, link->a);
        end_call(task, contest);
        if (!has_ended(task)) send_some(contest, link->a);
        MUST(finish(task) == 0);
    }
    receive_rest(contest, link->b);
}

static zio_err_t send_once(void *ud) {
    struct contest *contest = ud;
    static unsigned char bytes[PIECE];
    const size_t size = 1 + next_random(contest) % PIECE;
    size_t done = SIZE_MAX;
    fill_bytes(bytes, size, contest->sent);
    const zio_err_t error = zio_stream_write_all(contest->stream, bytes, size, &done, ZIO_NEVER);
    if (done > size || (error == 0 && done != size)) return ZIO_EIO;
    contest->sent += done;
    if (error == ZIO_ECANCELED) contest->tally->canceled++;
    if (error == 0) contest->tally->moved++;
    return error == ZIO_ECANCELED ? 0 : error;
}

static void race_sends(struct contest *contest, struct link *link, uint64_t count) {
    static unsigned char bytes[PIECE];
    struct tally *tally = contest->tally;
    contest->stream = link->a;
    if (!is_tcp(link)) MUST(zio_stream_set_option(link->a, ZIO_OPT_SNDBUF, 4096) == 0);
    for (const uint64_t end = tally->canceled + count; tally->canceled < end;) {
        zio_task_t *task = start(send_once, contest);
        end_call(task, contest);
        do {
            const zio_ssize_t got = zio_stream_read(link->b, bytes, sizeof bytes, ZIO_IMMEDIATE);
            if (got > 0) check_bytes(contest, bytes, got);
            linger(contest);
        } while (!has_ended(task));
        MUST(finish(task) == 0);
    }
    receive_rest(contest, link->b);
}

/* --- connections ---------------------------------------------------------------------------- */

static zio_err_t connect_once(void *ud) {
    struct contest *contest = ud;
    zio_stream_t *stream = NULL;
    zio_err_t error = zio_connect(&stream, &contest->address, NULL, ZIO_NEVER);
    if (error == ZIO_ECANCELED) {
        contest->tallies[CONNECTS].canceled++;
        return stream == NULL ? 0 : ZIO_EIO;
    }
    if (error != 0) return error;
    contest->tallies[CONNECTS].moved++;
    contest->greeted++;
    MUST(zio_shield_begin() == 0);
    error = zio_stream_write_all(stream, "h", 1, NULL, soon());
    MUST(zio_shield_end() == 0);
    MUST(zio_stream_close(stream) == 0);
    return error;
}

/* Whoever was canceled after all says nothing. */
static void listen_to(struct contest *contest, zio_stream_t *stream) {
    char byte = 0;
    MUST(zio_shield_begin() == 0);
    const zio_ssize_t got = zio_stream_read(stream, &byte, 1, soon());
    MUST(zio_shield_end() == 0);
    if (got == 1) contest->greetings++;
    MUST(got == 1 || got == 0 || got == ZIO_ECONNRESET);
    MUST(zio_stream_close(stream) == 0);
}

static zio_err_t accept_once(void *ud) {
    struct contest *contest = ud;
    zio_stream_t *stream = NULL;
    const zio_err_t error = zio_accept(contest->listener, &stream, NULL, ZIO_NEVER);
    if (error == ZIO_ECANCELED) {
        contest->tallies[ACCEPTS].canceled++;
        return stream == NULL ? 0 : ZIO_EIO;
    }
    if (error != 0) return error;
    contest->tallies[ACCEPTS].moved++;
    listen_to(contest, stream);
    return 0;
}

static void accept_rest(struct contest *contest) {
    zio_stream_t *stream = NULL;
    settle();
    while (zio_accept(contest->listener, &stream, NULL, ZIO_IMMEDIATE) == 0) {
        listen_to(contest, stream);
        stream = NULL;
    }
}

static void race_meetings(struct contest *contest, enum link_kind kind, uint64_t count) {
    const struct tally *accepts = &contest->tallies[ACCEPTS];
    const struct tally *connects = &contest->tallies[CONNECTS];
    const uint64_t accept_end = accepts->canceled + count;
    const uint64_t connect_end = connects->canceled + count;
    const zio_addr_t asked = fresh_address(kind);
    contest->listener = listen_at(&asked);
    contest->address = bound_to(contest->listener);
    for (uint64_t i = 1; accepts->canceled < accept_end || connects->canceled < connect_end; i++) {
        zio_task_t *accepting = start(accept_once, contest);
        if (next_random(contest) % 2 == 0) linger(contest);
        zio_task_t *connecting = start(connect_once, contest);
        end_call(connecting, contest);
        MUST(finish(connecting) == 0);
        linger(contest);
        MUST(cancel(accepting) == 0); /* nobody else may come */
        if (i % 500 == 0) accept_rest(contest);
    }
    accept_rest(contest);
    MUST(zio_listener_close(contest->listener) == 0);
    const uint64_t greeted = contest->greeted, greetings = contest->greetings;
    contest->tallies[CONNECTS].wrong +=
        greeted > greetings ? greeted - greetings : greetings - greeted;
    contest->greeted = contest->greetings = 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static zio_err_t race_all(void *ud) {
    struct contest *contest = ud;
    unsigned kinds = 0;
    for (int kind = 0; kind < LINK_KINDS; kind++) kinds += has_link((enum link_kind)kind);
    const uint64_t share = (contest->count + kinds - 1) / kinds;
    const uint64_t meetings = contest->count / (kinds - 1) + 1; /* a pair meets nobody */
    for (int kind = 0; kind < LINK_KINDS; kind++) {
        struct link link;
        if (!has_link((enum link_kind)kind)) continue;
        for (int race = RECEIVES; race <= SENDS; race++) {
            contest->tally = &contest->tallies[race];
            contest->sent = contest->got = 0;
            make_link(&link, (enum link_kind)kind);
            (race == RECEIVES ? race_receives : race_sends)(contest, &link, share);
            close_link(&link);
        }
        if (kind != LINK_PAIR) race_meetings(contest, (enum link_kind)kind, meetings);
    }
    return 0;
}

void print_cancels_head(bool is_csv) {
    if (is_csv) {
        printf("backend,race,canceled,with_an_effect,wrong\n");
    } else {
        printf("%-10s%-10s%14s%18s%10s\n", "backend", "race", "canceled", "with an effect",
               "wrong");
    }
}

/* A race in which hardly anything ended one of the two ways has shown nothing. */
static bool is_in_order(const struct tally *tally, uint64_t count) {
    return tally->wrong == 0 && tally->canceled >= count && tally->moved >= count / 16;
}

bool race_cancels(const struct backend *backend, uint64_t count, bool is_csv) {
    static struct result result;
    struct contest *contest =
        mmap(NULL, sizeof *contest, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (contest == MAP_FAILED) {
        perror("zio-conformance");
        return false;
    }
    contest->count = (count + RACES - 1) / RACES;
    run_alone(race_all, contest, backend, 0, SECONDS_MOST, &result);
    bool is_good = result.text[0] == '\0';
    for (int race = 0; race < RACES; race++) {
        const struct tally *tally = &contest->tallies[race];
        const bool is_fine = is_in_order(tally, contest->count);
        is_good = is_good && is_fine;
        printf(is_csv ? "%s,%s,%llu,%llu,%llu" : "%-10s%-10s%14llu%18llu%10llu", backend->name,
               race_names[race], (unsigned long long)tally->canceled,
               (unsigned long long)tally->moved, (unsigned long long)tally->wrong);
        printf("%s\n", is_fine || is_csv ? "" : "  NOT IN ORDER");
    }
    if (result.text[0] != '\0') {
        fprintf(stderr, "zio-conformance: %s: %s\n", backend->name, result.text);
    }
    fflush(stdout);
    (void)munmap(contest, sizeof *contest);
    return is_good;
}
