#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every check must be able to fail: copies the tree, plants one fault at a time and demands that the
# check which is to find it does so, by name. A check that fails already says so and proves nothing.
#   bash tests/check/planted.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir "$tree"
cp -r .ci .clang-format CMakeLists.txt GNUmakefile README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md \
    core capi include tests examples tools docs debian "$tree"
failed=0 count=0

plant() {  # CHECK EXPECTED FILE SHELL: SHELL changes FILE of the copy; the check must then name EXPECTED
    local check=$1 expected=$2 file=$tree/$3 change=$4 output status command
    mkdir -p "$(dirname "$file")"
    [[ -e $file ]] && cp "$file" "$work/saved"
    (cd "$tree" && eval "$change") || { echo "$check: could not plant in $3"; failed=$((failed + 1)); }
    case $check in
        layers) command="cmake -P $tree/tests/check/layers.cmake" ;;
        *) command="bash $tree/tests/check/$check.sh $build" ;;
    esac
    output=$($command 2>&1)
    status=$?
    count=$((count + 1))
    if [[ $status == 0 || $status == 77 ]] || ! grep -qE -- "$expected" <<<"$output"; then
        echo "$check: did not find the fault planted in $3: $expected"
        failed=$((failed + 1))
    fi
    if [[ -e $work/saved ]]; then mv "$work/saved" "$file"; else rm -f "$file"; fi
}
append() { printf "printf '%%b' %q >>%q" "$2\n" "$1"; }

plant style 'time.hpp: no SPDX' core/base/time.hpp "sed -i 1d core/base/time.hpp"
plant style 'time.hpp: .* differ from clang-format' core/base/time.hpp "$(append core/base/time.hpp 'inline  int a ( ) ;')"
plant style 'time.hpp:[0-9]+: unfinished' core/base/time.hpp "$(append core/base/time.hpp '// FIX''ME')"
plant style 'time.hpp: no #pragma' core/base/time.hpp "sed -i '/pragma once/d' core/base/time.hpp"
plant style 'tools/zio/park.c: .* differ from clang-format' tools/zio/park.c "$(append tools/zio/park.c 'int  a ( ) ;')"
plant style 'extra.sh: no SPDX' tests/extra.sh "echo true >tests/extra.sh"

plant layers "'base' may not include 'os'" core/base/time.hpp "$(append core/base/time.hpp '#include "core/os/table.hpp"')"
plant layers "'loop' may not include 'runtime'" core/loop/loop.hpp "$(append core/loop/loop.hpp '# include "core/runtime/task.hpp"')"
plant layers "'runtime' may not include <unistd.h>" core/runtime/task.hpp "$(append core/runtime/task.hpp '#include <unistd.h>')"
plant layers "'base' may not include <thread>" core/base/time.hpp "$(append core/base/time.hpp '#include <thread>')"
plant layers "'net' may not include a public header" core/net/extra.hpp "$(append core/net/extra.hpp '#include "zio/base.h"')"
plant layers "'capi' may not include 'loop'" capi/extra.cpp "$(append capi/extra.cpp '#include "core/loop/loop.hpp"')"
plant layers "'capi' may not include 'os'" capi/extra.cpp "$(append capi/extra.cpp '#include "core/os/table.hpp"')"
plant layers "folder 'odd' is not in the table" core/odd/x.cpp "$(append core/odd/x.cpp 'int x;')"
plant layers 'not written from the root' core/loop/loop.hpp "$(append core/loop/loop.hpp '#include "operation.hpp"')"
plant layers 'public header may not include <stdio.h>' include/zio/base.h "$(append include/zio/base.h '#include <stdio.h>')"
plant layers 'sees the library from outside' examples/extra.c "$(append examples/extra.c '#include "core/base/time.hpp"')"
plant layers 'tools/zio/park.c: sees the library from outside' tools/zio/park.c "$(append tools/zio/park.c '#include "core/base/time.hpp"')"

for fault in 'inline long f() { return clock_gettime(1, nullptr); }' 'inline int f() { return ::rand(); }' \
    'inline void f() { std::thread t; }' 'inline void f() { pthread_create(0, 0, 0, 0); }' \
    'inline long f() { return syscall(39); }' 'inline int f() { return errno; }' \
    'inline void f() { printf(""); }' 'std::function<void()> f;' \
    'inline void f() { getrandom(nullptr, 0, 0); }'; do
    plant doors 'loop.hpp:[0-9]+: ' core/loop/loop.hpp "$(append core/loop/loop.hpp "$fault")"
done

plant headers 'extra.h fails with gcc -std=c99' include/zio/extra.h "$(append include/zio/extra.h 'typedef uint32_t early;')"
plant headers 'base.h fails with clang.* -std=c\+\+11' include/zio/base.h "$(append include/zio/base.h 'int zio_x(int class);')"
plant headers 'ZIO_VERSION_NUMBER is not' include/zio/base.h "sed -i 's/^#define ZIO_VERSION_PATCH .*/#define ZIO_VERSION_PATCH 9/' include/zio/base.h"

