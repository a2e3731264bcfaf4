/* SPDX-License-Identifier: MIT */
/* Scenarios of connections: TCP, Unix, buffered, and many at once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scenarios.h"

/* Ends the connection without leaving anything of it in the system. */
static void drop(zio_stream_t *stream) {
    MUST(zio_stream_abort, (stream));
}

static bool is_answer(const char *sent, const char *got, size_t size) {
    if (memcmp(sent, got, size) == 0) return true;
    broken("the bytes are others than those that were sent");
    return false;
}

/* --- TCP ------------------------------------------------------------------------------------ */

static zio_err_t echoes(void *ud) {
    zio_listener_t *listener = ud;
    zio_stream_t *stream = NULL;
    zio_addr_t peer;
    if (CALL(zio_accept, (listener, &stream, &peer, soon())) != 0) return 0;
    char bytes[32];
    for (;;) {
        const zio_ssize_t got = CALL(zio_stream_read, (stream, bytes, sizeof bytes, soon()));
        if (got <= 0) break;
        if (CALL(zio_stream_write_all, (stream, bytes, (size_t)got, NULL, soon())) != 0) break;
    }
    MUST(zio_stream_close, (stream));
    return 0;
}

static void talk(zio_stream_t *stream) {
    const char *messages[2] = {"what a day", "and what a night"};
    for (int i = 0; i < 2; ++i) {
        const size_t size = strlen(messages[i]);
        char answer[32];
        if (CALL(zio_stream_write_all, (stream, messages[i], size, NULL, soon())) != 0) return;
        if (CALL(zio_stream_read_exact, (stream, answer, size, NULL, soon())) != 0) return;
        if (!is_answer(messages[i], answer, size)) return;
    }
    char rest;
    if (CALL(zio_stream_shutdown, (stream, soon())) != 0) return;
    if (CALL(zio_stream_read, (stream, &rest, 1, soon())) > 0) broken("bytes from nowhere");
}

static void connect_and_talk(const zio_addr_t *address) {
    zio_sock_options_t options;
    MUST(zio_sock_options_init, (&options, sizeof options));
    options.flags = ZIO_SO_NODELAY;
    zio_stream_t *stream = NULL;
    if (CALL(zio_connect, (&stream, address, &options, soon())) != 0) return;
    zio_addr_t local;
    zio_addr_t peer;
    if (CALL(zio_stream_addr, (stream, &local, &peer)) == 0 && peer.port != address->port) {
        broken("connected to another port");
    }
    int64_t value = 0;
    (void)CALL(zio_stream_set_option, (stream, ZIO_OPT_KEEPALIVE_S, 30));
    (void)CALL(zio_stream_get_option, (stream, ZIO_OPT_KEEPALIVE_S, &value));
    talk(stream);
    drop(stream);
}

static zio_err_t serves_tcp(void *ud) {
    (void)ud;
    zio_addr_t address;
    zio_listener_t *listener = NULL;
    MUST(zio_addr_parse, (&address, "127.0.0.1:0", (size_t)-1, 0));
    if (CALL(zio_listen, (&listener, &address, NULL)) != 0) return 0;
    if (CALL(zio_listener_addr, (listener, &address)) == 0) {
        zio_task_t *server = start(echoes, listener);
        if (server != NULL) connect_and_talk(&address);
        finish(server);
    }
    MUST(zio_listener_close, (listener));
    return 0;
}

void scenario_tcp(void) {
    run_alone(serves_tcp, NULL);
}

/* --- Unix ----------------------------------------------------------------------------------- */

static void exchange_pieces(zio_stream_t *a, zio_stream_t *b) {
    const zio_cbuf_t sent[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
    char first[4];
    char second[16];
    const zio_buf_t room[2] = {{first, sizeof first}, {second, sizeof second}};
    char peeked = 0;
    if (CALL(zio_stream_writev, (a, sent, 3, soon())) < 0) return;
    if (CALL(zio_stream_peek, (b, &peeked, 1, soon())) == 1 && peeked != 'o') {
        broken("peeked at something else");
    }
    const zio_ssize_t got = CALL(zio_stream_readv, (b, room, 2, soon()));
    if (got > 0) is_answer("one ", first, got < 4 ? (size_t)got : 4);
}

/* A listener that has a name in the file system. */
static void listen_by_name(void) {
    char text[64];
    const char *path = text + strlen("unix:");
    snprintf(text, sizeof text, "unix:/tmp/zio-faults-%ld", (long)getpid());
    zio_addr_t address;
    zio_listener_t *listener = NULL;
    MUST(zio_addr_parse, (&address, text, (size_t)-1, 0));
    if (CALL(zio_listen, (&listener, &address, NULL)) == 0) {
        zio_task_t *server = start(echoes, listener);
        zio_stream_t *stream = NULL;
        if (server != NULL && CALL(zio_connect, (&stream, &address, NULL, soon())) == 0) {
            talk(stream);
            MUST(zio_stream_close, (stream));
        }
        finish(server);
        MUST(zio_listener_close, (listener));
    }
    unlink(path); /* where that was made to fail */
}

static zio_err_t writes_late(void *ud) {
    (void)CALL(zio_sleep_until, (zio_after_ns(200000)));
    (void)CALL(zio_fd_write, (*(int *)ud, "pipe", 4, soon()));
    return 0;
}

/* A pipe in blocking mode: nobody may ever block in a call on it. */
static void use_pipe(void) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return broken("no pipe");
    zio_task_t *writer = start(writes_late, &ends[1]);
    if (writer != NULL) {
        char bytes[8];
        const zio_ssize_t got = CALL(zio_fd_read, (ends[0], bytes, sizeof bytes, soon()));
        if (got > 0) is_answer("pipe", bytes, (size_t)got);
    }
    finish(writer);
    close(ends[0]);
    close(ends[1]);
}

