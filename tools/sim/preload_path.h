/* SPDX-License-Identifier: MIT */
/* Where the library is that `--preload` puts in front of the program. */
#ifndef ZIO_SIM_PRELOAD_PATH_H
#define ZIO_SIM_PRELOAD_PATH_H

/* Its path, or NULL: there is none, and it was said why. */
const char *find_preload(void);

#endif