planted_function='ZIO_API zio_err_t ZIO_CALL zio_planted(void) ZIO_NOEXCEPT;'
plant exports 'zio_planted: declared but not in libzio.map' include/zio/base.h "$(append include/zio/base.h "$planted_function")"
plant exports 'times ZIO_API for' include/zio/base.h "$(append include/zio/base.h 'ZIO_API int zio_planted(void);')"
plant exports 'zio_planted: in libzio.map but not declared' capi/libzio.map "sed -i 's/zio_version;/zio_version; zio_planted;/' capi/libzio.map"
plant exports 'zio_version: exported but not in libzio.map' capi/libzio.map "sed -i 's/\bzio_version;//' capi/libzio.map"
plant exports 'zio_debugger_layout: exported data but not private' capi/libzio.map "sed -i '/zio_debugger_layout/d' capi/libzio.map"
plant exports 'zio_version: private in libzio.map but not exported data' capi/libzio.map "sed -i 's/zio_debugger_layout;/& zio_version;/' capi/libzio.map"

plant public 'zio_planted: has no comment' include/zio/base.h "$(append include/zio/base.h "\n$planted_function")"
plant public 'zio_version: no @test' include/zio/base.h "sed -i '/@test/d' include/zio/base.h"
plant public 'zio_version: the comment lacks its errors' include/zio/base.h "sed -i '/@par Errors/d' include/zio/base.h"
plant public 'zio_version: .*none.c is missing' include/zio/base.h "sed -i 's#@test .*#@test tests/capi/none.c#' include/zio/base.h"
plant public 'zio_version: .*table.hpp does not name it' include/zio/base.h "sed -i 's#@test .*#@test core/os/table.hpp#' include/zio/base.h"

plant docs 'zio_planted.* is not documented' include/zio/base.h "$(append include/zio/base.h "\n$planted_function")"
plant docs 'zio_planted_t .*is not documented' include/zio/base.h "$(append include/zio/base.h 'typedef int zio_planted_t;')"
plant docs 'ZIO_PLANTED .*is not documented' include/zio/base.h "$(append include/zio/base.h '#define ZIO_PLANTED 1')"
plant docs "argument 'err'.*from the argument list|parameter 'err'" include/zio/base.h "sed -i '0,/@param err/s//@param wrong/' include/zio/base.h"
plant docs 'no_such_page' docs/porting.md "$(append docs/porting.md 'See [this](no_such_page.md).')"

plant guide 'cancellation.md, program 1: prints something else' docs/guide/cancellation.md "sed -i 's/^program: its last word.*/program: nothing/' docs/guide/cancellation.md"
plant guide 'first-server.md, program 1: answers' docs/guide/first-server.md "sed -i 's/\"you said: \"/\"you meant: \"/; s/said: \", 10/meant: \", 11/' docs/guide/first-server.md"
plant guide 'README.md, program 1: gcc' README.md "sed -i 's/zio_rt_create(&rt, NULL)/zio_rt_create(\&rt)/' README.md"
plant guide 'there is no ../nowhere.md' docs/guide/README.md "$(append docs/guide/README.md '[x](../nowhere.md)')"

plant debian 'lacks +zio_yield@ZIO_0.1' debian/libzio0.symbols "sed -i '/zio_yield/d' debian/libzio0.symbols"
plant debian 'has +zio_planted@ZIO_0.1' debian/libzio0.symbols "$(append debian/libzio0.symbols ' zio_planted@ZIO_0.1 0.1')"
plant debian 'begins with 9.0' debian/changelog "sed -i '1s/(.*)/(9.0)/' debian/changelog"

plant debian 'nothing is in libzio-bin' debian/libzio-bin.install "rm debian/libzio-bin.install"
plant debian 'debian/control has no such package' debian/libzio-odd.install "echo usr/bin >debian/libzio-odd.install"
plant debian 'README.md: does not name libzio-bin' README.md "sed -i 's/libzio-bin/libzio-tools/' README.md"
plant docs 'zio.1.in: ' tools/zio/zio.1.in "$(append tools/zio/zio.1.in '.nosuchmacro')"

plant abi "Removed function" include/zio/task.h "sed -i '/ZIO_CALL zio_yield(/d' include/zio/task.h"
plant abi 'programs built before would break' include/zio/address.h "sed -i 's/uint16_t port; /uint32_t port; /' include/zio/address.h"
plant abi "ZIO_EPROTO' from value '-71' to '-72'" include/zio/base.h "sed -i 's/ZIO_EPROTO = -71/ZIO_EPROTO = -72/' include/zio/base.h"
plant abi 'something is new' include/zio/base.h "sed -i 's/ZIO_EPROTO = -71,/& ZIO_PLANTED = -3000,/' include/zio/base.h"

