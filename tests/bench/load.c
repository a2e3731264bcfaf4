/* SPDX-License-Identifier: MIT */
/* Loads servers in turn and compares what a request costs them.
 *   load MODE CONNECTIONS ROUNDS MILLISECONDS WORK_NS NAME=PORT:PID:BASE...
 * MODE is closed or saturated for echo servers on a CPU of their own; or, for servers that have no
 * fewer threads than there are CPUs and share them with this client, echo, http or brief (each
 * message on a connection of its own). The first server is the one all are compared with; BASE
 * names the hand-written one of the same interface. A round goes through the servers and back, and
 * begins with another one each time, so that a machine which becomes slower or faster treats all
 * alike; a ratio is one round's. */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load/target.h"

enum { TARGETS = 12, ROUNDS = 64, TRIES = 3, REST_US = 100 * 1000 };

/* The share of a slice that server and client may lose to others. */
static const double LOST_MOST = 0.02;

struct result {
    double cost_ns[ROUNDS]; /* CPU time of the server per request, without the work */
    double rate[ROUNDS];
    double busy[ROUNDS];
    double fewest_to_median, longest_to_mean, lost; /* the worst of all slices */
};

struct plan {
    struct target targets[TARGETS];
    struct result results[TARGETS];
    int count, rounds;
    uint32_t connections;
    int64_t duration_ns;
    double work_ns;
    const struct mode *mode;
};

struct spread {
    double least, median, most;
};

static const struct mode {
    const char *name, *says;
    bool shares; /* client and server are on the same CPUs */
    struct manner manner;
} modes[] = {
    {"closed", "closed loop", false, {0}},
    {"saturated", "saturated", false, {.saturated = true}},
    {"echo", "echo, CPUs shared with the client", true, {0}},
    {"http", "GET /, CPUs shared with the client", true, {.http = true}},
    {"brief", "connect, one message, close; CPUs shared with the client", true, {.brief = true}},
};

static int compare(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static struct spread spread_of(const double *values, int count) {
    double sorted[ROUNDS];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    const double median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    return (struct spread){sorted[0], median, sorted[count - 1]};
}

/* --- rounds --------------------------------------------------------------------------------- */

/* A slice that others disturbed is tried again, a few times: then it counts as it is. (With shared
 * CPUs nobody can tell.) The rest before it is theirs: who never gets a turn is let in by the
 * kernel in the middle of a slice. */
static struct slice run_slice(const struct plan *plan, struct target *target) {
    struct slice slice;
    int tries = 0;
    do {
        usleep(REST_US);
        slice = target_load(target, plan->duration_ns);
    } while (!plan->mode->shares && slice.lost_ns > LOST_MOST * slice.wall_ns && ++tries < TRIES);
    target_keep_waits(target);
    return slice;
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

static void run_round(struct plan *plan, int round) {
    struct slice sums[TARGETS] = {{0}};
    for (int i = 0; i < 2 * plan->count; i++) {
        const int place = i < plan->count ? i : 2 * plan->count - 1 - i;
        const int index = (place + round) % plan->count;
        const struct slice slice = run_slice(plan, &plan->targets[index]);
        struct result *result = &plan->results[index];
        const bool is_first = round == 0 && i < plan->count;
        sums[index].answers += slice.answers;
        sums[index].cpu_ns += slice.cpu_ns;
        sums[index].wall_ns += slice.wall_ns;
        if (is_first || slice.fewest_to_median < result->fewest_to_median) {
            result->fewest_to_median = slice.fewest_to_median;
        }
        result->longest_to_mean = larger(result->longest_to_mean, slice.longest_to_mean);
        result->lost = larger(result->lost, slice.lost_ns / slice.wall_ns * 100);
    }
    for (int i = 0; i < plan->count; i++) {
        if (sums[i].answers == 0) fail("no answers", &plan->targets[i]);
        const double answers = (double)sums[i].answers;
        plan->results[i].cost_ns[round] = sums[i].cpu_ns / answers - plan->work_ns;
        plan->results[i].rate[round] = answers / (sums[i].wall_ns / 1e9);
        plan->results[i].busy[round] = sums[i].cpu_ns / sums[i].wall_ns * 100;
    }
}

/* --- the table ------------------------------------------------------------------------------ */

static int find(const struct plan *plan, const char *name) {
    for (int i = 0; i < plan->count; i++) {
        if (strcmp(plan->targets[i].name, name) == 0) return i;
    }
    return -1;
}

static struct spread ratios_of(const double *values, const double *bases, int rounds) {
    double ratios[ROUNDS];
    for (int round = 0; round < rounds; round++) ratios[round] = values[round] / bases[round];
    return spread_of(ratios, rounds);
}

static struct spread cost_ratio(const struct plan *plan, int index, int base) {
    return ratios_of(plan->results[index].cost_ns, plan->results[base].cost_ns, plan->rounds);
}

static struct spread rate_ratio(const struct plan *plan, int index, int base) {
    return ratios_of(plan->results[index].rate, plan->results[base].rate, plan->rounds);
}

typedef struct spread ratio_fn(const struct plan *plan, int index, int base);

static void print_ratio(const struct plan *plan, ratio_fn *ratio, int index, int base) {
    char text[40] = "-";
    if (base >= 0 && base != index) {
        const struct spread to = ratio(plan, index, base);
        snprintf(text, sizeof text, "%.2f (%.2f..%.2f)", to.median, to.least, to.most);
    }
    printf(" %18s", text);
}

static void print_row(const struct plan *plan, int index) {
    const struct target *target = &plan->targets[index];
    const struct result *result = &plan->results[index];
    printf("%-17s %8.0f %8.2f %8.2f %8.3f", target->name,
           spread_of(result->rate, plan->rounds).median,
           durations_quantile_ms(&target->waits, 0.5) * 1e3,
           durations_quantile_ms(&target->waits, 0.99) * 1e3,
           spread_of(result->cost_ns, plan->rounds).median / 1e3);
    if (plan->mode->shares) {
        print_ratio(plan, rate_ratio, index, 0);
        print_ratio(plan, cost_ratio, index, 0);
        printf(" %5.0f\n", spread_of(result->busy, plan->rounds).median);
        return;
    }
    print_ratio(plan, cost_ratio, index, 0);
    print_ratio(plan, cost_ratio, index, find(plan, target->base));
    printf(" %5.0f %5.1f %7.2f %7.2f\n", spread_of(result->busy, plan->rounds).median, result->lost,
           result->fewest_to_median, result->longest_to_mean);
}

/* A hand-written server that costs more than libuv was disturbed, or is no yardstick. */
static void judge(const struct plan *plan) {
    const int libuv = find(plan, "libuv");
    if (libuv < 0) return;
    for (int i = 0; i < plan->count; i++) {
        const bool yardstick = i == 0 || strncmp(plan->targets[i].name, "raw", 3) == 0;
        if (!yardstick || i == libuv) continue;
        const struct spread to = cost_ratio(plan, i, libuv);
        if (to.median < 1) continue;
        printf("VOID: %s costs %.2f x libuv in this run; its ratios say nothing\n",
               plan->targets[i].name, to.median);
    }
}

/* What a machine does to a server in the middle of a slice looks like a long wait. */
static void judge_waits(const struct plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        if (plan->results[i].lost <= LOST_MOST * 100) continue;
        printf(
            "DISTURBED: others took CPU time; max/avg above says nothing where lost%% is over"
            " %.0f\n",
            LOST_MOST * 100);
        return;
    }
}

/* The library's servers are to answer more requests than each of the others. */
static void judge_rates(const struct plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        if (strncmp(plan->targets[i].name, "zio", 3) != 0) continue;
        printf("%s, req/s to", plan->targets[i].name);
        for (int k = 0; k < plan->count; k++) {
            if (strncmp(plan->targets[k].name, "zio", 3) == 0) continue;
            const struct spread to = rate_ratio(plan, i, k);
            printf(" %s %.2f (%.2f..%.2f) %s;", plan->targets[k].name, to.median, to.least, to.most,
                   to.median > 1 ? "held" : "MISSED");
        }
        printf(" bar: over 1\n");
    }
}

