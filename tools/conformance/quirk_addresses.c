/* SPDX-License-Identifier: MIT */
/* Does this kernel do it? Of addresses, listening and connecting. */
#define _GNU_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "quirk_kit.h"

static enum answer truth(bool is_so) {
    return is_so ? YES : NO;
}

static int connect_at_once(const struct raw_address *address, int *fd) {
    *fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    return connect(*fd, (const struct sockaddr *)&address->storage, address->size) == 0 ? 0 : errno;
}

enum answer probe_full_unix_queue_is_silent(void) {
    struct raw_address address;
    int fd = -1, code = 0;
    if (raw_listen(RAW_UNIX, 1, &address) < 0) return CANNOT_TELL;
    for (int i = 0; i < 100 && code == 0; i++) code = connect_at_once(&address, &fd);
    if (code != EAGAIN) return NO;
    struct pollfd entry = {fd, POLLOUT, 0};
    const bool is_ready = poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0;
    const bool is_full =
        connect(fd, (const struct sockaddr *)&address.storage, address.size) < 0 && errno == EAGAIN;
    return truth(is_ready && is_full);
}

enum answer probe_unix_backlog_is_one_more(void) {
    struct raw_address address;
    int fd = -1, count = 0;
    if (raw_listen(RAW_UNIX, 1, &address) < 0) return CANNOT_TELL;
    while (count < 100 && connect_at_once(&address, &fd) == 0) count++;
    return truth(count == 2);
}

enum answer probe_local_connect_is_not_immediate(void) {
    struct raw_address address;
    int fd = -1;
    if (raw_listen(RAW_TCP, 8, &address) < 0) return CANNOT_TELL;
    const int code = connect_at_once(&address, &fd);
    struct pollfd entry = {fd, POLLOUT, 0};
    return truth(code == EINPROGRESS && poll(&entry, 1, 1000) == 1);
}

enum answer probe_wildcard_means_here(void) {
    struct raw_address address;
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    if (raw_listen(RAW_TCP, 8, &address) < 0) return CANNOT_TELL;
    ((struct sockaddr_in *)&address.storage)->sin_addr.s_addr = htonl(INADDR_ANY);
    const int fd = raw_connect(&address);
    if (fd < 0) return NO;
    if (getpeername(fd, (struct sockaddr *)&name, &size) != 0) return CANNOT_TELL;
    return truth(ntohl(name.sin_addr.s_addr) == INADDR_LOOPBACK);
}

enum answer probe_ipv6_bind_looks_at_the_length(void) {
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    memset(&four, 0, sizeof four);
    memset(&six, 0, sizeof six);
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    const int of_four = socket(AF_INET, SOCK_STREAM, 0), of_six = socket(AF_INET6, SOCK_STREAM, 0);
    if (of_four < 0 || of_six < 0) return CANNOT_TELL;
    const bool is_length =
        bind(of_six, (struct sockaddr *)&four, sizeof four) < 0 && errno == EINVAL;
    const bool is_family =
        bind(of_four, (struct sockaddr *)&six, sizeof six) < 0 && errno == EAFNOSUPPORT;
    return truth(is_length && is_family);
}

enum answer probe_closed_ports_linger(void) {
    struct raw_address address;
    char byte;
    const int listener = raw_listen(RAW_TCP, 8, &address), client = raw_connect(&address);
    const int server = accept(listener, NULL, NULL), again = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || client < 0 || server < 0 || again < 0) return CANNOT_TELL;
    (void)close(listener);
    (void)close(server); /* the one that closes first has to wait */
    raw_pause();
    if (recv(client, &byte, 1, MSG_DONTWAIT) != 0) return CANNOT_TELL;
    (void)close(client);
    raw_pause();
    return truth(bind(again, (struct sockaddr *)&address.storage, address.size) < 0 &&
                 errno == EADDRINUSE);
}

enum answer probe_ipv6_only_is_a_setting(void) {
    FILE *file = fopen("/proc/sys/net/ipv6/bindv6only", "r");
    int setting = -1, value = -1;
    socklen_t size = sizeof value;
    const int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (file == NULL || fd < 0 || fscanf(file, "%d", &setting) != 1) return CANNOT_TELL;
    (void)fclose(file);
    if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size) != 0) return CANNOT_TELL;
    return truth(value == setting);
}

enum answer probe_unnamed_peers_have_short_names(void) {
    struct raw_address address, peer;
    const int listener = raw_listen(RAW_UNIX, 8, &address);
    if (listener < 0 || raw_connect(&address) < 0) return CANNOT_TELL;
    peer.size = sizeof peer.storage;
    if (accept(listener, (struct sockaddr *)&peer.storage, &peer.size) < 0) return CANNOT_TELL;
    return truth(peer.size == sizeof(sa_family_t));
}
