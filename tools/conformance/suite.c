/* SPDX-License-Identifier: MIT */
#include "suite.h"

#include <string.h>

const struct test_case *const all_areas[] = {
    listen_cases, connect_cases,  accept_cases,     address_cases, read_cases,
    write_cases,  vector_cases,   transfer_cases,   order_cases,   close_cases,
    abort_cases,  option_cases,   deadline_cases,   cancel_cases,  time_cases,
    thread_cases, buffered_cases, descriptor_cases, runtime_cases,
};
const size_t area_count = sizeof all_areas / sizeof all_areas[0];

const struct test_case *find_case(const char *name) {
    for (size_t i = 0; i < area_count; i++) {
        for (const struct test_case *one = all_areas[i]; one->name != NULL; one++) {
            if (strcmp(one->name, name) == 0) return one;
        }
    }
    return NULL;
}

bool is_in(const struct test_case *one, const char *name) {
    const size_t length = strlen(name);
    return strncmp(one->name, name, length) == 0 &&
           (one->name[length] == '\0' || one->name[length] == '.');
}
