# SPDX-License-Identifier: MIT
"""What clients send, and what they are to be answered. None depends on another.

GOOD: bytes, the replies in order as (status, body), and whether the connection then ends. A body of
None is not looked at. BAD: bytes that break the rules, after which the connection ends.
"""
from http_client import chunked, pattern

ROOT = b"Hello from a task of libzio.\n"
H = b"Host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + H
POST = b"POST /echo HTTP/1.1\r\n" + H
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def get(path, fields=b"", method=b"GET", version=b"HTTP/1.1"):
    return b"%s %s %s\r\n%s%s\r\n" % (method, path, version, H, fields)


def sized(body):
    return POST + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


OK = [(200, ROOT)]
GOES_ON, ENDS = False, True

GOOD = [
    # the greeting, in many words
    (get(b"/"), OK, GOES_ON),
    (get(b"/?"), OK, GOES_ON),
    (get(b"/?a=b&c=/bytes/1"), OK, GOES_ON),
    (get(b"http://a/"), OK, GOES_ON),
    (get(b"http://a"), OK, GOES_ON),
    (get(b"HTTP://a.b-c.d:80?x=/nothing"), OK, GOES_ON),
    (get(b"https://[::1]:8080/bytes/3?y"), [(200, pattern(3))], GOES_ON),
    (b"\r\n" + get(b"/"), OK, GOES_ON),
    (get(b"/", b"Empty:\r\nBlank: \t \r\nNo-Space:x\r\nTab:\ta\tb\t\r\n"), OK, GOES_ON),
    (get(b"/", b"Latin: \xe4\xf6\xfc\r\n!#$%&'*+-.^_`|~09azAZ: \"(),/:;<=>?@[\\]{}\r\n"), OK, GOES_ON),
    (get(b"/", b"X: y\r\n" * 100), OK, GOES_ON),
    (get(b"/", b"Long: " + b"x" * 15000 + b"\r\n"), OK, GOES_ON),
    (b"GET / HTTP/1.1\r\nhOST:a\r\n\r\n", OK, GOES_ON),
    (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", OK, GOES_ON),
    (b"GET / HTTP/1.1\r\nHost: [::1]:8080 \r\n\r\n", OK, GOES_ON),
    (b"GET / HTTP/1.1\r\nHost: a_b.c~d!$&'()*+,;=%20\r\n\r\n", OK, GOES_ON),
    # bytes
    (get(b"/bytes/0"), [(200, b"")], GOES_ON),
    (get(b"/bytes/1"), [(200, b"0")], GOES_ON),
    (get(b"/bytes/0017?x"), [(200, pattern(17))], GOES_ON),
    (get(b"/bytes/65536"), [(200, pattern(65536))], GOES_ON),
    (get(b"/bytes/65537"), [(200, pattern(65537))], GOES_ON),
    (get(b"/bytes/1000003"), [(200, pattern(1000003))], GOES_ON),
    (get(b"/", method=b"HEAD"), [(200, "HEAD")], GOES_ON),
    (get(b"/bytes/9223372036854775807", method=b"HEAD"), [(200, "HEAD")], GOES_ON),
    # what there is not
    (get(b"/nothing"), [(404, None)], GOES_ON),
    (get(b"/nothing", method=b"HEAD"), [(404, "HEAD")], GOES_ON),
    (get(b"/nothing", method=b"DELETE"), [(404, None)], GOES_ON),
    (get(b"//"), [(404, None)], GOES_ON),
    (get(b"/%2f"), [(404, None)], GOES_ON),
    (get(b"/\xc3\xa4"), [(404, None)], GOES_ON),
    (get(b"/echo/"), [(404, None)], GOES_ON),
    (get(b"/ech"), [(404, None)], GOES_ON),
    (get(b"/bytes"), [(404, None)], GOES_ON),
    (get(b"/bytes/"), [(404, None)], GOES_ON),
    (get(b"/bytes/x"), [(404, None)], GOES_ON),
    (get(b"/bytes/-1"), [(404, None)], GOES_ON),
    (get(b"/bytes/+1"), [(404, None)], GOES_ON),
    (get(b"/bytes/1/"), [(404, None)], GOES_ON),
    (get(b"/bytes/0x10"), [(404, None)], GOES_ON),
    (get(b"/bytes/9223372036854775808"), [(404, None)], GOES_ON),
    (get(b"/bytes/99999999999999999999999"), [(404, None)], GOES_ON),
    (get(b"/" + b"x" * 62), [(404, None)], GOES_ON),
    (get(b"/" + b"x" * 63), [(404, None)], GOES_ON),
    (get(b"/" + b"x" * 8000), [(404, None)], GOES_ON),
    (get(b"/bytes/" + b"0" * 100 + b"1"), [(404, None)], GOES_ON),
    (get(b"*", method=b"OPTIONS"), [(404, None)], GOES_ON),
    # methods that a resource does not have
    (get(b"/", method=b"POST"), [(405, "GET, HEAD")], GOES_ON),
    (get(b"/", method=b"get"), [(405, "GET, HEAD")], GOES_ON),
    (get(b"/", method=b"PR!#$%&'*+-.^_`|~I"), [(405, "GET, HEAD")], GOES_ON),
    (get(b"/bytes/5", method=b"DELETE"), [(405, "GET, HEAD")], GOES_ON),
    (get(b"/bytes/5", b"Content-Length: 3\r\n", b"PUT") + b"abc", [(405, "GET, HEAD")], GOES_ON),
    (get(b"/echo"), [(405, "POST")], GOES_ON),
    (get(b"/echo", method=b"HEAD"), [(405, "HEAD")], GOES_ON),
    (get(b"/echo", method=b"OPTIONS"), [(405, "POST")], GOES_ON),
    # bodies
    (POST + b"\r\n", [(200, b"")], GOES_ON),
    (sized(b""), [(200, b"")], GOES_ON),
    (sized(b"hello"), [(200, b"hello")], GOES_ON),
    (sized(b"GET / HTTP/1.1\r\n\r\n"), [(200, b"GET / HTTP/1.1\r\n\r\n")], GOES_ON),
    (sized(bytes(range(256)) * 100), [(200, bytes(range(256)) * 100)], GOES_ON),
    (POST + b"Content-Length:005\r\n\r\nhello", [(200, b"hello")], GOES_ON),
    (POST + b"content-length: 5 \t\r\n\r\nhello", [(200, b"hello")], GOES_ON),
    (POST + CHUNKED + b"\r\n0\r\n\r\n", [(200, b"")], GOES_ON),
    (POST + CHUNKED + b"\r\n" + chunked(b"hello"), [(200, b"hello")], GOES_ON),
    (POST + CHUNKED + b"\r\n" + chunked(b"a", b"\r\n", b"0\r\n\r\n", b"x" * 70000),
     [(200, b"a\r\n0\r\n\r\n" + b"x" * 70000)], GOES_ON),
    (POST + b"TRANSFER-ENCODING:\tChunked \r\n\r\n00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n",
     [(200, b"01234567890123456789")], GOES_ON),
    (POST + CHUNKED + b"\r\n5;a=b\r\nhello\r\n1 ; c=\"d;\"\r\n!\r\n0;e\r\nTrailer: x\r\nY:\r\n\r\n",
     [(200, b"hello!")], GOES_ON),
    (POST + CHUNKED + b"\r\n0\r\nContent-Length: 5\r\n\r\n", [(200, b"")], GOES_ON),
    # bodies that nobody wants
    (get(b"/", b"Content-Length: 5\r\n") + b"hello", OK, GOES_ON),
    (get(b"/", CHUNKED) + chunked(b"hello", b"you"), OK, GOES_ON),
    (get(b"/", b"Content-Length: 5\r\n", b"HEAD") + b"hello", [(200, "HEAD")], GOES_ON),
    (get(b"/nothing", b"Content-Length: 100000\r\n", b"POST") + b"x" * 100000, [(404, None)], GOES_ON),
    (get(b"/nothing", b"Content-Length: 5000000\r\n", b"POST") + b"x" * 5000000, [(404, None)], ENDS),
    # several at once
    (get(b"/") + get(b"/nothing") + sized(b"abc") + get(b"/", method=b"HEAD") + get(b"/bytes/9"),
     [(200, ROOT), (404, None), (200, b"abc"), (200, "HEAD"), (200, pattern(9))], GOES_ON),
    (sized(b"x") + b"\r\n" + get(b"/"), [(200, b"x"), (200, ROOT)], GOES_ON),
    (get(b"/") * 3 + b"BAD\r\n\r\n" + get(b"/"), [(200, ROOT)] * 3 + [(400, None)], ENDS),
    # the end of the connection
    (get(b"/", b"Connection: close\r\n"), OK, ENDS),
    (get(b"/", b"Connection: x , Close,\r\n") + get(b"/"), OK, ENDS),
    (get(b"/", b"Connection: keep-alive\r\nConnection: close\r\n"), OK, ENDS),
    (get(b"/", b"Connection: keep-alive\r\n"), OK, GOES_ON),
    (get(b"/", b"Connection: closed, not-close\r\n"), OK, GOES_ON),
    (get(b"/nothing", b"Connection: close\r\n"), [(404, None)], ENDS),
    (POST + b"Connection: close\r\nContent-Length: 2\r\n\r\nab", [(200, b"ab")], ENDS),
    # HTTP/1.0
    (b"GET / HTTP/1.0\r\n\r\n", OK, ENDS),
    (b"GET / HTTP/1.0\r\n\r\n" + get(b"/"), OK, ENDS),
    (b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", OK, ENDS),
    (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" * 2, OK * 2, GOES_ON),
    (b"GET /bytes/100 HTTP/1.0\r\nHost: a\r\n\r\n", [(200, pattern(100))], ENDS),
    (b"POST /echo HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", [(200, b"abc")], ENDS),
    (b"HEAD / HTTP/1.0\r\n\r\n", [(200, "HEAD")], ENDS),
    # 100-continue when the body is already there, or is not wanted
    (POST + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc", [(200, b"abc")], GOES_ON),
    (POST + b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", [(200, b"")], GOES_ON),
    (POST + b"Expect: 100-continue\r\n\r\n", [(200, b"")], GOES_ON),
    (get(b"/", b"Expect: 100-continue\r\nContent-Length: 3\r\n") + b"abc", OK, ENDS),
    (get(b"/", b"Expect: 100-continue\r\n"), OK, GOES_ON),
    (POST + b"Expect: tea\r\nContent-Length: 3\r\n\r\nabc", [(417, None)], ENDS),
]

_FIRST_LINES = [
    b"", b"GET", b"GET /", b"GET / ", b"GET /HTTP/1.1", b"GET  / HTTP/1.1", b"GET /  HTTP/1.1",
    b" GET / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET / HTTP/1.1 x", b"GET / x HTTP/1.1",
    b"GET\t/\tHTTP/1.1", b"GET / HTTP/1.1\t", b"GET / HTTP", b"GET / HTTP/", b"GET / HTTP/1",
    b"GET / HTTP/1.", b"GET / HTTP/.1", b"GET / HTTP/11", b"GET / HTTP/1.11", b"GET / HTTP/01.1",
    b"GET / HTTP/1.2", b"GET / HTTP/0.9", b"GET / HTTP/2.0", b"GET / HTTP/2", b"GET / http/1.1",
    b"GET / HTTP/1.x", b"GET / HTTP/ 1.1", b"GET / HTTP /1.1", b"GET / XTTP/1.1", b"GET / HTTP/1,1",
    b"GET / HTTP/-1.1", b"GET / HTTP/1.1\0", b"GET / HTTP/1.1\r", b"GET /\0 HTTP/1.1",
    b"GET /a\x01b HTTP/1.1", b"GET /\x7f HTTP/1.1", b"GET /\x1f HTTP/1.1", b"GET /\r HTTP/1.1",
    b"GET bytes/1 HTTP/1.1", b"GET * HTTP/1.1", b"GET ? HTTP/1.1", b"GET example.org HTTP/1.1",
    b"GET http:// HTTP/1.1", b"GET http:///x HTTP/1.1", b"GET http:/a/ HTTP/1.1",
    b"GET ftp://a/ HTTP/1.1", b"GET http://u@a/ HTTP/1.1", b"GET http HTTP/1.1",
    b"CONNECT a:80 HTTP/1.1", b"G@T / HTTP/1.1", b"GE\0T / HTTP/1.1", b"\xffGET / HTTP/1.1",
    b"G\xc4T / HTTP/1.1", b"GET: / HTTP/1.1", b"(GET) / HTTP/1.1", b"PRI * HTTP/2.0",
    b"HTTP/1.1 200 OK", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0", b"\x01\x02\x03",
    b"{\"json\": true}", b"x" * 1000, b"GET / HTTP/1.1" * 2,
]

_FIELDS = [
    b"no colon", b"nocolon", b":", b": empty name", b" : x", b"Name : x", b"Name\t: x", b"Na me: x",
    b" Name: x", b"\tName: x", b"Name: x\r\n folded", b"Name: x\r\n\tfolded", b"Na\0me: x",
    b"N\xc4me: x", b"Na(me: x", b"Na\x7fme: x", b"\"Name\": x", b"Name: a\0b", b"Name: a\x01b",
    b"Name: \x1b[31m", b"Name: \x7f", b"Name: a\rb", b"Name: \r", b"Name\r: x", b"Name: a\x0bb",
    b"\x80: x", b"[x]: y", b"Name: a\x08",
    # hosts
    b"Host: b", b"host: a",
    # lengths
    b"Content-Length:", b"Content-Length: ", b"Content-Length: x", b"Content-Length: -1",
    b"Content-Length: +1", b"Content-Length: 1 1", b"Content-Length: 1,1", b"Content-Length: 1, 2",
    b"Content-Length: 0x10", b"Content-Length: 1.0", b"Content-Length: 1e3", b"Content-Length: 5;",
    b"Content-Length: 9223372036854775808", b"Content-Length: 18446744073709551621",
    b"Content-Length: 99999999999999999999999999999999", b"Content-Length: \"5\"",
    b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: \xb9", b"Content-Length: 5 bytes", b"Content-Length : 5",
    # encodings
    b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"Content-Length: 0\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding:", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunke", b"Transfer-Encoding: \"chunked\"",
    b"Transfer-Encoding: chunked,", b"Transfer-Encoding : chunked", b"Transfer-Encoding: \x0bchunked",
]

_CHUNKS = [
    b"\r\n", b"x\r\n", b"-1\r\n", b"+1\r\na\r\n0\r\n\r\n", b" 1\r\na\r\n0\r\n\r\n", b"0x1\r\na\r\n0\r\n\r\n",
    b"1 \r\na\r\n0\r\n\r\n", b"1 1\r\na\r\n0\r\n\r\n", b"1x\r\na\r\n0\r\n\r\n", b"1,\r\na\r\n0\r\n\r\n",
    b"8000000000000000\r\na", b"10000000000000000\r\na", b"f" * 40 + b"\r\na", b";x\r\n", b"g\r\n",
    b"1\na\r\n0\r\n\r\n", b"1\r\na\n0\r\n\r\n", b"1\r\nab\r\n0\r\n\r\n", b"1\r\na0\r\n\r\n",
    b"1\r\na\r0\r\n\r\n", b"5\r\nhello\r\nZZ\r\n", b"5\r\nhelloworld\r\n0\r\n\r\n", b"2\r\na\r\n0\r\n\r\n",
    b"5\r\nhello\r\n\r\n0\r\n\r\n", b"1;\0\r\na\r\n0\r\n\r\n", b"1;a\x7f\r\na\r\n0\r\n\r\n",
    b"1;a\rb\r\na\r\n0\r\n\r\n", b"0\r\nno colon\r\n\r\n", b"0\r\n: x\r\n\r\n", b"0\r\nA : x\r\n\r\n",
    b"0\r\nA: x\r\n folded\r\n\r\n", b"0\r\nA: \0\r\n\r\n", b"0\r\n\n", b"0\r\nA: b\n\r\n",
    b"1;" + b"x" * 5000 + b"\r\na\r\n0\r\n\r\n", b"0" * 5000 + b"\r\n\r\n",
    (b"1;" + b"x" * 1000 + b"\r\na\r\n") * 20 + b"0\r\n\r\n",
]

BAD = (
    [b"%s\r\nHost: a\r\n\r\n" % line for line in _FIRST_LINES if line]
    + [b"\r\n\r\n" + get(b"/"), b"\n" + get(b"/"), b"\r" + get(b"/"), b"\r\r\n" + get(b"/")]
    # lines that end with half of what ends a line
    + [b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\nHost: a\r\n\r\n", GET[:-2] + b"\n\r\n",
       GET + b"\n", GET + b"A: b\n\r\n", b"GET / HTTP/1.1\rHost: a\r\r\n", GET + b"\r\r\n"]
    # hosts
    + [b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHosts: a\r\n\r\n",
       b"GET http://a/ HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
       b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
       b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
       b"GET / HTTP/1.1\r\nHost: \xe4\r\n\r\n", b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
       b"GET / HTTP/1.0\r\n X: a\r\n\r\n"]
    + [b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
    + [POST + field + b"\r\n\r\n" for field in _FIELDS]
    + [POST + CHUNKED + b"\r\n" + text for text in _CHUNKS]
    # a body that nobody wants is looked at all the same
    + [get(b"/", CHUNKED) + text for text in _CHUNKS[:5]]
    + [get(b"/nothing", CHUNKED, b"POST") + b"5\r\nhelloX"]
)