static void adopt(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return broken("no sockets");
    zio_stream_t *stream = NULL;
    if (CALL(zio_stream_from_fd, (&stream, ends[0])) == 0) {
        MUST(zio_stream_close, (stream));
    } else if (close(ends[0]) != 0) {
        broken("a descriptor that was refused is gone");
    }
    close(ends[1]);
}

static zio_err_t uses_unix(void *ud) {
    (void)ud;
    zio_stream_t *ends[2] = {NULL, NULL};
    if (CALL(zio_stream_pair, (&ends[0], &ends[1])) == 0) exchange_pieces(ends[0], ends[1]);
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    listen_by_name();
    use_pipe();
    adopt();
    return 0;
}

void scenario_unix(void) {
    run_alone(uses_unix, NULL);
}

/* --- buffered ------------------------------------------------------------------------------- */

static zio_err_t writes_lines(void *ud) {
    zio_writer_t *writer = NULL;
    if (CALL(zio_writer_create, (&writer, ud, 16)) != 0) return 0;
    for (int i = 0; i < 3; ++i) {
        if (CALL(zio_writer_write, (writer, "a line of text\n", 15, NULL, soon())) != 0) break;
    }
    (void)CALL(zio_writer_flush, (writer, soon()));
    MUST(zio_writer_destroy, (writer));
    return 0;
}

static void read_lines(zio_stream_t *stream) {
    zio_reader_t *reader = NULL;
    if (CALL(zio_reader_create, (&reader, stream, 32)) != 0) return;
    zio_cbuf_t line;
    char bytes[16];
    if (CALL(zio_reader_read_until, (reader, '\n', &line, soon())) == 0) {
        is_answer("a line of text", line.base, 14);
    }
    if (CALL(zio_reader_read_exact, (reader, bytes, 15, NULL, soon())) == 0) {
        is_answer("a line of text\n", bytes, 15);
    }
    if (CALL(zio_reader_peek, (reader, 6, &line, soon())) == 0) {
        is_answer("a line", line.base, 6);
        MUST(zio_reader_consume, (reader, 6));
    }
    MUST(zio_reader_destroy, (reader));
}

static zio_err_t uses_buffers(void *ud) {
    (void)ud;
    zio_stream_t *ends[2] = {NULL, NULL};
    if (CALL(zio_stream_pair, (&ends[0], &ends[1])) != 0) return 0;
    zio_task_t *writer = start(writes_lines, ends[0]);
    if (writer != NULL) read_lines(ends[1]);
    finish(writer);
    for (int i = 0; i < 2; ++i) MUST(zio_stream_close, (ends[i]));
    return 0;
}

void scenario_buffered(void) {
    run_alone(uses_buffers, NULL);
}

/* --- many at once --------------------------------------------------------------------------- */

enum { CROWD = 10 }; /* from eight on sends are worth a submission */
struct storm {
    zio_listener_t *listener;
    zio_addr_t address;
    zio_group_t *handlers;
};

static zio_err_t answers(void *ud) {
    zio_stream_t *stream = ud;
    char bytes[8];
    const zio_ssize_t got = CALL(zio_stream_read, (stream, bytes, sizeof bytes, soon()));
    if (got > 0) (void)CALL(zio_stream_write, (stream, bytes, (size_t)got, soon()));
    MUST(zio_stream_close, (stream));
    return 0;
}

static zio_err_t accepts(void *ud) {
    struct storm *storm = ud;
    for (int i = 0; i < CROWD; ++i) {
        zio_stream_t *stream = NULL;
        if (CALL(zio_accept, (storm->listener, &stream, NULL, soon())) != 0) break;
        if (CALL(zio_group_spawn, (storm->handlers, answers, stream, NULL)) != 0) {
            MUST(zio_stream_close, (stream));
        }
    }
    return 0;
}

static zio_err_t asks(void *ud) {
    struct storm *storm = ud;
    zio_stream_t *stream = NULL;
    char answer[2];
    if (CALL(zio_connect, (&stream, &storm->address, NULL, soon())) != 0) return 0;
    if (CALL(zio_stream_write_all, (stream, "?", 1, NULL, soon())) == 0 &&
        CALL(zio_stream_read, (stream, answer, 1, soon())) == 1) {
        is_answer("?", answer, 1);
    }
    drop(stream);
    return 0;
}

static zio_err_t storms(void *ud) {
    (void)ud;
    struct storm storm = {NULL, {0}, NULL};
    if (!fresh_name(&storm.address)) return 0;
    if (CALL(zio_listen, (&storm.listener, &storm.address, NULL)) != 0) return 0;
    if (CALL(zio_group_create, (NULL, &storm.handlers, 0)) == 0) {
        zio_task_t *tasks[CROWD + 1] = {start(accepts, &storm)};
        for (int i = 1; i <= CROWD; ++i) tasks[i] = start(asks, &storm);
        for (int i = 0; i <= CROWD; ++i) finish(tasks[i]);
        if (CALL(zio_group_destroy, (storm.handlers)) != 0) {
            faults_stop();
            MUST(zio_group_destroy, (storm.handlers));
        }
    }
    MUST(zio_listener_close, (storm.listener));
    return 0;
}

void scenario_storm(void) {
    run_alone(storms, NULL);
}
