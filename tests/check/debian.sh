#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the Debian packaging repeats of the tree is in step with it: the symbols with the version
# script, the version with the header, and all packages are filled, tried and told of in the README.
# `--refresh` writes the symbols anew.
#   bash tests/check/debian.sh [--refresh]
set -u
cd "$(dirname "$0")/../.." || exit 2
symbols=debian/libzio0.symbols
faults=0
fault() { echo "$*"; faults=$((faults + 1)); }

# Each function with its node, and since which version of the package a program can count on it.
expected() {
    echo 'libzio.so.0 libzio0 #MINVER#'
    echo '* Build-Depends-Package: libzio-dev'
    awk '
        /^ZIO_[0-9.]+ *\{/ { node = $1; since = substr(node, 5); print " " node "@" node " " since }
        /^ZIO_PRIVATE *\{/ { node = $1; since = "0.1"; print " " node "@" node " " since }
        /^ *local:/ { node = "" }
        node {
            sub(/\/\*.*\*\//, "")
            count = split($0, part, /[; \t]+/)
            for (i = 1; i <= count; i++)
                if (part[i] ~ /^zio_/) print " " part[i] "@" node " " since
        }' capi/libzio.map | LC_ALL=C sort -u
}

if [[ ${1:-} == --refresh ]]; then
    expected >"$symbols"
fi
while read -r line; do
    case $line in
        '<'*) fault "$symbols: lacks${line#<}" ;;
        '>'*) fault "$symbols: has${line#>}, which capi/libzio.map has not" ;;
    esac
done < <(diff <(expected) "$symbols" 2>&1)

version=$(sed -n 's/^#define ZIO_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/zio/base.h | paste -sd.)
packaged=$(sed -n '1s/^libzio (\([^)]*\)).*/\1/p' debian/changelog)
[[ $packaged == "$version" ]] || fault "debian/changelog: begins with $packaged, not with $version"

mapfile -t packages < <(sed -n 's/^Package: //p' debian/control)
for package in "${packages[@]}"; do
    [[ -s debian/$package.install || -s debian/$package.docs ]] || fault "debian/control: nothing is in $package"
    grep -qF "/${package}_*.deb" .ci/deb || fault ".ci/deb: does not install $package"
    grep -qx "/$package/" debian/.gitignore || fault "debian/.gitignore: lacks $package"
    grep -qF "\`$package\`" README.md || fault "README.md: does not name $package"
done
for file in debian/*.install; do
    package=$(basename "$file" .install)
    [[ " ${packages[*]} " == *" $package "* ]] || fault "$file: debian/control has no such package"
done

if [[ $faults != 0 ]]; then
    echo "debian: bash tests/check/debian.sh --refresh writes the symbols as capi/libzio.map has them"
    exit 1
fi
echo "version $version, ${#packages[@]} packages, $(grep -c '^ zio_' "$symbols") symbols"
