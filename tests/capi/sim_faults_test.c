/* SPDX-License-Identifier: MIT */
/* A bad day in a simulated world: harsh faults by environment, the trace that tells of them, the
 * list that allows only some, and runs that are ended.
 *
 * Called with a word this file is a program: a server and clients who try again after every error.
 * As a test it runs itself under ZIO_BACKEND=sim and looks at what it leaves. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zio.h>

#include "test.h"

/* ---- the program --------------------------------------------------------------------------- */

enum { CLIENTS = 6, MESSAGES = 12, MOST_TRIES = 400 };

static zio_listener_t *listener;
static zio_addr_t address;
static unsigned answered, errors;

static zio_err_t serve(void *ud) {
    zio_stream_t *const stream = ud;
    char buffer[32];
    zio_ssize_t got;
    while ((got = zio_stream_read(stream, buffer, sizeof buffer, ZIO_NEVER)) > 0) {
        if (zio_stream_write_all(stream, buffer, (size_t)got, NULL, ZIO_NEVER) != 0) break;
    }
    return zio_stream_close(stream);
}
/* Without memory or descriptors one waits and asks again. */
static zio_err_t accept_all(void *ud) {
    zio_stream_t *stream;
    zio_err_t status;
    (void)ud;
    while ((status = zio_accept(listener, &stream, NULL, ZIO_NEVER)) != ZIO_ECLOSED) {
        if (status == ZIO_ECANCELED || status == ZIO_EBADF) break;
        if (status != 0) {
            ++errors;
            if (zio_sleep_until(zio_after_ms(20)) != 0) break;
        } else if (zio_spawn(NULL, NULL, serve, stream, NULL) != 0) {
            return zio_stream_close(stream);
        }
    }
    return 0;
}
/* One message there and back over a connection of its own. */
static zio_err_t exchange(int number) {
    char sent[40], got[40];
    zio_stream_t *stream;
    zio_err_t status = zio_connect(&stream, &address, NULL, zio_after_ms(60000));
    if (status != 0) return status;
    memset(sent, 'a' + number % 26, sizeof sent);
    status = zio_stream_write_all(stream, sent, sizeof sent, NULL, zio_after_ms(60000));
    if (status == 0) {
        status = zio_stream_read_exact(stream, got, sizeof got, NULL, zio_after_ms(60000));
    }
    if (status == 0) {
        zio_sim_always(memcmp(sent, got, sizeof got) == 0, "what comes back is what was sent");
    }
    zio_sim_sometimes(status == ZIO_ECONNRESET, "a client sees a reset");
    zio_sim_sometimes(status == ZIO_ETIMEDOUT, "a client gives up");
    zio_stream_close(stream);
    return status;
}
static zio_err_t client(void *ud) {
    const int number = *(int *)ud;
    int tries = 0;
    for (int i = 0; i < MESSAGES; ++i) {
        zio_err_t status;
        while ((status = exchange(number * MESSAGES + i)) != 0) {
            ++errors;
            if (status == ZIO_ECANCELED || ++tries > MOST_TRIES) return status;
            if (zio_sleep_until(zio_after_ms(50)) != 0) return ZIO_ECANCELED;
        }
        ++answered;
    }
    return 0;
}
static zio_err_t listen_some_day(void) {
    for (int i = 0; i < MOST_TRIES; ++i) {
        if (zio_listen(&listener, &address, NULL) == 0)
            return zio_listener_addr(listener, &address);
        ++errors;
        if (zio_sleep_until(zio_after_ms(20)) != 0) return ZIO_ECANCELED;
    }
    return ZIO_EMFILE;
}
static zio_err_t whole_program(void *ud) {
    static int numbers[CLIENTS];
    zio_task_t *acceptor, *clients[CLIENTS];
    zio_err_t worst = 0;
    (void)ud;
    if (zio_addr_parse(&address, "127.0.0.2", (size_t)-1, 0) != 0) return 1;
    if (listen_some_day() != 0) return 2;
    if (zio_spawn(NULL, &acceptor, accept_all, NULL, NULL) != 0) return 3;
    for (int i = 0; i < CLIENTS; ++i) {
        numbers[i] = i;
        if (zio_spawn(NULL, &clients[i], client, &numbers[i], NULL) != 0) return 4;
    }
    for (int i = 0; i < CLIENTS; ++i) {
        zio_err_t result = 0;
        if (zio_task_join(clients[i], &result, ZIO_NEVER) != 0) return 5;
        if (result != 0) worst = result;
        zio_task_unref(clients[i]);
    }
    zio_listener_close(listener);
    zio_task_cancel(acceptor, NULL);
    zio_task_unref(acceptor);
    printf("answered %u, errors %u\n", answered, errors);
    return worst;
}
static zio_err_t promises_too_much(void *ud) {
    (void)ud;
    zio_sim_always(zio_sleep_until(zio_after_ms(5)) != 0, "no sleep ends");
    return 0;
}
static zio_err_t never_ends(void *ud) {
    (void)ud;
    for (;;) {
        if (zio_sleep_until(zio_after_ms(1000)) != 0) return 0;
    }
}
static int run_program(const char *which) {
    const zio_task_fn entry = strcmp(which, "wrong") == 0     ? promises_too_much
                              : strcmp(which, "endless") == 0 ? never_ends
                                                              : whole_program;
    zio_rt_t *rt;
    if (zio_rt_create(&rt, NULL) != 0) return 3;
    const zio_err_t status = zio_rt_run(rt, entry, NULL);
    if (zio_rt_shutdown(rt, ZIO_NEVER) != 0 || zio_rt_destroy(rt) != 0) return 4;
    return status == 0 ? 0 : 5;
}

