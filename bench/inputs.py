"""What `differential.py` sends beside plain requests: every recording of the project, and odd heads and bodies.

A change is drawn from a `random.Random`: the same one makes the same change to another request of the same form.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from mcmock.protocols.base import SID, ApiProtocol
from mcmock.recordings import files, replay_plan

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
STARTS_MS: Final = 1_700_000_000_000
NOT_SENT: Final = {b"host", b"content-length"}


# -- recordings -------------------------------------------------------------------------------------------------------


class Sent(NamedTuple):
    """A recorded request. `target` and `body` hold SID where the id of a session goes."""

    method: str
    target: str
    lines: tuple[str, ...]
    body: bytes
    protocol: ApiProtocol

    def raw(self, session: str) -> bytes:
        """Return its bytes, as sent to that session."""
        target, body = self.protocol.readdressed(self.target, self.body, SID, session)
        lines = ["Host: 127.0.0.1", *self.lines]
        if body or self.method != "OPTIONS":
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([f"{self.method} {target} HTTP/1.1", *lines]).encode("latin-1") + b"\r\n\r\n" + body


class Story(NamedTuple):
    """What one recording has sent, in order."""

    name: str
    sent: tuple[Sent, ...]


@cache
def recordings() -> tuple[Story, ...]:
    """Return all recordings under fixtures/ that hold a request."""
    stories = []
    for path in sorted(one for one in FIXTURES.rglob("*") if one.suffix in (".json", ".jsonl")):
        steps = replay_plan.plan(files.read(path), path.name, STARTS_MS).steps
        sent = (
            Sent(
                step.method,
                step.target,
                tuple(f"{name}: {value}" for name, value in step.headers if name.encode().lower() not in NOT_SENT),
                step.body,
                step.protocol,
            )
            for step in steps
        )
        stories.append(Story(str(path.relative_to(FIXTURES)), tuple(sent)))
    return tuple(stories)


@cache
def recorded_bodies() -> tuple[bytes, ...]:
    """Return the bodies of recorded events of the Media Collection API, each once."""
    found = (one.body for story in recordings() for one in story.sent if one.target.startswith("/api/v1/sessions/"))
    return tuple(dict.fromkeys(found))


# -- heads ------------------------------------------------------------------------------------------------------------

ADDED: Final = (
    *(b"Connection: close", b"Expect: 100-continue", b"Content-Encoding: gzip", b"Upgrade: h2c") * 4,
    b"Connection: close", b"Connection: keep-alive", b"Connection: Keep-Alive, close", b"connection:close",
    b"Connection: content-length", b"Connection: TE, x", b"Connection:", b"Keep-Alive: timeout=5", b"Proxy-Connection: close",
    b"Expect: 100-continue", b"expect: 100-Continue", b"Expect: other", b"Content-Encoding: gzip",
    b"Content-Encoding: identity", b"Content-Encoding:", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding:", b"Upgrade: h2c", b"Upgrade: websocket",
    b"Sec-WebSocket-Key1: x", b"Host: y", b"Host:", b"host: 127.0.0.1", b"Content-Length: 2", b"Content-Length: 0",
    b"content-length: 99", b"Content-Length:", b"X: ", b"X:\ty\t", b"X : y", b": y", b"X", b"X: \xff\xfe", b"X: \xc3\xa4",
    b"X\x00: y", b"X: a\x00b", b"X: a\x7fb", b"X: a\rb", b"X: " + b"y" * 4000, b"X: " + b"y" * 9000, b" X: y", b"\tX: y",
    b"X: y\r\n z", b"Trailer: X", b"TE: trailers", b"Origin: http://page", b"Origin: null", b"Cookie: a=b; c=d",
    b"Content-Type: text/plain", b"Content-Type:", b"content-type: application/json; charset=utf-16", b"X: y\r\nX: z",
    b"Access-Control-Request-Method: POST", b"Access-Control-Request-Headers: content-type",
    b"Access-Control-Request-Private-Network: true", b"X-Forwarded-For: 1.2.3.4", b"Forwarded: for=1",
    b"Authorization: Bearer x",
)  # fmt: skip
LENGTHS: Final = (
    b"Content-Length: 0%d", b"Content-Length: 00%d", b"Content-Length: +%d", b"Content-Length: -%d", b"Content-Length: %d ",
    b"Content-Length:  %d", b"Content-Length:\t%d\t", b"Content-Length:%d", b"content-length: %d", b"CONTENT-LENGTH: %d",
    b"Content-Length : %d", b" Content-Length: %d", b"Content-Length: %d, %d", b"Content-Length: %d,",
    b"Content-Length: %d;x=y", b"Content-Length: %d.0", b"Content-Length: %de0", b"Content-Length: 0x%d",
    b"Content-Length: 1_%d", b"Content-Length: \xd9\xa3%d", b"Content-Length: \xc2\xb2%d", b"Content-Length:\r\n %d",
    b"Content-Length: %d\r\n ", b"Content-Length: %d\r\nContent-Length: %d", b"Content-Length: %d\r\nContent-Length: 1%d",
    b"Content-Length: 1%d", b"Content-Length: %d0", b"Content-Length: 18446744073709551617", b"X-Content-Length: %d",
    b"Content-Length\x00: %d", b"Content_Length: %d", b"Content-Length: \"%d\"", b"Content-Length: %d\rX: y",
    b"Content-Length: %d\nX: y", b"X: y\nContent-Length: %d", b"Transfer-Encoding: chunked\r\nContent-Length: %d",
)  # fmt: skip
TARGETS: Final = (
    b"%b?", b"%b?a=b", b"%b#a", b"%b/", b"/%b", b"//x%b", b"http://x%b", b"http://other:1%b", b"HTTP://127.0.0.1%b?x",
    b"https://x%b", b"%b%%20", b"%b%%2f", b"/.%b", b"/a/..%b", b"%b\x80", b"%b ", b" %b", b"*", b"x:80", b"/~one%b", b"/~%b",
    b"/~one/~one%b", b"%b;x",
)  # fmt: skip
VERSIONS: Final = (
    b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/0.9", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b" HTTP/1.1",
    b"HTTP/1.10", b"HTTP/01.1", b"", b"HTTPS/1.1", b"RTSP/1.0",
)  # fmt: skip
METHODS: Final = (
    b"post", b"Post", b"PUT", b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"POSTX", b"P OST", b"", b"\x00POST", b"CONNECT",
)  # fmt: skip
STRAY: Final = (
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\t", b" ", b":", b"\x00", b"\x0b", b"\x7f", b"\x80", b"\xff", b",", b"%", b"\"",
)  # fmt: skip


def odd_head(chance: random.Random, raw: bytes) -> bytes:
    """Return a request with something odd in its head; the body is as it was."""
    head, empty, body = raw.partition(b"\r\n\r\n")
    for _ in range(chance.choice((1, 1, 1, 2))):
        head = chance.choice(_OF_HEADS)(chance, head)
    return head + empty + body


def _on_lines(change: Callable[[random.Random, list[bytes]], None]) -> Callable[[random.Random, bytes], bytes]:
    def changed(chance: random.Random, head: bytes) -> bytes:
        lines = head.split(b"\r\n")
        if len(lines) > 1:
            change(chance, lines)
        return b"\r\n".join(lines)

    return changed


def _line(chance: random.Random, lines: list[bytes]) -> int:
    """Draw a header's line; for the same number of lines it is the same one."""
    return chance.randrange(1, len(lines))


