/* SPDX-License-Identifier: MIT */
#ifndef ZIO_TESTS_FAULTS_SCENARIOS_H
#define ZIO_TESTS_FAULTS_SCENARIOS_H

#include "kit.h"

/* tasks.c */
void scenario_spawn(void);
void scenario_group(void);
void scenario_timers(void);
/* sockets.c */
void scenario_tcp(void);
void scenario_unix(void);
void scenario_buffered(void);
void scenario_storm(void);
/* runtimes.c */
void scenario_life(void);
void scenario_threads(void);
void scenario_crew(void);
void scenario_fallback(void);
void scenario_fork(void);
void scenario_dump(void);

#endif
