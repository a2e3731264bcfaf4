#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests a server that speaks HTTP/1.1:  http_test.py SERVER [BACKEND]

Status 0: passed, 1: failed, 77: could not test everything, the output says why. ZIO_TEST_SCALE
multiplies the volume, ZIO_SEED chooses another one."""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # nothing is left behind in the tree

import example_server  # noqa: E402
import http_crowd  # noqa: E402
import http_requests  # noqa: E402
import http_times  # noqa: E402
from example_server import NotAvailable, Server, wait_until  # noqa: E402
from http_client import Client, chunked, pattern, request  # noqa: E402

SCALE = float(os.environ.get("ZIO_TEST_SCALE", "1"))
SEED = int(os.environ.get("ZIO_SEED", "42"))
MEGABYTE = 1 << 20
STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")


class Subject:
    """The server under test, and how to start another one like it."""

    def __init__(self, binary, backend):
        self.binary, self.backend = binary, backend
        self.seed, self.scale = SEED, SCALE
        self.sanitized = example_server.is_sanitized(binary)
        self.missing = []  # programs that other people's clients are tried with
        self.use_workers(1)

    def use_workers(self, workers):
        self.workers = workers
        self.server = self.start()
        self.base_descriptors = self.server.settled_descriptors()

    def start(self, port=0, *options):
        more = ["--workers", str(self.workers), *options]
        return Server(self.binary, self.backend, port, more)

    def client(self, timeout=20):
        return Client(self.server, timeout)

    def is_alive(self):
        with self.client() as client:
            reply = client.call("GET", "/")
            assert reply.status == 200 and reply.body == http_requests.ROOT, reply
        wait_until("descriptors are given back",
                   lambda: self.server.descriptors() <= self.base_descriptors)


# --- what is answered ---------------------------------------------------------------------------

def expect_replies(client, replies, ends, interim=False):
    for status, body in replies:
        reply = client.reply("HEAD" if body == "HEAD" else "GET")
        if interim and reply.status == 100:
            reply = client.reply("HEAD" if body == "HEAD" else "GET")
        assert reply.status == status, f"{reply}, wanted {status}"
        if status == 405:
            assert body in ("HEAD", reply.fields["allow"]), reply
        elif body not in (None, "HEAD"):
            assert reply.body == body, f"{len(reply.body)} bytes: {reply}"
    assert reply.closes() == ends, reply
    if ends:
        assert client.at_end(), "the connection did not end"
    else:
        follow_up = client.call("GET", "/bytes/7")
        assert follow_up.body == pattern(7) and not follow_up.closes(), follow_up


def every_case(subject, send, longest=None):
    """All of both tables, each on a connection of its own. A body that does not come together with
    its head may be asked for."""
    count = 0
    cases = [(*case, b"Expect: 100" in case[0] and longest) for case in http_requests.GOOD]
    cases += [(data, [(400, None)], True, False) for data in http_requests.BAD]
    for data, replies, ends, interim in cases:
        if longest is not None and len(data) > longest:
            continue
        with subject.client() as client:
            try:
                send(client, data)
                expect_replies(client, replies, ends, interim)
            except (AssertionError, OSError, EOFError) as error:
                raise AssertionError(f"{data[:300]!r}: {error!r}") from error
        count += 1
    subject.is_alive()
    return f"{count} cases"


def each_request_is_answered_as_it_should_be(subject):
    return every_case(subject, lambda client, data: client.send(data))


def requests_arrive_byte_by_byte(subject):
    def send(client, data):
        for i in range(len(data)):
            client.send(data[i:i + 1])

    return every_case(subject, send, longest=400)


def requests_arrive_in_pieces(subject):
    rng = random.Random(subject.seed)

    def send(client, data):
        at = 0
        while at < len(data):
            size = rng.choice((1, 2, 5, 20, 100, 1000))
            client.send(data[at:at + size])
            at += size
            if rng.random() < 0.2:
                time.sleep(0.001)

    return every_case(subject, send, longest=20000)


def requests_are_cut_at_every_place(subject):
    several = [
        (b"\r\n" + request("GET", "/?x=1", "Name: value"), [(200, http_requests.ROOT)]),
        (request("POST", "/echo", "Transfer-Encoding: chunked")
         + b"5;x=y\r\nhello\r\n1F\r\n" + b"z" * 31 + b"\r\n0\r\nTrailer: 1\r\n\r\n"
         + request("HEAD", "/bytes/5") + request("POST", "/echo", body=b"sized"),
         [(200, b"hello" + b"z" * 31), (200, "HEAD"), (200, b"sized")]),
        (request("GET", "/nothing", body=b"unwanted") + request("GET", "/bytes/20"),
         [(404, None), (200, pattern(20))]),
    ]
    count = 0
    for data, replies in several:
        with subject.client() as client:
            for cut in range(1, len(data)):
                client.send(data[:cut])
                time.sleep(0.0005)
                client.send(data[cut:])
                expect_replies(client, replies, False)
                count += 1
    subject.is_alive()
    return f"{count} cuts"


# --- pipelining ---------------------------------------------------------------------------------

def replies_keep_the_order_of_requests(subject):
    rng = random.Random(subject.seed)
    count = int(3000 * subject.scale)
    kinds = []
    for i in range(count):
        size = rng.randrange(40)
        kinds.append(rng.choice((
            (request("GET", f"/bytes/{size}"), 200, pattern(size)),
            (request("POST", "/echo", body=b"%d" % i), 200, b"%d" % i),
            (request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(b"%d" % i, b"-" * size),
             200, b"%d" % i + b"-" * size),
            (request("GET", f"/no/{i}"), 404, None))))
    with subject.client() as client:
        with http_crowd.Sender(client.socket, b"".join(kind[0] for kind in kinds)):
            for data, status, body in kinds:
                reply = client.reply()
                assert reply.status == status and body in (None, reply.body), (data, reply)
    subject.is_alive()


def replies_that_are_ready_leave_together(subject):
    with subject.client() as client:
        assert client.call("GET", "/").status == 200
        before = client.segments_received()
        client.send(request("GET", "/") * 300)
        for _ in range(300):
            assert client.reply().body == http_requests.ROOT
        segments = client.segments_received() - before
    # The first ten or so would leave one by one, then a full window gathers the others.
    assert segments < 8, f"{segments} segments for 300 replies"
    return f"{segments} segments for 300 replies"


def who_closes_its_side_gets_all_replies(subject):
    with subject.client() as client:
        client.send(request("GET", "/bytes/3") * 500)
        client.half_close()
        for _ in range(500):
            assert client.reply().body == pattern(3)
        assert client.at_end()
    size = 20 * MEGABYTE
    with subject.client() as client:
        client.send(request("GET", f"/bytes/{size}") + request("POST", "/echo", body=b"last"))
        client.half_close()
        assert client.reply().body == pattern(size)
        assert client.reply().body == b"last" and client.at_end()
    for half in (b"GET / HTTP/1.1\r\nHost: a\r\n", b"G", request("POST", "/echo", body=b"abc")[:-1],
                 request("POST", "/echo", "Transfer-Encoding: chunked") + b"3\r\nab",
                 request("POST", "/echo", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n"):
        with subject.client() as client:
            client.send(request("GET", "/") + half)
            client.half_close()
            expect_replies(client, [(200, http_requests.ROOT), (400, None)], True)
    with subject.client() as client:
        client.half_close()
        assert client.at_end()
    subject.is_alive()


# --- limits -------------------------------------------------------------------------------------

def heads_are_at_most_16_kilobytes(subject):
    def head(size):
        start = b"GET / HTTP/1.1\r\nHost: a\r\nLong: "
        return start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"

    too_large = [head(16385), head(16385)[:16385], head(100000), head(5 * MEGABYTE),
                 b"GET /" + b"x" * 16384 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"G" * 20000,
                 b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 4000 + b"\r\n"]
    for data in too_large:
        with subject.client() as client:
            client.send(request("GET", "/") + data)
            expect_replies(client, [(200, http_requests.ROOT), (431, None)], True)
    for before in (b"", request("GET", "/bytes/1"), request("POST", "/echo", body=b"x" * 9999)):
        with subject.client() as client:
            client.send((before + head(16384)) * 3 + b"\r\n" + head(16382))
            for _ in range(3):
                if before:
                    assert client.reply().status == 200
                expect = client.reply()
                assert expect.status == 200 and expect.body == http_requests.ROOT
            expect_replies(client, [(200, http_requests.ROOT)], False)
    body = request("POST", "/echo", "Transfer-Encoding: chunked") + b"1\r\na\r\n"
    for rest, status in ((b"0\r\n" + b"X: y\r\n" * 4000 + b"\r\n", 431), (b"1;" + b"x" * 20000, 400),
                         (b"0\r\nX: " + b"y" * 5000 + b"\r\n\r\n", 431),
                         (b"0\r\nX: " + b"y" * 20000, 431)):
        with subject.client() as client:
            client.send(body + rest)
            expect_replies(client, [(status, None)], True)
    subject.is_alive()


# --- bodies -------------------------------------------------------------------------------------

def bodies_of_many_sizes_come_back(subject):
    rng = random.Random(subject.seed)
    sizes = [1, 100, 16383, 16384, 16385, 65537, 300000, MEGABYTE, 7 * MEGABYTE]
    with subject.client() as client:
        for size in sizes:
            data = rng.randbytes(size)
            # The client sends everything before it reads anything.
            assert client.call("POST", "/echo", body=data).body == data
            at, pieces = 0, []
            while at < size:
                piece = min(rng.choice((1, 7, 1000, 16384, 100000)) if size < 70000 else 50000,
                            size - at)
                pieces.append(data[at:at + piece])
                at += piece
            client.send(request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(*pieces))
            assert client.reply().body == data
    subject.is_alive()


def a_large_body_costs_little_memory(subject):
    before = subject.server.resident_bytes()
    size = int(64 * subject.scale) * MEGABYTE
    data = random.Random(subject.seed).randbytes(MEGABYTE) * (size // MEGABYTE)
    pieces = [data[at:at + 60000] for at in range(0, size, 60000)]
    for message in (request("POST", "/echo", body=data),
                    request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(*pieces)):
        with subject.client() as client:
            with http_crowd.Sender(client.socket, message):
                assert client.reply().body == data
                grown = subject.server.resident_bytes() - before
            assert client.call("GET", "/").status == 200
    assert grown < 24 * MEGABYTE or subject.sanitized, f"{grown} bytes"
    subject.is_alive()
    return f"{grown >> 10} KB"


def a_fault_late_in_a_body_ends_the_reply(subject):
    """It is answered while the body is held; what was sent back cannot be unsaid, but must not look
    complete."""
    start = request("POST", "/echo", "Transfer-Encoding: chunked")
    for _ in range(10):  # also after many others, so that memory is given back
        with subject.client() as client:
            client.send(start + (b"100000\r\n" + b"x" * MEGABYTE + b"\r\n") * 4 + b"worse\r\n")
            expect_replies(client, [(400, None)], True)
    with subject.client() as client:
        with http_crowd.Sender(client.socket, start + (b"100000\r\n" + b"x" * MEGABYTE + b"\r\n") * 20
                               + b"worse\r\n" * 20):
            try:
                assert client.reply().status == 400
            except (EOFError, ConnectionResetError):
                pass
            else:
                raise AssertionError("20 MB were held in memory")
    subject.is_alive()


def who_asks_first_is_told_to_go_on(subject):
    ask = "Expect: 100-continue"
    with subject.client() as client:
        for body in (b"one", b"x" * 100000):
            client.send(request("POST", "/echo", ask, f"Content-Length: {len(body)}"))
            assert client.reply().status == 100
            client.send(body)
            assert client.reply().body == body
        client.send(request("GET", "/") + request("POST", "/echo", ask, "Transfer-Encoding: chunked"))
        assert client.reply().status == 200 and client.reply().status == 100
        client.send(chunked(b"two"))
        assert client.reply().body == b"two"
    for path, status in (("/", 405), ("/nothing", 404)):
        with subject.client() as client:
            client.send(request("POST", path, ask, "Content-Length: 1000000"))
            reply = client.reply()
            assert reply.status == status and reply.closes() and client.at_end(), reply
    subject.is_alive()


# --- anything -----------------------------------------------------------------------------------

def anything_is_survived(subject):
    """Requests with random faults: each connection ends with whole replies, and in time."""
    rng = random.Random(subject.seed)
    known = {100, 200, 400, 404, 405, 417, 431}
    samples = [case[0] for case in http_requests.GOOD if len(case[0]) < 1000] + http_requests.BAD
    words = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"chunked", b"Content-Length: 5\r\n", b"0",
             b"\r\n\r\n", b"HTTP/1.1", b"\xff", b"ffff", b";", b"/", b"Transfer-Encoding: chunked\r\n"]
    count = int(1000 * subject.scale)
    for _ in range(count):
        data = b"".join(rng.choice(samples) for _ in range(rng.randrange(1, 4)))
        for _ in range(rng.randrange(4)):
            at, end = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
            kept = data[at:at + rng.choice((0, 1, end - at))]
            data = data[:at] + rng.choice(words) + kept + data[end if rng.random() < 0.3 else at:]
        with subject.client() as client:
            client.send(data[:50000])
            client.half_close()
            received = b""
            while piece := client.socket.recv(1 << 20):
                received += piece
            statuses = {int(status) for status in STATUS.findall(received)}
            assert statuses <= known, (data, statuses)
    subject.is_alive()
    return f"{count} connections"


# --- other people's clients ---------------------------------------------------------------------

def curl_is_served(subject):
    if shutil.which("curl") is None:
        subject.missing.append("curl")
        return "LEFT OUT, curl is missing"
    base = f"http://127.0.0.1:{subject.server.port}"

    def run(*arguments, data=None):
        return subprocess.run(["curl", "-sS", "--max-time", "60", *arguments], input=data,
                              capture_output=True, timeout=90, check=True).stdout

    assert run(base) == http_requests.ROOT
    assert run(base + "/bytes/1000000") == pattern(1000000)
    assert b"Content-Length: 12345\r\n" in run("-I", base + "/bytes/12345")
    large = random.Random(subject.seed).randbytes(30 * MEGABYTE)
    for size in (0, 5, 5000, len(large)):
        data = large[:size]
        assert run("--data-binary", "@-", base + "/echo", data=data) == data
        assert run("-T", "-", "-X", "POST", base + "/echo", data=data) == data  # in chunks
    urls = [f"{base}/bytes/{i}" for i in range(50)]
    assert run(*urls) == b"".join(pattern(i) for i in range(50))
    words = ["-o", os.devnull, "-w", "%{http_code} %{num_connects}\n"]
    assert run(*words, base + "/nothing", *words, base) == b"404 1\n200 0\n"
    assert run(*words, "-X", "DELETE", base) == b"405 1\n"
    assert run("-0", base) == http_requests.ROOT
    subject.is_alive()
    return None


# --- start and stop -----------------------------------------------------------------------------

def stops_in_order_and_starts_again(subject):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = subject.start()
        clients = [Client(server) for _ in range(100)]
        for client in clients[:20]:
            client.send(request("GET", "/bytes/1000000000"))  # nobody reads it
        for client in clients[20:40]:
            client.send(request("POST", "/echo", "Content-Length: 100000000") + b"x" * 100000)
        for client in clients[40:60]:
            client.send(b"GET / HT")
        for client in clients[60:80]:
            assert client.call("GET", "/").status == 200
        status, seconds = server.stop(number)
        assert status == 0 and seconds < 5, f"status {status} after {seconds:.1f} s"
        assert server.complaints() == "", server.complaints()
        again = subject.start(server.port)
        with Client(again) as client:
            assert client.call("GET", "/").body == http_requests.ROOT
        assert again.port == server.port and again.stop()[0] == 0
        for client in clients:
            client.close()


def the_command_line(subject):
    for arguments in (["--backend", "nothing"], ["--idle-timeout-ms", "-1"], ["--header-timeout-ms"],
                      ["--header-timeout-ms", "4294967296"], ["--idle-timeout", "5"], ["what"]):
        result = subprocess.run([subject.binary, *arguments], capture_output=True, timeout=20,
                                check=False)
        assert result.returncode == 2 and result.stderr and not result.stdout, (arguments, result)
    result = subprocess.run([subject.binary, "--help"], capture_output=True, timeout=20, check=True)
    assert b"--header-timeout-ms N" in result.stdout and b"--idle-timeout-ms N" in result.stdout


def it_survived_all_this(subject):
    subject.is_alive()
    status, seconds = subject.server.stop()
    assert status == 0 and seconds < 5, f"status {status} after {seconds:.1f} s"
    assert subject.server.complaints() == "", subject.server.complaints()


TESTS = [
    each_request_is_answered_as_it_should_be, requests_arrive_byte_by_byte,
    requests_arrive_in_pieces, requests_are_cut_at_every_place, replies_keep_the_order_of_requests,
    replies_that_are_ready_leave_together,
    who_closes_its_side_gets_all_replies, heads_are_at_most_16_kilobytes,
    bodies_of_many_sizes_come_back, a_large_body_costs_little_memory,
    a_fault_late_in_a_body_ends_the_reply, who_asks_first_is_told_to_go_on, anything_is_survived,
    curl_is_served,
]


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
    try:
        passed = example_server.run_tests(
            TESTS + http_times.TESTS + http_crowd.TESTS
            + [the_command_line, stops_in_order_and_starts_again, it_survived_all_this], subject)
        subject.use_workers(2)
        assert subject.server.workers == 2
        print("two workers", flush=True)
        passed = example_server.run_tests(
            TESTS[:1] + http_crowd.TESTS + [stops_in_order_and_starts_again, it_survived_all_this],
            subject) and passed
    finally:
        subject.server.stop()
    if passed and subject.missing:
        print(f"SKIPPED: MISSING: {', '.join(subject.missing)}. Everything else passed.")
        sys.exit(example_server.SKIPPED)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