def _added(chance: random.Random, lines: list[bytes]) -> None:
    lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(ADDED))


def _other_length(chance: random.Random, lines: list[bytes]) -> None:
    form = chance.choice(LENGTHS)
    for at, line in enumerate(lines):
        name, _, digits = line.partition(b":")
        if name.lower() == b"content-length" and digits.strip().isdigit():
            lines[at] = form.replace(b"%d", digits.strip())


def _doubled(chance: random.Random, lines: list[bytes]) -> None:
    lines.insert(chance.randrange(1, len(lines) + 1), lines[_line(chance, lines)])


def _removed(chance: random.Random, lines: list[bytes]) -> None:
    del lines[_line(chance, lines)]


def _shuffled(chance: random.Random, lines: list[bytes]) -> None:
    rest = lines[1:]
    chance.shuffle(rest)
    lines[1:] = rest


def _folded(chance: random.Random, lines: list[bytes]) -> None:
    at, blank = _line(chance, lines), chance.choice((b"\r\n ", b"\r\n\t", b"\n ", b"\r\n \r\n "))
    lines[at] = lines[at].replace(b" ", blank, 1)


def _spaced(chance: random.Random, lines: list[bytes]) -> None:
    at, form = (
        _line(chance, lines),
        chance.choice((b"%b ", b"%b\t", b" %b", b"\t%b", b"%b \t ", b"%b\r", b"%b\x0c", b"%b\xa0")),
    )
    lines[at] = form % lines[at]