/* ---- the test ------------------------------------------------------------------------------ */

static const char *own_path;
static char folder[] = "/tmp/zio-sim-XXXXXX";

/* What it printed, both streams; gives its status as wait() does. */
static int run(char *text, size_t size, const char *which, const char *environment) {
    char command[900];
    snprintf(command, sizeof command, "env ZIO_BACKEND=sim %s '%s' %s 2>&1", environment, own_path,
             which);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    const size_t length = fread(text, 1, size - 1, output);
    text[length] = '\0';
    return pclose(output);
}
static size_t read_file(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    const size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length;
}
static unsigned lines_with(const char *text, const char *word) {
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; ++at) ++count;
    return count;
}

/* What the program said of itself. */
static void read_counts(const char *text, unsigned *done, unsigned *failed) {
    const char *const said = strstr(text, "answered ");
    assert_non_null(said);
    assert_int_equal(sscanf(said, "answered %u, errors %u", done, failed), 2);
}

static void a_bad_day_is_survived_and_replayed(void **state) {
    char first[1000], again[1000], environment[100];
    unsigned total_errors = 0;
    const int scale = getenv("ZIO_TEST_SCALE") != NULL ? atoi(getenv("ZIO_TEST_SCALE")) : 1;
    (void)state;
    for (int seed = 1; seed <= 30 * (scale > 0 ? scale : 1); ++seed) {
        unsigned done = 0, failed = 0;
        snprintf(environment, sizeof environment, "ZIO_SEED=%d ZIO_SIM_FAULTS=all", seed);
        if (run(first, sizeof first, "program", environment) != 0) fail_msg("%s", first);
        assert_int_equal(run(again, sizeof again, "program", environment), 0);
        assert_string_equal(first, again);
        read_counts(first, &done, &failed);
        assert_int_equal(done, CLIENTS * MESSAGES);
        total_errors += failed;
    }
    print_message("errors met: %u\n", total_errors);
    assert_true(total_errors > 100);
}

