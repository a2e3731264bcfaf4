/* SPDX-License-Identifier: MIT */
/* The installed command `zio-conformance`: the same programs on every backend of this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cancels.h"
#include "quirks.h"

enum { EXIT_DIFFERENT = 1, EXIT_USAGE = 2, EXIT_NOT_TRIED = 77, NAMES_MOST = 32 };

struct options {
    const char *backends[BACKENDS_MOST];
    size_t backend_count;
    const char *cases[NAMES_MOST];
    size_t case_count;
    uint64_t repeat;
    uint64_t cancels;
    const char *quirk;
    bool is_csv;
    bool lists;
    bool wants_help;
};

static int print_usage(FILE *to) {
    fprintf(to,
            "usage: zio-conformance [OPTION]...\n"
            "The same programs on every backend of this machine: do they agree?\n"
            "  --backend NAME  only on this one (sim, io_uring, epoll, poll; auto); repeatable\n"
            "  --case NAME     only this case, or this area of cases; repeatable\n"
            "  --repeat N      each case so many times\n"
            "  --cancels N     instead: cancels so many calls at random moments, and counts\n"
            "                  what got lost\n"
            "  --quirk NAME    instead: whether this kernel has a quirk that is known, and\n"
            "                  whether anybody notices; `all`: every one of them\n"
            "  --csv           for scripts\n"
            "  --list          the cases and what is expected of them\n"
            "  --help          this text\n"
            "Status: 0 no difference, 1 differences, 2 wrong usage, or a backend that was\n"
            "asked for cannot be had, 77 the quirk cannot be tried here.\n");
    return to == stdout ? 0 : EXIT_USAGE;
}

static bool take_number(const char *text, uint64_t *value) {
    const uint64_t most = 1000000000;
    char *end;
    if (*text < '0' || *text > '9') return false;
    *value = strtoull(text, &end, 10);
    return *end == '\0' && *value <= most && *value > 0;
}

static bool take_value(struct options *options, const char *name, const char *value) {
    if (value == NULL) return false;
    if (strcmp(name, "--backend") == 0) {
        if (options->backend_count == BACKENDS_MOST || find_backend(value) == NULL) return false;
        options->backends[options->backend_count++] = value;
        return true;
    }
    if (strcmp(name, "--case") == 0) {
        if (options->case_count == NAMES_MOST) return false;
        options->cases[options->case_count++] = value;
        return true;
    }
    if (strcmp(name, "--repeat") == 0) return take_number(value, &options->repeat);
    if (strcmp(name, "--quirk") == 0) {
        options->quirk = value;
        return true;
    }
    if (strcmp(name, "--cancels") == 0) return take_number(value, &options->cancels);
    return false;
}

/* Both `--case read` and `--case=read` are understood. */
static bool take_options(struct options *options, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        char name[32] = "";
        const char *value = strchr(argv[i], '=');
        const size_t length = value != NULL ? (size_t)(value - argv[i]) : strlen(argv[i]);
        if (length < sizeof name) memcpy(name, argv[i], length);
        bool *const flag = strcmp(name, "--csv") == 0    ? &options->is_csv
                           : strcmp(name, "--list") == 0 ? &options->lists
                           : strcmp(name, "--help") == 0 ? &options->wants_help
                                                         : NULL;
        const char *const given = argv[i];
        bool taken = flag != NULL && value == NULL;
        if (flag != NULL) {
            *flag = true;
        } else {
            value = value != NULL ? value + 1 : i + 1 < argc ? argv[++i] : NULL;
            taken = take_value(options, name, value);
        }
        if (!taken) {
            fprintf(stderr, "zio-conformance: cannot make sense of '%s%s%s'\n", given,
                    flag == NULL && value != NULL && strchr(given, '=') == NULL ? " " : "",
                    flag == NULL && value != NULL && strchr(given, '=') == NULL ? value : "");
            return false;
        }
    }
    return true;
}

static bool is_wanted(const struct options *options, const struct test_case *one) {
    for (size_t i = 0; i < options->case_count; i++) {
        if (is_in(one, options->cases[i])) return true;
    }
    return options->case_count == 0;
}

