"""The log as a file, sent piece by piece: whatever its size, a few pieces of it are in memory, and the loop stays free.

What the pieces are is decided by `mcmock.serialization.ndjson` and `mcmock.serialization.har`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from aiohttp import web

from mcmock.core import turns
from mcmock.core.match import from_query
from mcmock.core.model import Exchange
from mcmock.serialization import har, ndjson
from mcmock.server.admin.request import AdminRequest, Reply

CHUNK = 32 * 1024
"""Bytes gathered before they are sent: about two milliseconds' work."""

Writer = Callable[[Iterable[Exchange]], Iterator[bytes]]


async def handle_ndjson(asked: AdminRequest) -> Reply:
    return await _send(asked, ndjson.write, ndjson.CONTENT_TYPE, "mcmock.ndjson")


async def handle_har(asked: AdminRequest) -> Reply:
    return await _send(asked, har.write, har.CONTENT_TYPE, "mcmock.har")


async def _send(asked: AdminRequest, writer: Writer, content_type: str, name: str) -> Reply:
    match = from_query((name, text) for name, text in asked.request.query.items() if name != "scope")
    headers = {"Content-Type": content_type, "Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    await response.prepare(asked.request)
    await asked.lasting.perform(
        _write(asked, response, _chunks(writer(asked.emulator.queries.iterate(match)))), asked.request
    )
    return response


async def _write(asked: AdminRequest, response: web.StreamResponse, chunks: Iterator[bytes]) -> None:
    with suppress(ConnectionError):  # whoever wanted it has left
        while (chunk := await asked.answer(lambda: next(chunks, None))) is not None:
            await response.write(chunk)


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for piece in turns.paused(pieces):
        gathered += piece
        if len(gathered) >= CHUNK:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
