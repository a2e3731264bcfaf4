/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "kit.h"

bool is_planted;
static const struct program *running;

/* ---- weather ------------------------------------------------------------------------------- */

static uint64_t weather_state;

/* Not the simulation's numbers: there is none yet. */
static uint64_t draw(uint64_t count) {
    weather_state += 0x9e3779b97f4a7c15u;
    uint64_t word = weather_state;
    word = (word ^ (word >> 32)) * 0xd6e8feb86659fd93u;
    word = (word ^ (word >> 32)) * 0xd6e8feb86659fd93u;
    return (word ^ (word >> 32)) % count;
}

static void add_name(char *list, size_t size, const char *name, uint64_t rate) {
    const size_t used = strlen(list);
    snprintf(list + used, size - used, rate > 0 ? "%s%s=%u" : "%s%s", used > 0 ? "," : "", name,
             (unsigned)rate);
}

static void choose_harsh(const char *classes) {
    static const struct {
        const char *name;
        unsigned most_per_mille;
    } known[] = {{"refuse", 200}, {"lose", 150},        {"reset", 15},
                 {"cut", 10},     {"descriptors", 250}, {"memory", 100}};
    char list[200] = "";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint64_t rate = 1 + draw(known[i].most_per_mille);
        const bool is_on = draw(2) != 0;
        if (is_on && strstr(classes, known[i].name) != NULL) {
            add_name(list, sizeof list, known[i].name, rate);
        }
    }
    if (list[0] != '\0') setenv("ZIO_SIM_FAULTS", list, 1);
}

static void choose_mild(void) {
    static const char *const known[] = {"latency", "short_io", "reorder", "deferral",
                                        "late_cancel"};
    char list[100] = "";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (draw(8) == 0) add_name(list, sizeof list, known[i], 0);
    }
    if (list[0] != '\0') setenv("ZIO_SIM_OFF", list, 1);
}

void choose_weather(const struct program *program, uint64_t seed) {
    char number[32];
    const bool is_chosen = getenv("ZIO_SIM_FAULTS") != NULL || getenv("ZIO_SIM_OFF") != NULL ||
                           getenv("ZIO_SIM_CALM") != NULL;
    weather_state = seed;
    setenv("ZIO_SIM_LIMIT", "7200", 0);
    if (is_chosen) return;
    choose_mild();
    const unsigned form = (unsigned)draw(3);
    if (form == 0) return;
    choose_harsh(program->harsh);
    if (form == 1 || getenv("ZIO_SIM_FAULTS") == NULL) return;
    snprintf(number, sizeof number, "%u", 1 + (unsigned)draw(8));
    setenv("ZIO_SIM_CALM", number, 1);
}

bool is_harsh(void) {
    return getenv("ZIO_SIM_FAULTS") != NULL;
}

bool must_finish(void) {
    return !is_harsh() || getenv("ZIO_SIM_CALM") != NULL;
}

bool is_weather(zio_err_t err) {
    switch (err) {
        case ZIO_ECONNREFUSED:
        case ZIO_ECONNRESET:
        case ZIO_ECONNABORTED:
        case ZIO_ENETTIMEOUT:
        case ZIO_EPIPE:
        case ZIO_EMFILE:
        case ZIO_ENOBUFS:
        case ZIO_ENOTCONN:
        case ZIO_EEOF:
            return is_harsh();
        default:
            return false;
    }
}

/* ---- chance and what must hold ------------------------------------------------------------- */

uint64_t below(uint64_t count) {
    return zio_sim_random() % count;
}

bool chance(unsigned per_mille) {
    return below(1000) < per_mille;
}

void must(bool holds, const char *what) {
    zio_sim_always(holds, what);
}

bool went_well(int64_t result, const char *what) {
    char text[120];
    if (result >= 0) return true;
    if (is_weather((zio_err_t)result)) return false;
    snprintf(text, sizeof text, "%s gives %s", what, zio_err_name((zio_err_t)result));
    must(false, text);
    return false;
}

/* ---- tasks and time ------------------------------------------------------------------------ */

zio_err_t pause_us(uint64_t most) {
    return zio_sleep_until(zio_after_ns((int64_t)below(most * 1000)));
}

zio_deadline_t some_deadline(uint64_t most_us) {
    return chance(500) ? ZIO_NEVER : zio_after_ns((int64_t)below(most_us * 1000));
}

zio_task_t *start(zio_task_fn entry, void *ud) {
    zio_task_t *task;
    must(zio_spawn(NULL, &task, entry, ud, NULL) == ZIO_OK, "a task can be spawned");
    return task;
}

zio_err_t finish(zio_task_t *task) {
    zio_err_t result = ZIO_OK;
    must(zio_task_join(task, &result, ZIO_NEVER) == ZIO_OK, "a task can be joined");
    must(zio_task_unref(task) == ZIO_OK, "a task can be given up");
    return result;
}

