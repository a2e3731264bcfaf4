/* SPDX-License-Identifier: MIT */
/* How the outcomes are shown: a table for people, or lines of comma-separated values. */
#ifndef TOOLS_CONFORMANCE_TABLE_H
#define TOOLS_CONFORMANCE_TABLE_H

#include "runner.h"

struct table {
    bool is_csv;
    bool is_verbose; /* every outcome is shown, also one as expected */
    struct backend *backends[BACKENDS_MOST];
    size_t backend_count;
    unsigned cases;
    unsigned outcomes;
    unsigned differences;
    unsigned not_here;
    bool has_host;
};

void table_begin(const struct table *table);
/* `results` has one for each backend. */
void table_row(struct table *table, const struct test_case *one, const struct result *results);
void table_end(const struct table *table);

#endif