static void rates_are_kept(void **state) {
    char quiet[1000], text[1000];
    unsigned done = 0, failed = 0;
    (void)state;
    assert_int_equal(run(quiet, sizeof quiet, "program", "ZIO_SEED=3"), 0);
    read_counts(quiet, &done, &failed);
    assert_int_equal(failed, 0);
    /* A class that is on and never strikes changes nothing else. */
    assert_int_equal(run(text, sizeof text, "program", "ZIO_SEED=3 ZIO_SIM_FAULTS=reset=0"), 0);
    assert_string_equal(text, quiet);
    assert_int_equal(run(text, sizeof text, "program", "ZIO_SEED=3 ZIO_SIM_FAULTS=refuse=600"), 0);
    read_counts(text, &done, &failed);
    assert_in_range(failed, 30, 400);
    /* Everything is refused until the day is calm. */
    assert_int_equal(
        run(text, sizeof text, "program", "ZIO_SEED=3 ZIO_SIM_FAULTS=refuse=1000 ZIO_SIM_CALM=2"),
        0);
    read_counts(text, &done, &failed);
    assert_in_range(failed, 100, 400);
}

static void a_trace_tells_and_a_list_allows(void **state) {
    static char trace[4 << 20];
    char path[100], environment[300], whole[1000], text[1000];
    (void)state;
    snprintf(path, sizeof path, "%s/trace", folder);
    assert_int_equal(run(whole, sizeof whole, "program", "ZIO_SEED=9 ZIO_SIM_FAULTS=all"), 0);
    snprintf(environment, sizeof environment, "ZIO_SEED=9 ZIO_SIM_FAULTS=all ZIO_SIM_TRACE=%s",
             path);
    assert_int_equal(run(text, sizeof text, "program", environment), 0);
    assert_string_equal(text, whole); /* looking changes nothing */
    assert_true(read_file(path, trace, sizeof trace) > 0);
    assert_true(lines_with(trace, " ! ") > 100);
    assert_true(lines_with(trace, " ! refuse:") > 0);
    assert_true(lines_with(trace, " accepted ") >= CLIENTS * MESSAGES);
    assert_int_equal(lines_with(trace, "\n? "), 2);
    assert_non_null(strstr(trace, " a client gives up\n"));
    /* All of them allowed: the same run. None: an easy one. */
    snprintf(environment, sizeof environment, "ZIO_SEED=9 ZIO_SIM_FAULTS=all ZIO_SIM_ONLY=%s",
             path);
    assert_int_equal(run(text, sizeof text, "program", environment), 0);
    assert_string_equal(text, whole);
    assert_int_equal(
        run(text, sizeof text, "program", "ZIO_SEED=9 ZIO_SIM_FAULTS=all ZIO_SIM_ONLY=/dev/null"),
        0);
    assert_non_null(strstr(text, "answered 72, errors 0\n"));
    remove(path);
}

static void runs_are_ended(void **state) {
    char text[1000];
    (void)state;
    int status = run(text, sizeof text, "wrong", "");
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 128 + SIGABRT);
    assert_non_null(strstr(text, " stopped=always \"no sleep ends\"\n"));
    status = run(text, sizeof text, "endless", "ZIO_SIM_LIMIT=100");
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 128 + SIGABRT);
    assert_non_null(strstr(text, " stopped=limit\n"));
}

static void what_is_wrong_is_said(void **state) {
    static const char *const wrong[] = {
        "ZIO_SEED=x",
        "ZIO_SIM_OFF=late",
        "ZIO_SIM_FAULTS=rest",
        "ZIO_SIM_FAULTS=reset=",
        "ZIO_SIM_FAULTS=reset=1001",
        "ZIO_SIM_FAULTS=latency",
        "ZIO_SIM_CALM=-1",
        "ZIO_SIM_LIMIT=1s",
        "ZIO_SIM_TRACE=/proc/none/x",
        "ZIO_SIM_ONLY=/proc/none",
    };
    char text[1000];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        const int status = run(text, sizeof text, "program", wrong[i]);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 3) fail_msg("%s: %s", wrong[i], text);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) return run_program(argv[1]);
    own_path = argv[0];
    if (mkdtemp(folder) == NULL) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_day_is_survived_and_replayed),
        cmocka_unit_test(rates_are_kept),
        cmocka_unit_test(a_trace_tells_and_a_list_allows),
        cmocka_unit_test(runs_are_ended),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    const int failed = cmocka_run_group_tests_name("sim_faults", tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
