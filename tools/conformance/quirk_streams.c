/* SPDX-License-Identifier: MIT */
/* Does this kernel do it? Of sockets that are connected, and their ends. */
#define _GNU_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "quirk_kit.h"

static enum answer truth(bool is_so) {
    return is_so ? YES : NO;
}

enum answer probe_reset_takes_the_peer_away(void) {
    int ends[2];
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    if (!raw_link(RAW_TCP, ends)) return CANNOT_TELL;
    raw_abort(ends[0]);
    raw_pause();
    return truth(getpeername(ends[1], (struct sockaddr *)&name, &size) < 0 && errno == ENOTCONN);
}

enum answer probe_reset_is_told_once(void) {
    int ends[2];
    char byte;
    if (!raw_link(RAW_TCP, ends)) return CANNOT_TELL;
    raw_abort(ends[0]);
    raw_pause();
    const bool is_reset = recv(ends[1], &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
    return truth(is_reset && recv(ends[1], &byte, 1, MSG_DONTWAIT) == 0);
}

enum answer probe_unaccepted_are_reset(void) {
    for (int kind = RAW_TCP; kind <= RAW_UNIX; kind++) {
        struct raw_address address;
        char byte;
        const int listener = raw_listen((enum raw_kind)kind, 8, &address);
        const int client = raw_connect(&address);
        if (listener < 0 || client < 0) return CANNOT_TELL;
        raw_pause();
        (void)close(listener);
        raw_pause();
        if (recv(client, &byte, 1, MSG_DONTWAIT) >= 0 || errno != ECONNRESET) return NO;
    }
    return YES;
}

enum answer probe_unread_bytes_reset(void) {
    for (int kind = RAW_TCP; kind <= RAW_UNIX; kind++) {
        int ends[2];
        char byte;
        if (!raw_link((enum raw_kind)kind, ends)) return CANNOT_TELL;
        if (send(ends[1], "unread", 6, 0) != 6) return CANNOT_TELL;
        raw_pause();
        (void)close(ends[0]);
        raw_pause();
        if (recv(ends[1], &byte, 1, MSG_DONTWAIT) >= 0 || errno != ECONNRESET) return NO;
    }
    return YES;
}

static void *receive_one(void *ud) {
    char byte;
    return (void *)(intptr_t)recv(*(int *)ud, &byte, 1, 0);
}

enum answer probe_close_waits_for_readers(void) {
    int ends[2];
    pthread_t thread;
    void *got = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return CANNOT_TELL;
    if (pthread_create(&thread, NULL, receive_one, &ends[0]) != 0) return CANNOT_TELL;
    raw_pause();
    (void)close(ends[0]);
    struct pollfd peer = {ends[1], POLLIN, 0};
    const bool is_silent = poll(&peer, 1, 30) == 0;
    (void)send(ends[1], "x", 1, MSG_NOSIGNAL);
    (void)pthread_join(thread, &got);
    return truth(is_silent && (intptr_t)got == 1);
}

enum answer probe_urgent_bytes_stop_a_read(void) {
    int ends[2];
    char bytes[16];
    if (!raw_link(RAW_TCP, ends)) return CANNOT_TELL;
    if (send(ends[0], "ab", 2, 0) != 2 || send(ends[0], "!", 1, MSG_OOB) != 1 ||
        send(ends[0], "cd", 2, 0) != 2) {
        return CANNOT_TELL;
    }
    raw_pause();
    const ssize_t first = recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT);
    const ssize_t second = recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT);
    return truth(first == 2 && second == 2);
}

enum answer probe_vectors_have_a_limit(void) {
    enum { COUNT = 1025 };
    static struct iovec pieces[COUNT];
    int ends[2];
    struct msghdr message;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return CANNOT_TELL;
    for (int i = 0; i < COUNT; i++) pieces[i].iov_base = "x", pieces[i].iov_len = 1;
    memset(&message, 0, sizeof message);
    message.msg_iov = pieces;
    message.msg_iovlen = COUNT;
    return truth(sendmsg(ends[0], &message, MSG_DONTWAIT) < 0 && errno == EMSGSIZE);
}

enum answer probe_buffers_are_doubled(void) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    int value = 20000;
    socklen_t size = sizeof value;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, size) != 0) return CANNOT_TELL;
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &size) != 0) return CANNOT_TELL;
    return truth(value == 40000);
}
