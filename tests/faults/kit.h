/* SPDX-License-Identifier: MIT */
/* What the scenarios share. Each does its work through the public API, treats an error as the end
 * of that part of the work, and gives everything back. It runs twice in one process: first while
 * calls are made to fail, then, patiently, without, and then every error is a failure. */
#ifndef ZIO_TESTS_FAULTS_KIT_H
#define ZIO_TESTS_FAULTS_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zio.h"

struct scenario {
    const char *name;
    void (*run)(void);
    bool any_backend; /* it chooses backends itself */
};
extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* What is known of the run. */
struct trial {
    bool patient;
    char error[64];   /* the first that a call gave: "zio_accept ZIO_EMFILE" */
    char broken[160]; /* the first promise that the library did not keep */
};
extern struct trial trial;

/* CALL(zio_accept, (listener, &stream, NULL, soon())) notes its error and gives its result. */
#define CALL(name, arguments) ended(#name, name arguments)
zio_ssize_t ended(const char *call, zio_ssize_t result);
/* For calls that give something back and cannot fail. */
#define MUST(name, arguments) must_succeed(#name, name arguments)
void must_succeed(const char *call, zio_ssize_t result);
void broken(const char *what);
/* Under AddressSanitizer, where everything takes longer; else NULL. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
/* Of a wait whose other side may have failed. */
zio_deadline_t soon(void);

/* NULL: refused. */
zio_rt_t *open_runtime(uint32_t workers, uint64_t flags);
void close_runtime(zio_rt_t *rt);
/* A runtime with one worker that runs `entry`. */
void run_alone(zio_task_fn entry, void *ud);
/* NULL: refused. */
zio_task_t *start(zio_task_fn entry, void *ud);
/* Waits for it, in the end by a cancel, and gives its reference back; NULL is fine. */
void finish(zio_task_t *task);
/* An abstract Unix address that nobody else has. */
bool fresh_name(zio_addr_t *out);

/* --- control.cpp ---------------------------------------------------------------------------- */

bool faults_begin(const char *plan);
void faults_stop(void);
uint64_t faults_failed(void);
int64_t faults_blocks(void);
int64_t faults_mappings(void);
size_t faults_site_count(void);
const char *faults_site_name(size_t site);
uint64_t faults_calls(size_t site);
/* One line for each site and for each exempted call, as the driver reads them. */
void faults_print_sites(void);

#endif
