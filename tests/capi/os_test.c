/* SPDX-License-Identifier: MIT */
/* zio/os.h: descriptors that stay the caller's, of every kind, blocking ones too. */
#define _GNU_SOURCE
#include "zio/os.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_kit.h"

enum kind { PIPE, BLOCKING_PIPE, SOCKETS, BLOCKING_SOCKETS, DATAGRAMS, KINDS };
struct ends {
    int from, to;
};

static struct ends make_ends(enum kind kind) {
    int fds[2] = {-1, -1};
    switch (kind) {
        case PIPE:
            assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
            break;
        case BLOCKING_PIPE:
            assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
            break;
        case SOCKETS:
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
            break;
        case BLOCKING_SOCKETS:
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
            break;
        default:
            assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
            break;
    }
    return (struct ends){fds[0], fds[1]};
}

static void close_ends(struct ends *ends) {
    assert_int_equal(close(ends->from), 0);
    if (ends->to >= 0) assert_int_equal(close(ends->to), 0);
}

struct transfer {
    int fd;
    char bytes[8];
};

static zio_err_t read_some(void *ud) {
    struct transfer *transfer = ud;
    return (zio_err_t)zio_fd_read(transfer->fd, transfer->bytes, 8, ZIO_NEVER);
}

/* --- reading and writing -------------------------------------------------------------------- */

