/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "load/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 256,
    LOOK_NS = 20 * 1000,
    WARM_UP_NS = 50 * 1000 * 1000,
    STUCK_MS = 5000,
    SOURCES = 16
};

/* Of one slice, while it lasts. */
struct run {
    struct target *target;
    bool measuring, ending;
    uint32_t waiting; /* connections with a message under way */
    uint64_t answers;
    double sum_ns, longest_ns;
};

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void fail(const char *what, const struct target *target) {
    fprintf(stderr, "load: %s: %s: %s\n", target->name, what, strerror(errno));
    exit(1);
}

/* --- connections ---------------------------------------------------------------------------- */

/* Short connections come from several addresses in turn: each port of one rests for a second after
 * its connection has ended. */
static void bind_to_source(const struct target *target, int fd) {
    static uint32_t next;
    const int on = 1;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + next++ % SOURCES)};
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail("bind", target);
    }
}

static int connect_one(const struct target *target) {
    const int on = 1;
    const struct linger reset = {1, 0}; /* leaves no socket behind in TIME_WAIT */
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)target->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket", target);
    if (target->manner.brief) {
        bind_to_source(target, fd);
    } else if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0) {
        fail("linger", target);
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail("connect", target);
    }
    return fd;
}

static void open_one(struct target *target, struct connection *connection) {
    connection->fd = connect_one(target);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = connection};
    if (epoll_ctl(target->poller, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        fail("epoll_ctl", target);
    }
}

static void learn(struct target *target) {
    dialogue_echo(&target->dialogue);
    if (!target->manner.http) return;
    const int fd = connect_one(target);
    if (!dialogue_http(&target->dialogue, fd)) fail("no page", target);
    close(fd);
}

void target_connect(struct target *target, uint32_t count, struct manner manner) {
    target->manner = manner;
    target->count = count;
    target->connections = calloc(count, sizeof *target->connections);
    target->poller = epoll_create1(EPOLL_CLOEXEC);
    if (target->connections == NULL || target->poller < 0) fail("epoll_create1", target);
    learn(target);
    for (uint32_t i = 0; i < count; i++) {
        dialogue_write(&target->dialogue, i, target->connections[i].message);
        if (!manner.brief) open_one(target, &target->connections[i]);
    }
}

void target_disconnect(struct target *target) {
    for (uint32_t i = 0; i < target->count && !target->manner.brief; i++) {
        close(target->connections[i].fd);
    }
    close(target->poller);
    free(target->connections);
}

/* --- a slice -------------------------------------------------------------------------------- */

static void ask(struct run *run, struct connection *connection, int64_t now) {
    const size_t length = run->target->dialogue.request_bytes;
    connection->sent_ns = now;
    connection->waiting = true;
    run->waiting++;
    if (run->target->manner.brief) open_one(run->target, connection);
    if (send(connection->fd, connection->message, length, MSG_NOSIGNAL) != (ssize_t)length) {
        fail("send", run->target);
    }
}

static void waited(struct run *run, const struct connection *connection, int64_t now) {
    const double wait_ns = (double)(now - connection->sent_ns);
    if (wait_ns > run->longest_ns) run->longest_ns = wait_ns;
    run->sum_ns += wait_ns;
}

static void receive(struct run *run, struct connection *connection) {
    const struct dialogue *const dialogue = &run->target->dialogue;
    char bytes[LARGEST_ANSWER];
    const size_t wanted = dialogue->answer_bytes - connection->received;
    const ssize_t length = recv(connection->fd, bytes, wanted, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) fail("receive", run->target);
    if (!dialogue_matches(dialogue, connection->message, bytes, connection->received,
                          (uint32_t)length)) {
        errno = EBADMSG;
        fail("wrong answer", run->target);
    }
    connection->received += (uint32_t)length;
    if (connection->received < dialogue->answer_bytes) return;
    connection->received = 0;
    connection->waiting = false;
    run->waiting--;
    if (run->target->manner.brief) close(connection->fd);
    const int64_t now = now_ns();
    if (run->measuring) {
        connection->answers++;
        run->answers++;
        durations_add(&run->target->slice_waits, (uint64_t)(now - connection->sent_ns));
        waited(run, connection, now);
    }
    if (!run->ending) ask(run, connection, now);
}

