# SPDX-License-Identifier: MIT
"""Many clients of a web server at once: busy ones, slow ones, and such that never read."""
import random
import re
import selectors
import shutil
import socket
import struct
import subprocess
import threading
import time

from example_server import wait_until
from http_client import pattern, request

MEGABYTE = 1 << 20


class Sender:
    """Sends from a thread of its own while the client reads."""

    def __init__(self, connection, data):
        self.thread = threading.Thread(target=self._send, args=(connection, data), daemon=True)

    @staticmethod
    def _send(connection, data):
        try:
            connection.sendall(data)
        except OSError:
            pass  # the server does not want the rest; the reader sees what it makes of that

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.thread.join()


def a_thousand_clients_at_once(subject):
    base, count = subject.base_descriptors, 1000
    clients = [subject.client() for _ in range(count)]
    for turn in range(3):
        for i, client in enumerate(clients):
            client.send(request("POST", "/echo", body=b"%d/%d" % (turn, i)) + request("GET", "/bytes/9"))
        for i, client in enumerate(clients):
            assert client.reply().body == b"%d/%d" % (turn, i)
            assert client.reply().body == pattern(9)
    assert subject.server.descriptors() >= base + count
    for client in clients:
        client.close()
    subject.is_alive()


def clients_come_and_break_off(subject):
    rng = random.Random(subject.seed)
    linger = struct.pack("ii", 1, 0)  # close sends a reset
    data = [b"", b"GET", request("GET", "/"), request("GET", "/bytes/100000000"),
            request("POST", "/echo", "Content-Length: 1000000") + b"x" * 30000, b"BAD\r\n\r\n",
            request("POST", "/echo", "Transfer-Encoding: chunked") + b"fff\r\nx"]
    for i in range(int(700 * subject.scale)):
        with subject.client() as client:
            client.send(data[i % len(data)])
            if rng.random() < 0.3:
                client.socket.recv(100) if i % len(data) in (2, 3) else time.sleep(0.001)
            if rng.random() < 0.5:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    subject.is_alive()


def answered_quickly(subject, seconds):
    """Others are served as if nobody else were there."""
    with subject.client() as other:
        begin = time.monotonic()
        for _ in range(100):
            assert other.call("GET", "/bytes/1000").body == pattern(1000)
        assert time.monotonic() - begin < seconds


def cpu_in_half_a_second(subject):
    used = subject.server.cpu_seconds()
    time.sleep(0.5)
    return subject.server.cpu_seconds() - used


def who_does_not_read_holds_up_nobody(subject):
    count, before = 300, subject.server.resident_bytes()
    stuck = [subject.client() for _ in range(count)]
    for client in stuck[1:]:
        client.send(request("GET", "/bytes/1000000000000"))
    size = 50 * MEGABYTE
    stuck[0].send(request("GET", f"/bytes/{size}"))
    time.sleep(0.5)
    answered_quickly(subject, 10)
    # Until the system's buffers are full the server has work to do.
    wait_until("the server rests", lambda: cpu_in_half_a_second(subject) < 0.2, 30)
    grown = subject.server.resident_bytes() - before
    assert grown < count * 64 * 1024 or subject.sanitized, f"{grown} bytes"
    # It gets all of it when it reads at last, and so does one that reads a little at a time.
    assert stuck[0].reply().body == pattern(size)
    part = stuck[1].head()
    assert part.fields["content-length"] == "1000000000000"
    received = b"".join(stuck[1]._bytes(100000) for _ in range(100))
    assert received == pattern(len(received))
    for client in stuck:
        client.close()
    subject.is_alive()
    return f"{grown >> 10} KB for {count} clients"


def who_sends_and_does_not_read_costs_little(subject):
    before, sent = subject.server.resident_bytes(), 0
    stuck = [subject.client() for _ in range(50)]
    selector = selectors.DefaultSelector()
    for i, client in enumerate(stuck):
        if i % 2 == 0:
            client.send(request("POST", "/echo", "Content-Length: 1000000000"))
        else:
            client.send(request("POST", "/echo", "Transfer-Encoding: chunked") + b"3b9aca00\r\n")
        client.socket.setblocking(False)
        selector.register(client.socket, selectors.EVENT_WRITE)
    end = time.monotonic() + 6
    while time.monotonic() < end and (ready := selector.select(0.3)):
        for key, _ in ready:
            try:
                sent += key.fileobj.send(b"y" * 65536)
            except BlockingIOError:
                pass
    selector.close()
    answered_quickly(subject, 10)
    grown = subject.server.resident_bytes() - before
    assert grown < 40 * MEGABYTE or subject.sanitized, f"{grown} bytes"
    for client in stuck:
        client.close()
    subject.is_alive()
    return f"{sent >> 20} MB sent, {grown >> 10} KB of memory"


def one_that_reads_fast_leaves_time_for_others(subject):
    stop = threading.Event()

    def devour():
        with subject.client() as client:
            client.send(request("GET", "/bytes/1000000000000"))
            while not stop.is_set():
                client.socket.recv(MEGABYTE)

    devourers = [threading.Thread(target=devour, daemon=True) for _ in range(2)]
    for thread in devourers:
        thread.start()
    try:
        answered_quickly(subject, 15)
    finally:
        stop.set()
        for thread in devourers:
            thread.join()
    subject.is_alive()


def wrk_finds_no_error(subject):
    if shutil.which("wrk") is None:
        if "wrk" not in subject.missing:
            subject.missing.append("wrk")
        return "LEFT OUT, wrk is missing"
    notes = []
    for path in ("/", "/bytes/20000"):
        url = f"http://127.0.0.1:{subject.server.port}{path}"
        result = subprocess.run(["wrk", "-c", "200", "-t", "1", "-d", "1s", url], capture_output=True,
                                text=True, timeout=60, check=True)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", result.stdout)
        assert rate and float(rate[1]) > 100, result.stdout
        assert "Socket errors" not in result.stdout and "Non-2xx" not in result.stdout, result.stdout
        notes.append(f"{path} {float(rate[1]):.0f}/s")
    subject.is_alive()
    return ", ".join(notes)


TESTS = [a_thousand_clients_at_once, clients_come_and_break_off, who_does_not_read_holds_up_nobody,
         who_sends_and_does_not_read_costs_little, one_that_reads_fast_leaves_time_for_others,
         wrk_finds_no_error]
