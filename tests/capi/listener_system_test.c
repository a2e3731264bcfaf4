/* SPDX-License-Identifier: MIT */
/* zio/listener.h against the real system: paths, descriptors made elsewhere, full queues, and a
 * process that is out of descriptors. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_kit.h"
#include "zio/listener.h"
#include "zio/stream.h"

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "zio-listener-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder); /* empty again: every path was removed */
}

static zio_addr_t path_address(const char *name) {
    char here[512], text[640];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(text, sizeof text, "unix:%s/%s/%s", here, folder, name);
    return address_of(text);
}

/* --- paths ---------------------------------------------------------------------------------- */

IN_TASK(a_path_exists_as_long_as_its_listener) {
    const zio_addr_t address = path_address("a");
    zio_listener_t *listener = NULL, *second = NULL;
    zio_stream_t *client = NULL, *server = NULL;
    zio_addr_t peer, local;
    assert_int_equal(zio_connect(&client, &address, NULL, ZIO_NEVER), ZIO_ENOENT);
    assert_int_equal(zio_listen(&listener, &address, NULL), 0);
    assert_int_equal(access(address.path, F_OK), 0);
    assert_int_equal(zio_listen(&second, &address, NULL), ZIO_EADDRINUSE);
    assert_int_equal(access(address.path, F_OK), 0); /* the failure removed nothing */
    assert_int_equal(zio_connect(&client, &address, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_accept(listener, &server, &peer, ZIO_NEVER), 0);
    assert_int_equal(peer.family, ZIO_AF_UNIX);
    assert_int_equal(peer.path_len, 0);
    assert_int_equal(zio_stream_addr(client, NULL, &local), 0);
    assert_memory_equal(&local, &address, sizeof local);
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(access(address.path, F_OK), -1);
    assert_int_equal(zio_stream_close(client), 0);
    assert_int_equal(zio_stream_close(server), 0);
    /* A path left behind by a process that died is in use as far as the system knows. */
    const int file = open(address.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(zio_listen(&second, &address, NULL), ZIO_EADDRINUSE);
    assert_int_equal(zio_connect(&client, &address, NULL, ZIO_NEVER), ZIO_ECONNREFUSED);
    assert_int_equal(unlink(address.path), 0);
    const zio_addr_t nowhere = path_address("b/c");
    assert_int_equal(zio_listen(&second, &nowhere, NULL), ZIO_ENOENT);
}

/* --- descriptors made elsewhere ------------------------------------------------------------- */

static int listening_socket(int domain, const struct sockaddr *address, socklen_t size) {
    const int fd = socket(domain, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, address, size), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

IN_TASK(a_listening_socket_of_somebody_elses_making) {
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    zio_listener_t *listener = NULL;
    zio_stream_t *client = NULL, *server = NULL;
    const int fd = listening_socket(AF_INET, (const struct sockaddr *)&any, sizeof any);
    assert_int_equal(zio_listener_from_fd(NULL, fd), ZIO_EINVAL);
    assert_int_equal(zio_listener_from_fd(&listener, fd), 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    const zio_addr_t address = bound_to(listener);
    assert_int_equal(zio_accept(listener, &server, NULL, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_connect(&client, &address, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_accept(listener, &server, NULL, ZIO_NEVER), 0);
    const int made = (int)zio_stream_fd(server);
    assert_true((fcntl(made, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(made, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(zio_stream_close(client), 0);
    assert_int_equal(zio_stream_close(server), 0);
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was the listener's */
    /* A Unix path stays: zio_listen() did not make it. */
    const zio_addr_t path = path_address("mine");
    struct sockaddr_storage storage;
    const zio_ssize_t size = zio_addr_to_sockaddr(&path, &storage, sizeof storage);
    const int unix_fd =
        listening_socket(AF_UNIX, (const struct sockaddr *)&storage, (socklen_t)size);
    assert_int_equal(zio_listener_from_fd(&listener, unix_fd), 0);
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(unlink(path.path), 0);
}

IN_TASK(what_is_no_listening_socket_stays_the_callers) {
    zio_listener_t *listener = NULL;
    int pair[2], pipes[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pipe(pipes), 0);
    const int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    const int fresh = socket(AF_INET, SOCK_STREAM, 0);
    const int file = open("/dev/null", O_RDONLY);
    assert_int_equal(zio_listener_from_fd(&listener, -1), ZIO_EBADF);
    assert_int_equal(zio_listener_from_fd(&listener, 987654), ZIO_EBADF);
    assert_int_equal(zio_listener_from_fd(&listener, (zio_fd_t)1 << 32), ZIO_EBADF);
    assert_int_equal(zio_listener_from_fd(&listener, pipes[0]), ZIO_EBADF);
    assert_int_equal(zio_listener_from_fd(&listener, file), ZIO_EBADF);
    assert_int_equal(zio_listener_from_fd(&listener, pair[0]), ZIO_EINVAL);
    assert_int_equal(zio_listener_from_fd(&listener, fresh), ZIO_EINVAL);
    assert_int_equal(zio_listener_from_fd(&listener, datagram), ZIO_EPROTOTYPE);
    assert_null(listener);
    const int fds[] = {pair[0], pair[1], pipes[0], pipes[1], datagram, fresh, file};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; ++i) {
        assert_int_equal(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0); /* unchanged */
        assert_int_equal(close(fds[i]), 0);
    }
}

/* --- a full queue --------------------------------------------------------------------------- */

struct pending {
    zio_addr_t address;
    zio_stream_t *stream;
    zio_deadline_t deadline;
};

static zio_err_t connect_one(void *ud) {
    struct pending *me = ud;
    return zio_connect(&me->stream, &me->address, NULL, me->deadline);
}

/* A Unix listener's queue is full: connects wait until there is room, or late, or canceled. */
IN_TASK(connects_wait_for_room_in_the_queue) {
    enum { COUNT = 12 };
    const zio_addr_t name = fresh_name();
    zio_sock_options_t options;
    zio_listener_t *listener = NULL;
    struct pending pending[COUNT];
    zio_task_t *tasks[COUNT];
    zio_err_t result = 0;
    settle();
    const unsigned before = descriptor_count();
    assert_int_equal(zio_sock_options_init(&options, sizeof options), 0);
    options.backlog = 2;
    assert_int_equal(zio_listen(&listener, &name, &options), 0);
    for (int i = 0; i < COUNT; ++i) {
        pending[i] = (struct pending){name, NULL, i == 10 ? zio_after_ns(30 * MS) : ZIO_NEVER};
        tasks[i] = start(connect_one, &pending[i]);
        settle();
    }
    struct pending hasty = {name, NULL, ZIO_IMMEDIATE};
    assert_int_equal(connect_one(&hasty), ZIO_EAGAIN);
    assert_int_equal(zio_task_cancel(tasks[11], &result), 0);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(tasks[11]), 0);
    assert_int_equal(finish(tasks[10]), ZIO_ETIMEDOUT);
    for (int i = 0; i < 10; ++i) {
        zio_stream_t *server = NULL;
        assert_int_equal(zio_accept(listener, &server, NULL, zio_after_ns(5000 * MS)), 0);
        assert_int_equal(zio_stream_close(server), 0);
    }
    for (int i = 0; i < 10; ++i) {
        assert_int_equal(finish(tasks[i]), 0);
        assert_int_equal(zio_stream_close(pending[i].stream), 0);
    }
    assert_int_equal(zio_listener_close(listener), 0);
    settle();
    assert_int_equal(descriptor_count(), before);
}

/* --- out of descriptors --------------------------------------------------------------------- */

struct starved {
    zio_listener_t *listener;
    zio_stream_t *stream;
    zio_deadline_t deadline;
};

static zio_err_t accept_one(void *ud) {
    struct starved *me = ud;
    return zio_accept(me->listener, &me->stream, NULL, me->deadline);
}

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                       \
        }                                                                   \
    } while (0)

static uint64_t backoffs(void) {
    zio_rt_stats_t stats;
    if (zio_rt_stats_init(&stats, sizeof stats) != 0) return 0;
    if (zio_rt_stats(zio_rt_current(), &stats) != 0) return 0;
    return stats.accept_backoffs;
}

/* Keeps the worker from looking at the time until both a pause of 10 ms and a scope of 15 are over.
 */
static zio_err_t hog(void *ud) {
    const int64_t *const until = ud;
    while (zio_now() < *until) {
    }
    return 0;
}

/* In a child, whose limit can be lowered: accept backs off instead of failing or spinning. */
static zio_err_t starve(void *ud) {
    const zio_addr_t any = address_of("127.0.0.1:0");
    struct starved one = {.deadline = ZIO_NEVER};
    zio_stream_t *client = NULL;
    int spare[64];
    int count = 0;
    (void)ud;
    CHECK(zio_listen(&one.listener, &any, NULL) == 0);
    const zio_addr_t address = bound_to(one.listener);
    CHECK(zio_sleep_until(zio_after_ns(MS)) == 0);
    CHECK(zio_connect(&client, &address, NULL, ZIO_NEVER) == 0);
    CHECK(zio_sleep_until(zio_after_ns(MS)) == 0);
    const struct rlimit limit = {64, 64};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (count < 64 && (spare[count] = dup(0)) >= 0) ++count;
    CHECK(count > 0 && backoffs() == 0);

    /* Its deadline ends it, and so does a scope, a cancel, and nothing else. */
    CHECK(zio_accept(one.listener, &one.stream, NULL, ZIO_IMMEDIATE) == ZIO_EAGAIN);
    int64_t before = zio_now();
    CHECK(zio_accept(one.listener, &one.stream, NULL, zio_after_ns(60 * MS)) == ZIO_ETIMEDOUT);
    CHECK(zio_now() - before >= 60 * MS && zio_now() - before < 2000 * MS);
    CHECK(backoffs() >= 2 && backoffs() <= 10); /* 10 ms, then twice as long each time */
    uint64_t scope = 0;
    for (int busy = 0; busy < 2; ++busy) {
        CHECK(zio_timeout_push(&scope, zio_after_ns(15 * MS)) == 0);
        int64_t late = zio_now() + 20 * MS;
        if (busy) CHECK(zio_spawn(NULL, NULL, hog, &late, NULL) == 0);
        CHECK(zio_accept(one.listener, &one.stream, NULL, ZIO_NEVER) == ZIO_ETIMEDOUT);
        CHECK(zio_timeout_pop(scope));
    }
    zio_task_t *task = NULL;
    zio_err_t result = 0;
    CHECK(zio_spawn(NULL, &task, accept_one, &one, NULL) == 0);
    CHECK(zio_sleep_until(zio_after_ns(165 * MS)) == 0);
    before = zio_now();
    CHECK(zio_task_cancel(task, &result) == 0 && result == ZIO_ECANCELED);
    CHECK(zio_now() - before < 100 * MS); /* the pause of 160 ms has just begun */
    CHECK(zio_task_unref(task) == 0);

    /* It goes on when there is a descriptor again. */
    CHECK(zio_spawn(NULL, &task, accept_one, &one, NULL) == 0);
    CHECK(zio_sleep_until(zio_after_ns(15 * MS)) == 0);
    close(spare[--count]);
    CHECK(zio_task_join(task, &result, zio_after_ns(2000 * MS)) == 0 && result == 0);
    CHECK(zio_task_unref(task) == 0);
    CHECK(zio_stream_close(one.stream) == 0);
    CHECK(zio_stream_close(client) == 0);

    /* And the listener's close ends it. */
    CHECK(zio_connect(&client, &address, NULL, ZIO_NEVER) == 0);
    while (count < 64 && (spare[count] = dup(0)) >= 0) ++count;
    CHECK(zio_spawn(NULL, &task, accept_one, &one, NULL) == 0);
    CHECK(zio_sleep_until(zio_after_ns(15 * MS)) == 0);
    CHECK(zio_listener_close(one.listener) == 0);
    CHECK(zio_task_join(task, &result, zio_after_ns(2000 * MS)) == 0 && result == ZIO_ECLOSED);
    CHECK(zio_task_unref(task) == 0);
    CHECK(zio_stream_close(client) == 0);
    /* Nobody else can make a descriptor now. */
    CHECK((spare[count] = dup(0)) >= 0);
    ++count;
    while ((spare[count] = dup(0)) >= 0) ++count;
    zio_stream_t *other = NULL;
    CHECK(zio_connect(&client, &address, NULL, ZIO_NEVER) == ZIO_EMFILE);
    CHECK(zio_last_os_error() == 24);
    CHECK(zio_stream_pair(&client, &other) == ZIO_EMFILE);
    CHECK(zio_listen(&one.listener, &any, NULL) == ZIO_EMFILE);
    return 0;
}

static void accept_waits_out_a_lack_of_descriptors(void **state) {
    (void)state;
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        zio_rt_t *rt = NULL;
        if (zio_rt_create(&rt, NULL) != 0) _exit(2);
        _exit(zio_rt_run(rt, starve, NULL) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_waits_out_a_lack_of_descriptors), /* before anything is made */
        cmocka_unit_test_setup_teardown(a_path_exists_as_long_as_its_listener, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_listening_socket_of_somebody_elses_making, make_folder,
                                        remove_folder),
        cmocka_unit_test(what_is_no_listening_socket_stays_the_callers),
        cmocka_unit_test(connects_wait_for_room_in_the_queue),
    };
    return cmocka_run_group_tests_name("listener_system", tests, NULL, NULL);
}
