# SPDX-License-Identifier: MIT
"""What clients should not send, and what looks like it but is fine. None depends on another."""
from resp import encode

_LONG = b"x" * 90000

SCRIPTS = [
    # arrays
    b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n", b"*-100\r\n*0\r\n*00\r\nPING\r\n", b"*\r\nPING\r\n",
    b"*a\r\nPING\r\n", b"*1a\r\nPING\r\n", b"* 1\r\nPING\r\n", b"*+1\r\n", b"*01\r\n$4\r\nPING\r\n",
    b"*-0\r\n", b"*1\n$4\nPING\n", b"*1\r\n$4\nPING\r\n\r\n", b"*2147483647\r\n",
    b"*2147483648\r\n", b"*99999999999999999999\r\n", b"*-2147483649\r\nPING\r\n",
    b"*1048577\r\n$4\r\nPING\r\n", b"*1\rX$4\rYPINGab*1\r\n$4\r\nPING\r\n", b"*" + b"1" * 66000,
    b"*1\0\r\n$4\r\nPING\r\n", b"*1\r", b"*", b"**1\r\n", b"*1\r\n*1\r\n$4\r\nPING\r\n",
    # byte strings
    b"*1\r\nPING\r\n", b"*1\r\n:4\r\nPING\r\n", b"*1\r\n\r\n$4\r\nPING\r\n", b"*1\r\n\n4\r\n",
    b"*1\r\n$\r\nPING\r\n", b"*1\r\n$-1\r\nPING\r\n", b"*1\r\n$x\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n", b"*1\r\n$+4\r\nPING\r\n", b"*1\r\n$4 \r\nPING\r\n",
    b"*1\r\n$536870913\r\n", b"*1\r\n$536870912\r\nabc", b"*1\r\n$9223372036854775808\r\n",
    b"*1\r\n$4\r\nPINGXX*1\r\n$4\r\nPING\r\n", b"*1\r\n$4\r\nPINGPONG\r\n", b"*1\r\n$0\r\n\r\n",
    b"*1\r\n$" + b"4" * 66000, b"*2\r\n$4\r\nECHO\r\n$3\r\nabcdef\r\nPING\r\n", b"*1\r\n\0\r\n",
    b"*2\r\n$4\r\nECHO\r\n\xff1\r\na\r\n", b"*2\r\n$4\r\nECHO\r\n", b"*2\r\n$4\r\nECHO\r\n$5\r\nab",
    b"*1\r\n$4\r\nPI\0G\r\n", b"*2\r\n$4\r\nECHO\r\n$3\r\n\0\r\n\r\nPING\r\n",
    # lines
    b"\r\n", b"\n\n\n", b"\r\r\n", b"   \r\nPING\r\n", b"PING", b"PING\n", b"ping\rping\r\n",
    b"PING\r\r\n", b'"PING"\r\n', b"'PING'\r\n", b'"\\x50ING"\n', b'"PI"NG\r\nPING\r\n',
    b'"PING\r\nPING"\r\n', b"'PING\r\n", b'PI"NG"\n', b"PI'NG'\n", b'ECHO "a\\nb\\r\\t\\b\\a\\q\\""\n',
    b"ECHO 'a\\nb\\'c\\x41'\n", b'ECHO "\\xZZ\\x4"\n', b'ECHO "\\\n', b"ECHO ''\n", b'ECHO ""\n',
    b'ECHO "a" "b"\n', b'ECHO "a"\x0b\n', b"ECHO a\x0bb\n", b"ECHO \x0ca\n", b"ECHO\ta\n", b'"" x\n',
    b"PI\0NG\r\nPING\r\n", b"\0", b"\xff\xfe\xfd\r\n", b"ECHO \xc3\xa9\r\n", b'ECHO "\\x00\\xff"\n',
    b"$4\r\nPING\r\n", b"+PING\r\n", b":1\r\n", b"-\r\n", _LONG, b"ECHO " + b"y" * 60000 + b"\r\n",
    b"POST / HTTP/1.1\r\nPING\r\n", b"host: a\r\nPING\r\n",
    # unknown commands and subcommands
    b"nothing\r\n", b"nothing " + b"a" * 300 + b"\n", b"nothing a b c d\n", b"n" * 300 + b" a\n",
    b"nothing " + b"a " * 200 + b"\n", b"nothing '" + b"a" * 126 + b"' b c\n",
    encode(b"no\r\nthing", b"a\r\nb\0c"), encode(b"nothing", b"%s%n"), encode(b"", b""),
    b"config nothing\r\n", b"CONFIG\r\n", b"config get\n", b"config set a\n", b"config resetstat a\n",
    b"config set nothing 1\n", b"config set appendonly no x\n", b"config rewrite\n",
    b"command nothing x\r\n", b"command count 1\n", b"COMMAND docs nothing\n",
    b"command info nothing no\n", b"info nothing\n", b"info a b\n",
    # numbers of words, options
    b"get\nget a b\nset a\nincr\nincr a b\nmset a\nmset a b c\nmget\ndel\nexists\n",
    b"ping a b\necho\necho a b\nttl\nttl a b\nexpire a\nkeys\nkeys a b\ndbsize a\n",
    b"flushall x\nflushall async sync\nflushall async x\nset q 1 ex\nset q 1 ex 0\nset q 1 px -1\n",
    b"set q 1 ex 10 px 10\nset q 1 keepttl ex 1\nset q 1 nx xx\nset q 1 foo\nset q 1 exat\n",
    b"set r 1 ex 1000 ex 2000\nttl r\nset r 2 xx get\nset r 3 nx get\nset r 4 nx\nset r 5 get px x\n",
    b"expire r 10 nx xx\nexpire r 10 gt lt\nexpire r 10 foo\nexpire r x foo\nexpire r 10 nx lt\n",
    b"expire r nothing\nexpire nothing x\nexpire nothing 9223372036854775807\n",
    b"set t 1 ex 9223372036854775807\nset t 1 px 9223372036854775807\nset t 1 exat 1\nget t\n",
    b"set u 1 pxat 99999999999999\nttl nothing\nset u 2\nttl u\nexpire u -5\nget u\n",
    # the end of the connection
    b"quit\r\nping\r\n", b"QUIT a b\r\nping\r\n", b"ping\r\nquit\r\n" + b"ping\r\n" * 100,
    b"PING\r\n" * 200 + b"*1\r\n!\r\n" + b"PING\r\n" * 5,
]
