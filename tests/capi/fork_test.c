/* SPDX-License-Identifier: MIT */
/* A forked child: what belongs to its parent's runtime is refused, the rest goes on working,
 * after_fork makes the runtime usable and empty, and the parent notices nothing. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_kit.h"

/* In a child nothing may jump: a failed condition is the line as exit status. */
#define EXPECT(condition)                                                                 \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "in the child, %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                                     \
        }                                                                                 \
    } while (0)

/* What the parent has when it forks. */
struct world {
    zio_rt_t *rt;
    zio_task_t *parked, *prepared;
    zio_group_t *group;
    struct link link;
    zio_listener_t *listener;
    zio_reader_t *reader;
    zio_writer_t *writer;
    zio_rt_t *other; /* that others use while this one forks */
    int started;     /* tasks that ran in this process */
};

static void in_child(void (*check)(struct world *world), struct world *world) {
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        check(world);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct world make_world(uint32_t workers) {
    struct world world = {0};
    void *context, *result;
    world.rt = make_crew(workers);
    world.link = make_link(LINK_UNIX);
    world.listener = listen_tcp();
    assert_int_equal(zio_reader_create(&world.reader, world.link.a, 0), 0);
    assert_int_equal(zio_writer_create(&world.writer, world.link.a, 0), 0);
    assert_int_equal(zio_spawn(world.rt, &world.parked, parks, NULL, NULL), 0);
    assert_int_equal(zio_group_create(world.rt, &world.group, 0), 0);
    assert_int_equal(
        zio_task_prepare(world.rt, &world.prepared, parks, 8, 0, 8, 0, NULL, &context, &result), 0);
    return world;
}
/* All of it still works in the parent. */
static void end_world(struct world *world) {
    char byte = 'x';
    assert_int_equal(zio_stream_write(world->link.a, &byte, 1, ZIO_NEVER), 1);
    byte = 0;
    assert_int_equal(zio_stream_read(world->link.b, &byte, 1, ZIO_NEVER), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(zio_stream_read(world->link.b, &byte, 1, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_task_discard(world->prepared), 0);
    assert_int_equal(zio_group_destroy(world->group), 0);
    assert_int_equal(zio_task_unref(world->parked), 0);
    assert_int_equal(zio_reader_destroy(world->reader), 0);
    assert_int_equal(zio_writer_destroy(world->writer), 0);
    assert_int_equal(zio_listener_close(world->listener), 0);
    close_link(&world->link);
    end_runtime(world->rt);
}

/* Every handle of the parent's is refused, by each kind of call. */
static void all_are_forked(struct world *world) {
    char buffer[64];
    size_t done = 1;
    void *low;
    zio_rt_stats_t stats;
    zio_stream_t *stream;
    zio_addr_t address;
    zio_cbuf_t piece;
    EXPECT(zio_rt_stats_init(&stats, sizeof stats) == 0);
    EXPECT(zio_rt_run(world->rt, parks, NULL) == ZIO_EFORKED);
    EXPECT(zio_rt_start(world->rt) == ZIO_EFORKED);
    EXPECT(zio_rt_shutdown(world->rt, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_rt_dump(world->rt, buffer, sizeof buffer) == ZIO_EFORKED);
    EXPECT(zio_rt_stats(world->rt, &stats) == ZIO_EFORKED);
    EXPECT(zio_rt_backend_name(world->rt) == NULL);
    EXPECT(zio_spawn(world->rt, NULL, parks, NULL, NULL) == ZIO_EFORKED);
    EXPECT(zio_task_join(world->parked, NULL, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_task_join(world->parked, NULL, ZIO_IMMEDIATE) == ZIO_EFORKED);
    EXPECT(zio_task_cancel(world->parked, NULL) == ZIO_EFORKED);
    EXPECT(zio_task_request_cancel(world->parked) == ZIO_EFORKED);
    EXPECT(zio_task_unpark(world->parked) == ZIO_EFORKED);
    EXPECT(zio_task_set_name(world->parked, "name", 4) == ZIO_EFORKED);
    EXPECT(zio_task_stack(world->parked, &low, &done) == ZIO_EFORKED);
    EXPECT(zio_task_ref(world->parked) == NULL);
    EXPECT(zio_task_id(world->parked) == 0);
    EXPECT(zio_task_launch(world->prepared) == ZIO_EFORKED);
    EXPECT(zio_task_discard(world->prepared) == ZIO_EFORKED);
    EXPECT(zio_task_result(world->prepared) == NULL);
    EXPECT(zio_task_unref(world->parked) == ZIO_EFORKED);
    EXPECT(zio_group_spawn(world->group, parks, NULL, NULL) == ZIO_EFORKED);
    EXPECT(zio_group_wait(world->group, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_group_cancel(world->group) == ZIO_EFORKED);
    EXPECT(zio_group_destroy(world->group) == ZIO_EFORKED);
    EXPECT(zio_stream_read(world->link.a, buffer, 1, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_stream_write(world->link.a, buffer, 1, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_stream_write_all(world->link.a, buffer, 1, &done, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(done == 0);
    EXPECT(zio_stream_shutdown(world->link.a, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_stream_addr(world->link.a, NULL, NULL) == ZIO_EFORKED);
    EXPECT(zio_stream_fd(world->link.a) == -1);
    EXPECT(zio_stream_abort(world->link.a) == ZIO_EFORKED);
    EXPECT(zio_stream_close(world->link.a) == ZIO_EFORKED);
    EXPECT(zio_accept(world->listener, &stream, NULL, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_listener_addr(world->listener, &address) == ZIO_EFORKED);
    EXPECT(zio_listener_close(world->listener) == ZIO_EFORKED);
    EXPECT(zio_reader_read_until(world->reader, '\n', &piece, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_reader_destroy(world->reader) == ZIO_EFORKED);
    EXPECT(zio_writer_flush(world->writer, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_writer_destroy(world->writer) == ZIO_EFORKED);
}

/* What needs no handle, and what the child makes itself, works beside them. */
static void makes_its_own(struct world *world) {
    int number = 4;
    char byte = 'y';
    zio_rt_t *rt;
    zio_stream_t *pair[2];
    EXPECT(zio_rt_current() == NULL && zio_task_self() == NULL);
    EXPECT(zio_yield() == 0);
    EXPECT(zio_sleep_until(zio_after_ns(MS)) == 0);
    EXPECT(zio_rt_create(&rt, NULL) == 0);
    EXPECT(zio_rt_run(rt, returns_number, &number) == 4);
    EXPECT(zio_stream_pair(&pair[0], &pair[1]) == 0);
    EXPECT(zio_stream_write(pair[0], &byte, 1, ZIO_NEVER) == 1);
    EXPECT(zio_stream_read(pair[1], &byte, 1, ZIO_NEVER) == 1 && byte == 'y');
    EXPECT(zio_stream_close(pair[0]) == 0 && zio_stream_close(pair[1]) == 0);
    EXPECT(zio_stream_close(pair[0]) == ZIO_EBADF); /* dead, but not the parent's */
    EXPECT(zio_rt_destroy(rt) == 0);
    EXPECT(zio_rt_destroy(rt) == ZIO_EBADF);
    all_are_forked(world);
}

static void gives_up(struct world *world) {
    all_are_forked(world);
    makes_its_own(world);
    EXPECT(zio_rt_destroy(world->rt) == 0);
    EXPECT(zio_rt_destroy(world->rt) == ZIO_EBADF);
    EXPECT(zio_rt_after_fork(world->rt) == ZIO_EBADF);
}
static void what_the_parent_made_is_refused(void **state) {
    (void)state;
    struct world world = make_world(1);
    assert_int_equal(zio_rt_after_fork(world.rt), 0); /* nothing to do */
    in_child(gives_up, &world);
    in_child(makes_its_own, &world);
    end_world(&world);
}

/* ---- after_fork ---------------------------------------------------------------------------- */

static zio_err_t counts_starts(void *ud) {
    ++*(int *)ud;
    return zio_yield();
}
static zio_err_t uses_tasks_and_streams(void *ud) {
    zio_stream_t *pair[2];
    zio_task_t *task;
    zio_err_t result = 1;
    char byte = 'z';
    if (zio_spawn(NULL, &task, counts_starts, ud, NULL) != 0) return 10;
    if (zio_task_join(task, &result, ZIO_NEVER) != 0 || result != 0) return 11;
    if (zio_task_unref(task) != 0) return 12;
    if (zio_stream_pair(&pair[0], &pair[1]) != 0) return 13;
    if (zio_stream_write(pair[0], &byte, 1, ZIO_NEVER) != 1) return 14;
    if (zio_stream_read(pair[1], &byte, 1, ZIO_NEVER) != 1) return 15;
    if (zio_stream_read(pair[1], &byte, 1, zio_after_ns(MS)) != ZIO_ETIMEDOUT) return 16;
    if (zio_stream_close(pair[0]) != 0 || zio_stream_close(pair[1]) != 0) return 17;
    return 0;
}
static unsigned descriptors_at_first;

static void goes_on(struct world *world) {
    EXPECT(zio_rt_after_fork(world->rt) == 0);
    EXPECT(zio_rt_after_fork(world->rt) == 0);
    zio_rt_stats_t stats;
    EXPECT(zio_rt_stats_init(&stats, sizeof stats) == 0);
    EXPECT(zio_rt_stats(world->rt, &stats) == 0 && stats.tasks_live == 0);
    EXPECT(zio_rt_run(world->rt, uses_tasks_and_streams, &world->started) == 0);
    EXPECT(world->started == 1);
    EXPECT(zio_task_join(world->parked, NULL, ZIO_NEVER) == ZIO_EFORKED);
    EXPECT(zio_stream_close(world->link.b) == ZIO_EFORKED);
    EXPECT(zio_rt_shutdown(world->rt, ZIO_NEVER) == 0);
    EXPECT(zio_rt_destroy(world->rt) == 0);
    if (is_simulated()) return;
    if (world->other == NULL) EXPECT(descriptor_count() <= descriptors_at_first);
}
static void and_so_does_its_child(struct world *world) {
    int status = 0;
    EXPECT(zio_rt_after_fork(world->rt) == 0);
    EXPECT(zio_rt_run(world->rt, uses_tasks_and_streams, &world->started) == 0);
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        EXPECT(zio_rt_run(world->rt, parks, NULL) == ZIO_EFORKED);
        world->started = 0;
        goes_on(world);
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    EXPECT(zio_rt_run(world->rt, uses_tasks_and_streams, &world->started) == 0);
    EXPECT(world->started == 2);
    EXPECT(zio_rt_destroy(world->rt) == 0);
}
static void after_fork_empties_the_runtime(void **state) {
    (void)state;
    descriptors_at_first = descriptor_count();
    struct world world = make_world(1);
    in_child(goes_on, &world);
    in_child(and_so_does_its_child, &world);
    end_world(&world);
}

static zio_err_t reads_until_canceled(void *ud) {
    char byte;
    return (zio_err_t)zio_stream_read(ud, &byte, 1, ZIO_NEVER);
}
static zio_err_t leaves_waits(void *ud) {
    struct world *const world = ud;
    zio_stream_t *const streams[] = {world->link.a, world->link.b};
    for (int i = 0; i < 2; ++i) {
        REQUIRE(zio_spawn(NULL, NULL, reads_until_canceled, streams[i], NULL) == 0);
    }
    settle();
    return 0;
}
/* Operations that wait belong to tasks that the child does not have. */
static void waits_are_left_to_the_parent(void **state) {
    (void)state;
    descriptors_at_first = descriptor_count();
    struct world world = make_world(1);
    assert_int_equal(zio_rt_run(world.rt, leaves_waits, &world), 0);
    in_child(goes_on, &world);
    in_child(and_so_does_its_child, &world);
    assert_int_equal(zio_rt_shutdown(world.rt, ZIO_NEVER), 0); /* the readers get their cancel */
    end_world(&world);
}

/* ---- inside a task ------------------------------------------------------------------------- */

static zio_err_t forks_in_a_task(void *ud) {
    struct world *const world = ud;
    zio_task_t *other;
    int status = 0;
    REQUIRE(zio_spawn(NULL, &other, counts_starts, &world->started, NULL) == 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        EXPECT(zio_task_self() == NULL && zio_rt_current() == NULL);
        EXPECT(zio_check_cancel() == 0);
        EXPECT(zio_task_park(ZIO_NEVER) == ZIO_ENOTASK);
        all_are_forked(world);
        makes_its_own(world);
        return 77; /* out of the parent's runtime, see below */
    }
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    REQUIRE(zio_task_join(other, NULL, ZIO_NEVER) == 0 && zio_task_unref(other) == 0);
    return 5;
}
static void a_task_forks(void **state) {
    (void)state;
#if UNDER_THREAD_SANITIZER
    return; /* in a child it takes all other stacks for ended threads, that of main() too */
#endif
    struct world world = make_world(1);
    const pid_t parent = getpid();
    const zio_err_t result = zio_rt_run(world.rt, forks_in_a_task, &world);
    if (getpid() != parent) { /* nothing else ran on the way out */
        EXPECT(result == 77 && world.started == 0);
        EXPECT(zio_rt_after_fork(world.rt) == 0);
        EXPECT(zio_rt_run(world.rt, uses_tasks_and_streams, &world.started) == 0);
        EXPECT(zio_rt_destroy(world.rt) == 0);
        _exit(0);
    }
    assert_int_equal(result, 5);
    assert_int_equal(world.started, 1);
    end_world(&world);
}

/* ---- with other threads -------------------------------------------------------------------- */

struct makers {
    zio_rt_t *rt;
    bool stop;
    uint64_t made;
};
/* Holds the tables' locks as often as it can. */
static void *makes_and_ends(void *ud) {
    struct makers *const makers = ud;
    while (!__atomic_load_n(&makers->stop, __ATOMIC_ACQUIRE)) {
        zio_stream_t *pair[2];
        zio_group_t *group;
        REQUIRE(zio_stream_pair(&pair[0], &pair[1]) == 0);
        REQUIRE(zio_stream_close(pair[0]) == 0 && zio_stream_close(pair[1]) == 0);
        REQUIRE(zio_group_create(makers->rt, &group, 0) == 0 && zio_group_destroy(group) == 0);
        zio_task_t *task = start(returns_number, &(int){3});
        REQUIRE(finish(task) == 3);
        __atomic_fetch_add(&makers->made, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}
static zio_err_t makes_in_a_task(void *ud) {
    makes_and_ends(ud);
    return 0;
}
static void *drives(void *ud) {
    struct makers *const makers = ud;
    REQUIRE(zio_rt_run(makers->rt, makes_in_a_task, makers) == 0);
    return NULL;
}
static void a_fork_at_any_moment(void **state) {
    (void)state;
#if UNDER_THREAD_SANITIZER
    return; /* it ends a child of a process with threads that starts one itself */
#endif
    if (is_simulated()) return; /* one thread steps it */
    struct makers makers = {.rt = make_crew(2)};
    struct world world = make_world(2);
    world.other = makers.rt;
    const pthread_t driver = start_thread(drives, &makers);
    for (unsigned i = 0; i < scaled(60); ++i) {
        const uint64_t made = __atomic_load_n(&makers.made, __ATOMIC_RELAXED);
        in_child(i % 2 == 0 ? gives_up : goes_on, &world);
        while (__atomic_load_n(&makers.made, __ATOMIC_RELAXED) == made) usleep(100);
    }
    __atomic_store_n(&makers.stop, true, __ATOMIC_RELEASE);
    finish_thread(driver);
    end_runtime(makers.rt);
    end_world(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_parent_made_is_refused),
        cmocka_unit_test(after_fork_empties_the_runtime),
        cmocka_unit_test(waits_are_left_to_the_parent),
        cmocka_unit_test(a_task_forks),
        cmocka_unit_test(a_fork_at_any_moment),
    };
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
