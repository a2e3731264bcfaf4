/* SPDX-License-Identifier: MIT */
/* cmocka, after the headers it wants before itself. */
#ifndef ZIO_TESTS_CAPI_TEST_H
#define ZIO_TESTS_CAPI_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
