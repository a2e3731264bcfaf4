/* SPDX-License-Identifier: MIT */
/* Many tasks, the end of a stack, the end of what the system gives, and tasks that never rest. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "task_kit.h"

/* --- many tasks ----------------------------------------------------------------------------- */

static uint64_t awake;
static zio_err_t counts_and_parks(void *ud) {
    (void)ud;
    ++awake;
    const zio_err_t status = zio_task_park(ZIO_NEVER);
    --awake;
    return status;
}
static uint64_t resident_kib(void) {
    return memory_kib("/proc/self/smaps_rollup", "Rss:") +
           memory_kib("/proc/self/status", "VmPTE:");
}
/* 100 000 by default. Each is really parked on a stack of its own, over a guard that cannot be
 * read, and costs what was promised, page tables included. */
IN_TASK(many_tasks_are_parked_and_joined) {
    const uint64_t count = scaled(UNDER_SANITIZER ? 2000 : 100000);
    zio_task_t **tasks = malloc(count * sizeof *tasks);
    uint64_t seed = 5;
    assert_non_null(tasks);
    memset(tasks, 0, count * sizeof *tasks);
    const uint64_t before = resident_kib();
    awake = 0;
    for (uint64_t i = 0; i < count; ++i)
        assert_int_equal(zio_spawn(NULL, &tasks[i], counts_and_parks, NULL, NULL), 0);
    while (awake < count) assert_int_equal(zio_yield(), 0);
    const uint64_t bytes_each = (resident_kib() - before) * 1024 / count;
    print_message("%llu tasks, %llu bytes each\n", (unsigned long long)count,
                  (unsigned long long)bytes_each);
    if (!UNDER_SANITIZER && count >= 100000) assert_in_range(bytes_each, 100, 4915);
    for (int i = 0; i < 200; ++i) { /* some guards */
        void *low = NULL;
        size_t size = 0;
        char byte;
        zio_task_t *task = tasks[next_random(&seed) % count];
        assert_int_equal(zio_task_stack(task, &low, &size), 0);
        assert_true(size >= 256 * 1024);
        struct iovec here = {&byte, 1};
        for (size_t below = 1; below <= 65536; below += 65535) {
            struct iovec there = {(char *)low - below, 1};
            assert_int_equal(process_vm_readv(getpid(), &here, 1, &there, 1, 0), -1);
        }
        struct iovec there = {low, 1};
        assert_int_equal(process_vm_readv(getpid(), &here, 1, &there, 1, 0), 1);
    }
    for (uint64_t i = 0; i < count; ++i) assert_int_equal(zio_task_unpark(tasks[i]), 0);
    for (uint64_t i = 0; i < count; ++i) assert_int_equal(finish(tasks[i]), 0);
    assert_int_equal(awake, 0);
    free(tasks);
}

/* Where guards cost mappings, spawning ends early and says why; the process goes on. */
static zio_err_t spawns_until_refused(void *ud) {
    uint64_t made = 0;
    zio_err_t status = 0;
    while (made < 1000000 && (status = zio_spawn(NULL, NULL, parks, NULL, NULL)) == 0) ++made;
    *(uint64_t *)ud = made;
    REQUIRE(strstr(zio_last_error_detail(), "max_map_count") != NULL);
    for (int i = 0; i < 3; ++i) REQUIRE(zio_yield() == 0); /* all of them can start */
    FILE *file = fopen("/proc/self/status", "r");
    REQUIRE(file != NULL && fgetc(file) != EOF);
    fclose(file);
    void *memory = malloc(64 << 20); /* a mapping of its own */
    REQUIRE(memory != NULL);
    free(memory);
    return status;
}
static void without_cheap_guards_the_limit_is_explained(void **state) {
    uint64_t made = 0;
    (void)state;
    if (UNDER_SANITIZER) return; /* their own mappings count, too */
    assert_int_equal(setenv("ZIO_STACK_GUARD", "mprotect", 1), 0);
    zio_rt_t *rt = make_runtime();
    assert_int_equal(run_main(rt, spawns_until_refused, &made), ZIO_ESTACK);
    print_message("%llu stacks\n", (unsigned long long)made);
    assert_in_range(made, 1000, 500000);
    end_runtime(rt);
    assert_int_equal(unsetenv("ZIO_STACK_GUARD"), 0);
}

/* --- the end of a stack --------------------------------------------------------------------- */

static volatile char *keep;
static __attribute__((noinline)) int recurses(int depth) {
    volatile char block[1000];
    block[0] = (char)depth;
    keep = block;
    return depth <= 0 ? block[0] : recurses(depth - 1) + block[0];
}
static zio_err_t overflows(void *ud) {
    (void)ud;
    return recurses(1 << 30);
}
static zio_err_t starts_overflow(void *ud) {
    zio_spawn_options_t o = spawn_options();
    o.name = "digs-too-deep";
    return finish(start_with(overflows, ud, &o));
}
/* In a child, since it ends it: one line that names the task, then the signal it always was. */
static void an_overflow_names_the_task(void **state) {
    int ends[2], status = 0;
    char text[4096] = {0};
    size_t length = 0;
    (void)state;
    if (UNDER_SANITIZER) return; /* which report in their own words */
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        zio_rt_options_t o;
        zio_rt_t *rt = NULL;
        signal(SIGSEGV, SIG_DFL); /* cmocka's would jump */
        dup2(ends[1], 2);
        REQUIRE(zio_rt_options_init(&o, sizeof o) == 0);
        o.flags = ZIO_RT_REPORT_OVERFLOW;
        REQUIRE(zio_rt_create(&rt, &o) == 0);
        _exit(zio_rt_run(rt, starts_overflow, NULL) == 0);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    assert_non_null(strstr(text, "stack overflow"));
    assert_non_null(strstr(text, "\"digs-too-deep\""));
    assert_non_null(strstr(text, " KiB)"));
}

/* --- tasks that never rest ------------------------------------------------------------------ */

static volatile bool stop;
static zio_err_t spins(void *ud) {
    while (!stop) {
        ++*(uint64_t *)ud;
        REQUIRE(zio_yield() == 0);
    }
    return 0;
}
/* A task that only yields keeps nobody waiting: timers fire, descriptors become ready. */
IN_TASK(a_spinning_task_starves_nobody) {
    uint64_t count = 0;
    int64_t worst = 0;
    if (is_simulated()) return; /* simulated time stands still while somebody is ready */
    zio_task_t *spinner = start(spins, &count);
    stop = false;
    for (int i = 0; i < 50; ++i) {
        const zio_deadline_t at = zio_after_ms(1);
        assert_int_equal(zio_sleep_until(at), 0);
        if (zio_now() - at > worst) worst = zio_now() - at;
    }
    assert_true(count > 50);
    print_message("worst lateness %lld us\n", (long long)worst / 1000);
    assert_true(worst < SECOND); /* this machine has others to serve, too */
    stop = true;
    assert_int_equal(finish(spinner), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overflow_names_the_task),
        cmocka_unit_test(many_tasks_are_parked_and_joined),
        cmocka_unit_test(without_cheap_guards_the_limit_is_explained),
        cmocka_unit_test(a_spinning_task_starves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
