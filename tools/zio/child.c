/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool in_child = false;

bool is_in_child(void) {
    return in_child;
}

void *share(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

/* A death in there is expected, so nobody needs its core file. */
static void prepare_to_die(unsigned seconds) {
    const struct rlimit none = {0, 0};
    in_child = true;
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(seconds);
}

int run_in_child(void (*work)(void *shared), void *shared, unsigned seconds) {
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0) {
        work(shared);
        return 0;
    }
    if (child == 0) {
        prepare_to_die(seconds);
        work(shared);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

struct signal_text signal_text(int signal) {
    struct signal_text text;
    if (signal == SIGALRM) {
        (void)snprintf(text.text, sizeof text.text, "it did not come to an end");
    } else if (signal < 0) {
        (void)snprintf(text.text, sizeof text.text, "it ended by itself with status %d", -signal);
    } else {
        (void)snprintf(text.text, sizeof text.text, "killed by signal %d (%s)", signal,
                       strsignal(signal));
    }
    return text;
}