zio_err_t stop(zio_task_t *task) {
    zio_err_t result = ZIO_OK;
    must(zio_task_cancel(task, &result) == ZIO_OK, "a task can be canceled");
    must(zio_task_unref(task) == ZIO_OK, "a task can be given up");
    return result;
}

/* ---- sockets ------------------------------------------------------------------------------- */

zio_addr_t host(unsigned number) {
    char text[32];
    zio_addr_t address;
    snprintf(text, sizeof text, "127.0.0.%u", number);
    must(zio_addr_parse(&address, text, (size_t)-1, 0) == ZIO_OK, "an address is one");
    return address;
}

zio_listener_t *listen_at(zio_addr_t *address, uint32_t backlog) {
    zio_sock_options_t options;
    zio_listener_t *listener;
    zio_sock_options_init(&options, sizeof options);
    options.backlog = backlog;
    while (!went_well(zio_listen(&listener, address, &options), "zio_listen")) {
    }
    must(zio_listener_addr(listener, address) == ZIO_OK, "a listener has an address");
    return listener;
}

struct link make_pair(void) {
    struct link link;
    while (!went_well(zio_stream_pair(&link.a, &link.b), "zio_stream_pair")) {
    }
    return link;
}

struct link make_link(void) {
    struct link link;
    zio_addr_t address = host(1);
    const unsigned kind = (unsigned)below(3);
    if (kind == 0) return make_pair();
    if (kind == 1) {
        must(zio_addr_parse(&address, "unix:@link", (size_t)-1, 0) == ZIO_OK, "a name is one");
    }
    zio_listener_t *const listener = listen_at(&address, 0);
    while (!went_well(zio_connect(&link.a, &address, NULL, ZIO_NEVER), "zio_connect")) {
    }
    must(zio_accept(listener, &link.b, NULL, ZIO_NEVER) == ZIO_OK, "who connected is accepted");
    zio_listener_close(listener);
    return link;
}

unsigned char byte_at(uint64_t at) {
    return (unsigned char)((at * 167 + (at >> 8) * 59 + (at >> 16)) & 255);
}

void fill_bytes(unsigned char *out, size_t size, uint64_t at) {
    for (size_t i = 0; i < size; i++) out[i] = byte_at(at + i);
}

bool are_bytes(const unsigned char *bytes, size_t size, uint64_t at) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != byte_at(at + i)) return false;
    }
    return true;
}

/* ---- the run ------------------------------------------------------------------------------- */

/* Numbers of descriptors that are free are given out again, and new ones are the next: if all were
 * closed, many opened at once are the first ones, without a gap. */
static void check_descriptors(void) {
    enum { PAIRS = 48, FIRST = 1 << 28 };
    struct link links[PAIRS];
    bool seen[2 * PAIRS] = {false};
    for (unsigned i = 0; i < PAIRS; i++) {
        links[i] = make_pair();
        const zio_fd_t ends[2] = {zio_stream_fd(links[i].a), zio_stream_fd(links[i].b)};
        for (unsigned end = 0; end < 2; end++) {
            const zio_fd_t place = ends[end] - FIRST;
            must(place >= 0 && place < 2 * PAIRS && !seen[place], "every descriptor was closed");
            seen[place] = true;
        }
    }
    for (unsigned i = 0; i < PAIRS; i++) {
        zio_stream_close(links[i].a);
        zio_stream_close(links[i].b);
    }
}

static zio_err_t main_task(void *ud) {
    zio_rt_stats_t stats;
    (void)ud;
    const zio_err_t err = running->body(NULL);
    if (err != ZIO_OK) return err;
    zio_rt_stats_init(&stats, sizeof stats);
    /* Detached tasks that have said all may still be about to return. */
    for (unsigned i = 0; i < 100; i++) {
        must(zio_rt_stats(zio_rt_current(), &stats) == ZIO_OK, "there are statistics");
        if (stats.tasks_live == 1) break;
        must(zio_yield() == ZIO_OK, "nobody cancels the main task");
    }
    must(stats.tasks_live == 1, "every task has ended");
    must(stats.timers_armed == 0, "no timer is left");
    must(stats.ops_submitted == stats.ops_completed, "every operation has ended");
    check_descriptors();
    return ZIO_OK;
}

int run_program(const struct program *program) {
    zio_rt_t *rt;
    running = program;
    zio_err_t err = zio_rt_create(&rt, NULL);
    if (err == ZIO_OK) {
        err = zio_rt_run(rt, main_task, NULL);
        const char *const why = zio_last_error_detail();
        if (err != ZIO_OK && why != NULL) fprintf(stderr, "%s\n", why);
        if (err == ZIO_OK) err = zio_rt_shutdown(rt, ZIO_NEVER);
        if (err == ZIO_OK) err = zio_rt_destroy(rt);
    }
    if (err != ZIO_OK) fprintf(stderr, "%s: %s\n", program->name, zio_strerror(err));
    return err != ZIO_OK;
}
