/* SPDX-License-Identifier: MIT */
/* The words of a request typed by hand: separated by blanks, with "…" and '…' around what holds
 * some, and \n, \r, \t, \b, \a, \x1f, \" and \\ between double quotes. */
#ifndef KV_INLINE_H
#define KV_INLINE_H

#include <stddef.h>

enum inline_state { INLINE_WORD, INLINE_END, INLINE_UNBALANCED };

/* Takes the next word of the line that ends at `end`. It is written over the line itself (no word
 * is longer than what stands for it); `*at` moves behind it. */
enum inline_state inline_word(char **at, const char *end, char **word, size_t *length);

#endif
