/* SPDX-License-Identifier: MIT */
/* Descriptors that are the program's own, and streams made of them. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

struct pipe {
    int from, to;
};

static struct pipe make_pipe(int flags) {
    int ends[2];
    MUST(pipe2(ends, flags | O_CLOEXEC) == 0);
    return (struct pipe){ends[0], ends[1]};
}

static void close_pipe(struct pipe *both) {
    if (both->from >= 0) MUST(close(both->from) == 0);
    if (both->to >= 0) MUST(close(both->to) == 0);
}

struct waiting {
    int fd;
    bool reads;
    uint32_t want, got;
    char bytes[8];
};

static zio_err_t read_fd(void *ud) {
    struct waiting *waiting = ud;
    return (zio_err_t)zio_fd_read(waiting->fd, waiting->bytes, 8, ZIO_NEVER);
}

static zio_err_t wait_fd(void *ud) {
    struct waiting *waiting = ud;
    return zio_fd_wait(waiting->fd, waiting->want, &waiting->got, ZIO_NEVER);
}

static void reading(int flags) {
    struct pipe both = make_pipe(flags);
    struct waiting waiting = {.fd = both.from};
    char bytes[8];
    tell("immediate", zio_fd_read(both.from, bytes, 8, ZIO_IMMEDIATE));
    tell("past", zio_fd_read(both.from, bytes, 8, PAST));
    const zio_deadline_t future = zio_after_ms(5);
    tell("future", zio_fd_read(both.from, bytes, 8, future));
    tell_truth("early", zio_now() < future);
    tell("odd", zio_fd_read(both.from, bytes, 8, -2));
    zio_task_t *task = start(read_fd, &waiting);
    settle();
    tell("canceled", cancel(task));
    task = start(read_fd, &waiting);
    settle();
    tell("write", zio_fd_write(both.to, "hello", 5, soon()));
    tell("read", finish(task));
    tell_bytes("bytes", waiting.bytes, 5);
    tell("write", zio_fd_write(both.to, "x", 1, ZIO_IMMEDIATE));
    tell("late", zio_fd_read(both.from, bytes, 8, PAST));
    task = start(read_fd, &waiting);
    settle();
    MUST(close(both.to) == 0);
    both.to = -1;
    tell("end", finish(task));
    tell("end", zio_fd_read(both.from, bytes, 8, ZIO_IMMEDIATE));
    close_pipe(&both);
}

static void pipe_reads(void) {
    reading(O_NONBLOCK);
}

static void blocking_pipe_reads(void) {
    reading(0);
}

static zio_err_t write_fd(void *ud) {
    static char bytes[200000];
    const struct waiting *waiting = ud;
    for (size_t at = 0; at < sizeof bytes;) {
        const zio_ssize_t count = zio_fd_write(waiting->fd, bytes + at, sizeof bytes - at, soon());
        if (count <= 0) return (zio_err_t)count;
        at += (size_t)count;
    }
    return 0;
}

static void writing(int flags) {
    struct sigaction action;
    struct pipe both = make_pipe(flags);
    struct waiting waiting = {.fd = both.to};
    static char bytes[65536];
    size_t count = 0;
    zio_ssize_t got;
    MUST(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    zio_task_t *task = start(write_fd, &waiting);
    settle();
    tell("immediate", zio_fd_write(both.to, "x", 1, ZIO_IMMEDIATE));
    tell("past", zio_fd_write(both.to, "x", 1, PAST));
    tell("future", zio_fd_write(both.to, "x", 1, zio_after_ms(5)));
    while (count < 200000 && (got = zio_fd_read(both.from, bytes, sizeof bytes, soon())) > 0) {
        count += (size_t)got;
    }
    tell("write", finish(task));
    tell("read", (int64_t)count);
    MUST(close(both.from) == 0);
    both.from = -1;
    tell("nobody", zio_fd_write(both.to, "x", 1, soon()));
    close_pipe(&both);
}

static void pipe_writes(void) {
    writing(O_NONBLOCK);
}

static void blocking_pipe_writes(void) {
    writing(0);
}

static void tell_ready(const char *what, uint32_t bits) {
    say("%s=%s%s%s%s", what, (bits & ZIO_READABLE) != 0 ? "r" : "",
        (bits & ZIO_WRITABLE) != 0 ? "w" : "", (bits & ZIO_HANGUP) != 0 ? "h" : "",
        (bits & ZIO_ERROR) != 0 ? "e" : "");
}

static void waits(void) {
    struct pipe both = make_pipe(O_NONBLOCK);
    struct waiting first = {.fd = both.from, .want = ZIO_READABLE}, second = first;
    uint32_t got = 0;
    char byte;
    tell("immediate", zio_fd_wait(both.from, ZIO_READABLE, &got, ZIO_IMMEDIATE));
    tell("past", zio_fd_wait(both.from, ZIO_READABLE, &got, PAST));
    tell("future", zio_fd_wait(both.from, ZIO_READABLE, &got, zio_after_ms(5)));
    tell("room", zio_fd_wait(both.to, ZIO_WRITABLE, &got, ZIO_NEVER));
    tell_ready("got", got);
    zio_task_t *one = start(wait_fd, &first), *two = start(wait_fd, &second);
    settle();
    tell("canceled", cancel(one));
    one = start(wait_fd, &first);
    settle();
    MUST(zio_fd_write(both.to, "x", 1, soon()) == 1);
    tell("one", finish(one));
    tell_ready("got", first.got);
    tell("two", finish(two));
    tell_ready("got", second.got);
    tell("still", zio_fd_wait(both.from, ZIO_READABLE, NULL, ZIO_NEVER));
    MUST(zio_fd_read(both.from, &byte, 1, soon()) == 1);
    tell("no_more", zio_fd_wait(both.from, ZIO_READABLE, &got, ZIO_IMMEDIATE));
    one = start(wait_fd, &first);
    settle();
    MUST(close(both.to) == 0);
    both.to = -1;
    tell("left", finish(one));
    tell_truth("hangup", (first.got & ZIO_HANGUP) != 0);
    close_pipe(&both);
}

static void wait_arguments(void) {
    struct pipe both = make_pipe(O_NONBLOCK);
    uint32_t got = 77;
    char byte = 0;
    tell("nothing", zio_fd_wait(both.from, 0, &got, ZIO_NEVER));
    tell("unknown", zio_fd_wait(both.from, 64 | ZIO_READABLE, &got, ZIO_NEVER));
    tell("deadline", zio_fd_wait(both.from, ZIO_READABLE, &got, -2));
    tell("no_fd", zio_fd_wait(-1, ZIO_READABLE, &got, ZIO_NEVER));
    tell("no_fd", zio_fd_read(-1, &byte, 1, ZIO_NEVER));
    tell("closed_fd", zio_fd_write(999, &byte, 1, ZIO_NEVER));
    tell("wrong_end", zio_fd_read(both.to, &byte, 1, ZIO_NEVER));
    tell("wrong_end", zio_fd_write(both.from, &byte, 1, ZIO_NEVER));
    tell("null", zio_fd_read(both.from, NULL, 1, ZIO_NEVER));
    tell("empty", zio_fd_read(both.from, NULL, 0, ZIO_NEVER));
    tell_truth("untouched", got == 77);
    close_pipe(&both);
}

static void counter(void) {
    const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct waiting waiting = {.fd = fd};
    uint64_t number = 5;
    MUST(fd >= 0);
    tell("immediate", zio_fd_read(fd, &number, 8, ZIO_IMMEDIATE));
    zio_task_t *task = start(read_fd, &waiting);
    settle();
    number = 3;
    tell("write", zio_fd_write(fd, &number, 8, soon()));
    tell("read", finish(task));
    memcpy(&number, waiting.bytes, 8);
    tell("number", (int64_t)number);
    MUST(zio_fd_write(fd, &number, 8, soon()) == 8);
    tell("short", zio_fd_read(fd, &number, 4, soon()));
    MUST(close(fd) == 0);
}

static void files(void) {
    char name[] = "/tmp/zio-conformance-XXXXXX", bytes[8];
    const int fd = mkstemp(name), folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t got = 0;
    MUST(fd >= 0 && folder >= 0 && unlink(name) == 0);
    tell("wait", zio_fd_wait(fd, ZIO_READABLE | ZIO_WRITABLE, &got, ZIO_NEVER));
    tell_ready("got", got);
    tell("write", zio_fd_write(fd, "text", 4, ZIO_NEVER));
    tell("end", zio_fd_read(fd, bytes, 8, ZIO_NEVER));
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    tell("read", zio_fd_read(fd, bytes, 8, ZIO_IMMEDIATE));
    tell("folder", zio_fd_read(folder, bytes, 8, ZIO_NEVER));
    MUST(close(fd) == 0 && close(folder) == 0);
}

static void sockets(void) {
    int ends[2];
    char bytes[8];
    uint32_t got = 0;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    struct waiting waiting = {.fd = ends[0]};
    tell("immediate", zio_fd_read(ends[0], bytes, 8, ZIO_IMMEDIATE));
    zio_task_t *task = start(read_fd, &waiting);
    settle();
    tell("write", zio_fd_write(ends[1], "text", 4, soon()));
    tell("read", finish(task));
    MUST(shutdown(ends[1], SHUT_WR) == 0);
    tell("end", zio_fd_read(ends[0], bytes, 8, soon()));
    tell("wait", zio_fd_wait(ends[0], ZIO_READABLE | ZIO_WRITABLE, &got, soon()));
    tell_ready("got", got & (ZIO_READABLE | ZIO_WRITABLE));
    MUST(close(ends[1]) == 0);
    tell("nobody", zio_fd_write(ends[0], "x", 1, soon()));
    MUST(close(ends[0]) == 0);
}

/* A number that is closed and given out again between two calls: nothing of the old one is left. */
static void reused_numbers(void) {
    int good = 0;
    for (int i = 0; i < 50; i++) {
        struct pipe both = make_pipe(i % 2 == 0 ? O_NONBLOCK : 0);
        struct waiting waiting = {.fd = both.from};
        zio_task_t *task = start(read_fd, &waiting);
        if (i % 3 == 0) settle();
        MUST(zio_fd_write(both.to, "12345678", 8, soon()) == 8);
        good += finish(task) == 8 && memcmp(waiting.bytes, "12345678", 8) == 0;
        close_pipe(&both);
    }
    tell("good", good);
}

