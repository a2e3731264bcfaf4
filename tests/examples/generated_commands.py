# SPDX-License-Identifier: MIT
"""Commands made up at random for two servers that must answer the same. Keys and values are few and
nasty, options are often wrong, and no key expires while the test runs."""
import random

from resp import encode, quote

KEYS = [b"a", b"b", b"key:1", b"key:2", b"k[1]", b"k*", b"\\x", b"", b"two words", b"\x00nul",
        b"\xff\xfe", b"x" * 100, b"line\r\nbreak", b"caf\xc3\xa9", b"ab", b"abc", b"b-c", b"^"]
VALUES = [b"", b"1", b"0", b"-1", b"-0", b"01", b"+1", b" 1", b"1 ", b"9223372036854775807",
          b"9223372036854775806", b"-9223372036854775808", b"-9223372036854775809", b"1.5", b"abc",
          b"9223372036854775808", b"\r\n", b"\x00\x01", b"v" * 50, b"v" * 5000, b"v" * 40000,
          b"12345678901234567890123", b"0x10", b"-", b"--1"]
PATTERNS = [b"*", b"?", b"??", b"a*", b"*a*", b"key:?", b"key:[12]", b"key:[^1]", b"key:[0-9]",
            b"key:[9-0]", b"k\\[1\\]", b"k\\*", b"[", b"[a", b"[a-", b"[^", b"[^a]*", b"[]a]", b"[\\]]",
            b"\\", b"a\\", b"", b"**", b"*?*", b"[ab]*c", b"*[a-c]", b"[a-c-e]*", b"[\xf0-\xff]*",
            b"*\x00*", b"a[b-]*", b"[^]", b"x*x", b"*\\", b"[[]*", b"\\^", b"[a\\-c]*", b"*b*c"]
SECONDS = [b"0", b"-1", b"-100", b"abc", b"", b"1.5", b"01",
           b"9223372036854775807", b"9223372036854775", b"9223372036854774", b"-9223372036854775808",
           b"-9223372036854775", b"9223372036854775808"]
OPTIONS = [b"NX", b"XX", b"GT", b"LT", b"nx", b"xx", b"GET", b"KEEPTTL", b"FOO", b"", b"EX"]
NAMES = ["ping", "echo", "set", "get", "del", "exists", "incr", "expire", "ttl", "mget", "mset",
         "keys", "flushall", "unknown"]
WEIGHTS = [3, 2, 30, 14, 6, 6, 10, 16, 14, 6, 6, 8, 0.4, 4]


def _some(rng, choices, low, high):
    return [rng.choice(choices) for _ in range(rng.randint(low, high))]


def _seconds(rng, valid):
    """Long enough for the test, and hardly ever the same twice: whether an expiry is later than
    another must not hang on the milliseconds between two requests."""
    return b"%d" % rng.randint(100, 10**7) if rng.random() < valid else rng.choice(SECONDS)


def _set_words(rng):
    words = [rng.choice(KEYS), rng.choice(VALUES)]
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 3])):
        if rng.random() < 0.5:
            unit = rng.choice([b"EX", b"ex", b"Ex"])
            words += [unit, _seconds(rng, 0.7)]
        elif rng.random() < 0.3:
            words += [b"PX", rng.choice([b"100000", b"5000000", b"0", b"-1", b"x",
                                         b"9223372036854775807"])]
        else:
            words.append(rng.choice(OPTIONS))
    return words


def _words(rng, name):
    if name == "set":
        return _set_words(rng)
    if name == "expire":
        options = _some(rng, OPTIONS[:6] * 3 + OPTIONS, 0, 2) if rng.random() < 0.6 else []
        return [rng.choice(KEYS), _seconds(rng, 0.5), *options]
    if name in ("del", "exists", "mget"):
        return _some(rng, KEYS, 1, 6)
    if name == "mset":
        return [word for _ in range(rng.randint(1, 4))
                for word in (rng.choice(KEYS), rng.choice(VALUES))]
    if name == "keys":
        return [rng.choice(PATTERNS)]
    if name == "ping":
        return _some(rng, VALUES, 0, 1)
    if name == "echo":
        return [rng.choice(VALUES)]
    if name == "flushall":
        return _some(rng, [b"ASYNC", b"sync", b"foo"], 0, 1)
    if name == "unknown":
        return _some(rng, KEYS + VALUES, 0, 4)
    return [rng.choice(KEYS)]


def _shaken(rng, name):
    """The name in some mixture of cases."""
    if name == "unknown":
        return rng.choice([b"foo", b"", b"GETT", b"ge", b"\x00", b"se\r\nt", b"x" * 200, b"get ",
                           b"HELP", b"nothing%s%n", b"\xff"])
    style = rng.random()
    if style < 0.4:
        return name.encode()
    if style < 0.7:
        return name.upper().encode()
    return "".join(rng.choice([c, c.upper()]) for c in name).encode()


def make_command(rng):
    """Name, words, and the bytes that say it."""
    name = rng.choices(NAMES, WEIGHTS)[0]
    words = [_shaken(rng, name), *_words(rng, name)]
    if rng.random() < 0.06:  # a wrong number of words
        words = words[: rng.randint(1, len(words))] if rng.random() < 0.5 else words + [b"more"]
    if rng.random() < 0.2 and sum(map(len, words)) < 10000:
        blank = rng.choice([b" ", b"  ", b"\t", b" \x0b"])
        line = blank.join(map(quote, words)) + rng.choice([b"\r\n", b"\n"])
        return name, words, line
    data = encode(*words)
    if rng.random() < 0.03:  # requests that are none
        data = rng.choice([b"\r\n", b"\n", b"*0\r\n", b"*-1\r\n", b" \r\n"]) + data
    return name, words, data


def make_commands(seed, count):
    rng = random.Random(seed)
    return [make_command(rng) for _ in range(count)]


def make_broken(seed, count):
    """Streams of harmless requests with a few bytes changed, doubled or lost."""
    rng = random.Random(seed)
    streams = []
    for _ in range(count):
        data = bytearray()
        for _ in range(rng.randint(1, 5)):
            words = rng.choice([[b"PING"], [b"ECHO", rng.choice(VALUES[:18])],
                                [b"GET", b"nothing"], [b"EXISTS", b"n1", b"n2"], [b"TTL", b"n3"]])
            data += encode(*words) if rng.random() < 0.7 else b" ".join(map(quote, words)) + b"\r\n"
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data))
            action = rng.random()
            if action < 0.5:
                data[at] = rng.choice([0, 10, 13, 32, 34, 36, 39, 42, 45, 48, 49, 57, 92, 255,
                                       rng.randrange(256)])
            elif action < 0.75:
                del data[at]
                if not data:
                    data += b"\n"
            else:
                data[at:at] = data[at : at + rng.randint(1, 6)]
        streams.append(bytes(data))
    return streams
