/* SPDX-License-Identifier: MIT */
/* zio/base.h: errors, the allocator, the version. */
#include "zio/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"
#include "zio/rt.h"

/* --- errors --------------------------------------------------------------------------------- */

/* A result is 0, a count or a negative number; its name and its text say which. */
static void errors_have_a_name_and_a_text(void **state) {
    (void)state;
    assert_string_equal(zio_err_name(ZIO_OK), "ZIO_OK");
    assert_string_equal(zio_strerror(ZIO_OK), "success");
    assert_string_equal(zio_err_name(ZIO_ECONNREFUSED), "ZIO_ECONNREFUSED");
    assert_string_equal(zio_strerror(ZIO_ECONNREFUSED), "connection refused");
    assert_string_equal(zio_err_name(ZIO_ECANCELED), "ZIO_ECANCELED");
    assert_string_equal(zio_strerror(ZIO_ECANCELED), "canceled");
    assert_string_equal(zio_err_name(ZIO_EEOF), "ZIO_EEOF");
    assert_string_equal(zio_err_name(ZIO_EUNKNOWN), "ZIO_EUNKNOWN");
}

#define NAMED(code) \
    { code, #code }

static const struct {
    zio_err_t code;
    const char *name;
} named[] = {
    NAMED(ZIO_OK),
    NAMED(ZIO_EPERM),
    NAMED(ZIO_ENOENT),
    NAMED(ZIO_ESRCH),
    NAMED(ZIO_EIO),
    NAMED(ZIO_ENXIO),
    NAMED(ZIO_E2BIG),
    NAMED(ZIO_ENOEXEC),
    NAMED(ZIO_EBADF),
    NAMED(ZIO_ECHILD),
    NAMED(ZIO_EAGAIN),
    NAMED(ZIO_ENOMEM),
    NAMED(ZIO_EACCES),
    NAMED(ZIO_EFAULT),
    NAMED(ZIO_EBUSY),
    NAMED(ZIO_EEXIST),
    NAMED(ZIO_EXDEV),
    NAMED(ZIO_ENODEV),
    NAMED(ZIO_ENOTDIR),
    NAMED(ZIO_EISDIR),
    NAMED(ZIO_EINVAL),
    NAMED(ZIO_ENFILE),
    NAMED(ZIO_EMFILE),
    NAMED(ZIO_ENOTTY),
    NAMED(ZIO_ETXTBSY),
    NAMED(ZIO_EFBIG),
    NAMED(ZIO_ENOSPC),
    NAMED(ZIO_ESPIPE),
    NAMED(ZIO_EROFS),
    NAMED(ZIO_EMLINK),
    NAMED(ZIO_EPIPE),
    NAMED(ZIO_EDEADLK),
    NAMED(ZIO_ENAMETOOLONG),
    NAMED(ZIO_ENOLCK),
    NAMED(ZIO_ENOSYS),
    NAMED(ZIO_ENOTEMPTY),
    NAMED(ZIO_ELOOP),
    NAMED(ZIO_EPROTO),
    NAMED(ZIO_EOVERFLOW),
    NAMED(ZIO_EILSEQ),
    NAMED(ZIO_EDESTADDRREQ),
    NAMED(ZIO_EMSGSIZE),
    NAMED(ZIO_EPROTOTYPE),
    NAMED(ZIO_ENOPROTOOPT),
    NAMED(ZIO_EPROTONOSUPPORT),
    NAMED(ZIO_ENOTSUP),
    NAMED(ZIO_EAFNOSUPPORT),
    NAMED(ZIO_EADDRINUSE),
    NAMED(ZIO_EADDRNOTAVAIL),
    NAMED(ZIO_ENETDOWN),
    NAMED(ZIO_ENETUNREACH),
    NAMED(ZIO_ECONNABORTED),
    NAMED(ZIO_ECONNRESET),
    NAMED(ZIO_ENOBUFS),
    NAMED(ZIO_EISCONN),
    NAMED(ZIO_ENOTCONN),
    NAMED(ZIO_ETIMEDOUT),
    NAMED(ZIO_ECONNREFUSED),
    NAMED(ZIO_EHOSTDOWN),
    NAMED(ZIO_EHOSTUNREACH),
    NAMED(ZIO_EALREADY),
    NAMED(ZIO_EINPROGRESS),
    NAMED(ZIO_EDQUOT),
    NAMED(ZIO_ECANCELED),
    NAMED(ZIO_EEOF),
    NAMED(ZIO_ECLOSED),
    NAMED(ZIO_ENOTASK),
    NAMED(ZIO_ESTOPPING),
    NAMED(ZIO_EDNS),
    NAMED(ZIO_ESTACK),
    NAMED(ZIO_EFORKED),
    NAMED(ZIO_ENOSUSPEND),
    NAMED(ZIO_EBROKEN),
    NAMED(ZIO_ELAGGED),
    NAMED(ZIO_ENETTIMEOUT),
    NAMED(ZIO_EINTERNAL),
    NAMED(ZIO_EUNKNOWN),
};

static void every_number_is_named_as_it_is_spelt(void **state) {
    size_t i;
    (void)state;
    for (i = 0; i < sizeof named / sizeof named[0]; ++i) {
        assert_string_equal(zio_err_name(named[i].code), named[i].name);
        assert_string_not_equal(zio_strerror(named[i].code), "unknown error");
    }
}

/* Never NULL, for any int: a log line needs no check. */
static void any_number_has_an_answer(void **state) {
    static const zio_err_t meaningless[] = {1, 22, INT32_MAX, -999, -1101, -134, INT32_MIN};
    size_t i;
    (void)state;
    for (i = 0; i < sizeof meaningless / sizeof meaningless[0]; ++i) {
        assert_string_equal(zio_err_name(meaningless[i]), "unknown");
        assert_string_equal(zio_strerror(meaningless[i]), "unknown error");
    }
    /* A POSIX error that the enum does not list keeps its number, and its POSIX name. */
    assert_string_equal(zio_err_name(-4), "EINTR");
    assert_string_equal(zio_strerror(-4), "interrupted by a signal");
}

static void codes_of_the_system_are_translated_by_name(void **state) {
    (void)state;
    assert_int_equal(zio_err_from_os(0), ZIO_OK);
    assert_int_equal(zio_err_from_os(ENOENT), ZIO_ENOENT);
    assert_int_equal(zio_err_from_os(EAGAIN), ZIO_EAGAIN);
    assert_int_equal(zio_err_from_os(EWOULDBLOCK), ZIO_EAGAIN);
    assert_int_equal(zio_err_from_os(EOPNOTSUPP), ZIO_ENOTSUP);
    assert_int_equal(zio_err_from_os(ECONNRESET), ZIO_ECONNRESET);
    /* ZIO_ETIMEDOUT always means one's own deadline; the network's has another number. */
    assert_int_equal(zio_err_from_os(ETIMEDOUT), ZIO_ENETTIMEOUT);
    /* Not in the enum, but in POSIX: the Linux number. */
    assert_int_equal(zio_err_from_os(ENOTSOCK), -88);
    assert_int_equal(zio_err_from_os(-1), ZIO_EUNKNOWN);
    assert_int_equal(zio_err_from_os(INT32_MAX), ZIO_EUNKNOWN);
    assert_int_equal(zio_err_from_os(INT32_MIN), ZIO_EUNKNOWN);
}

/* --- the allocator -------------------------------------------------------------------------- */

static int blocks_given;

static void *give(size_t size, size_t align, void *ud) {
    void *p = NULL;
    (void)ud;
    ++blocks_given;
    if (align < sizeof(void *)) align = sizeof(void *);
    return posix_memalign(&p, align, size) == 0 ? p : NULL;
}

static void take(void *p, size_t size, size_t align, void *ud) {
    (void)size;
    (void)align;
    (void)ud;
    free(p);
}

static void an_allocator_may_be_set_before_the_first_use(void **state) {
    zio_allocator_t a;
    (void)state;
    assert_int_equal(zio_allocator_init(&a, sizeof a), 0);
    assert_int_equal(a.struct_size, sizeof a);
    assert_null(a.allocate);
    a.allocate = give;
    a.release = take;
    assert_int_equal(zio_set_allocator(&a), 0);
    assert_int_equal(zio_set_allocator(&a), 0); /* still unused: it replaces the first */
}

static void an_allocator_needs_both_functions(void **state) {
    zio_allocator_t a;
    (void)state;
    assert_int_equal(zio_set_allocator(NULL), ZIO_EINVAL);
    assert_int_equal(zio_allocator_init(&a, sizeof a), 0);
    assert_int_equal(zio_set_allocator(&a), ZIO_EINVAL);
    a.allocate = give;
    assert_int_equal(zio_set_allocator(&a), ZIO_EINVAL);
    a.allocate = NULL;
    a.release = take;
    assert_int_equal(zio_set_allocator(&a), ZIO_EINVAL);
}

/* The rules for every struct with a struct_size, seen at this one. */
static void an_allocator_from_other_headers(void **state) {
    struct {
        zio_allocator_t known;
        uint64_t unknown[4]; /* what a later version may add */
    } later;
    zio_allocator_t *const a = &later.known;
    (void)state;
    assert_int_equal(zio_allocator_init(a, sizeof later), 0);
    assert_int_equal(a->struct_size, sizeof later);
    a->allocate = give;
    a->release = take;
    assert_int_equal(zio_set_allocator(a), 0); /* what it adds is not used */
    later.unknown[3] = 1;
    assert_int_equal(zio_set_allocator(a), ZIO_E2BIG); /* it is used, and we do not know it */
    a->struct_size = sizeof *a - 1;
    assert_int_equal(zio_set_allocator(a), ZIO_EINVAL); /* smaller than it ever was */
    a->struct_size = 0;
    assert_int_equal(zio_set_allocator(a), ZIO_EINVAL);
    a->struct_size = UINT32_MAX;
    assert_int_equal(zio_set_allocator(a), ZIO_E2BIG);
    a->struct_size = sizeof *a;
    a->reserved0 = 1;
    assert_int_equal(zio_set_allocator(a), ZIO_EINVAL);
}

/* From its first use on the library keeps its allocator, and takes everything from it. */
static void an_allocator_stays_after_the_first_use(void **state) {
    zio_allocator_t a;
    zio_rt_t *rt = NULL;
    (void)state;
    assert_int_equal(zio_allocator_init(&a, sizeof a), 0);
    a.allocate = give;
    a.release = take;
    assert_int_equal(zio_set_allocator(&a), 0);
    assert_int_equal(blocks_given, 0);
    assert_int_equal(zio_rt_create(&rt, NULL), 0);
    assert_true(blocks_given > 0);
    assert_int_equal(zio_set_allocator(&a), ZIO_EBUSY);
    assert_int_equal(zio_rt_destroy(rt), 0);
    assert_int_equal(zio_set_allocator(&a), ZIO_EBUSY);
}

/* --- the last error ------------------------------------------------------------------------- */

static void an_error_may_have_an_explanation(void **state) {
    zio_rt_t *rt = NULL;
    (void)state;
    assert_string_equal(zio_last_error_detail(), "");
    assert_int_equal(setenv("ZIO_BACKEND", "abacus", 1), 0);
    assert_int_equal(zio_rt_create(&rt, NULL), ZIO_EINVAL);
    assert_int_equal(unsetenv("ZIO_BACKEND"), 0);
    assert_null(rt);
    assert_string_not_equal(zio_last_error_detail(), "");
    assert_int_equal(zio_last_os_error(), 0); /* the library's own: no code of the system */
}

/* --- time ----------------------------------------------------------------------------------- */

static void the_clock_goes_forward_and_starts_late(void **state) {
    const int64_t first = zio_now();
    int64_t second = zio_now();
    int i;
    (void)state;
    assert_true(first >= 1000000000); /* never mistaken for ZIO_IMMEDIATE */
    assert_true(second >= first);
    for (i = 0; i < 100000000 && second == first; ++i) second = zio_now();
    assert_true(second > first);
}

static void a_duration_becomes_a_deadline(void **state) {
    const int64_t before = zio_now();
    const zio_deadline_t soon = zio_after_ms(5);
    const zio_deadline_t later = zio_after_ns(7000000);
    const int64_t after = zio_now();
    (void)state;
    assert_true(soon >= before + 5000000 && soon <= after + 5000000);
    assert_true(later >= before + 7000000 && later <= after + 7000000);
}

static void a_deadline_is_never_special_by_accident(void **state) {
    static const int64_t gone[] = {0, -1, -1000, INT64_MIN};
    size_t i;
    (void)state;
    for (i = 0; i < sizeof gone / sizeof gone[0]; ++i) {
        const zio_deadline_t ns = zio_after_ns(gone[i]);
        const zio_deadline_t ms = zio_after_ms(gone[i]);
        assert_true(ns > ZIO_IMMEDIATE && ns <= zio_now()); /* an instant, and it has passed */
        assert_true(ms > ZIO_IMMEDIATE && ms <= zio_now());
    }
    assert_int_equal(zio_after_ns(INT64_MAX), ZIO_NEVER);
    assert_int_equal(zio_after_ns(INT64_MAX - 1), ZIO_NEVER);
    assert_int_equal(zio_after_ms(INT64_MAX), ZIO_NEVER);
    assert_int_equal(zio_after_ms(INT64_MAX / 1000000), ZIO_NEVER);
}

/* --- the version ---------------------------------------------------------------------------- */

static void the_version_is_a_number_and_a_text(void **state) {
    char text[32];
    const uint32_t version = zio_version();
    (void)state;
    assert_int_equal(version, ZIO_VERSION_NUMBER); /* these headers and this library are one */
    (void)snprintf(text, sizeof text, "%u.%u.%u", (unsigned)(version >> 16),
                   (unsigned)(version >> 8 & 0xff), (unsigned)(version & 0xff));
    assert_string_equal(zio_version_string(), text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_a_name_and_a_text),
        cmocka_unit_test(every_number_is_named_as_it_is_spelt),
        cmocka_unit_test(any_number_has_an_answer),
        cmocka_unit_test(codes_of_the_system_are_translated_by_name),
        cmocka_unit_test(an_allocator_may_be_set_before_the_first_use),
        cmocka_unit_test(an_allocator_needs_both_functions),
        cmocka_unit_test(an_allocator_from_other_headers),
        cmocka_unit_test(an_allocator_stays_after_the_first_use),
        cmocka_unit_test(an_error_may_have_an_explanation),
        cmocka_unit_test(the_clock_goes_forward_and_starts_late),
        cmocka_unit_test(a_duration_becomes_a_deadline),
        cmocka_unit_test(a_deadline_is_never_special_by_accident),
        cmocka_unit_test(the_version_is_a_number_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
