/* SPDX-License-Identifier: MIT */
/* zio/stream.h: threads that are in no runtime block in the same calls, and a close ends them. No
 * helper thread exists, and nothing of a closed stream is left. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net_kit.h"
#include "zio/stream.h"

struct blocked {
    zio_stream_t *stream;
    int what;
    zio_err_t status;
    int64_t ended_at;
    pthread_t thread;
    pid_t id; /* set just before the call */
};

static void *block(void *ud) {
    static char bytes[64 << 20]; /* more than the system buffers between two sockets */
    struct blocked *call = ud;
    __atomic_store_n(&call->id, gettid(), __ATOMIC_RELEASE);
    switch (call->what) {
        case 0:
            call->status = (zio_err_t)zio_stream_read(call->stream, bytes, 1, ZIO_NEVER);
            break;
        case 1:
            call->status = zio_stream_read_exact(call->stream, bytes, 99, NULL, ZIO_NEVER);
            break;
        default:
            call->status = zio_stream_write_all(call->stream, bytes, sizeof bytes, NULL, ZIO_NEVER);
            break;
    }
    call->ended_at = zio_now();
    return NULL;
}

static void pause_ms(long ms) {
    const struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

/* Until the thread sleeps in its call: a busy machine may take its time to run it. */
static void wait_until_blocked(const struct blocked *call) {
    char path[64], line[256] = "";
    const char *after_name = NULL;
    for (int tries = 0; tries < 10000; ++tries) {
        pause_ms(1);
        const pid_t id = __atomic_load_n(&call->id, __ATOMIC_ACQUIRE);
        if (id == 0) continue;
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
        FILE *stat = fopen(path, "r");
        assert_non_null(stat);
        assert_non_null(fgets(line, sizeof line, stat));
        assert_int_equal(fclose(stat), 0);
        after_name = strrchr(line, ')');
        assert_non_null(after_name);
        if (after_name[2] == 'S') return;
    }
    fail_msg("a thread never blocked: %s", line);
}

static unsigned threads_alone; /* of this program, while no test has one */

static int count_own_threads(void **state) {
    (void)state;
    threads_alone = own_threads();
    return 0;
}

static zio_err_t read_some(void *ud) {
    char byte;
    return (zio_err_t)zio_stream_read(ud, &byte, 1, ZIO_NEVER);
}

enum { BLOCKED = 6 };

/* The library needs microseconds; how soon a busy machine runs six threads is not its affair. What
 * must not happen is that they wait for something else, as until a deadline. */
static const int64_t prompt = 5000 * MS;

/* Two of each kind: one has the turn, the other waits for it. */
static void close_under_threads(enum link_kind kind, bool with_task) {
    struct link link = make_link(kind);
    struct blocked calls[BLOCKED];
    zio_stream_t *closed = link.a;
    wait_for_threads(threads_alone);
    zio_task_t *task = with_task ? start(read_some, link.a) : NULL;
    if (with_task) settle();
    for (int i = 0; i < BLOCKED; ++i) {
        calls[i] = (struct blocked){.stream = link.a, .what = i % 3};
        assert_int_equal(pthread_create(&calls[i].thread, NULL, block, &calls[i]), 0);
    }
    for (int i = 0; i < BLOCKED; ++i) wait_until_blocked(&calls[i]);
    wait_for_threads(threads_alone + BLOCKED); /* these and no others */
    const int64_t closed_at = zio_now();
    assert_int_equal(zio_stream_close(link.a), 0);
    link.a = NULL;
    for (int i = 0; i < BLOCKED; ++i) {
        assert_int_equal(pthread_join(calls[i].thread, NULL), 0);
        assert_int_equal(calls[i].status, ZIO_ECLOSED);
        if (calls[i].ended_at - closed_at > prompt) {
            fail_msg("call %d ended after %ld ms", i, (long)((calls[i].ended_at - closed_at) / MS));
        }
    }
    if (with_task) assert_int_equal(finish(task), ZIO_ECLOSED);
    assert_int_equal(zio_stream_fd(closed), -1);
    /* The peer reads what was written, then the end. */
    char bytes[65536];
    zio_ssize_t got;
    do {
        got = zio_stream_read(link.b, bytes, sizeof bytes, zio_after_ns(2000 * MS));
    } while (got > 0);
    assert_int_equal(got, 0);
    close_link(&link);
}

static void a_close_ends_blocked_threads(void **state) {
    (void)state;
    const unsigned before = descriptor_count();
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        close_under_threads((enum link_kind)kind, false);
    }
    assert_in_range(descriptor_count(), before, before + 1); /* this thread's wake-up */
}