static void given_streams(void) {
    int ends[2], both[2];
    zio_stream_t *one = NULL, *other = NULL;
    const int fresh = socket(AF_INET, SOCK_STREAM, 0), datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
    MUST(fresh >= 0 && datagrams >= 0 && pipe(both) == 0);
    tell("unconnected", zio_stream_from_fd(&one, fresh));
    tell("datagrams", zio_stream_from_fd(&one, datagrams));
    tell("pipe", zio_stream_from_fd(&one, both[0]));
    tell("nothing", zio_stream_from_fd(&one, -1));
    tell("null", zio_stream_from_fd(NULL, fresh));
    MUST(close(fresh) == 0 && close(datagrams) == 0 && close(both[0]) == 0 && close(both[1]) == 0);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    tell("one", zio_stream_from_fd(&one, ends[0]));
    tell("other", zio_stream_from_fd(&other, ends[1]));
    tell_truth("its_own", zio_stream_fd(one) == ends[0]);
    tell_truth("waits_not", (fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
    tell_truth("not_inherited", (fcntl(ends[0], F_GETFD) & FD_CLOEXEC) != 0);
    send_text(one, "text");
    tell_text("read", other, 4);
    MUST(zio_stream_close(one) == 0);
    tell_truth("closed", fcntl(ends[0], F_GETFD) < 0);
    MUST(zio_stream_close(other) == 0);
}

static int is_inherited(zio_fd_t fd) {
    return (fcntl((int)fd, F_GETFD) & FD_CLOEXEC) == 0;
}

/* Nothing goes to programs that this one starts. */
static void not_inherited(struct link *link) {
    tell("a", is_inherited(zio_stream_fd(link->a)));
    tell("b", is_inherited(zio_stream_fd(link->b)));
}

/* Urgent bytes stand apart; a read stops at their mark and goes on behind it. */
static void urgent(struct link *link) {
    struct calling reads = {link->b, CALL_READ, 8, ZIO_NEVER, 0};
    MUST(zio_stream_set_option(link->a, ZIO_OPT_NODELAY, 1) == 0);
    zio_task_t *task = start(make_call, &reads);
    settle();
    MUST(send((int)zio_stream_fd(link->a), "!", 1, MSG_OOB) == 1);
    settle();
    tell_truth("waits", !has_ended(task));
    send_text(link->a, "ab");
    tell("read", finish(task));
    send_text(link->a, "c");
    MUST(send((int)zio_stream_fd(link->a), "!", 1, MSG_OOB) == 1);
    send_text(link->a, "de");
    tell_text("read", link->b, 3);
}

const struct test_case descriptor_cases[] = {
    {"descriptor.pipe_is_read",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT early=no odd=EINVAL canceled=ECANCELED "
     "write=5 read=5 bytes=hello write=1 late=1 end=0 end=0",
     pipe_reads, NULL, 0, HOST},
    {"descriptor.blocking_pipe_is_read",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT early=no odd=EINVAL canceled=ECANCELED "
     "write=5 read=5 bytes=hello write=1 late=1 end=0 end=0",
     blocking_pipe_reads, NULL, 0, HOST},
    {"descriptor.pipe_is_written",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT write=0 read=200000 nobody=EPIPE",
     pipe_writes, NULL, 0, HOST},
    {"descriptor.blocking_pipe_is_written",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT write=0 read=200000 nobody=EPIPE",
     blocking_pipe_writes, NULL, 0, HOST},
    {"descriptor.is_waited_for",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT room=0 got=w canceled=ECANCELED one=0 got=r "
     "two=0 got=r still=0 no_more=EAGAIN left=0 hangup=yes",
     waits, NULL, 0, HOST},
    {"descriptor.wrong_arguments",
     "nothing=EINVAL unknown=EINVAL deadline=EINVAL no_fd=EBADF no_fd=EBADF closed_fd=EBADF "
     "wrong_end=EBADF wrong_end=EBADF null=EINVAL empty=0 untouched=yes",
     wait_arguments, NULL, 0, HOST},
    {"descriptor.of_a_counter", "immediate=EAGAIN write=8 read=8 number=3 short=EINVAL", counter,
     NULL, 0, HOST},
    {"descriptor.of_files", "wait=0 got=rw write=4 end=0 read=4 folder=EISDIR", files, NULL, 0,
     HOST},
    {"descriptor.of_sockets", "immediate=EAGAIN write=4 read=4 end=0 wait=0 got=rw nobody=EPIPE",
     sockets, NULL, 0, HOST},
    {"descriptor.numbers_are_reused", "good=50", reused_numbers, NULL, 0, HOST},
    {"descriptor.becomes_a_stream",
     "unconnected=ENOTCONN datagrams=EPROTOTYPE pipe=EBADF nothing=EBADF null=EINVAL one=0 other=0 "
     "its_own=yes waits_not=yes not_inherited=yes read=text closed=yes",
     given_streams, NULL, 0, REAL},
    {"descriptor.is_not_inherited", "a=0 b=0", NULL, not_inherited, ALL, REAL},
    {"descriptor.urgent_bytes", "waits=yes read=2 read=cde", NULL, urgent, TCP, REAL},
    {NULL, NULL, NULL, NULL, 0, 0},
};
