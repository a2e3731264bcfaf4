# SPDX-License-Identifier: MIT
"""What the key-value server answers, beside what redis-server answers to the same bytes."""
import random
import shutil
import socket
import subprocess
import time

from generated_commands import make_broken, make_commands
from malformed_requests import SCRIPTS
from resp import Client, Error


def same_reply(name, ours, theirs):
    if name == "keys" and isinstance(ours, list) and isinstance(theirs, list):
        return sorted(ours) == sorted(theirs)
    if name == "ttl" and type(ours) is int and type(theirs) is int:
        # The two were asked at slightly different moments.
        return ours == theirs or (min(ours, theirs) > 0 and abs(ours - theirs) <= 2)
    return type(ours) is type(theirs) and ours == theirs


def replies_equal_those_of_redis(subject):
    commands = make_commands(subject.seed, int(8000 * subject.scale))
    rng = random.Random(subject.seed)
    answered, errors = {}, set()
    with subject.client() as ours, Client(subject.redis) as theirs:
        assert ours.call("FLUSHALL") == theirs.call("FLUSHALL")
        position = 0
        while position < len(commands):
            batch = commands[position : position + rng.choice([1, 1, 2, 5, 20, 100])]
            position += len(batch)
            data = b"".join(command[2] for command in batch)
            theirs.send(data)
            while data:  # in pieces of any size
                piece = rng.choice([1, 2, 7, 50, 1000, len(data)])
                ours.send(data[:piece])
                data = data[piece:]
            for name, words, _ in batch:
                got, wanted = ours.reply(), theirs.reply()
                assert same_reply(name, got, wanted), \
                    f"{[w[:200] for w in words]}: ours {got!r:.300}, redis {wanted!r:.300}"
                if isinstance(got, Error):
                    errors.add(got[:40])
                else:
                    answered[name] = answered.get(name, 0) + 1
        keys = sorted(theirs.call("KEYS", "*"))
        assert sorted(ours.call("KEYS", "*")) == keys
        for key in keys:
            assert ours.call("GET", key) == theirs.call("GET", key), key
            assert same_reply("ttl", ours.call("TTL", key), theirs.call("TTL", key)), key
    # A comparison of nothing would pass too.
    few = {name: n for name, n in answered.items() if n < 10 * subject.scale and name != "flushall"}
    assert not few and len(answered) >= 13 and len(errors) >= 15, (answered, errors)
    return f"{len(commands)} commands, {sum(answered.values())} answered, {len(errors)} errors"


def collect(connections, quiet=0.4, timeout=10):
    """What each connection gives until all are silent, and whether it was closed."""
    got = [[b"", False] for _ in connections]
    for connection in connections:
        connection.setblocking(False)
    last, end = time.monotonic(), time.monotonic() + timeout
    while time.monotonic() - last < quiet and time.monotonic() < end:
        for i, connection in enumerate(connections):
            try:
                data = None if got[i][1] else connection.recv(1 << 16)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                data = b""
            if data is None:
                continue
            last = time.monotonic()
            got[i][0] += data
            got[i][1] = not data
        time.sleep(0.01)
    return got


def malformed_requests_get_the_replies_of_redis(subject):
    results = []
    for server in (subject.server, subject.redis):
        with Client(server) as client:
            client.call("FLUSHALL")
        connections = [server.connect() for _ in SCRIPTS]
        for connection, script in zip(connections, SCRIPTS):
            connection.sendall(script)
        results.append(collect(connections))
        for connection in connections:
            connection.close()
    for script, ours, theirs in zip(SCRIPTS, *results):
        assert ours == theirs, f"{script[:100]!r}: ours {ours}, redis {theirs}"
    closed = sum(closed for _, closed in results[0])
    assert closed >= 15
    return f"{len(SCRIPTS)} scripts, {closed} ended by the server"


def exchange(server, stream):
    """Everything the server answers to a stream that then ends."""
    with server.connect() as connection:
        answer = b""
        try:
            connection.sendall(stream)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(1 << 16):
                answer += data
        except (ConnectionResetError, BrokenPipeError):
            pass
        return answer


def damaged_streams_get_the_replies_of_redis(subject):
    streams = make_broken(subject.seed, int(1500 * subject.scale))
    protocol_errors = 0
    for stream in streams:
        ours, theirs = exchange(subject.server, stream), exchange(subject.redis, stream)
        assert ours == theirs, f"{stream!r}: ours {ours!r}, redis {theirs!r}"
        protocol_errors += b"Protocol error" in ours
    assert protocol_errors >= 50 * subject.scale
    return f"{len(streams)} streams, {protocol_errors} protocol errors"


def server_cpu_per_get(subject):
    """Told, not demanded: figures belong to the benchmarks."""
    if shutil.which("redis-benchmark") is None:
        return "left out, no redis-benchmark"
    figures = {}
    for server in (subject.server, subject.redis):
        requests = int(200000 * subject.scale)
        command = ["redis-benchmark", "-p", str(server.port), "-c", "50", "-P", "16", "-q",
                   "-n", str(requests), "-r", "1000", "-t", "get"]
        before = server.cpu_seconds()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
        figures[server] = (server.cpu_seconds() - before) / requests * 1e9
    ours, theirs = figures[subject.server], figures[subject.redis]
    return f"{ours:.0f} ns, redis-server {theirs:.0f} ns, ratio {ours / max(theirs, 1):.2f}"


TESTS = [replies_equal_those_of_redis, malformed_requests_get_the_replies_of_redis,
         damaged_streams_get_the_replies_of_redis, server_cpu_per_get]
