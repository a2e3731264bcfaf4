/* SPDX-License-Identifier: MIT */
/* The echo server one would write by hand on io_uring, by raw system calls, with nothing that can
 * be left out, but fair: receives wait in a first-in first-out list and at most a window of them is
 * submitted a turn; one enter a turn, repeated while deferred work brings completions; exactly the
 * batch seen then is served; answers are queued when the batch is large, else sent directly. */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/kit.h"

enum {
    SUBMISSIONS = 2048,
    COMPLETIONS = 4 * CONNECTIONS,
    WINDOW_LARGEST = 32,
    WINDOW_SMALLEST = 4,
    QUEUED_SENDS_FROM = 8 /* completions in a batch */
};

enum kind { ACCEPT, RECEIVE, SEND };

struct ring {
    int fd;
    unsigned *sq_tail, *sq_flags, *cq_head, *cq_tail;
    const unsigned *sq_head;
    unsigned sq_mask, cq_mask, queued;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

struct connection {
    int next; /* in the list of those to be received from */
    int length;
    char bytes[BUFFER_BYTES];
};

static struct ring ring;
static struct connection *connections[CONNECTIONS];
static int first = -1, last = -1, open_count;

/* --- the ring ------------------------------------------------------------------------------- */

static void *map(size_t length, long long offset) {
    void *memory =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, offset);
    if (memory == MAP_FAILED) kit_fail("mmap");
    return memory;
}

static void set_up(void) {
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    ring.fd = (int)syscall(__NR_io_uring_setup, SUBMISSIONS, &params);
    if (ring.fd < 0) kit_fail("io_uring_setup");
    char *sq = map(params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char *cq = map(params.cq_off.cqes + params.cq_entries * sizeof *ring.cqes, IORING_OFF_CQ_RING);
    ring.sqes = map(params.sq_entries * sizeof *ring.sqes, IORING_OFF_SQES);
    ring.sq_head = (unsigned *)(void *)(sq + params.sq_off.head);
    ring.sq_tail = (unsigned *)(void *)(sq + params.sq_off.tail);
    ring.sq_flags = (unsigned *)(void *)(sq + params.sq_off.flags);
    ring.sq_mask = params.sq_entries - 1;
    ring.cq_head = (unsigned *)(void *)(cq + params.cq_off.head);
    ring.cq_tail = (unsigned *)(void *)(cq + params.cq_off.tail);
    ring.cqes = (struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes);
    ring.cq_mask = params.cq_entries - 1;
    unsigned *array = (unsigned *)(void *)(sq + params.sq_off.array);
    for (unsigned i = 0; i < params.sq_entries; i++) array[i] = i;
}

static void enter(unsigned wanted) {
    const long submitted =
        syscall(__NR_io_uring_enter, ring.fd, ring.queued, wanted, IORING_ENTER_GETEVENTS, NULL, 0);
    if (submitted >= 0) {
        ring.queued -= (unsigned)submitted;
    } else if (errno != EINTR && errno != EAGAIN) {
        kit_fail("io_uring_enter");
    }
}

static unsigned completed(void) {
    return __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
}

static struct io_uring_sqe *queue(enum kind kind, int opcode, int fd, int subject) {
    if (*ring.sq_tail - __atomic_load_n(ring.sq_head, __ATOMIC_ACQUIRE) > ring.sq_mask) enter(0);
    struct io_uring_sqe *sqe = &ring.sqes[*ring.sq_tail & ring.sq_mask];
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = (unsigned char)opcode;
    sqe->fd = fd;
    sqe->user_data = (uint64_t)subject << 2 | kind;
    __atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
    ring.queued++;
    return sqe;
}

/* --- the server ----------------------------------------------------------------------------- */

static void queue_accept(int listener) {
    struct io_uring_sqe *sqe = queue(ACCEPT, IORING_OP_ACCEPT, listener, 0);
    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->accept_flags = SOCK_CLOEXEC;
}

static void wait_in_list(int fd) {
    connections[fd]->next = -1;
    if (last >= 0) {
        connections[last]->next = fd;
    } else {
        first = fd;
    }
    last = fd;
}

static void queue_window(void) {
    int window = open_count / 2;
    if (window > WINDOW_LARGEST) window = WINDOW_LARGEST;
    if (window < WINDOW_SMALLEST) window = WINDOW_SMALLEST;
    for (; window > 0 && first >= 0; window--) {
        const int fd = first;
        struct io_uring_sqe *sqe = queue(RECEIVE, IORING_OP_RECV, fd, fd);
        sqe->addr = (uint64_t)(uintptr_t)connections[fd]->bytes;
        sqe->len = BUFFER_BYTES;
        first = connections[fd]->next;
        if (first < 0) last = -1;
    }
}

static void open_connection(int fd) {
    if (fd < 0 || fd >= CONNECTIONS) kit_fail("accept");
    if (connections[fd] == NULL) connections[fd] = malloc(sizeof **connections);
    if (connections[fd] == NULL) kit_fail("malloc");
    open_count++;
    wait_in_list(fd);
}

static void answer(int fd, int length, bool queued) {
    struct connection *connection = connections[fd];
    if (length <= 0) {
        open_count--;
        close(fd);
        return;
    }
    kit_work((size_t)length);
    connection->length = length;
    if (!queued) {
        if (send(fd, connection->bytes, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) != length) {
            kit_fail("send");
        }
        wait_in_list(fd);
        return;
    }
    struct io_uring_sqe *sqe = queue(SEND, IORING_OP_SEND, fd, fd);
    sqe->addr = (uint64_t)(uintptr_t)connection->bytes;
    sqe->len = (unsigned)length;
    sqe->msg_flags = MSG_NOSIGNAL;
}

static void serve(const struct io_uring_cqe *cqe, int listener, bool queued) {
    const int subject = (int)(cqe->user_data >> 2);
    switch ((enum kind)(cqe->user_data & 3)) {
        case ACCEPT:
            open_connection(cqe->res);
            if (!(cqe->flags & IORING_CQE_F_MORE)) queue_accept(listener);
            break;
        case RECEIVE:
            answer(subject, cqe->res, queued);
            break;
        case SEND:
            if (cqe->res != connections[subject]->length) kit_fail("queued send");
            wait_in_list(subject);
            break;
    }
}

static void turn(int listener) {
    queue_window();
    enter(first < 0);
    /* The flag may stay set with nothing behind it: only what brings completions is repeated. */
    unsigned tail = completed(), before;
    do {
        before = tail;
        if (!(__atomic_load_n(ring.sq_flags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN)) break;
        enter(0);
        tail = completed();
    } while (tail != before);
    const unsigned head = *ring.cq_head;
    const bool queued = tail - head >= QUEUED_SENDS_FROM;
    for (unsigned i = head; i != tail; i++) {
        serve(&ring.cqes[i & ring.cq_mask], listener, queued);
    }
    __atomic_store_n(ring.cq_head, tail, __ATOMIC_RELEASE);
}

int main(void) {
    const int listener = kit_listen();
    set_up();
    queue_accept(listener);
    kit_ready(listener, "io_uring by hand");
    for (;;) turn(listener);
}
