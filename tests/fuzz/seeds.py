#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the inputs from which the fuzz targets start:  seeds.py FOLDER
One file each, in FOLDER/<target>. What a fuzzer has found since is in tests/fuzz/found/<target>."""
import os
import sys


def address():
    """A byte for what is tried, two of the default port, one of the room; then the text."""
    texts = [
        b"192.0.2.1:80", b"192.0.2.1", b"0.0.0.0:0", b"255.255.255.255:65535", b"1.2.3.4:65536",
        b"01.2.3.4", b"1.2.3", b"1.2.3.4:", b"1.2.3.4:080", b"256.1.1.1:1", b"1.2.3.4 ",
        b"::", b"::1", b"2001:db8::1", b"[2001:db8::1]:80", b"[::]:0", b"[fe80::1%1]:80",
        b"fe80::1%lo", b"[fe80::1%lo]:7", b"fe80::1%4294967295", b"fe80::1%4294967296",
        b"::ffff:1.2.3.4", b"[::ffff:1.2.3.4]:80", b"1:2:3:4:5:6:7:8", b"1:2:3:4:5:6:7::",
        b"::2:3:4:5:6:7:8", b"1:2:3:4:5:6:1.2.3.4", b"1::2::3", b"12345::", b"[::1]", b"[::1]:",
        b"::1:80", b"[1.2.3.4]:80", b"unix:/run/server", b"unix:@name", b"unix:@", b"unix:",
        b"unix:relative", b"unix:/with\0nul", b"unix:@with\0nul", b"unix:/" + b"p" * 106,
        b"unix:/" + b"p" * 107, b"unix:@" + b"n" * 107, b"unix:@" + b"n" * 108, b"", b":", b"[", b"]:1",
    ]
    for text in texts:
        yield bytes([0, 80, 0, 9]) + text
    zeros = bytes(20)
    yield bytes([6, 40]) + b"\x01\x00\x50\x00" + zeros
    yield bytes([6, 40]) + b"\x02\x00\x50\x00\x07\x00\x00\x00\xfe\x80" + zeros
    yield bytes([6, 40]) + b"\x03\x00\0\0\0\0\0\0" + bytes(16) + b"/run/x" + bytes(106) + b"\x06\x00"
    yield bytes([7]) + b"\x02\x00\x00\x50\x7f\x00\x00\x01" + bytes(8)
    yield bytes([7]) + b"\x0a\x00\x00\x50\x00\x00\x00\x00" + bytes(15) + b"\x01" + bytes(4)
    yield bytes([7]) + b"\x01\x00/run/x\0"
    yield bytes([7]) + b"\x01\x00\0abstract"
    yield bytes([7]) + b"\x01\x00"


TARGETS = [address]


def files():
    for target in TARGETS:
        for number, data in enumerate(target()):
            yield os.path.join(target.__name__, f"seed-{number:03}"), data


def main():
    for path, data in files():
        path = os.path.join(sys.argv[1], path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()