IN_TASK(reads_wait_for_bytes) {
    for (int kind = 0; kind < KINDS; ++kind) {
        struct ends ends = make_ends((enum kind)kind);
        struct transfer transfer = {.fd = ends.from};
        zio_err_t result = 0;
        assert_int_equal(zio_fd_read(ends.from, transfer.bytes, 8, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(zio_fd_read(ends.from, transfer.bytes, 8, 1), ZIO_ETIMEDOUT);
        assert_int_equal(zio_fd_read(ends.from, transfer.bytes, 8, zio_after_ns(MS)),
                         ZIO_ETIMEDOUT);
        zio_task_t *task = start(read_some, &transfer);
        settle();
        assert_int_equal(zio_task_cancel(task, &result), 0);
        assert_int_equal(result, ZIO_ECANCELED);
        assert_int_equal(zio_task_unref(task), 0);
        task = start(read_some, &transfer);
        settle();
        assert_int_equal(zio_fd_write(ends.to, "12345", 5, ZIO_NEVER), 5);
        assert_int_equal(finish(task), 5);
        assert_memory_equal(transfer.bytes, "12345", 5);
        assert_int_equal(zio_fd_write(ends.to, "late", 4, ZIO_IMMEDIATE), 4);
        assert_int_equal(zio_fd_read(ends.from, transfer.bytes, 8, 1), 4); /* ready and late */
        close_ends(&ends);
    }
}

IN_TASK(writes_wait_for_room) {
    static char bytes[3000];
    for (int kind = 0; kind < KINDS; ++kind) {
        struct ends ends = make_ends((enum kind)kind);
        size_t room = 0;
        zio_ssize_t count;
        while ((count = zio_fd_write(ends.to, bytes, sizeof bytes, ZIO_IMMEDIATE)) > 0) {
            room += (size_t)count;
        }
        assert_int_equal(count, ZIO_EAGAIN);
        while ((count = zio_fd_write(ends.to, bytes, sizeof bytes, zio_after_ns(MS))) > 0) {
            room += (size_t)count;
        }
        assert_int_equal(count, ZIO_ETIMEDOUT);
        while (room > 0) { /* nothing of what was late has been written */
            count = zio_fd_read(ends.from, bytes, sizeof bytes, ZIO_NEVER);
            assert_true(count > 0 && (size_t)count <= room);
            room -= (size_t)count;
        }
        assert_int_equal(zio_fd_read(ends.from, bytes, 1, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(zio_fd_write(ends.to, "x", 1, zio_after_ns(1000 * MS)), 1);
        close_ends(&ends);
    }
}

/* At the end a read gives 0; nobody reads: EPIPE, on a socket without a signal. */
IN_TASK(the_other_end_is_gone) {
    for (int kind = 0; kind < DATAGRAMS; ++kind) {
        struct ends ends = make_ends((enum kind)kind);
        char byte;
        struct transfer transfer = {.fd = ends.from};
        zio_task_t *task = start(read_some, &transfer);
        settle();
        assert_int_equal(close(ends.to), 0);
        ends.to = -1;
        assert_int_equal(finish(task), 0);
        assert_int_equal(zio_fd_read(ends.from, &byte, 1, ZIO_NEVER), 0);
        assert_int_equal(zio_fd_read(ends.from, &byte, 1, ZIO_IMMEDIATE), 0);
        close_ends(&ends);
        ends = make_ends((enum kind)kind);
        assert_int_equal(close(ends.from), 0);
        const bool is_socket = kind == SOCKETS || kind == BLOCKING_SOCKETS;
        if (!is_socket) signal(SIGPIPE, SIG_IGN); /* a pipe raises it, as the system does */
        assert_int_equal(zio_fd_write(ends.to, "x", 1, ZIO_NEVER), ZIO_EPIPE);
        assert_int_equal(zio_last_os_error(), 32);
        assert_int_equal(zio_fd_write(ends.to, "x", 1, ZIO_IMMEDIATE), ZIO_EPIPE);
        signal(SIGPIPE, SIG_DFL);
        assert_int_equal(close(ends.to), 0);
    }
}

/* What is always ready: regular files, and devices. */
IN_TASK(files_are_always_ready) {
    char name[] = "zio-os-XXXXXX", bytes[16];
    uint32_t got = 0;
    const int file = mkstemp(name);
    assert_true(file >= 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(zio_fd_write(file, "0123456789", 10, ZIO_NEVER), 10);
    assert_int_equal(zio_fd_write(file, "abc", 3, ZIO_IMMEDIATE), 3);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(zio_fd_read(file, bytes, 4, ZIO_NEVER), 4);
    assert_int_equal(zio_fd_read(file, bytes + 4, 12, zio_after_ns(1000 * MS)), 9);
    assert_memory_equal(bytes, "0123456789abc", 13);
    assert_int_equal(zio_fd_read(file, bytes, 4, ZIO_NEVER), 0);
    assert_int_equal(zio_fd_read(file, bytes, 4, ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_fd_wait(file, ZIO_READABLE | ZIO_WRITABLE, &got, ZIO_NEVER), 0);
    assert_int_equal(got, ZIO_READABLE | ZIO_WRITABLE);
    assert_int_equal(close(file), 0);
    const int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    assert_int_equal(zio_fd_read(zero, bytes, 16, ZIO_NEVER), 16);
    assert_int_equal(zio_fd_write(zero, bytes, 16, ZIO_NEVER), 16);
    assert_int_equal(close(zero), 0);
    const int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(zio_fd_read(folder, bytes, 16, ZIO_NEVER), ZIO_EISDIR);
    assert_int_equal(close(folder), 0);
}

IN_TASK(an_eventfd_counts) {
    const int fd = eventfd(0, EFD_CLOEXEC); /* blocking */
    uint64_t value = 0;
    struct transfer transfer = {.fd = fd};
    assert_int_equal(zio_fd_read(fd, &value, 8, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_fd_read(fd, &value, 8, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    zio_task_t *task = start(read_some, &transfer);
    settle();
    value = 5;
    assert_int_equal(zio_fd_write(fd, &value, 8, ZIO_NEVER), 8);
    assert_int_equal(finish(task), 8);
    memcpy(&value, transfer.bytes, 8);
    assert_int_equal(value, 5);
    value = 1;
    assert_int_equal(zio_fd_write(fd, &value, 8, ZIO_NEVER), 8);
    assert_int_equal(zio_fd_read(fd, &value, 4, ZIO_NEVER), ZIO_EINVAL); /* too short for it */
    assert_int_equal(close(fd), 0);
}

/* --- waiting -------------------------------------------------------------------------------- */

struct wait {
    int fd;
    uint32_t want, got;
};

static zio_err_t wait_for(void *ud) {
    struct wait *wait = ud;
    return zio_fd_wait(wait->fd, wait->want, &wait->got, ZIO_NEVER);
}

IN_TASK(waits_tell_what_is_ready) {
    for (int kind = 0; kind < DATAGRAMS; ++kind) {
        struct ends ends = make_ends((enum kind)kind);
        const bool is_socket = kind == SOCKETS || kind == BLOCKING_SOCKETS;
        uint32_t got = 77;
        char byte;
        assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE, &got, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE, NULL, zio_after_ns(MS)),
                         ZIO_ETIMEDOUT);
        assert_int_equal(got, 77);
        assert_int_equal(zio_fd_wait(ends.to, ZIO_WRITABLE, &got, ZIO_IMMEDIATE), 0);
        assert_int_equal(got, ZIO_WRITABLE);
        assert_int_equal(zio_fd_wait(ends.to, ZIO_WRITABLE, NULL, ZIO_NEVER), 0);
        if (is_socket) {
            assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE | ZIO_WRITABLE, &got, ZIO_NEVER),
                             0);
            assert_int_equal(got, ZIO_WRITABLE);
        }
        /* Several may wait for one descriptor, and all are told. */
        struct wait waits[3];
        zio_task_t *tasks[3];
        for (int i = 0; i < 3; ++i) {
            waits[i] = (struct wait){ends.from, ZIO_READABLE, 0};
            tasks[i] = start(wait_for, &waits[i]);
        }
        settle();
        assert_int_equal(write(ends.to, "x", 1), 1);
        for (int i = 0; i < 3; ++i) {
            assert_int_equal(finish(tasks[i]), 0);
            assert_int_equal(waits[i].got, ZIO_READABLE);
        }
        assert_int_equal(read(ends.from, &byte, 1), 1);
        /* A hang-up ends a wait too. */
        waits[0].got = 0;
        tasks[0] = start(wait_for, &waits[0]);
        settle();
        assert_int_equal(close(ends.to), 0);
        ends.to = -1;
        assert_int_equal(finish(tasks[0]), 0);
        assert_true((waits[0].got & (ZIO_HANGUP | ZIO_READABLE)) != 0);
        close_ends(&ends);
    }
}

/* A pipe that nobody reads reports an error to who waits for room. */
IN_TASK(a_wait_for_room_hears_that_nobody_reads) {
    struct ends ends = make_ends(PIPE);
    static char bytes[4096];
    while (write(ends.to, bytes, sizeof bytes) > 0) continue;
    struct wait wait = {ends.to, ZIO_WRITABLE, 0};
    zio_task_t *task = start(wait_for, &wait);
    settle();
    assert_int_equal(close(ends.from), 0);
    assert_int_equal(finish(task), 0);
    assert_true((wait.got & ZIO_ERROR) != 0);
    assert_int_equal(close(ends.to), 0);
}

/* Nothing is left registered: the same number works for the next descriptor, whatever it is. */
IN_TASK(a_number_can_be_used_again_at_once) {
    uint64_t random = 11;
    for (uint64_t round = 0; round < scaled(400); ++round) {
        struct ends ends = make_ends((enum kind)(next_random(&random) % KINDS));
        struct transfer transfer = {.fd = ends.from};
        struct wait wait = {ends.from, ZIO_READABLE, 0};
        zio_task_t *task = round % 2 == 0 ? start(read_some, &transfer) : start(wait_for, &wait);
        (void)zio_yield();
        if (next_random(&random) % 3 == 0) {
            zio_err_t result = 0;
            assert_int_equal(zio_task_cancel(task, &result), 0);
            assert_int_equal(result, ZIO_ECANCELED);
            assert_int_equal(zio_task_unref(task), 0);
        } else {
            assert_int_equal(write(ends.to, "12", 2), 2);
            assert_int_equal(finish(task), round % 2 == 0 ? 2 : 0);
        }
        close_ends(&ends);
    }
}

/* --- arguments and threads ------------------------------------------------------------------ */

IN_TASK(wrong_arguments_are_refused) {
    struct ends ends = make_ends(PIPE);
    uint32_t got = 0;
    char byte = 0;
    assert_int_equal(zio_fd_read(-1, &byte, 1, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_fd_read(987654, &byte, 1, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_fd_read(987654, &byte, 1, ZIO_IMMEDIATE), ZIO_EBADF);
    assert_int_equal(zio_fd_write(987654, &byte, 1, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_fd_wait(987654, ZIO_READABLE, &got, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_fd_wait(-1, ZIO_READABLE, &got, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_fd_read((zio_fd_t)1 << 32, &byte, 1, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_fd_read(ends.to, &byte, 1, ZIO_NEVER), ZIO_EBADF);    /* write only */
    assert_int_equal(zio_fd_write(ends.from, &byte, 1, ZIO_NEVER), ZIO_EBADF); /* read only */
    assert_int_equal(zio_fd_read(ends.from, NULL, 1, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_fd_write(ends.to, NULL, 1, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_fd_read(ends.from, NULL, 0, ZIO_NEVER), 0);
    assert_int_equal(zio_fd_write(ends.to, NULL, 0, ZIO_NEVER), 0);
    assert_int_equal(zio_fd_read(ends.from, &byte, 1, -2), ZIO_EINVAL);
    assert_int_equal(zio_fd_wait(ends.from, 0, &got, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_fd_wait(ends.from, ZIO_HANGUP, &got, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE | 64, &got, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE, &got, -2), ZIO_EINVAL);
    const int fresh = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(zio_fd_write(fresh, "x", 1, ZIO_NEVER), ZIO_ENOTCONN);
    assert_int_equal(close(fresh), 0);
    /* Where nothing may suspend, and with a cancel that is pending. */
    assert_int_equal(write(ends.to, "abc", 3), 3);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_fd_read(ends.from, &byte, 1, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE, &got, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_fd_read(ends.from, &byte, 1, ZIO_IMMEDIATE), 1);
    assert_int_equal(zio_nosuspend_end(), 0);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_fd_read(ends.from, &byte, 1, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE, &got, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_fd_write(ends.to, NULL, 0, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_fd_read(ends.from, &byte, 1, ZIO_NEVER), 1);
    assert_int_equal(byte, 'b');
    close_ends(&ends);
}

static void *send_later(void *ud) {
    usleep(20000);
    return write(*(int *)ud, "thread", 6) == 6 ? NULL : ud;
}

static void a_thread_blocks_in_the_same_calls(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; ++kind) {
        struct ends ends = make_ends((enum kind)kind);
        pthread_t thread;
        char bytes[8];
        uint32_t got = 0;
        assert_int_equal(zio_fd_read(ends.from, bytes, 8, zio_after_ns(MS)), ZIO_ETIMEDOUT);
        assert_int_equal(pthread_create(&thread, NULL, send_later, &ends.to), 0);
        assert_int_equal(zio_fd_wait(ends.from, ZIO_READABLE, &got, ZIO_NEVER), 0);
        assert_int_equal(got, ZIO_READABLE);
        assert_int_equal(zio_fd_read(ends.from, bytes, 8, ZIO_NEVER), 6);
        assert_memory_equal(bytes, "thread", 6);
        void *status = NULL;
        assert_int_equal(pthread_join(thread, &status), 0);
        assert_null(status);
        close_ends(&ends);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_wait_for_bytes),
        cmocka_unit_test(writes_wait_for_room),
        cmocka_unit_test(the_other_end_is_gone),
        cmocka_unit_test(files_are_always_ready),
        cmocka_unit_test(an_eventfd_counts),
        cmocka_unit_test(waits_tell_what_is_ready),
        cmocka_unit_test(a_wait_for_room_hears_that_nobody_reads),
        cmocka_unit_test(a_number_can_be_used_again_at_once),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(a_thread_blocks_in_the_same_calls),
    };
    return cmocka_run_group_tests_name("os", tests, NULL, NULL);
}
