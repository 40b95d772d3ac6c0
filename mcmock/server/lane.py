"""The fast lane: a plain event POST answered where its bytes arrive, without a task, a request or a response object.

aiohttp stays the only HTTP parser. The lane takes a request only if it is one packet, `POST` of an event path, and its
header block is, byte for byte, one that aiohttp has parsed before: a player sends the same block with every ping. All
else (the first of its kind, anything split, pipelined, chunked, faulted, or in any way odd) goes the ordinary way, which
is also how the lane learns. What an answer is, and what the log says, is decided by the same Emulator either way.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mcmock.model import RawHeaders

MOST_BLOCKS = 4096
"""Header blocks remembered; past that, learning starts over."""

LONGEST_BLOCK = 4096

_REQUEST_LINE = re.compile(rb"POST (/api/v1/sessions/[0-9a-f]{64}/events) HTTP/1\.1\r\n")
_LINE_LENGTH = len("POST /api/v1/sessions//events HTTP/1.1\r\n") + 64
_END = b"\r\n\r\n"

# A header that asks for more than reading a body and answering it.
_SPECIAL = {"Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade"}


class Block(NamedTuple):
    """What aiohttp made of a header block."""

    headers: RawHeaders
    host: str
    length: int  # of the body


class Plain(NamedTuple):
    """A request that the lane can take."""

    target: str
    block: Block
    body: bytes


class Lane:
    """The header blocks that one server has seen."""

    def __init__(self, longest_body: int) -> None:
        self._longest_body = longest_body
        self._blocks: dict[bytes, Block] = {}

    def read(self, data: bytes) -> Plain | None:
        """The request that `data` is, if it is one for the lane."""
        found = _REQUEST_LINE.match(data)
        if found is None:
            return None
        end = data.find(_END, _LINE_LENGTH)
        block = self._blocks.get(data[_LINE_LENGTH:end])
        if block is None or len(data) - end - 4 != block.length:
            return None
        return Plain(found[1].decode(), block, data[end + 4 :])

    def learn(self, data: bytes, message: Any) -> None:
        """Remember the header block of `data`, which aiohttp has just read as `message`."""
        headers, end = message.headers, data.find(_END, _LINE_LENGTH)
        if _REQUEST_LINE.match(data) is None or not 0 < end - _LINE_LENGTH <= LONGEST_BLOCK:
            return
        if message.should_close or message.upgrade or not _SPECIAL.isdisjoint(headers) or "Host" not in headers:
            return
        length = headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > self._longest_body:
            return
        if len(self._blocks) >= MOST_BLOCKS:
            self._blocks.clear()
        self._blocks[data[_LINE_LENGTH:end]] = Block(message.raw_headers, headers["Host"], int(length))