/* Each name stands for something. */
static bool are_cases(const struct options *options) {
    for (size_t i = 0; i < options->case_count; i++) {
        bool found = false;
        for (size_t area = 0; area < area_count; area++) {
            for (const struct test_case *one = all_areas[area]; one->name != NULL; one++) {
                found = found || is_in(one, options->cases[i]);
            }
        }
        if (!found) {
            fprintf(stderr, "zio-conformance: there is no case '%s'\n", options->cases[i]);
            return false;
        }
    }
    return true;
}

static int list_cases(const struct options *options) {
    for (size_t area = 0; area < area_count; area++) {
        for (const struct test_case *one = all_areas[area]; one->name != NULL; one++) {
            if (is_wanted(options, one)) printf("%-40s %s\n", one->name, one->expected);
        }
    }
    return 0;
}

/* Those that were asked for must be there; else all that are. */
static bool choose_backends(const struct options *options, struct table *table) {
    for (size_t i = 0; i < options->backend_count; i++) {
        struct backend *backend = find_backend(options->backends[i]);
        examine_backend(backend);
        if (!backend->is_usable) {
            fprintf(stderr, "zio-conformance: no backend %s: %s\n", backend->name, backend->words);
            return false;
        }
        table->backends[table->backend_count++] = backend;
    }
    if (options->backend_count != 0) return true;
    for (struct backend *backend = all_backends; backend->name != NULL; backend++) {
        if (backend->number == ZIO_BACKEND_AUTO) continue;
        examine_backend(backend);
        if (backend->is_usable) {
            table->backends[table->backend_count++] = backend;
        } else if (backend->is_in_build && !table->is_csv) {
            printf("%s is left out: %s\n", backend->name, backend->words);
        }
    }
    return table->backend_count != 0;
}

static void run_repeatedly(const struct options *options, struct table *table,
                           const struct test_case *one) {
    static struct result results[BACKENDS_MOST];
    for (size_t i = 0; i < table->backend_count; i++) {
        for (unsigned turn = 0; turn < options->repeat; turn++) {
            run_case(one, table->backends[i], turn, &results[i]);
            if (results[i].verdict != AGREES) break;
        }
    }
    table_row(table, one, results);
}

static int run_cancels(const struct options *options, const struct table *table) {
    bool is_good = true;
    print_cancels_head(options->is_csv);
    for (size_t i = 0; i < table->backend_count; i++) {
        if (!race_cancels(table->backends[i], options->cancels, options->is_csv)) is_good = false;
    }
    return is_good ? 0 : EXIT_DIFFERENT;
}

static int run_quirks(const struct options *options, const struct table *table) {
    const bool wants_all = strcmp(options->quirk, "all") == 0;
    const int outcome = check_quirks(wants_all ? NULL : options->quirk, table);
    if (outcome == -1) fprintf(stderr, "zio-conformance: no quirk '%s' is known\n", options->quirk);
    if (outcome == -2) printf("SKIP: this machine does not let it be tried\n");
    return outcome == 1    ? 0
           : outcome == 0  ? EXIT_DIFFERENT
           : outcome == -1 ? EXIT_USAGE
                           : EXIT_NOT_TRIED;
}

static int run_all(const struct options *options) {
    static struct table table;
    table.is_csv = options->is_csv;
    table.is_verbose = options->case_count != 0;
    if (!choose_backends(options, &table)) return EXIT_USAGE;
    if (options->quirk != NULL) return run_quirks(options, &table);
    if (options->cancels != 0) return run_cancels(options, &table);
    table_begin(&table);
    for (size_t area = 0; area < area_count; area++) {
        for (const struct test_case *one = all_areas[area]; one->name != NULL; one++) {
            if (is_wanted(options, one)) run_repeatedly(options, &table, one);
        }
    }
    table_end(&table);
    return table.differences == 0 ? 0 : EXIT_DIFFERENT;
}

int main(int argc, char **argv) {
    struct options options = {.repeat = 1};
    int status = 0;
    if (!take_options(&options, argc, argv)) return print_usage(stderr);
    if (options.wants_help) {
        status = print_usage(stdout);
    } else if (!are_cases(&options)) {
        status = EXIT_USAGE;
    } else {
        status = options.lists ? list_cases(&options) : run_all(&options);
    }
    if (fflush(stdout) != 0) {
        perror("zio-conformance");
        return EXIT_USAGE;
    }
    return status;
}
