# SPDX-License-Identifier: MIT
"""The client's side of the Redis protocol."""


class Error(bytes):
    """An error reply: its text without the minus."""


class Status(bytes):
    """A status reply: its text without the plus."""


def encode(*words):
    """A request as an array of byte strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def quote(word):
    """A word of an inline request."""
    if word and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in word):
        return word
    return b'"' + b"".join(b"\\x%02x" % byte for byte in word) + b'"'


class Client:
    """Sends requests and takes replies apart."""

    def __init__(self, server, timeout=20):
        self.socket = server.connect(timeout)
        self.buffer = bytearray()
        self.position = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def call(self, *words):
        self.send(encode(*words))
        return self.reply()

    def _fill(self):
        if self.position > 1 << 16:
            del self.buffer[: self.position]
            self.position = 0
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("the server closed the connection")
        self.buffer += data

    def _line(self):
        searched = self.position
        while (end := self.buffer.find(b"\r\n", searched)) < 0:
            searched = max(self.position, len(self.buffer) - 1)
            before = self.position
            self._fill()
            searched -= before - self.position
        line = bytes(self.buffer[self.position : end])
        self.position = end + 2
        return line

    def _bytes(self, length):
        while len(self.buffer) - self.position < length + 2:
            self._fill()
        begin = self.position
        data = bytes(self.buffer[begin : begin + length])
        assert self.buffer[begin + length : begin + length + 2] == b"\r\n", "no CRLF after a bulk"
        self.position += length + 2
        return data

    def reply(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest)
        if kind == b"-":
            return Error(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._bytes(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        raise AssertionError(f"not a reply: {line[:80]!r}")
