#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests a server that sends back what it is sent:  echo_test.py SERVER [BACKEND]

Status 0: passed, 1: failed, 77: this backend cannot be had here."""
import os
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # nothing is left behind in the tree

import example_server  # noqa: E402
from example_server import NotAvailable, Server, wait_until  # noqa: E402

SCALE = float(os.environ.get("ZIO_TEST_SCALE", "1"))
SEED = int(os.environ.get("ZIO_SEED", "42"))


class Subject:
    def __init__(self, binary, backend):
        self.binary, self.backend = binary, backend
        self.server = self.start()
        self.base_descriptors = self.server.settled_descriptors()

    def start(self, port=0):
        return Server(self.binary, self.backend, port)


def receive(connection, length):
    parts, left = [], length
    while left > 0:
        data = connection.recv(min(left, 1 << 18))
        assert data, f"closed, {left} bytes are missing"
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def what_is_sent_comes_back(subject):
    rng = random.Random(SEED)
    with subject.server.connect() as connection:
        for size in [1, 2, 3, 100, 16383, 16384, 16385, 50000] * 5:
            data = rng.randbytes(size)
            connection.sendall(data)
            assert receive(connection, size) == data
        for byte in b"one byte after the other":
            connection.sendall(bytes([byte]))
            assert receive(connection, 1) == bytes([byte])


def many_megabytes_at_once(subject):
    data = random.Random(SEED).randbytes(int(32 * SCALE) << 20)
    with subject.server.connect() as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        assert receive(connection, len(data)) == data
        sender.join()


def the_end_comes_back_too(subject):
    with subject.server.connect() as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection, 10) == b"last words"
        assert connection.recv(1) == b""


def a_thousand_clients_at_once(subject):
    base, count, rounds = subject.base_descriptors, 1000, 5
    clients = [subject.server.connect() for _ in range(count)]
    for turn in range(rounds):
        for i, client in enumerate(clients):
            client.sendall(b"%08d" % (i * rounds + turn))
        for i, client in enumerate(clients):
            assert receive(client, 8) == b"%08d" % (i * rounds + turn)
    assert subject.server.descriptors() >= base + count
    for client in clients:
        client.close()
    wait_until("descriptors are given back", lambda: subject.server.descriptors() <= base)


def clients_come_and_break_off(subject):
    base = subject.base_descriptors
    linger = struct.pack("ii", 1, 0)  # close sends a reset
    for i in range(int(1000 * SCALE)):
        with subject.server.connect() as client:
            if i % 3 > 0:
                client.sendall(b"x" * 1000)
            if i % 2 == 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    wait_until("descriptors are given back", lambda: subject.server.descriptors() <= base)


def who_does_not_read_holds_up_nobody(subject):
    base, sent = subject.base_descriptors, 0
    stuck = [subject.server.connect() for _ in range(50)]
    before = subject.server.resident_bytes()
    selector = selectors.DefaultSelector()
    for client in stuck:
        client.setblocking(False)
        selector.register(client, selectors.EVENT_WRITE)
    end = time.monotonic() + 5
    while time.monotonic() < end and (ready := selector.select(0.3)):
        for key, _ in ready:
            try:
                sent += key.fileobj.send(b"y" * 65536)
            except BlockingIOError:
                pass
    selector.close()
    with subject.server.connect() as other:
        begin = time.monotonic()
        for i in range(200):
            other.sendall(b"%04d" % i)
            assert receive(other, 4) == b"%04d" % i
        assert time.monotonic() - begin < 10
    grown = subject.server.resident_bytes() - before
    assert grown < 32 << 20 or example_server.is_sanitized(subject.binary), f"{grown} bytes"
    for client in stuck:
        client.close()
    wait_until("descriptors are given back", lambda: subject.server.descriptors() <= base)
    return f"{sent >> 20} MB sent, {grown >> 10} KB of memory"


def stops_in_order_and_starts_again(subject):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = subject.start()
        clients = [server.connect() for _ in range(100)]
        for client in clients[:50]:
            client.sendall(b"unread")
        status, seconds = server.stop(number)
        assert status == 0 and seconds < 5, f"status {status} after {seconds:.1f} s"
        assert server.complaints() == "", server.complaints()
        again = subject.start(server.port)
        with again.connect() as client:
            client.sendall(b"hello")
            assert receive(client, 5) == b"hello"
        assert again.port == server.port and again.stop()[0] == 0
        for client in clients:
            client.close()


def the_command_line(subject):
    for arguments in (["--backend", "nothing"], ["--port", "-1"], ["what"], ["--workers", "x"]):
        result = subprocess.run([subject.binary, *arguments], capture_output=True, timeout=20,
                                check=False)
        assert result.returncode == 2 and result.stderr and not result.stdout, (arguments, result)
    result = subprocess.run([subject.binary, "--help"], capture_output=True, timeout=20, check=True)
    assert b"--backend" in result.stdout


def it_survived_all_this(subject):
    wait_until("descriptors are given back",
               lambda: subject.server.descriptors() <= subject.base_descriptors)
    status, seconds = subject.server.stop()
    assert status == 0 and seconds < 5, f"status {status} after {seconds:.1f} s"
    assert subject.server.complaints() == "", subject.server.complaints()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    example_server.allow_many_descriptors()
    try:
        subject = Subject(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "auto")
    except NotAvailable as reason:
        print(f"SKIPPED: {sys.argv[1]}: {reason}")
        sys.exit(example_server.SKIPPED)
    print(f"backend {subject.server.backend}, seed {SEED}, scale {SCALE:g}", flush=True)
    tests = [what_is_sent_comes_back, many_megabytes_at_once, the_end_comes_back_too,
             a_thousand_clients_at_once, clients_come_and_break_off,
             who_does_not_read_holds_up_nobody, the_command_line,
             stops_in_order_and_starts_again, it_survived_all_this]
    try:
        passed = example_server.run_tests(tests, subject)
    finally:
        subject.server.stop()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