def _around_colon(chance: random.Random, lines: list[bytes]) -> None:
    at, colon = (
        _line(chance, lines),
        chance.choice((b":", b":\t", b":  ", b" :", b"\t: ", b"::", b": :", b"", b":\x0b")),
    )
    lines[at] = re.sub(rb": ?", lambda _: colon, lines[at], count=1)


def _other_case(chance: random.Random, lines: list[bytes]) -> None:
    at = _line(chance, lines)
    name, colon, value = lines[at].partition(b":")
    lines[at] = chance.choice((name.lower(), name.upper(), name.swapcase())) + colon + value


def _request_line(chance: random.Random, lines: list[bytes]) -> None:
    method, _, rest = lines[0].partition(b" ")
    target, _, version = rest.rpartition(b" ")
    which = chance.randrange(4)
    if which == 0:
        target = chance.choice(TARGETS).replace(b"%b", target).replace(b"%%", b"%")
    elif which == 1:
        version = chance.choice(VERSIONS)
    elif which == 2:
        method = chance.choice(METHODS)
    else:
        lines[0] = chance.choice((b"\t", b"  ", b"\x0b", b"")).join((method, target, version))
        return
    lines[0] = b" ".join((method, target, version))


def _bare(chance: random.Random, head: bytes) -> bytes:
    """Lines that end in a bare LF or CR: one of them, or all."""
    end = chance.choice((b"\n", b"\n", b"\r", b"\r\r\n", b"\n\r"))
    ends = head.split(b"\r\n")
    if chance.random() < 0.3 or len(ends) < 2:
        return end.join(ends)
    at = chance.randrange(1, len(ends))
    return b"\r\n".join(ends[:at]) + end + b"\r\n".join(ends[at:])


def _bytes(chance: random.Random, head: bytes) -> bytes:
    """One to three bytes that are others, gone, doubled or new."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(head) or 1)
        head = chance.choice(
            (
                head[:at] + head[at + 1 :],
                head[:at] + head[at : at + 1] * 2 + head[at + 1 :],
                head[:at] + bytes([chance.randrange(256)]) + head[at + 1 :],
                head[:at] + chance.choice(STRAY) + head[at + chance.randrange(2) :],
                head[:at] + head[at : at + 8] + head[at:],
            )
        )
    return head


_OF_HEADS: Final = (
    *[_on_lines(_added)] * 5, *[_on_lines(_other_length)] * 3, *[_on_lines(_request_line)] * 2, *[_bytes] * 4, _bare,
    *map(_on_lines, (_doubled, _removed, _shuffled, _folded, _spaced, _around_colon, _other_case)),
)  # fmt: skip


# -- bodies -----------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
_DIGIT = re.compile(rb"\d")
_BETWEEN = re.compile(rb"(?<=[{\[,:])|(?=[}\],:])")
_PAIR = re.compile(rb'"[^"\\]*": ?(?:"[^"\\]*"|-?[\d.]+|true|false|null)')
_KEY = re.compile(rb'"([A-Za-z][\w.]*)"(?= ?:)')
NUMBERS: Final = (
    b"0", b"-0", b"-1", b"1", b"00", b"01", b"007", b"-01", b"1.0", b"1.50", b"-0.0", b"0.1", b"1.", b".5", b"+1", b"1e3",
    b"1E3", b"1e+3", b"1e-3", b"1e03", b"0e0", b"1e", b"1e400", b"-1e400", b"1e-400", b"9007199254740993",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551615", b"18446744073709551616",
    b"1" * 40, b"1" * 400, b"0." + b"1" * 60, b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"nan", b"true", b"null", b"[]",
    b"{}", b'"1"', b"1_0", b"0x10", b"1 0", b"- 1", b"--1", b"1,1", b"1 ", b"\t1", "٣".encode(), "１".encode(), "²".encode(),
    "1٣".encode(), b"1\x00", b"1\\u0030", b"1700000000000", b"1700000000000.0", b"1.7e12", b"1701000000000",
    b"17010000000000", b"0.30000000000000004", b"5e-324", b"1.7976931348623157e308",
)  # fmt: skip
BLANKS: Final = (
    b" ", b"  ", b"\t", b"\n", b"\r\n", b"\r", b"\x0b", b"\x0c", b"\x00", b"\xa0", b"\xc2\xa0", b"\xe2\x80\xa8", b"/**/",
    b",", b":",
)  # fmt: skip
BROKEN: Final = (
    b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\x80", b"\x00", b"\\u0000", b"\\ud800",
    b"\\ud83d\\ude00", b"\\udc00\\ud800", b"\\u00e4", "ä".encode(), "😀".encode(), b"\\x", b"\\", b'"', b"\x1f", b"\n", b"\\/",
    b"\\n", b"7", b"\\u0037", "٧".encode(),
)  # fmt: skip

FRAMES: Final = (
    b"\xef\xbb\xbf%b", b"\xff\xfe%b", b"[%b]", b"[%b,%b]", b"%b%b", b"%b\n", b"%b\x00", b"\x1f\x8b%b", b"%b}", b"{%b}", b'"%b"',
    b" %b ",
)  # fmt: skip


def odd_body(chance: random.Random, text: bytes) -> bytes:
    """Return a body that differs from `text` in a few bytes; it may be JSON or not."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        text = chance.choice(_OF_BODIES)(chance, text)
    return text


