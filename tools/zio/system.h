/* SPDX-License-Identifier: MIT */
/* What the system says about itself and about this process, in numbers. */
#ifndef TOOLS_ZIO_SYSTEM_H
#define TOOLS_ZIO_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of a small file, or its beginning, ended by a NUL. */
bool read_file(const char *path, char *text, size_t size);
/* The number a file begins with; false for "max" and the like. */
bool read_number(const char *path, uint64_t *number);
/* A line `name: number` of a file like /proc/meminfo, in the unit it has there. */
bool read_named_number(const char *path, const char *name, uint64_t *number);

uint64_t count_lines(const char *path);
/* Open descriptors of this process. */
uint64_t count_descriptors(void);

/* Bytes that this process has in memory, page tables included; of address space. */
uint64_t resident_bytes(void);
uint64_t address_space_bytes(void);

struct size_text {
    char text[24];
};
/* "4.9 KiB". */
struct size_text size_text(uint64_t bytes);

#endif