static void print_table(const struct plan *plan) {
    const struct dialogue *const dialogue = &plan->targets[0].dialogue;
    printf("\n%s, %u connections, %u bytes, %.1f us of work, %d rounds of 2 x %.1f s\n",
           plan->mode->says, plan->connections, dialogue->answer_bytes, plan->work_ns / 1e3,
           plan->rounds, (double)plan->duration_ns / 1e9);
    printf("%-17s %8s %8s %8s %8s", "server", "req/s", "p50 us", "p99 us", "cpu us");
    if (plan->mode->shares) {
        printf(" %18s %18s %5s\n", "rate to the first", "cpu to the first", "busy%");
    } else {
        printf(" %18s %18s %5s %5s %7s %7s\n", "to the first", "to its interface", "busy%", "lost%",
               "few/med", "max/avg");
    }
    for (int i = 0; i < plan->count; i++) print_row(plan, i);
    if (plan->mode->shares) {
        judge_rates(plan);
        return;
    }
    judge(plan);
    judge_waits(plan);
}

/* --- the program ---------------------------------------------------------------------------- */

static bool take_target(struct plan *plan, const char *text) {
    if (plan->count == TARGETS) return false;
    struct target *target = &plan->targets[plan->count];
    if (sscanf(text, "%23[^=]=%d:%d:%23s", target->name, &target->port, &target->pid,
               target->base) != 4) {
        return false;
    }
    if (clock_getcpuclockid(target->pid, &target->clock) != 0) return false;
    plan->count++;
    return true;
}

static bool take_arguments(struct plan *plan, int argc, char **argv) {
    if (argc < 7) return false;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) plan->mode = &modes[i];
    }
    plan->connections = (uint32_t)strtoul(argv[2], NULL, 10);
    plan->rounds = atoi(argv[3]);
    plan->duration_ns = strtoll(argv[4], NULL, 10) * 1000000;
    plan->work_ns = strtod(argv[5], NULL);
    for (int i = 6; i < argc; i++) {
        if (!take_target(plan, argv[i])) return false;
    }
    return plan->mode != NULL && plan->connections > 0 && plan->rounds > 0 &&
           plan->rounds <= ROUNDS && plan->duration_ns > 0;
}

/* All servers stay connected, so that no round begins with connecting. */
static void allow_connections(struct plan *plan) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t each = (limit.rlim_cur - 64) / (rlim_t)plan->count;
    if (each >= plan->connections) return;
    printf("load: descriptors for %u connections each, not %u\n", (unsigned)each,
           plan->connections);
    plan->connections = (uint32_t)each;
}

int main(int argc, char **argv) {
    static struct plan plan;
    if (!take_arguments(&plan, argc, argv)) {
        fprintf(stderr,
                "usage: %s closed|saturated|echo|http|brief CONNECTIONS ROUNDS MILLISECONDS"
                " WORK_NS NAME=PORT:PID:BASE...\n",
                argv[0]);
        return 2;
    }
    allow_connections(&plan);
    for (int i = 0; i < plan.count; i++) {
        target_connect(&plan.targets[i], plan.connections, plan.mode->manner);
    }
    for (int round = 0; round < plan.rounds; round++) run_round(&plan, round);
    for (int i = 0; i < plan.count; i++) target_disconnect(&plan.targets[i]);
    print_table(&plan);
    return 0;
}