def _replaced(chance: random.Random, found: list[re.Match[bytes]], text: bytes, by: Callable[[bytes], bytes]) -> bytes:
    if not found:
        return text
    one = chance.choice(found)
    return text[: one.start()] + by(one[0]) + text[one.end() :]


def _other_digits(chance: random.Random, text: bytes) -> bytes:
    """The form is the same: only digits differ, inside of texts and keys, too."""
    share = chance.choice((0.02, 0.2, 1.0))
    return _DIGIT.sub(lambda one: b"%d" % chance.randrange(10) if chance.random() < share else one[0], text)


def _other_number(chance: random.Random, text: bytes) -> bytes:
    return _replaced(chance, list(_NUMBER.finditer(text)), text, lambda _: chance.choice(NUMBERS))


def _longer_number(chance: random.Random, text: bytes) -> bytes:
    def longer(number: bytes) -> bytes:
        digits = b"%d" % chance.randrange(10 ** chance.randrange(1, 20))
        ends = (digits, b".0", b"." + digits, b"e1")
        return chance.choice((digits, b"-" + number, b"0" + number, number[1:], *(number + end for end in ends)))

    return _replaced(chance, list(_NUMBER.finditer(text)), text, longer)


def _blank(chance: random.Random, text: bytes) -> bytes:
    """White space, or what looks like it, where JSON may have it; once or everywhere."""
    blank = chance.choice(BLANKS)
    if chance.random() < 0.3:
        return _BETWEEN.sub(blank, text)
    at = chance.choice([0, len(text), *(one.start() for one in _BETWEEN.finditer(text))])
    return text[:at] + blank + text[at:]


def _tight(_: random.Random, text: bytes) -> bytes:
    return text.replace(b'": ', b'":').replace(b', "', b',"')


def _double_key(chance: random.Random, text: bytes) -> bytes:
    def twice(pair: bytes) -> bytes:
        other = pair.partition(b":")[0] + b":" + chance.choice((b"0", b"1", b'"x"', b"null", b"{}", b'"ping"'))
        return chance.choice((pair + b"," + pair, pair + b"," + other, other + b"," + pair))

    return _replaced(chance, list(_PAIR.finditer(text)), text, twice)


def _other_key(chance: random.Random, text: bytes) -> bytes:
    def changed(key: bytes) -> bytes:
        word = key.strip(b'"')
        escaped = b"\\u%04x" % word[0] + word[1:]
        others = (
            escaped,
            word.upper(),
            word[1:],
            *(word + end for end in (b"1", b"\\u0031", b" ")),
            b"x" + word,
            b"media." + word,
        )
        return b'"%b"' % chance.choice(others)

    return _replaced(chance, list(_KEY.finditer(text)), text, changed)


def _broken(chance: random.Random, text: bytes) -> bytes:
    """Something that UTF-8 or JSON does not have, or writes in two ways: within a text, or anywhere."""
    quotes = [at + 1 for at, byte in enumerate(text) if byte == 0x22]
    at = chance.choice(quotes) if quotes and chance.random() < 0.7 else chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(BROKEN) + text[at:]


def _around(chance: random.Random, text: bytes) -> bytes:
    return chance.choice(FRAMES).replace(b"%b", text)


def _cut(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(len(text) + 1)
    wide = text.decode("latin-1").encode("utf-16")
    return chance.choice((text[:at], text[at:], text[:at] + text[at + 1 :], text.replace(b'"', b"'"), wide))


_OF_BODIES: Final = (
    *[_other_digits] * 5, *[_other_number] * 4, *[_longer_number] * 3, _blank, _blank, _tight, _double_key, _other_key,
    _broken, _broken, _around, _cut,
)  # fmt: skip
