/* SPDX-License-Identifier: MIT */
/* The installed command `zio-sim`: runs programs that use libzio in simulated worlds. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "run.h"

enum { EXIT_USAGE = 2 };

static int print_usage(FILE *to) {
    fprintf(to,
            "usage: zio-sim COMMAND [OPTION]... -- PROGRAM [ARGUMENT]...\n"
            "  run             many seeds; tells which fail, and how to repeat them\n"
            "  replay SEED     one seed, as if the program were started by hand\n"
            "  timeline SEED   what happens in it, event by event\n"
            "  diff SEED       the seed twice: the first event that differs\n"
            "  shrink SEED     the fewest faults with which it fails in the same way\n"
            "options\n"
            "  --seeds N       how many (100)\n"
            "  --first SEED    the first (1)\n"
            "  --jobs N        runs at a time (as many as there are processors)\n"
            "  --keep-going    after a failure\n"
            "  --quiet         no progress\n"
            "  --timeout S     real seconds that a run may take (60)\n"
            "  --limit S       virtual seconds that a run may take\n"
            "  --faults LIST   harsh faults, such as reset,refuse=200 (per thousand), or all\n"
            "  --calm S        virtual seconds after which no harsh fault happens any more\n"
            "  --off LIST      mild faults that shall not happen, such as latency,short_io\n"
            "  --only FILE     the only faults that may happen, as shrink found them\n"
            "  --preload       virtual time and seeded chance for what asks the C library, too\n"
            "  --trace FILE    replay: where to write what happens; shrink: what it found\n"
            "zio-sim(1) says more.\n");
    return to == stdout ? 0 : EXIT_USAGE;
}

static int run(int argc, char **argv) {
    static const struct {
        const char *name;
        bool seed_first;
        int (*command)(const struct options *options);
    } commands[] = {{"run", false, run_seeds},
                    {"replay", true, replay_seed},
                    {"timeline", true, show_timeline},
                    {"diff", true, diff_seed},
                    {"shrink", true, shrink_seed}};
    const char *const name = argc > 1 ? argv[1] : "";
    struct options options;
    if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) return print_usage(stdout);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(name, commands[i].name) != 0) continue;
        if (!read_options(argc - 1, argv + 1, commands[i].seed_first, &options)) return EXIT_USAGE;
        return commands[i].command(&options);
    }
    return print_usage(stderr);
}

int main(int argc, char **argv) {
    int status = run(argc, argv);
    drop_files();
    if (fflush(stdout) != 0) {
        perror("zio-sim");
        status = EXIT_USAGE;
    }
    return status;
}
