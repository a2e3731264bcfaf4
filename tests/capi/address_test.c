/* SPDX-License-Identifier: MIT */
/* zio/address.h: addresses as text, as bytes, and for one's own system calls. */
#include "zio/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WHOLE ((size_t)-1) /* the text ends with a NUL */

#include "test.h"

/* --- text ----------------------------------------------------------------------------------- */

static void ip_addresses_with_and_without_a_port(void **state) {
    static const uint8_t loopback6[16] = {[15] = 1};
    zio_addr_t a;
    (void)state;
    assert_int_equal(zio_addr_parse(&a, "127.0.0.1:8080", WHOLE, 0), 0);
    assert_int_equal(a.family, ZIO_AF_INET);
    assert_int_equal(a.port, 8080);
    assert_memory_equal(a.ip, "\x7f\0\0\1", 4);

    assert_int_equal(zio_addr_parse(&a, "127.0.0.1", WHOLE, 80), 0);
    assert_int_equal(a.port, 80); /* the default, as none was given */

    assert_int_equal(zio_addr_parse(&a, "[::1]:443", WHOLE, 80), 0);
    assert_int_equal(a.family, ZIO_AF_INET6);
    assert_int_equal(a.port, 443);
    assert_memory_equal(a.ip, loopback6, 16);

    assert_int_equal(zio_addr_parse(&a, "::1", WHOLE, 80), 0);
    assert_int_equal(a.port, 80);

    assert_int_equal(zio_addr_parse(&a, "[fe80::1%7]:1", WHOLE, 0), 0);
    assert_int_equal(a.scope_id, 7);
}

static void unix_addresses(void **state) {
    zio_addr_t a;
    (void)state;
    assert_int_equal(zio_addr_parse(&a, "unix:/run/server", WHOLE, 0), 0);
    assert_int_equal(a.family, ZIO_AF_UNIX);
    assert_int_equal(a.path_len, 11);
    assert_memory_equal(a.path, "/run/server", 12); /* a NUL follows */

    assert_int_equal(zio_addr_parse(&a, "unix:@server", WHOLE, 0), 0);
    assert_int_equal(a.path_len, 7);
    assert_memory_equal(a.path, "\0server", 7);

    /* An abstract name may contain NULs: then its length must be given. */
    assert_int_equal(zio_addr_parse(&a, "unix:@a\0b", 9, 0), 0);
    assert_int_equal(a.path_len, 4);
    assert_memory_equal(a.path, "\0a\0b", 4);
}

static void what_is_no_address_is_refused(void **state) {
    static const char *const refused[] = {
        "",
        "localhost:80",
        "1.2.3",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:x",
        "1.2.3.4:65536",
        "1.2.3.4:080",
        "1.2.3.4:+80",
        "1.2.3.4 ",
        " 1.2.3.4",
        "[::1]",
        "[::1]:",
        "[::1",
        "[1.2.3.4]:80",
        "::1::",
        "1:2:3:4:5:6:7",
        "::12345",
        "fe80::1%",
        "fe80::1%01",
        "fe80::1%no-such-interface",
        ":80",
        "unix:",
        "unix:relative",
        "/run/server",
    };
    zio_addr_t a;
    zio_addr_t before;
    char path[200];
    size_t i;
    (void)state;
    memset(&a, 0x5a, sizeof a);
    before = a;
    for (i = 0; i < sizeof refused / sizeof refused[0]; ++i) {
        assert_int_equal(zio_addr_parse(&a, refused[i], WHOLE, 0), ZIO_EINVAL);
    }
    memset(path, 'p', sizeof path);
    memcpy(path, "unix:/", 6);
    assert_int_equal(zio_addr_parse(&a, path, sizeof path, 0), ZIO_ENAMETOOLONG);
    assert_int_equal(zio_addr_parse(&a, NULL, 0, 0), ZIO_EINVAL);
    assert_int_equal(zio_addr_parse(NULL, "::1", WHOLE, 0), ZIO_EINVAL);
    assert_memory_equal(&a, &before, sizeof a); /* written on success only */
}

