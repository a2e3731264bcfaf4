#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The reference of the public headers in HTML, in BUILD/docs. A parameter without a word, or a word
# about no parameter, fails.   bash docs/build.sh BUILD
set -eu
cd "$(dirname "$0")/.."
output=${1:-build}/docs
mkdir -p "$output"
version=$(sed -n 's/^#define ZIO_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/zio/base.h | paste -sd.)
doxygen - <<CONFIGURATION
PROJECT_NAME           = libzio
PROJECT_NUMBER         = $version
INPUT                  = include
RECURSIVE              = YES
FILE_PATTERNS          = *.h
STRIP_FROM_PATH        = include
OUTPUT_DIRECTORY       = $output
GENERATE_LATEX         = NO
OPTIMIZE_OUTPUT_FOR_C  = YES
JAVADOC_AUTOBRIEF      = YES
TYPEDEF_HIDES_STRUCT   = YES
EXTRACT_ALL            = YES
MACRO_EXPANSION        = YES
EXPAND_ONLY_PREDEF     = YES
PREDEFINED             = ZIO_API= ZIO_CALL= ZIO_NOEXCEPT= ZIO_NODISCARD= ZIO_BEGIN_DECLS= ZIO_END_DECLS=
HIDE_UNDOC_RELATIONS   = YES
WARN_IF_UNDOCUMENTED   = NO
WARN_NO_PARAMDOC       = YES
WARN_AS_ERROR          = FAIL_ON_WARNINGS
QUIET                  = YES
HAVE_DOT               = NO
CONFIGURATION
echo "docs: $output/html/index.html"
