/* SPDX-License-Identifier: MIT */
/* The installed command `zio`. */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "zio.h"

enum { EXIT_USAGE = 2 };

static int print_usage(FILE *to) {
    fprintf(to,
            "usage: zio COMMAND\n"
            "  doctor    what this machine offers libzio, and what would fail\n"
            "  version   the version of the library\n"
            "  help      this text\n"
            "`zio doctor --help` and zio(1) say more.\n");
    return to == stdout ? 0 : EXIT_USAGE;
}

static int print_version(void) {
    printf("libzio %s\n", zio_version_string());
    if (zio_version() != ZIO_VERSION_NUMBER) {
        printf("this command was built for %d.%d.%d\n", ZIO_VERSION_MAJOR, ZIO_VERSION_MINOR,
               ZIO_VERSION_PATCH);
    }
    return 0;
}

static int run(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "doctor") == 0) return doctor_main(argc - 1, argv + 1);
    if (argc == 2 && (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0)) {
        return print_version();
    }
    if (argc == 2 && (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0)) {
        return print_usage(stdout);
    }
    return print_usage(stderr);
}

int main(int argc, char **argv) {
    const int status = run(argc, argv);
    if (fflush(stdout) != 0) {
        perror("zio");
        return EXIT_USAGE;
    }
    return status;
}
