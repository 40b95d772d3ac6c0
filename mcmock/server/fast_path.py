"""The fast path: a request answered where its bytes arrive, without a task, a request or a response object of aiohttp's.

aiohttp stays the only HTTP parser: the fast path recognises what it has parsed before. A player sends the same header block
with every request, but for the body's length. All else (the first of its kind, anything pipelined, chunked, or in any way odd)
goes the ordinary way, which is also how the fast path learns. What an answer is, and what the log says, is decided by the same
Emulator either way. bench/differential.py looks for a difference.

What the fast path may believe, and why that is safe:

1. A packet is a request if it begins where one ends: `Connection.clear` says that aiohttp has read everything before it to
   the end, holds no part of a head or a body, and waits for nothing. It is known, not guessed, because aiohttp is fed one
   head or one body at a time (see `pieces`).
2. A header block means what aiohttp said it means, wherever it comes again with the same method: the same bytes behind a
   request line whose target is one that an API has named (`ApiProtocol.known`). It is learnt from what came on a clear
   connection, of which aiohttp made exactly one request, and which left the connection clear: so it ends where the request ends.
3. Nothing is taken on trust even then: a block is kept only if its lines, read one by one, are the headers that aiohttp
   named, in their order. A block cannot say what is not in it.
4. A block that differs from one that is known in the digits of its one Content-Length alone means the same but for the
   length: up to seven digits, the first one no zero, and no more than the longest body.
5. The body is what follows the block, and its length the one in the block: a packet with a byte more is not taken, and one
   with less is held until the rest has come (`Part`), or until it goes the ordinary way, with whatever came behind it.
6. Answers come in the order of the requests: the fast path answers only where none is queued, read, answered or held back.
7. Only a header that asks for no more than reading a body and answering it is learnt, and perhaps for the connection's end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from mcmock.core.model import RawHeaders
from mcmock.protocols.base import ApiProtocol, KnownLine

MAX_BYTES = 4 * 2**20
"""Memory for the header blocks that are remembered, about; past that, learning starts over."""

MAX_LINES = 4096
"""Request lines that are remembered, some 500 bytes each; past that, they are read anew."""

MAX_BLOCK = 4096
"""Bytes of a header block; a longer one is not learnt."""

MAX_HELD = 16_384
"""Bytes of a body that is waited for here; a longer one is read by aiohttp."""

METHODS = (b"POST", b"OPTIONS")

_SCOPE = rb"(?:/~[A-Za-z0-9][A-Za-z0-9._-]{0,63})?"
_NEVER = re.compile(rb"(?!)")
_new = tuple.__new__  # half of the price of FastRequest(…), on the way of every request
_LINE_END = b"\r\n"
_END = b"\r\n\r\n"
_BLANK = b" \t"
_LENGTH = re.compile(rb"(?i)(?:\A|\r\n)content-length:[ \t]*(0|[1-9][0-9]{0,6})(?=[ \t]*(?:\r\n|\Z))")

# A header that asks for more than reading a body and answering it.
_SPECIAL = {"Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade", "Sec-WebSocket-Key1"}

# What CPython takes for a block's objects, and for two byte strings and their pair in the tuple of its headers.
_BLOCK_COST, _HEADER_COST = 600, 150


class HeaderBlock(NamedTuple):
    """What aiohttp made of a header block, which is `text`, the empty line behind it included.

    `is_usual` says that the connection stays, and that no API finds anything in a POST because of it.
    """

    text: bytes
    headers: RawHeaders
    host: str
    length: int  # of the body
    keep_alive: bool
    is_usual: bool


class RequestLine:
    """A request line that came before, and the header blocks that are known of its method.

    `known` is what it makes a request, where the API that has a fast path can tell.
    """

    __slots__ = ("blocks", "known", "method", "target", "text")

    def __init__(
        self, text: bytes, method: str, target: str, known: KnownLine | None, blocks: dict[bytes, HeaderBlock]
    ) -> None:
        self.text, self.method, self.target, self.known, self.blocks = text, method, target, known, blocks


class Head(NamedTuple):
    """A head that the fast path knows."""

    line: RequestLine
    block: HeaderBlock


class FastRequest(NamedTuple):
    """A request that the fast path can take."""

    head: Head
    body: bytes


class Part(NamedTuple):
    """A request that the fast path can take once so many more bytes of its body have come."""

    missing: int


class FastPath:
    """The header blocks that one server has seen. It takes requests for those of the `protocols` that know their forms."""

    def __init__(self, longest_body: int, protocols: Sequence[ApiProtocol]) -> None:
        self._longest_body = longest_body
        self._known = [one.known for one in protocols if one.known is not None]
        targets = b"|".join(one.targets for one in self._known)
        line = rb"(%b) (%b(?:%b)) HTTP/1\.1\r\n" % (b"|".join(METHODS), _SCOPE, targets)
        self._request_line = re.compile(line) if targets else _NEVER
        self._lines: dict[bytes, RequestLine] = {}
        self._blocks: dict[bytes, dict[bytes, HeaderBlock]] = {method: {} for method in METHODS}
        self._alike: dict[tuple[str | bytes, ...], HeaderBlock] = {}  # by method, and what stands around the length
        self._bytes = 0

    def read(self, data: bytes, latest: Head | None = None) -> FastRequest | Part | None:
        """Return the request that `data` is, if it is one for the fast path. It must have come on a clear connection.

        `latest` is the head of the one before on that connection: most have the same.
        """
        if latest is not None:
            line, block = latest
            begin = len(line.text)
            end = begin + len(block.text)
            if len(data) == end + block.length and data.startswith(line.text) and data.startswith(block.text, begin):
                return _new(FastRequest, (latest, data[end:]))
        begin = data.find(_LINE_END) + 2
        request_line = self._lines.get(data[:begin]) or self._read_line(data[:begin])
        if request_line is None:
            return None
        end = data.find(_END, begin) + 4
        if end < 4:
            return None
        text = data[begin:end]
        header_block = request_line.blocks.get(text) or self._derived(request_line, text)
        if header_block is None:
            return None
        missing = header_block.length - (len(data) - end)
        if missing == 0:
            return _new(FastRequest, (_new(Head, (request_line, header_block)), data[end:]))
        return Part(missing) if missing > 0 and header_block.length <= MAX_HELD else None

    def _read_line(self, text: bytes) -> RequestLine | None:
        """Return what a request line says; None where it is none for the fast path."""
        found = self._request_line.fullmatch(text)
        if found is None:
            return None
        method, target = found[1].decode(), found[2].decode()
        known = None
        for one in self._known:
            known = known or one.line(method, target)
        if len(self._lines) >= MAX_LINES:
            self._lines.clear()
        line = self._lines[text] = RequestLine(text, method, target, known, self._blocks[found[1]])
        return line

    def _derived(self, line: RequestLine, text: bytes) -> HeaderBlock | None:
        """Return what a block means that differs from a known one in the length alone."""
        found = _LENGTH.search(text)
        if found is None:
            return None
        known = self._alike.get((line.method, *_around(text, found)))
        length = int(found[1])
        if known is None or length > self._longest_body:
            return None
        headers = tuple(
            (name, found[1] if name.lower() == b"content-length" else value) for name, value in known.headers
        )
        block = known._replace(text=text, headers=headers, length=length)
        self._keep(line, text, block)
        return block

    def learn(self, data: bytes, message: Any) -> None:
        """Remember the header block of `data`, which aiohttp has just read as `message`, from the first byte to the last."""
        begin = data.find(_LINE_END) + 2
        line = self._lines.get(data[:begin]) or self._read_line(data[:begin])
        if line is None:
            return
        end = data.find(_END, begin) + 4
        text = data[begin:end]
        if not 4 < end - begin <= MAX_BLOCK + len(_END) or text in line.blocks:
            return
        block = self._block(line.method, text, message)
        if block is None or len(data) - end != block.length:
            return
        self._keep(line, text, block)
        if (length := _LENGTH.search(text)) is not None:
            self._alike[line.method, *_around(text, length)] = block

    def _keep(self, line: RequestLine, text: bytes, block: HeaderBlock) -> None:
        cost = _BLOCK_COST + 3 * len(text) + _HEADER_COST * len(block.headers)
        if self._bytes + cost > MAX_BYTES:
            self._lines.clear()
            self._alike.clear()
            for blocks in self._blocks.values():
                blocks.clear()
            self._bytes = 0
        line.blocks[text] = block
        self._bytes += cost

    def _block(self, method: str, text: bytes, message: Any) -> HeaderBlock | None:
        """Return what the header block `text` means, if the fast path may take requests that have it."""
        headers = message.headers
        if message.upgrade or not _SPECIAL.isdisjoint(headers) or "Host" not in headers:
            return None
        if _headers(text) != message.raw_headers:
            return None
        lengths = [value for name, value in message.raw_headers if name.lower() == b"content-length"]
        if len(lengths) > 1 or (not lengths and method == "POST"):
            return None
        length = lengths[0] if lengths else b"0"
        if not length.isdigit() or int(length) > self._longest_body:
            return None
        keep_alive = not message.should_close
        usual = keep_alive and (method == "OPTIONS" or all(one.is_usual(message.raw_headers) for one in self._known))
        return HeaderBlock(text, message.raw_headers, headers["Host"], int(length), keep_alive, usual)


def _around(text: bytes, length: re.Match[bytes]) -> tuple[bytes, bytes]:
    """Return what stands before the digits of the length, and behind them."""
    return text[: length.start(1)], text[length.end(1) :]


def _headers(text: bytes) -> RawHeaders:
    """Return the lines of a header block, read in the plainest way there is."""
    lines = (line.partition(b":") for line in text.removesuffix(_END).split(_LINE_END))
    return tuple((name, value.strip(_BLANK)) for name, _, value in lines)
