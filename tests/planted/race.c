// SPDX-License-Identifier: MIT
// Planted: a task and a thread write the same variable, and nothing orders them.
#include <pthread.h>

#include "planted.h"

static long shared;

static void *write_in_thread(void *unused) {
    int i;
    for (i = 0; i < 100000; i++) *(volatile long *)&shared += 1;
    return unused;
}

static void race(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, write_in_thread, NULL) != 0) abort();
    write_in_thread(NULL);
    pthread_join(thread, NULL);
}

int main(void) {
    return planted_run(race);
}
