# SPDX-License-Identifier: MIT
"""How long a web server waits for its clients: as long as it was told, and no longer."""
import time
from concurrent.futures import ThreadPoolExecutor

from http_client import Client, chunked, request

HEADER, IDLE = 0.4, 0.8  # seconds
# A machine may be busy: not earlier than it says, and not much later.
EARLY, LATE = 0.05, 3.0


class Patient:
    """A server that was told how patient it is."""

    def __init__(self, subject, header=HEADER, idle=IDLE):
        self.server = subject.start(0, "--header-timeout-ms", str(int(header * 1000)),
                                    f"--idle-timeout-ms={int(idle * 1000)}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        status, _ = self.server.stop()
        if kind is None:
            assert status == 0 and self.server.complaints() == "", self.server.complaints()

    def client(self):
        return Client(self.server)


def ends_after(client, begin, seconds, status=None):
    """The server gives the client up at that time, with this status or without a word."""
    if status is not None:
        reply = client.reply()
        assert reply.status == status and reply.closes(), reply
    assert client.at_end()
    took = time.monotonic() - begin
    assert seconds - EARLY <= took <= seconds + LATE, f"{took:.2f} s, wanted {seconds}"


def drip(client, data, pause):
    """One byte at a time, until the server has had enough."""
    client.socket.settimeout(pause)
    for i in range(len(data)):
        try:
            client.send(data[i:i + 1])
            client.buffer += client.socket.recv(1 << 16)
            break
        except TimeoutError:
            pass
    client.socket.settimeout(20)


def a_head_has_to_come_in_time(subject):
    with Patient(subject) as patient:
        for start in (b"G", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n", b"\r\n"):
            with patient.client() as client:
                begin = time.monotonic()
                client.send(start)
                ends_after(client, begin, HEADER, 408)
        with patient.client() as client:  # bytes that come buy no time
            begin = time.monotonic()
            drip(client, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100, 0.05)
            ends_after(client, begin, HEADER, 408)
        with patient.client() as client:  # also behind another request
            begin = time.monotonic()
            client.send(request("GET", "/bytes/1") + b"GET / H")
            assert client.reply().body == b"0"
            ends_after(client, begin, HEADER, 408)
        with patient.client() as client:  # the time counts from the first byte
            for _ in range(3):
                time.sleep(HEADER * 1.25)
                client.send(request("GET", "/")[:-1])
                time.sleep(HEADER / 4)
                client.send(b"\n")
                assert client.reply().status == 200
    with Patient(subject, header=30, idle=HEADER) as patient:
        with patient.client() as client:  # and the idle timeout does not count any more
            client.send(b"GET / HTTP/1.1\r\n")
            time.sleep(HEADER * 2)
            client.send(b"Host: a\r\n\r\n")
            assert client.reply().status == 200


def idle_clients_are_given_up(subject):
    with Patient(subject) as patient:
        begin = time.monotonic()
        silent = patient.client()
        with patient.client() as client:
            assert client.call("GET", "/").status == 200
            ends_after(client, begin, IDLE)
        ends_after(silent, begin, IDLE)
        silent.close()
        with patient.client() as client:
            client.send(request("GET", "/bytes/100000000"))  # not idle: a reply is under way
            time.sleep(IDLE * 2)
            assert len(client.reply().body) == 100000000
            assert client.call("GET", "/").status == 200
            begin = time.monotonic()
            ends_after(client, begin, IDLE)


def a_body_has_to_come_in_time(subject):
    sized = request("POST", "/echo", "Content-Length: 4000")
    parts = request("POST", "/echo", "Transfer-Encoding: chunked")
    unwanted = request("GET", "/", "Content-Length: 1000")
    with Patient(subject) as patient:
        starts = (sized, sized + b"x" * 3999, parts, parts + b"5\r\nhello", parts + b"5\r\nhello\r",
                  parts + b"0\r\nA: b\r\n", unwanted + b"x")
        clients = [patient.client() for _ in starts]
        begin = time.monotonic()
        for client, start in zip(clients, starts):
            client.send(start)
        for client in clients:
            ends_after(client, begin, IDLE, 408)
            client.close()

    def slowly(client):  # is fine as long as it goes on
        client.send(sized)
        for _ in range(40):
            time.sleep(0.15)
            client.send(b"z" * 100)
        assert client.reply().body == b"z" * 4000

    def hardly(client, start, rest):  # but a byte now and then is not enough
        begin = time.monotonic()
        client.send(start)
        drip(client, rest, 0.15)
        ends_after(client, begin, 10 * HEADER, 408)

    with Patient(subject, idle=HEADER) as patient, ThreadPoolExecutor() as pool:
        clients = [patient.client() for _ in range(3)]
        for end in (pool.submit(slowly, clients[0]), pool.submit(hardly, clients[1], sized, b"x" * 999),
                    pool.submit(hardly, clients[2], parts, chunked(*[b"y"] * 999))):
            end.result()
        for client in clients:
            client.close()


def patience_may_be_endless(subject):
    with Patient(subject, header=0, idle=0) as patient:
        clients = [patient.client() for _ in range(3)]
        clients[1].send(b"GET / HTTP/1.1\r\n")
        clients[2].send(request("POST", "/echo", "Content-Length: 3") + b"a")
        time.sleep(1)
        clients[0].send(request("GET", "/"))
        clients[1].send(b"Host: a\r\n\r\n")
        clients[2].send(b"bc")
        assert [client.reply().status for client in clients] == [200] * 3
        for client in clients:
            client.close()


TESTS = [a_head_has_to_come_in_time, idle_clients_are_given_up, a_body_has_to_come_in_time,
         patience_may_be_endless]
