/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool read_file(const char *path, char *text, size_t size) {
    size_t length = 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    while (length + 1 < size) {
        const ssize_t count = read(file, text + length, size - 1 - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        length += (size_t)count;
    }
    close(file);
    text[length] = '\0';
    return length > 0;
}

bool read_number(const char *path, uint64_t *number) {
    char text[32];
    if (!read_file(path, text, sizeof text) || text[0] < '0' || text[0] > '9') return false;
    *number = strtoull(text, NULL, 10);
    return true;
}

bool read_named_number(const char *path, const char *name, uint64_t *number) {
    char text[8192];
    const size_t length = strlen(name);
    if (!read_file(path, text, sizeof text)) return false;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, name, length) != 0) continue;
        const char *digits = line + length + strspn(line + length, ": \t");
        if (digits == line + length || *digits < '0' || *digits > '9') continue;
        *number = strtoull(digits, NULL, 10);
        return true;
    }
    return false;
}

uint64_t count_lines(const char *path) {
    char text[4096];
    uint64_t lines = 0;
    ssize_t count;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    while ((count = read(file, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < count; i++) lines += text[i] == '\n';
    }
    close(file);
    return lines;
}

uint64_t count_descriptors(void) {
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        for (int i = 0; i < 1024; i++) count += fcntl(i, F_GETFD) >= 0;
        return count;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(folder);
    return count - 1; /* the folder's own */
}

static uint64_t own_kib(const char *name) {
    uint64_t kib = 0;
    return read_named_number("/proc/self/status", name, &kib) ? kib * 1024 : 0;
}

uint64_t resident_bytes(void) {
    return own_kib("VmRSS") + own_kib("VmPTE");
}

uint64_t address_space_bytes(void) {
    return own_kib("VmSize");
}

struct size_text size_text(uint64_t bytes) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct size_text size;
    double amount = (double)bytes;
    unsigned unit = 0;
    for (; amount >= 1024; unit++) amount /= 1024;
    (void)snprintf(size.text, sizeof size.text, unit == 0 ? "%.0f %s" : "%.1f %s", amount,
                   units[unit]);
    return size;
}
