"""Answers of any size, made and sent piece by piece: a few of them are in memory, and the loop stays free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Final

from aiohttp import web

from mcmock.core import turns
from mcmock.server.admin.request import AdminRequest, Reply

CHUNK: Final = 64 * 1024
"""Bytes gathered before they are sent."""


async def sent(asked: AdminRequest, pieces: Iterable[bytes], headers: dict[str, str]) -> Reply:
    """Return the answer that the pieces make up; each is made, in turns, when those before it have left.

    What the first of them raises is raised. One that fails later cuts the connection.
    """
    chunks = _chunks(pieces)
    first = await asked.answer(lambda: next(chunks, b""))
    if len(first) < CHUNK:  # there are no more
        return web.Response(body=first, headers=headers)
    response = web.StreamResponse(headers=headers)
    await response.prepare(asked.request)
    await asked.lasting.perform(_write(asked, response, chain([first], chunks)), asked.request)
    return response


async def _write(asked: AdminRequest, response: web.StreamResponse, chunks: Iterator[bytes]) -> None:
    with suppress(ConnectionError):  # whoever asked has left
        while (chunk := await asked.answer(lambda: next(chunks, None))) is not None:
            await response.write(chunk)


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for piece in turns.paused(pieces):
        gathered += piece
        if len(gathered) >= CHUNK:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