IN_TASK(a_close_ends_threads_and_tasks_alike) {
    for (int round = 0; round < 3; ++round) {
        for (int kind = 0; kind < LINK_KINDS; ++kind) {
            close_under_threads((enum link_kind)kind, true);
        }
    }
}

/* --- threads and tasks at one stream ---------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 300, RECORD = 1000 };
struct sender {
    zio_stream_t *stream;
    unsigned char tag;
    zio_err_t status;
};

static void *send_records(void *ud) {
    struct sender *sender = ud;
    char record[RECORD];
    memset(record, sender->tag, sizeof record);
    for (int i = 0; i < ROUNDS && sender->status == 0; ++i) {
        sender->status =
            zio_stream_write_all(sender->stream, record, sizeof record, NULL, ZIO_NEVER);
    }
    return NULL;
}

static zio_err_t send_records_in_a_task(void *ud) {
    send_records(ud);
    return ((struct sender *)ud)->status;
}

/* Tasks of a runtime and threads without one, all writing to one stream; a task reads. */
IN_TASK(tasks_and_threads_share_a_stream) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct sender senders[2 * THREADS];
        pthread_t threads[THREADS];
        zio_task_t *tasks[THREADS];
        unsigned seen[2 * THREADS] = {0};
        for (int i = 0; i < 2 * THREADS; ++i) {
            senders[i].stream = link.a;
            senders[i].tag = (unsigned char)i;
            senders[i].status = 0;
            if (i < THREADS) {
                assert_int_equal(pthread_create(&threads[i], NULL, send_records, &senders[i]), 0);
            } else {
                tasks[i - THREADS] = start(send_records_in_a_task, &senders[i]);
            }
        }
        for (int i = 0; i < 2 * THREADS * ROUNDS; ++i) {
            unsigned char record[RECORD];
            assert_int_equal(zio_stream_read_exact(link.b, record, RECORD, NULL, ZIO_NEVER), 0);
            assert_in_range(record[0], 0, 2 * THREADS - 1);
            for (int k = 1; k < RECORD; ++k) assert_int_equal(record[k], record[0]);
            ++seen[record[0]];
        }
        for (int i = 0; i < THREADS; ++i) {
            assert_int_equal(finish(tasks[i]), 0);
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(senders[i].status, 0);
        }
        for (int i = 0; i < 2 * THREADS; ++i) assert_int_equal(seen[i], ROUNDS);
        close_link(&link);
    }
}

/* --- when nothing drives the runtime ---------------------------------------------------------- */

static struct link left;

