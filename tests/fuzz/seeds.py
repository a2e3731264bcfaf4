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


def buffered():
    """Two bytes of seed, one of capacities; then calls. A size is a byte for its kind, and the rest;
    a deadline is a byte: 0 long, 16 short, 32 none, 15 with a cancel before."""
    write, flush, past, read, exact, until, peek, consume, end = 0, 3, 5, 6, 8, 10, 12, 14, 0xef
    def call(what, size=None, deadline=0):
        sized = [] if size is None else [2, size] if size < 40 else [1, size & 255, size >> 8]
        return bytes([what, *sized, *([] if what in (consume, end) else [deadline])])
    for seed in range(4):
        for capacities in (0x11, 0x2f, 0xf3):
            start = bytes([seed, 0, capacities])
            lines = b"".join(call(write, 30) + call(flush) + call(until + 16 * n) for n in range(12))
            yield start + lines + call(end) + call(until) + call(until)
            yield start + b"".join(
                call(write, 39) + call(flush, deadline=16) + call(peek, n) + call(consume, n // 2)
                + call(read, 20, 32) for n in range(12)) + call(end) + call(peek, 30) + call(read, 30)
            yield start + call(write, 20000) + call(flush, deadline=32) + b"".join(
                call(exact, 700, 16) + call(exact, 3, 15) for n in range(20))
            yield start + call(past, 60000) + call(read, 39) + call(past, 5000, 15) + call(
                exact, 20000) + call(consume, 5) + call(exact, 60000, 16) + call(end) + call(exact, 1)


def simulation():
    """Two bytes of seed, links, tasks, kinds of links; then steps of four bytes, dealt to the tasks in
    turn: what, which stream, how much, how long."""
    never, at_once, short, long = 0, 1, 2 * 4 + 2, 63 * 4 + 3
    talk = [(2, 0, 90, never), (7, 1, 90, never), (1, 1, 50, never), (6, 0, 50, never)]
    waits = [(7, 0, 40, never), (9, 0, 90, long), (11, 0, 0, never), (0, 1, 30, at_once)]
    floods = [(2, 0, 255, long), (2, 2, 255, long), (7, 1, 255, short), (7, 3, 200, long)]
    ends = [(0, 0, 60, never), (12, 0, 0, never), (7, 1, 99, never), (13, 1, 0, never)]
    breaks = [(7, 1, 80, never), (13, 0, 1, never), (0, 0, 60, never), (18, 0, 0, long)]
    scopes = [(16, 0, 3, short), (7, 0, 10, never), (17, 0, 3, never), (19, 0, 1, never)]
    family = [(14, 0, 1, never), (15, 0, 2, never), (10, 0, 0, never), (19, 0, 2, never)]
    churn = [(18, 0, 0, never), (5, 1, 30, long), (4, 1, 30, long), (14, 0, 0, never)]
    parts = [talk, waits, floods, ends, breaks, scopes, family, churn]
    for seed in range(3):
        for number, one in enumerate(parts):
            for other in (parts[(number + 1) % len(parts)], parts[(number + 3) % len(parts)]):
                steps = [*one, *other, *talk, *one, *reversed(other)]
                start = bytes([seed * 7 + number, 0, number % 3, (seed + number) % 6, 0b101 << seed])
                yield start + b"".join(bytes(step) for step in steps)


def handles():
    """Two bytes of seed, one of how many tasks; then calls: a byte for the function, some for each
    argument. Which bytes mean what follows the headers, so that chance does as well as care."""
    state = 1
    for seed in range(24):
        data = bytearray([seed, 0, seed % 3])
        for _ in range(40 + 30 * (seed % 5)):
            state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
            data.append((state >> 33) % (256 if seed % 2 else 112))
        yield bytes(data)


TARGETS = [address, buffered, simulation, handles]


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
