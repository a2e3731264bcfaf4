#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests a server that speaks the Redis protocol:  kv_test.py SERVER [BACKEND]

Its replies are compared with those of redis-server, which Debian has. Given redis-server itself as
SERVER, it shows that the expectations are right. Status 0: passed, 1: failed, 77: could not test
everything, the output says why. ZIO_TEST_SCALE multiplies the volume, ZIO_SEED chooses another one.
"""
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
import kv_comparison  # noqa: E402
from example_server import NotAvailable, Redis, Server, wait_until  # noqa: E402
from resp import Client, Error, Status, encode  # noqa: E402

SCALE = float(os.environ.get("ZIO_TEST_SCALE", "1"))
SEED = int(os.environ.get("ZIO_SEED", "42"))
MEGABYTE = 1 << 20


class Subject:
    """The server under test, and how to start another one like it."""

    def __init__(self, binary, backend):
        self.binary, self.backend = binary, backend
        self.seed, self.scale = SEED, SCALE
        self.is_redis = os.path.basename(binary) == "redis-server"
        self.sanitized = not self.is_redis and example_server.is_sanitized(binary)
        self.server = self.start()
        self.redis = Redis() if Redis.available() else None

    def start(self, port=0):
        return Redis(self.binary) if self.is_redis else Server(self.binary, self.backend, port)

    def client(self):
        return Client(self.server)

    def flush(self):
        with self.client() as client:
            assert client.call("FLUSHALL") == Status(b"OK")


# --- by itself ----------------------------------------------------------------------------------

def requests_arrive_byte_by_byte(subject):
    requests = [encode("SET", "slow", "value\r\n$5"), b"GET slow\r\n", b"\r\n*0\r\n",
                encode("MSET", "s1", b"\x00" * 40, "s2", ""), encode("MGET", "s1", "s2", "s3"),
                b'set "s 3" \'it\\\'s\' ex 100\n', encode("GET", "s 3"), b"PING\r\n",
                encode("DEL", "slow", "s1", "s2", "s 3")]
    wanted = (b"+OK\r\n$9\r\nvalue\r\n$5\r\n+OK\r\n*3\r\n$40\r\n" + b"\x00" * 40 +
              b"\r\n$0\r\n\r\n$-1\r\n+OK\r\n$4\r\nit's\r\n+PONG\r\n:4\r\n")
    stream = b"".join(requests)
    splits = [[1] * len(stream), [2] * len(stream), [3] * len(stream)]
    splits += [[i, len(stream) - i] for i in range(1, len(stream))]
    for sizes in splits:
        with subject.server.connect() as connection:
            position = 0
            for size in sizes:
                connection.sendall(stream[position : position + size])
                position += size
                # Time for the server to read just this.
                time.sleep(0.0002)
            got = b""
            while len(got) < len(wanted):
                data = connection.recv(4096)
                assert data, f"closed after {got!r}"
                got += data
            assert got == wanted, got
    return f"{len(stream)} bytes, {len(splits)} ways"


def values_of_ten_megabytes(subject):
    value = random.Random(SEED).randbytes(10 * MEGABYTE)
    with subject.client() as client:
        assert client.call("SET", "large", value) == b"OK"
        assert client.call("GET", "large") == value
        assert client.call("MGET", "large", "nothing", "large") == [value, None, value]
        assert client.call("ECHO", value) == value
        assert client.call("SET", "large", "small", "GET") == value
        # Around the sizes at which buffers end and values are no longer copied.
        for size in [1, 127, 128, 4095, 4096, 16383, 16384, 16385, 32767, 32768, 32769, 65535,
                     65536, 65537, 1000000]:
            for shift in (0, 1, 2, 3):
                part = value[shift : shift + size]
                client.send(encode("SET", "part", part) + encode("GET", "part") +
                            encode("MGET", "part", "part") + b"PING\r\n")
                assert client.reply() == b"OK" and client.reply() == part
                assert client.reply() == [part, part] and client.reply() == b"PONG"
        many = [word for i in range(200) for word in (f"m{i}", value[i : i + 40000])]
        assert client.call("MSET", *many) == b"OK"
        assert client.call("MGET", *many[::2]) == many[1::2]
        assert client.call("FLUSHALL", "SYNC") == b"OK"


def the_largest_value(subject):
    with open("/proc/meminfo", encoding="ascii") as file:
        available = int(re.search(r"MemAvailable:\s+(\d+)", file.read())[1]) * 1024
    if available < 3 << 30 or SCALE < 1 or subject.sanitized:
        return "left out, too little memory or time"
    size, piece = 512 * MEGABYTE, b"0123456789abcdef" * 65536
    with subject.client() as client:
        client.send(b"*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$%d\r\n" % size)
        for _ in range(size // len(piece)):
            client.send(piece)
        client.send(b"\r\n" + encode("GET", "huge"))
        assert client.reply() == b"OK" and client._line() == b"$%d" % size
        rest = bytes(client.buffer[client.position :])
        received, connection = len(rest), client.socket
        assert rest == (piece * 2)[: len(rest)]
        while received < size + 2:
            data = connection.recv(min(MEGABYTE, size + 2 - received))
            assert data, "closed"
            at = received % len(piece)
            wanted = (piece + piece)[at : at + len(data)]
            keep = min(len(data), size - received)
            assert data[:keep] == wanted[:keep]
            received += len(data)
    subject.flush()
    return None


def a_thousand_clients_at_once(subject):
    base, count = subject.base_descriptors, 1000
    clients = [subject.client() for _ in range(count)]
    for i, client in enumerate(clients):
        client.send(encode("SET", f"c{i}", i) + encode("INCR", "together") + encode("GET", f"c{i}"))
    for i, client in enumerate(clients):
        assert client.reply() == b"OK" and isinstance(client.reply(), int)
        assert client.reply() == str(i).encode()
    assert clients[0].call("GET", "together") == str(count).encode()
    information = clients[0].call("INFO", "clients").decode()
    assert int(re.search(r"connected_clients:(\d+)", information)[1]) >= count
    assert subject.server.descriptors() >= base + count
    for client in clients:
        client.close()
    wait_until("descriptors are given back", lambda: subject.server.descriptors() <= base)
    subject.flush()


def resident_growth_limit(subject, limit):
    """A function that checks that the server took no more memory than this since now."""
    before = subject.server.resident_bytes()

    def check():
        grown = subject.server.resident_bytes() - before
        # Neither redis-server, which gathers replies, nor a sanitized program keeps to it.
        assert grown <= limit or subject.sanitized or subject.is_redis, \
            f"{grown >> 20} MB more than before, at most {limit >> 20} expected"
        return grown

    return check


def clients_that_do_not_read(subject):
    base = subject.base_descriptors
    values = [bytes([c]) * (8 * MEGABYTE) for c in b"on"]
    check = resident_growth_limit(subject, 2 * 8 * MEGABYTE + 24 * MEGABYTE)
    with subject.client() as client:
        client.call("SET", "large", values[0])
        client.call("SET", "part", b"p" * 10000)
        lazy = [subject.client() for _ in range(40 if subject.is_redis else 100)]
        for one in lazy:
            one.send(encode("GET", "large") * (1 if subject.is_redis else 10))
        greedy = subject.client()
        greedy.send(encode("MGET", *["part"] * (100 if subject.is_redis else 20000)))
        # All of them are stuck now until the end of this; nobody else is, or its call would give up.
        slowest = 0
        for i in range(300):
            begin = time.monotonic()
            assert client.call("SET", "other", i) == b"OK"
            assert client.call("GET", "other") == str(i).encode()
            slowest = max(slowest, time.monotonic() - begin)
        # Replies that were begun end with the value they began with.
        client.call("SET", "large", values[1])
        grown = check()
        for one in lazy[:5]:
            first, second = one.reply(), b"" if subject.is_redis else one.reply()
            assert first == values[0] and second in (*values, b"")
        assert greedy.reply() == [b"p" * 10000] * (100 if subject.is_redis else 20000)
        assert client.call("DEL", "large") == 1
        for one in [*lazy, greedy]:
            one.close()
    wait_until("descriptors are given back", lambda: subject.server.descriptors() <= base)
    subject.flush()
    return f"{grown >> 20} MB, another client waited {slowest * 1000:.1f} ms at most"


def half_requests_cost_what_was_sent(subject):
    base = subject.base_descriptors
    check = resident_growth_limit(subject, 24 * MEGABYTE)
    clients = [subject.client() for _ in range(100)]
    for client in clients[:50]:
        client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\nonly this")
    for client in clients[50:]:
        client.send(b"*2147483647\r\n$3\r\nDEL\r\n")
    with subject.client() as client:
        assert client.call("PING") == b"PONG"
    check()
    for client in clients:
        client.close()
    wait_until("descriptors are given back", lambda: subject.server.descriptors() <= base)


def the_last_reply_arrives(subject):
    """Also when the client had sent more than the server wanted to read."""
    if subject.is_redis:
        return "left out, it resets such connections"
    for rest in [0, 10, 10000, 200000] * 20:
        with subject.client() as client:
            client.send(b"PING\r\n*1\r\n!\r\n" + b"x" * rest)
            assert client.reply() == b"PONG" and client.reply().startswith(b"ERR Protocol error")
            assert client.socket.recv(1) == b""
    return None


def keys_expire(subject):
    with subject.client() as client:
        call = client.call
        assert call("SET", "e", "1", "PX", 2400) == b"OK" and call("TTL", "e") == 2
        assert call("SET", "e", "1", "PX", 1900) == b"OK" and call("TTL", "e") == 2
        assert call("SET", "e", "1", "PX", 600) == b"OK" and call("GET", "e") == b"1"
        assert call("INCR", "e") == 2 and call("TTL", "e") in (0, 1)
        time.sleep(0.7)
        assert call("GET", "e") is None and call("EXISTS", "e") == 0 and call("TTL", "e") == -2
        assert call("INCR", "e") == 1 and call("TTL", "e") == -1
        assert call("EXPIRE", "e", 1) == 1 and call("TTL", "e") == 1
        assert call("SET", "e", "2") == b"OK" and call("TTL", "e") == -1
        assert call("EXPIRE", "e", 1) == 1 and call("SET", "e", "3", "KEEPTTL") == b"OK"
        assert call("KEYS", "e") == [b"e"] and call("EXPIRE", "e", 0) == 1
        assert call("GET", "e") is None and call("EXPIRE", "e", 10) == 0
        assert call("SET", "long", "x", "PX", "9000000000000000") == b"OK"
        # Some in random order, all gone without being asked for.
        order = random.Random(SEED).sample(range(2000), 2000)
        client.send(b"".join(encode("SET", f"x{i}", i, "PX", 20 + i // 4) for i in order))
        for _ in order:
            assert client.reply() == b"OK"
        assert call("SET", "soon", "x", "EX", 1) == b"OK"
        wait_until("expired keys are removed", lambda: call("DBSIZE") == 1, 15)
        assert call("KEYS", "*") == [b"long"] and call("FLUSHALL") == b"OK"


def many_keys_come_and_go(subject):
    """The table grows and shrinks under its users."""
    count = int(60000 * min(SCALE, 4))
    with subject.client() as client:
        for begin in range(0, count, 5000):
            numbers = range(begin, min(begin + 5000, count))
            client.send(b"".join(encode("SET", f"n{i}", i) for i in numbers))
            for _ in numbers:
                assert client.reply() == b"OK"
        assert client.call("DBSIZE") == count == len(client.call("KEYS", "n*"))
        for i in range(0, count, 7):
            assert client.call("GET", f"n{i}") == str(i).encode() if i % 49 == 0 else True
        for begin in range(0, count, 1000):
            numbers = range(begin, min(begin + 1000, count))
            assert client.call("EXISTS", *[f"n{i}" for i in numbers]) == len(numbers)
            doomed = [f"n{i}" for i in numbers if i % 100 != 0]
            assert client.call("DEL", *doomed) == len(doomed)
        rest = {f"n{i}".encode() for i in range(0, count, 100)}
        assert set(client.call("KEYS", "*")) == rest
        assert client.call("FLUSHALL") == b"OK" and client.call("DBSIZE") == 0
    return f"{count} keys"


def the_server_describes_itself(subject):
    with subject.client() as client:
        call = client.call
        text = call("INFO").decode()
        for word in ("# Server", "redis_version:7.", "connected_clients:", "# Stats"):
            assert word in text, word
        assert call("INFO", "nothing") == b""
        assert call("CONFIG", "GET", "save") == [b"save", b""]
        assert call("config", "get", "appendonly") == [b"appendonly", b"no"]
        assert call("CONFIG", "GET", "port")[1] == str(subject.server.port).encode()
        assert call("CONFIG", "GET", "proto-max-*") == [b"proto-max-bulk-len", b"536870912"]
        assert call("CONFIG", "GET", "nothing") == []
        assert call("CONFIG", "SET", "appendonly", "no") == b"OK"
        assert isinstance(call("CONFIG", "SET", "nothing", "1"), Error)
        names = [command[0] for command in call("COMMAND")]
        assert call("COMMAND", "COUNT") == len(names) and b"get" in names
        get, unknown = call("COMMAND", "INFO", "GET", "nothing")
        assert get[:2] == [b"get", 2] and get[3:6] == [1, 1, 1] and unknown is None
        assert call("COMMAND", "DOCS", "get")[0] == b"get"
        for words, arity in ((["MGET"], -2), (["SET"], -3), (["TTL"], 2), (["MSET"], -3)):
            assert call("COMMAND", "INFO", *words)[0][1] == arity


def clients_from_debian(subject):
    tools = [tool for tool in ("redis-cli", "redis-benchmark") if shutil.which(tool) is None]
    if tools:
        return "LEFT OUT, missing: " + ", ".join(tools)
    port = str(subject.server.port)

    def run(*command, text=""):
        result = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60,
                                check=True)
        assert "ERR" not in result.stdout and not result.stderr.strip(), result
        return result.stdout

    assert run("redis-cli", "-p", port, "SET", "two words", "a b\nc") == "OK\n"
    assert run("redis-cli", "-p", port, "GET", "two words") == "a b\nc\n"
    assert run("redis-cli", "-p", port, text="incr n\nincr n\nttl n\n") == "1\n2\n-1\n"
    mass = "".join(f"SET mass{i} {i}\r\n" for i in range(20000))
    assert "errors: 0, replies: 20000" in run("redis-cli", "-p", port, "--pipe", text=mass)
    output = run("redis-benchmark", "-p", port, "-t", "ping,set,get,incr,mset", "-c", "50", "-P",
                 "16", "-n", str(int(50000 * SCALE)), "--csv")
    names = [line.split('","')[0].strip('"') for line in output.splitlines()[1:]]
    assert names[:5] == ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"], names
    assert names[5].startswith("MSET") and len(names) == 6, names
    subject.flush()
    return None


# --- start and stop -----------------------------------------------------------------------------

def stops_in_order_and_starts_again(subject):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = subject.start()
        clients = [Client(server) for _ in range(200)]
        clients[0].call("SET", "large", b"x" * (8 * MEGABYTE))
        clients[0].call("SET", "later", "x", "EX", 1000)
        for client in clients[:20]:
            client.send(encode("GET", "large") * 3)  # nobody reads it
        clients[30].send(b"*3\r\n$3\r\nSET\r\n$1")
        assert clients[40].call("PING") == b"PONG"
        status, seconds = server.stop(number)
        assert status == 0 and seconds < 5, \
            f"status {status} after {seconds:.1f} s: {server.complaints()}"
        assert server.complaints() == "" or subject.is_redis, server.complaints()
        try:
            while clients[50].socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
        if not subject.is_redis:
            again = subject.start(server.port)
            assert again.port == server.port
            with Client(again) as client:
                assert client.call("PING") == b"PONG"
            assert again.stop()[0] == 0
        for client in clients:
            client.close()


def the_command_line(subject):
    if subject.is_redis:
        return "left out, it is another program's"

    def refused(*arguments):
        result = subprocess.run([subject.binary, *arguments], capture_output=True, timeout=20,
                                check=False)
        assert result.returncode != 0 and result.stderr, (arguments, result)
        assert b"listening" not in result.stdout
        return result.returncode

    assert refused("--backend", "nothing") == 2 and refused("--port", "65536") == 2
    assert refused("--port", "x") == 2 and refused("--nothing") == 2 and refused("--port") == 2
    assert refused("--host", "300.0.0.1", "--port", "0", "--backend", subject.backend) == 1
    assert refused("--port", str(subject.server.port), "--backend", subject.backend) == 1
    # Not every machine has IPv6.
    host, shown = ("::1", "[::1]") if example_server.has_ipv6() else ("127.0.0.2", "127.0.0.2")
    server = Server(subject.binary, subject.backend, 0, ["--workers", "1", "--host", host])
    assert server.host == shown and server.workers == 1
    assert server.backend == subject.backend or subject.backend == "auto"
    assert server.stop()[0] == 0
    return None


def clients_that_know_the_answers(subject):
    program = os.path.join(os.path.dirname(subject.binary), "kv_client")
    if subject.is_redis and not os.path.exists(program):
        return "not beside redis-server"
    result = subprocess.run([program, f"127.0.0.1:{subject.server.port}", "20", "50"], timeout=60,
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result
    answers = re.match(r"clients=20 rounds=50 answers=(\d+) connections=20\n", result.stdout)
    assert answers and int(answers[1]) >= 20 * 50, result
    with subject.client() as client:
        assert client.call("FLUSHALL") == Status(b"OK")
    return f"{answers[1]} answers"


def it_survived_all_this(subject):
    with subject.client() as client:
        assert client.call("PING") == b"PONG" and client.call("DBSIZE") == 0
    wait_until("descriptors are given back",
               lambda: subject.server.descriptors() <= subject.base_descriptors)
    status, seconds = subject.server.stop()
    assert status == 0 and seconds < 5, \
        f"status {status} after {seconds:.1f} s: {subject.server.complaints()}"
    assert subject.is_redis or subject.server.complaints() == "", subject.server.complaints()


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
    subject.base_descriptors = subject.server.settled_descriptors()
    alone = [requests_arrive_byte_by_byte, values_of_ten_megabytes, the_largest_value,
             a_thousand_clients_at_once, clients_that_do_not_read,
             half_requests_cost_what_was_sent, the_last_reply_arrives, keys_expire,
             clients_that_know_the_answers,
             many_keys_come_and_go, the_server_describes_itself, clients_from_debian,
             the_command_line, stops_in_order_and_starts_again, it_survived_all_this]
    try:
        beside = kv_comparison.TESTS if subject.redis else []
        passed = example_server.run_tests(beside + alone, subject)
    finally:
        subject.server.stop()
        if subject.redis:
            subject.redis.stop()
    if not passed:
        sys.exit(1)
    if subject.redis is None:
        print("SKIPPED: redis-server IS MISSING (Debian: redis-server). Nothing was compared with "
              "it; everything else passed.")
        sys.exit(example_server.SKIPPED)


if __name__ == "__main__":
    main()
