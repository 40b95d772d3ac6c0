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
"""Bytes that are sent at once."""


async def sent(asked: AdminRequest, pieces: Iterable[bytes], headers: dict[str, str]) -> Reply:
    """Return the answer that the pieces make up; each is made, in turns, when those before it have left.

    What the first of them raises is raised. One that fails later cuts the connection.
    """
    made = chunks(pieces)
    first = await asked.answer(lambda: next(made))
    if len(first) < CHUNK:  # there are no more
        return web.Response(body=first, headers=headers)
    response = web.StreamResponse(headers=headers)
    await response.prepare(asked.request)
    await asked.lasting.perform(_write(asked, response, chain([first], made)), asked.request)
    return response


async def _write(asked: AdminRequest, response: web.StreamResponse, made: Iterator[bytes]) -> None:
    with suppress(ConnectionError):  # whoever asked has left
        while (chunk := await asked.answer(lambda: next(made, None))) is not None:
            await response.write(chunk)


def chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces as chunks of CHUNK bytes, the last of which may be shorter; at least one."""
    gathered = bytearray()
    for piece in turns.paused(pieces):
        gathered += piece
        while len(gathered) > CHUNK:
            yield bytes(gathered[:CHUNK])
            del gathered[:CHUNK]
            turns.pause()
    yield bytes(gathered)
