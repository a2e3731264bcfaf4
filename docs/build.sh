#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The reference of the public headers and the guide, in HTML and as manual pages, in BUILD/docs. A
# public symbol or a parameter without a word, a word about neither, and a link that leads nowhere
# fail.   bash docs/build.sh BUILD
set -eu
cd "$(dirname "$0")/.."
output=${1:-build}/docs
mkdir -p "$output"
version=$(sed -n 's/^#define ZIO_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/zio/base.h | paste -sd.)

configuration() {  # SETTING...
    cat <<CONFIGURATION
PROJECT_NAME           = libzio
PROJECT_NUMBER         = $version
INPUT                  = include docs/symbols.dox docs/guide docs/how-it-works.md docs/porting.md docs/conformance.md docs/decisions
RECURSIVE              = YES
FILE_PATTERNS          = *.h *.dox *.md
USE_MDFILE_AS_MAINPAGE = docs/guide/README.md
TOC_INCLUDE_HEADINGS   = 0
STRIP_FROM_PATH        = include .
IMAGE_PATH             = docs
OUTPUT_DIRECTORY       = $output
GENERATE_LATEX         = NO
OPTIMIZE_OUTPUT_FOR_C  = YES
JAVADOC_AUTOBRIEF      = YES
TYPEDEF_HIDES_STRUCT   = YES
MACRO_EXPANSION        = YES
EXPAND_ONLY_PREDEF     = YES
PREDEFINED             = ZIO_API= ZIO_CALL= ZIO_NOEXCEPT= ZIO_NODISCARD= ZIO_BEGIN_DECLS= ZIO_END_DECLS=
HIDE_UNDOC_RELATIONS   = YES
WARN_NO_PARAMDOC       = YES
HTML_TIMESTAMP         = NO
QUIET                  = YES
HAVE_DOT               = NO
CONFIGURATION
    printf '%s\n' "$@"
}

# First only for what it says: while symbols without a word are shown, Doxygen does not miss theirs.
# The two values of zio_deadline_const have a comment each, the enumeration has none.
configuration EXTRACT_ALL=NO WARN_IF_UNDOCUMENTED=YES WARN_NO_PARAMDOC=NO GENERATE_HTML=NO |
    doxygen - 2>&1 >/dev/null | grep 'is not documented' | grep -v 'Member zio_deadline_const ' |
    sed "s#^$PWD/##" >"$output/undocumented" || true
if [[ -s $output/undocumented ]]; then
    cat "$output/undocumented" >&2
    exit 1
fi
rm "$output/undocumented"

configuration EXTRACT_ALL=YES WARN_IF_UNDOCUMENTED=NO WARN_AS_ERROR=FAIL_ON_WARNINGS | doxygen -
bash docs/man.sh "$output/man"
echo "docs: $output/html/index.html, $(find "$output/man/man3" -type f | wc -l) manual pages"
