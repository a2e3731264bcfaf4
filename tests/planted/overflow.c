// SPDX-License-Identifier: MIT
// Planted: arithmetic that C does not define.
#include <limits.h>

#include "planted.h"

static void add(void) {
    volatile int largest = INT_MAX;
    largest = largest + 1;
}

int main(void) {
    return planted_run(add);
}
