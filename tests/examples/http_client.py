# SPDX-License-Identifier: MIT
"""The client's side of HTTP/1.1, strict about what it reads."""
import re
import socket
import struct

STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d\d\d) ([ -~]+)")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([ -~]*)")
PATTERN = b"0123456789abcdef"


def pattern(length):
    """What GET /bytes/N gives."""
    return (PATTERN * (length // len(PATTERN) + 1))[:length]


def request(method, path, *fields, body=None, version="HTTP/1.1"):
    lines = [f"{method} {path} {version}", "Host: test", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(*pieces):
    """A body in chunks; an empty piece is none, as it would be the end."""
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece]
    return b"".join(chunks) + b"0\r\n\r\n"


class Reply:
    def __init__(self, status, fields):
        self.status, self.fields, self.body = status, fields, b""

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:80]!r}>"

    def closes(self):
        return self.fields.get("connection") == "close"


class Client:
    """Sends bytes and takes replies apart."""

    def __init__(self, server, timeout=20):
        self.socket = server.connect(timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def call(self, method, path, *fields, body=None, version="HTTP/1.1"):
        self.send(request(method, path, *fields, body=body, version=version))
        return self.reply(method)

    def _fill(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError(f"the server closed the connection after {self.buffer[-80:]!r}")
        self.buffer += data

    def _until(self, end):
        searched = 0
        while (at := self.buffer.find(end, searched)) < 0:
            searched = max(0, len(self.buffer) - len(end))
            self._fill()
        data, self.buffer = self.buffer[:at], self.buffer[at + len(end):]
        return data

    def _bytes(self, length):
        parts, left = [self.buffer[:length]], length - len(self.buffer)
        self.buffer = self.buffer[length:]
        while left > 0:
            data = self.socket.recv(min(left, 1 << 20))
            if not data:
                raise EOFError(f"closed, {left} of {length} bytes are missing")
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def _chunks(self):
        parts = []
        while True:
            size = int(self._until(b"\r\n"), 16)
            parts.append(self._bytes(size))
            assert self._bytes(2) == b"\r\n", "a chunk is longer than it said"
            if size == 0:
                return b"".join(parts)

    def head(self):
        """Status and fields; the body is still to come."""
        line, *lines = self._until(b"\r\n\r\n").split(b"\r\n")
        match = STATUS_LINE.fullmatch(line)
        assert match, f"not a status line: {line!r}"
        fields = {}
        for text in lines:
            field = FIELD.fullmatch(text)
            assert field, f"not a field: {text!r}"
            name = field[1].decode().lower()
            assert name not in fields, f"twice: {name}"
            fields[name] = field[2].decode()
        return Reply(int(match[1]), fields)

    def reply(self, method="GET"):
        reply = self.head()
        if reply.status < 200:
            assert not reply.fields, reply
            return reply
        assert ("content-length" in reply.fields) != ("transfer-encoding" in reply.fields), reply
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", reply.fields["date"])
        assert ("allow" in reply.fields) == (reply.status == 405), reply
        if method == "HEAD":
            return reply
        if "transfer-encoding" in reply.fields:
            assert reply.fields["transfer-encoding"] == "chunked"
            reply.body = self._chunks()
        else:
            reply.body = self._bytes(int(reply.fields["content-length"]))
        return reply

    def segments_received(self):
        """How many pieces with data have come, as the server's writes left them."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
        return struct.unpack_from("I", info, 152)[0]  # tcpi_data_segs_in

    def at_end(self):
        """The server has closed its side, and nothing is left."""
        if self.buffer:
            return False
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
