/* SPDX-License-Identifier: MIT */
/* Trying things out in a process of its own, so that whatever happens there, a killing sandbox and
 * the lack of memory included, is a finding and not the end. */
#ifndef TOOLS_ZIO_CHILD_H
#define TOOLS_ZIO_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory that parent and child see, or NULL. It is never given back. */
void *share(size_t size);

/* Runs `work(shared)` in a child and returns 0 when it came to its end, else the signal that killed
 * it, or minus the status with which something (a sanitizer) ended it. A child that is not done
 * after `seconds` is ended by SIGALRM; 0 = it may take as long as it likes. Where there can be no
 * child it runs in this process. */
int run_in_child(void (*work)(void *shared), void *shared, unsigned seconds);

/* Whether the caller is in such a child: what would change the process for good asks first. */
bool is_in_child(void);

/* "killed by signal 31 (Bad system call)" */
struct signal_text {
    char text[96];
};
struct signal_text signal_text(int signal);

#endif
