// SPDX-License-Identifier: MIT
// Planted: a task writes one byte behind an array on its own stack.
#include "planted.h"

static void overflow(void) {
    volatile size_t size = 32;
    char buffer[32];
    volatile char *at = buffer;
    at[0] = 0;
    at[size] = 1;
}

int main(void) {
    return planted_run(overflow);
}