static int64_t step(struct run *run, int64_t previous) {
    const bool saturated = run->target->manner.saturated;
    struct epoll_event events[BATCH];
    int64_t now = now_ns();
    while (saturated && now < previous + LOOK_NS) now = now_ns();
    for (;;) { /* when saturated, all that is there: the next look is 20 us away */
        const int count = epoll_wait(run->target->poller, events, BATCH, saturated ? 0 : STUCK_MS);
        if (count < 0 && errno != EINTR) fail("epoll_wait", run->target);
        if (count == 0 && !saturated) {
            errno = ETIMEDOUT;
            fail("no answer", run->target);
        }
        for (int i = 0; i < count; i++) receive(run, events[i].data.ptr);
        if (!saturated || count < BATCH) return now;
    }
}

static int compare(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static double fewest_to_median(const struct target *target) {
    uint64_t *answers = malloc(target->count * sizeof *answers);
    if (answers == NULL) fail("malloc", target);
    for (uint32_t i = 0; i < target->count; i++) answers[i] = target->connections[i].answers;
    qsort(answers, target->count, sizeof *answers, compare);
    const double median = (double)answers[target->count / 2];
    const double ratio = median > 0 ? (double)answers[0] / median : 0;
    free(answers);
    return ratio;
}

static double cpu_ns(const struct target *target) {
    struct timespec now;
    if (clock_gettime(target->clock, &now) != 0) fail("CPU time", target);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds that a process was ready to run and did not. */
static double delayed_ns(int pid, const struct target *target) {
    char path[64];
    double delayed = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%*s %lf", &delayed) != 1) fail("schedstat", target);
    fclose(file);
    return delayed;
}

static double both_delayed_ns(const struct target *target) {
    return delayed_ns(target->pid, target) + delayed_ns(getpid(), target);
}

struct slice target_load(struct target *target, int64_t duration_ns) {
    struct run run = {.target = target};
    struct slice slice = {0};
    int64_t now = now_ns();
    memset(&target->slice_waits, 0, sizeof target->slice_waits);
    for (uint32_t i = 0; i < target->count; i++) ask(&run, &target->connections[i], now_ns());
    for (const int64_t end = now + WARM_UP_NS; now < end;) now = step(&run, now);

    for (uint32_t i = 0; i < target->count; i++) target->connections[i].answers = 0;
    run.measuring = true;
    const double lost_before = both_delayed_ns(target);
    const double cpu_before = cpu_ns(target);
    const int64_t began = now_ns();
    for (now = began; now < began + duration_ns;) now = step(&run, now);
    slice.wall_ns = (double)(now_ns() - began);
    slice.cpu_ns = cpu_ns(target) - cpu_before;
    slice.lost_ns = both_delayed_ns(target) - lost_before;

    run.measuring = false;
    run.ending = true;
    slice.answers = run.answers;
    const double mean_ns = run.answers > 0 ? run.sum_ns / (double)run.answers : 0;
    now = now_ns();
    for (uint32_t i = 0; i < target->count; i++) {
        if (target->connections[i].waiting) waited(&run, &target->connections[i], now);
    }
    slice.longest_to_mean = mean_ns > 0 ? run.longest_ns / mean_ns : 0;
    slice.fewest_to_median = fewest_to_median(target);
    for (const int64_t limit = now_ns() + STUCK_MS * INT64_C(1000000); run.waiting > 0;) {
        now = step(&run, now);
        errno = ETIMEDOUT;
        if (now > limit) fail("no answer", target);
    }
    return slice;
}

void target_keep_waits(struct target *target) {
    target->waits.count += target->slice_waits.count;
    for (int i = 0; i < BUCKETS; i++)
        target->waits.in_bucket[i] += target->slice_waits.in_bucket[i];
}