plant reproducible 'libzio.a: two builds differ' core/base/error.cpp "$(append core/base/error.cpp 'namespace zio { const char *planted() { return __TIME__; } }')"

plant sizes 'longest file in lines: 501' core/base/extra.hpp "yes '// line' | head -n 501 >core/base/extra.hpp"
plant sizes 'extra.cpp:2: long_one' core/base/extra.cpp "{ echo; echo 'void long_one() {'; yes '    g();' | head -n 70; echo '}'; } >core/base/extra.cpp"
plant sizes 'park.c:[0-9]+: long_one' tools/zio/park.c "{ echo 'void long_one(void) {'; yes '    g();' | head -n 70; echo '}'; } >>tools/zio/park.c"
plant sizes 'task.hpp:[0-9]+:.*__linux__' core/runtime/task.hpp "$(append core/runtime/task.hpp '#if defined(__linux__)\n#endif')"

ledger_line='2026-01-01,0123456789ab,seeds,sim,programs=1,0,1,ZIO_SEED=1 ZIO_TEST_SCALE=1 bash tests/ledger.sh seeds'
plant ledger 'not the header' docs/ledger.csv "sed -i 1d docs/ledger.csv"
plant ledger 'not 8' docs/ledger.csv "$(append docs/ledger.csv "$ledger_line,")"
plant ledger 'earlier than' docs/ledger.csv "$(append docs/ledger.csv "$ledger_line")"
plant ledger 'no commit' docs/ledger.csv "$(append docs/ledger.csv "${ledger_line/0123456789ab/today}")"
plant ledger 'nothing was counted' docs/ledger.csv "$(append docs/ledger.csv "${ledger_line/=1,/=0,}")"
plant ledger 'not the command' docs/ledger.csv "$(append docs/ledger.csv "${ledger_line/ bash/ sh}")"

# A library of one's own for what is seen in the binary only.
planted_library() {  # EXPECTED CHECK FLAG...: a small library in a folder of its own
    local expected=$1 check=$2 output
    shift 2
    mkdir -p "$work/library"
    echo 'int zio_one(void) { char b[99]; extern int f(char *); return f(b); } int f(char *b) { return *b; }' |
        gcc -shared -fPIC -xc - -o "$work/library/libzio.so" "$@" 2>&1
    output=$(bash "tests/check/$check.sh" "$work/library" 2>&1)
    count=$((count + 1))
    grep -qE -- "$expected" <<<"$output" || { echo "$check: does not see that $expected"; failed=$((failed + 1)); }
}
planted_library 'its name is not libzio.so.0' binary -Wl,-soname,libother.so
planted_library 'needs libz\.so|needs libcrypt|needs libdl|needs ' binary -Wl,--no-as-needed -lanl
planted_library 'symbols are not bound at load' binary -Wl,-z,lazy
planted_library 'can be unloaded' binary
planted_library 'relocations stay writable' binary -Wl,-z,norelro
planted_library 'executable stack' binary -Wl,-z,execstack
planted_library 'no stack protector' binary -fno-stack-protector
planted_library 'holds a path' binary -Wl,-rpath,/opt
planted_library 'can make calls fail' binary -Wl,--defsym,_ZN3zio5fault4stopEv=0
planted_library 'reads ZIO_FAULT' binary -Wl,-soname,libZIO_FAULT.so.0
planted_library 'f: exported, not zio_' exports
planted_library 'the library is not what' abi
planted_library 'zio_one: exported without a version' exports


# An archive of one's own, and how it was compiled.
planted_archive() {  # EXPECTED FLAG...
    local expected=$1
    shift
    echo 'int value = 1; int zio_one(int i) { static const int n[] = {1, 2}; return n[i & 1] + value; }' |
        gcc -c -xc - -o "$work/library/one.o" "$@"
    rm -f "$work/library/libzio.a"
    ar qc "$work/library/libzio.a" "$work/library/one.o"
    output=$(bash tests/check/archive.sh "$work/library" 2>&1)
    count=$((count + 1))
    grep -qE -- "$expected" <<<"$output" || { echo "archive: does not see that $expected"; failed=$((failed + 1)); }
}
planted_archive 'shows value' -fPIC
planted_archive 'zio_one: in the headers or in the archive' -fPIC
planted_archive 'cannot go into a shared object' -fno-pic -mcmodel=small

# The commands of this build, one file of which was compiled otherwise.
cp -d "$build"/libzio.so* "$work/library"
for change in -fstack-protector-strong -fstack-clash-protection; do
    awk -v flag=" $change" '!done && sub(flag, "") { done = 1 } { print }' "$build/compile_commands.json" \
        >"$work/library/compile_commands.json"
    bash tests/check/binary.sh "$work/library" | grep -q "is compiled without $change" ||
        { echo "binary: does not see that $change is missing"; failed=$((failed + 1)); }
    count=$((count + 1))
done

echo "planted: $((count - failed)) of $count faults found"
[[ $failed == 0 ]]
