"""The fast path: a plain event POST answered where its bytes arrive, without a task, a request or a response object.

aiohttp stays the only HTTP parser: the fast path recognises what it has parsed before. A player sends the same header block
with every ping. All else (the first of its kind, anything split, pipelined, chunked, faulted, or in any way odd) goes the
ordinary way, which is also how the fast path learns. What an answer is, and what the log says, is decided by the same Emulator
either way. bench/differential.py looks for a difference.

What the fast path may believe, and why that is safe:

1. A packet is a request if it begins where one ends: `Connection.clear` says that aiohttp has read everything before it to
   the end, holds no part of a head or a body, and waits for nothing. It is known, not guessed, because aiohttp is fed one
   head or one body at a time (see `pieces`).
2. A header block means what aiohttp said it means, wherever it comes again: the same bytes behind a request line that
   differs in the session id only. It is learnt from a packet that came on a clear connection, of which aiohttp made exactly
   one request, and which left the connection clear: so it ends where the request ends.
3. Nothing is taken on trust even then: a block is kept only if its lines, read one by one, are the headers that aiohttp
   named, in their order. A block cannot say what is not in it.
4. The body is what follows the block, and its length the one in the block: a packet with a byte more or less is not taken.
5. Answers come in the order of the requests: the fast path answers only where none is queued, read, answered or held back.
6. Only a header that asks for no more than reading a body and answering it is learnt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from mcmock.core.model import RawHeaders

MAX_BYTES = 4 * 2**20
"""Memory for the header blocks that are remembered, about; past that, learning starts over."""

MAX_BLOCK = 4096
"""Bytes of a header block; a longer one is not learnt."""

_NEVER = re.compile(rb"(?!)")
_END = b"\r\n\r\n"
_BLANK = b" \t"

# A header that asks for more than reading a body and answering it.
_SPECIAL = {"Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade"}

# What CPython takes for a block's objects, and for two byte strings and their pair in the tuple of its headers.
_BLOCK_COST, _HEADER_COST = 600, 150


class HeaderBlock(NamedTuple):
    """What aiohttp made of a header block."""

    headers: RawHeaders
    host: str
    length: int  # of the body


class FastRequest(NamedTuple):
    """A request that the fast path can take."""

    target: str
    block: HeaderBlock
    body: bytes


class FastPath:
    """The header blocks that one server has seen. `patterns` are those of the emulated APIs (`ApiProtocol.fast_path`)."""

    def __init__(self, longest_body: int, patterns: Iterable[re.Pattern[bytes] | None]) -> None:
        self._longest_body = longest_body
        known = [pattern.pattern for pattern in patterns if pattern is not None]
        self._request_line = re.compile(b"|".join(known)) if known else _NEVER
        self._blocks: dict[bytes, HeaderBlock] = {}
        self._bytes = 0

    def read(self, data: bytes) -> FastRequest | None:
        """Return the request that `data` is, if it is one for the fast path. It must have come on a clear connection."""
        found = self._request_line.match(data)
        if found is None:
            return None
        begin = found.end()
        end = data.find(_END, begin)
        block = self._blocks.get(data[begin:end])
        if block is None or len(data) - end - 4 != block.length:
            return None
        return FastRequest(found[found.lastindex or 0].decode(), block, data[end + 4 :])

    def learn(self, data: bytes, message: Any) -> None:
        """Remember the header block of `data`, which aiohttp has just read as `message`, from the first byte to the last."""
        found = self._request_line.match(data)
        if found is None:
            return
        begin = found.end()
        end = data.find(_END, begin)
        text = data[begin:end]
        if not 0 < end - begin <= MAX_BLOCK or text in self._blocks:
            return
        block = self._block(text, message)
        if block is None or len(data) - end - 4 != block.length:
            return
        cost = _BLOCK_COST + 2 * len(text) + _HEADER_COST * len(block.headers)
        if self._bytes + cost > MAX_BYTES:
            self._blocks.clear()
            self._bytes = 0
        self._blocks[text] = block
        self._bytes += cost

    def _block(self, text: bytes, message: Any) -> HeaderBlock | None:
        """Return what the header block `text` means, if the fast path may take requests that have it."""
        headers = message.headers
        if message.should_close or message.upgrade or not _SPECIAL.isdisjoint(headers) or "Host" not in headers:
            return None
        if _headers(text) != message.raw_headers:
            return None
        length = headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or int(length) > self._longest_body:
            return None
        return HeaderBlock(message.raw_headers, headers["Host"], int(length))


def _headers(text: bytes) -> RawHeaders:
    """Return the lines of a header block, read in the plainest way there is."""
    lines = (line.partition(b":") for line in text.split(b"\r\n"))
    return tuple((name, value.strip(_BLANK)) for name, _, value in lines)
