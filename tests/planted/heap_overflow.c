// SPDX-License-Identifier: MIT
// Planted: a task writes one byte behind its buffer.
#include "planted.h"

static void overflow(void) {
    volatile size_t size = 32;
    volatile char *buffer = malloc(size);
    if (buffer == NULL) abort();
    buffer[size] = 1;
    free((void *)buffer);
}

int main(void) {
    return planted_run(overflow);
}
