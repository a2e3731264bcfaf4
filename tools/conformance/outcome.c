/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "outcome.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zio.h"

static struct outcome *present;

void outcome_begin(struct outcome *outcome) {
    present = outcome;
    present->length = 0;
    present->text[0] = '\0';
}

struct outcome *outcome_now(void) {
    return present;
}

void say(const char *format, ...) {
    va_list arguments;
    size_t left = sizeof present->text - present->length;
    if (present->length != 0 && left > 1) {
        present->text[present->length++] = ' ';
        left--;
    }
    va_start(arguments, format);
    const int size = vsnprintf(present->text + present->length, left, format, arguments);
    va_end(arguments);
    if (size < 0) return;
    present->length += (size_t)size < left ? (size_t)size : left - 1;
}

void tell(const char *what, int64_t result) {
    if (result >= 0) {
        say("%s=%lld", what, (long long)result);
        return;
    }
    const char *name = zio_err_name((zio_err_t)result);
    say("%s=%s", what, strncmp(name, "ZIO_", 4) == 0 ? name + 4 : name);
}

void tell_truth(const char *what, bool truth) {
    say("%s=%s", what, truth ? "yes" : "no");
}

void tell_bytes(const char *what, const void *bytes, size_t size) {
    char text[128];
    const unsigned char *from = bytes;
    if (size >= sizeof text) size = sizeof text - 1;
    for (size_t i = 0; i < size; i++) text[i] = (char)(isgraph(from[i]) ? from[i] : '.');
    text[size] = '\0';
    say("%s=%s", what, text);
}

void must_failed(const char *file, int line, const char *condition) {
    const char *name = strrchr(file, '/');
    const char *detail = zio_last_error_detail();
    say("%s:%d: not so: %s", name != NULL ? name + 1 : file, line, condition);
    if (detail[0] != '\0') say("(%s)", detail);
    _exit(0);
}

void is_absent(const char *what) {
    present->length = 0;
    present->is_absent = true;
    say("%s", what);
    _exit(0);
}