static void addresses_are_written_canonically_and_read_back(void **state) {
    static const char *const written[][2] = {
        {"10.0.0.1", "10.0.0.1:80"},
        {"2001:DB8:0:0:0:0:0:00FF", "[2001:db8::ff]:80"},
        {"::ffff:c000:201", "[::ffff:192.0.2.1]:80"},
        {"fe80::1%7", "[fe80::1%7]:80"},
        {"unix:/run/server", "unix:/run/server"},
        {"unix:@server", "unix:@server"},
    };
    size_t i;
    (void)state;
    for (i = 0; i < sizeof written / sizeof written[0]; ++i) {
        char text[128];
        zio_addr_t a;
        zio_addr_t back;
        assert_int_equal(zio_addr_parse(&a, written[i][0], WHOLE, 80), 0);
        assert_int_equal(zio_addr_format(&a, text, sizeof text), strlen(written[i][1]));
        assert_string_equal(text, written[i][1]);
        assert_int_equal(zio_addr_parse(&back, text, WHOLE, 0), 0);
        assert_memory_equal(&a, &back, sizeof a);
    }
}

/* The result is the length of the whole text, however little room there is. */
static void formatting_is_like_snprintf(void **state) {
    char text[8] = "#######";
    zio_addr_t a;
    (void)state;
    assert_int_equal(zio_addr_parse(&a, "127.0.0.1:80", WHOLE, 0), 0);
    assert_int_equal(zio_addr_format(&a, NULL, 0), 12);
    assert_int_equal(zio_addr_format(&a, text, 0), 12);
    assert_string_equal(text, "#######");
    assert_int_equal(zio_addr_format(&a, text, 1), 12);
    assert_string_equal(text, "");
    assert_int_equal(zio_addr_format(&a, text, 7), 12);
    assert_string_equal(text, "127.0.");
    assert_int_equal(text[7], '\0'); /* not ours, and as it was */
}

static void the_longest_text_fits_in_128_bytes(void **state) {
    static const char ip6[] = "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535";
    char text[128];
    zio_addr_t a;
    (void)state;
    assert_int_equal(zio_addr_parse(&a, ip6, WHOLE, 0), 0);
    assert_int_equal(zio_addr_format(&a, text, sizeof text), sizeof ip6 - 1);
    memset(&a, 0, sizeof a);
    a.family = ZIO_AF_UNIX;
    a.path_len = 107;
    memset(a.path, 'p', a.path_len);
    assert_int_equal(zio_addr_format(&a, text, sizeof text), 5 + 107);
    assert_int_equal(text[5 + 107], '\0');
}

static void what_has_no_text(void **state) {
    char text[128];
    zio_addr_t a;
    (void)state;
    memset(&a, 0, sizeof a);
    assert_int_equal(zio_addr_format(&a, text, sizeof text), ZIO_EAFNOSUPPORT);
    assert_int_equal(zio_addr_format(NULL, text, sizeof text), ZIO_EINVAL);
    a.family = ZIO_AF_INET;
    assert_int_equal(zio_addr_format(&a, NULL, sizeof text), ZIO_EINVAL);
    a.reserved0 = 1;
    assert_int_equal(zio_addr_format(&a, text, sizeof text), ZIO_EINVAL);
    memset(&a, 0, sizeof a);
    a.family = ZIO_AF_UNIX;
    a.path_len = sizeof a.path;
    memset(a.path, 'p', sizeof a.path);
    assert_int_equal(zio_addr_format(&a, text, sizeof text), ZIO_ENAMETOOLONG);
    memcpy(a.path, "/a\0b", 4);
    a.path_len = 4;
    assert_int_equal(zio_addr_format(&a, text, sizeof text), ZIO_EINVAL);
    /* A peer without a name is written too, for logs; that text is no address to go to. */
    a.path_len = 0;
    assert_int_equal(zio_addr_format(&a, text, sizeof text), 5);
    assert_string_equal(text, "unix:");
}

/* --- the system's form ---------------------------------------------------------------------- */

/* With one's own socket: give the address to bind, and ask where it was bound. */
static void addresses_work_with_ones_own_system_calls(void **state) {
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof bound;
    struct sockaddr_storage sa;
    zio_ssize_t sa_len;
    zio_addr_t a;
    zio_addr_t where;
    int fd;
    (void)state;
    assert_int_equal(zio_addr_parse(&a, "127.0.0.1:0", WHOLE, 0), 0);
    sa_len = zio_addr_to_sockaddr(&a, &sa, sizeof sa);
    assert_int_equal(sa_len, sizeof(struct sockaddr_in));

    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&sa, (socklen_t)sa_len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &bound_len), 0);
    assert_int_equal(close(fd), 0);

    assert_int_equal(zio_addr_from_sockaddr(&where, &bound, bound_len), 0);
    assert_int_equal(where.family, ZIO_AF_INET);
    assert_int_not_equal(where.port, 0); /* the one the system chose */
    assert_memory_equal(where.ip, a.ip, 4);
}