static zio_err_t leave_a_link(void *ud) {
    char bytes[2];
    left = make_link(*(enum link_kind *)ud);
    /* Both ends have waited here, so that the loop knows them. */
    assert_int_equal(zio_stream_read(left.a, bytes, 2, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_stream_read(left.b, bytes, 2, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    return zio_stream_write_all(left.a, "x", 1, NULL, ZIO_NEVER);
}

/* A thread may close a stream that a runtime has used and that nobody drives now: the other side
 * hears of it at once all the same. */
static void a_close_reaches_the_peer_without_the_runtime(void **state) {
    (void)state;
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        enum link_kind wanted = (enum link_kind)kind;
        zio_rt_t *rt = NULL;
        char bytes[2];
        const unsigned before = descriptor_count();
        assert_int_equal(zio_rt_create(&rt, NULL), 0);
        assert_int_equal(zio_rt_run(rt, leave_a_link, &wanted), 0);
        const int there = dup((int)zio_stream_fd(left.b));
        assert_int_equal(zio_stream_close(left.a), 0);
        pause_ms(5);
        assert_int_equal(recv(there, bytes, 2, MSG_DONTWAIT), 1);
        assert_int_equal(recv(there, bytes, 2, MSG_DONTWAIT), 0);
        close(there);
        assert_int_equal(zio_stream_close(left.b), 0);
        assert_int_equal(zio_rt_destroy(rt), 0);
        assert_in_range(descriptor_count(), before, before + 1);
    }
}

/* --- numbers are released last -------------------------------------------------------------- */

enum { CHURNERS = 3 };
struct churn {
    unsigned number;
    unsigned rounds;
    unsigned wrong;
};

static void *close_it(void *ud) {
    if (zio_stream_close(ud) != 0) return ud;
    return NULL;
}

/* Opens, reads and closes while a second thread closes under the read: no byte of one connection is
 * ever read through another, although the numbers are used again and again. */
static void *churn(void *ud) {
    struct churn *me = ud;
    for (unsigned i = 0; i < me->rounds; ++i) {
        zio_stream_t *a = NULL, *b = NULL;
        pthread_t closer;
        unsigned char byte = 0xff;
        if (zio_stream_pair(&a, &b) != 0) ++me->wrong;
        const unsigned char tag = (unsigned char)(me->number * 16 + i % 16);
        if (i % 2 == 0 && zio_stream_write(b, &tag, 1, ZIO_NEVER) != 1) ++me->wrong;
        if (pthread_create(&closer, NULL, close_it, a) != 0) ++me->wrong;
        const zio_ssize_t got = zio_stream_read(a, &byte, 1, ZIO_NEVER);
        if (got == 1 ? byte != tag : got != ZIO_ECLOSED && got != ZIO_EBADF) ++me->wrong;
        void *status = NULL;
        if (pthread_join(closer, &status) != 0 || status != NULL) ++me->wrong;
        const zio_ssize_t end = zio_stream_read(b, &byte, 1, zio_after_ns(5000 * MS));
        if (end != 0 && end != ZIO_ECONNRESET)
            ++me->wrong; /* a Unix socket tells of unread bytes */
        if (zio_stream_close(b) != 0) ++me->wrong;
    }
    return NULL;
}

static void numbers_used_again_never_mix_connections(void **state) {
    (void)state;
    struct churn churns[CHURNERS];
    pthread_t threads[CHURNERS];
    const unsigned before = descriptor_count();
    for (unsigned i = 0; i < CHURNERS; ++i) {
        churns[i] = (struct churn){i, (unsigned)scaled(700), 0};
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &churns[i]), 0);
    }
    for (unsigned i = 0; i < CHURNERS; ++i) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(churns[i].wrong, 0);
    }
    assert_int_equal(descriptor_count(), before);
}

/* Of several closes at once exactly one succeeds. */
static void *count_closes(void *ud) {
    return (void *)(intptr_t)zio_stream_close(ud);
}

static void a_stream_is_closed_once(void **state) {
    (void)state;
    for (uint64_t i = 0; i < scaled(300); ++i) {
        zio_stream_t *a = NULL, *b = NULL;
        pthread_t threads[3];
        unsigned closed = 0;
        assert_int_equal(zio_stream_pair(&a, &b), 0);
        for (int k = 0; k < 3; ++k) {
            assert_int_equal(pthread_create(&threads[k], NULL, count_closes, a), 0);
        }
        for (int k = 0; k < 3; ++k) {
            void *status = NULL;
            assert_int_equal(pthread_join(threads[k], &status), 0);
            if (status == NULL) {
                ++closed;
            } else {
                assert_int_equal((intptr_t)status, ZIO_EBADF);
            }
        }
        assert_int_equal(closed, 1);
        assert_int_equal(zio_stream_close(b), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_ends_blocked_threads),
        cmocka_unit_test(a_close_ends_threads_and_tasks_alike),
        cmocka_unit_test(tasks_and_threads_share_a_stream),
        cmocka_unit_test(a_close_reaches_the_peer_without_the_runtime),
        cmocka_unit_test(numbers_used_again_never_mix_connections),
        cmocka_unit_test(a_stream_is_closed_once),
    };
    return cmocka_run_group_tests_name("stream_thread", tests, count_own_threads, NULL);
}
