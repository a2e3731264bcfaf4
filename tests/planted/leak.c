// SPDX-License-Identifier: MIT
// Planted: a task loses the only pointer to its memory.
#include "planted.h"

static void leak(void) {
    void *volatile lost = malloc(1000);
    lost = NULL;
    (void)lost;
}

int main(void) {
    return planted_run(leak);
}
