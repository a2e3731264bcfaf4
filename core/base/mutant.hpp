// SPDX-License-Identifier: MIT
#pragma once
// Mistakes that a check build can be told to make, one at a time (docs/check-build.md): the tests
// of the schedule must find each of them. In every other build there is nothing of them: only what
// is right is compiled. tests/schedule/mutants.csv lists them by their numbers.
//
//   ZIO_MUTANT(number, wrong, right)    an expression; `right` may hold commas
//   ZIO_UNLESS_MUTANT(number) step;     a step that the mistake leaves out
//   ZIO_IF_MUTANT(number, step)         one that it takes too early, or too much
#ifdef ZIO_CHECK
#include "core/base/check.hpp"

#define ZIO_MUTANT(number, wrong, ...) (::zio::check::is_mutant(number) ? (wrong) : (__VA_ARGS__))
#define ZIO_UNLESS_MUTANT(number) if (!::zio::check::is_mutant(number))
#define ZIO_IF_MUTANT(number, ...) \
    if (::zio::check::is_mutant(number)) __VA_ARGS__
#else
#define ZIO_MUTANT(number, wrong, ...) __VA_ARGS__
#define ZIO_UNLESS_MUTANT(number)
#define ZIO_IF_MUTANT(number, ...)
#endif