static void every_family_goes_there_and_back(void **state) {
    static const char *const texts[] = {"1.2.3.4:5", "[2001:db8::1]:6", "[fe80::1%9]:7",
                                        "unix:/run/server", "unix:@server"};
    size_t i;
    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
        struct sockaddr_storage sa;
        zio_ssize_t sa_len;
        zio_addr_t a;
        zio_addr_t back;
        assert_int_equal(zio_addr_parse(&a, texts[i], WHOLE, 0), 0);
        if (a.family == ZIO_AF_INET6) a.flow = 0x12345;
        sa_len = zio_addr_to_sockaddr(&a, &sa, sizeof sa);
        assert_true(sa_len > 0);
        assert_int_equal(zio_addr_from_sockaddr(&back, &sa, (uint32_t)sa_len), 0);
        assert_memory_equal(&a, &back, sizeof a);
        /* Not one byte less will do. */
        assert_int_equal(zio_addr_to_sockaddr(&a, &sa, (uint32_t)sa_len - 1), ZIO_EINVAL);
    }
}

static void a_unix_socket_without_a_name(void **state) {
    struct sockaddr_un sa;
    zio_addr_t a;
    (void)state;
    memset(&sa, 0, sizeof sa);
    sa.sun_family = AF_UNIX;
    assert_int_equal(zio_addr_from_sockaddr(&a, &sa, offsetof(struct sockaddr_un, sun_path)), 0);
    assert_int_equal(a.family, ZIO_AF_UNIX);
    assert_int_equal(a.path_len, 0);
    assert_int_equal(zio_addr_to_sockaddr(&a, &sa, sizeof sa),
                     offsetof(struct sockaddr_un, sun_path));
}

static void what_is_no_sockaddr_is_refused(void **state) {
    struct sockaddr_storage sa;
    zio_addr_t a;
    zio_addr_t before;
    (void)state;
    memset(&sa, 0, sizeof sa);
    memset(&a, 0x5a, sizeof a);
    before = a;
    sa.ss_family = AF_UNSPEC;
    assert_int_equal(zio_addr_from_sockaddr(&a, &sa, sizeof sa), ZIO_EAFNOSUPPORT);
    sa.ss_family = AF_INET6;
    assert_int_equal(zio_addr_from_sockaddr(&a, &sa, sizeof(struct sockaddr_in)), ZIO_EINVAL);
    assert_int_equal(zio_addr_from_sockaddr(&a, &sa, 0), ZIO_EINVAL);
    assert_int_equal(zio_addr_from_sockaddr(&a, NULL, sizeof sa), ZIO_EINVAL);
    assert_int_equal(zio_addr_from_sockaddr(NULL, &sa, sizeof sa), ZIO_EINVAL);
    assert_memory_equal(&a, &before, sizeof a);

    memset(&a, 0, sizeof a);
    assert_int_equal(zio_addr_to_sockaddr(&a, &sa, sizeof sa), ZIO_EAFNOSUPPORT);
    assert_int_equal(zio_addr_to_sockaddr(NULL, &sa, sizeof sa), ZIO_EINVAL);
    a.family = ZIO_AF_INET;
    assert_int_equal(zio_addr_to_sockaddr(&a, NULL, sizeof sa), ZIO_EINVAL);
    a.reserved0 = 1;
    assert_int_equal(zio_addr_to_sockaddr(&a, &sa, sizeof sa), ZIO_EINVAL);
    memset(&a, 0, sizeof a);
    a.family = ZIO_AF_UNIX;
    a.path_len = sizeof a.path;
    memset(a.path, 'p', sizeof a.path);
    assert_int_equal(zio_addr_to_sockaddr(&a, &sa, sizeof sa), ZIO_ENAMETOOLONG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip_addresses_with_and_without_a_port),
        cmocka_unit_test(unix_addresses),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(addresses_are_written_canonically_and_read_back),
        cmocka_unit_test(formatting_is_like_snprintf),
        cmocka_unit_test(the_longest_text_fits_in_128_bytes),
        cmocka_unit_test(what_has_no_text),
        cmocka_unit_test(addresses_work_with_ones_own_system_calls),
        cmocka_unit_test(every_family_goes_there_and_back),
        cmocka_unit_test(a_unix_socket_without_a_name),
        cmocka_unit_test(what_is_no_sockaddr_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
