"""Answers as JSON that may be long: encoded in turns, and sent in pieces, so that no part of it is one long piece of work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from mcmock.core import turns
from mcmock.server.admin import chunked
from mcmock.server.admin.request import AdminRequest, Reply

BATCH: Final = 16
"""Values of a list that are encoded at once."""


def _is_fine(_: Any) -> int:
    return 200


async def answered(
    asked: AdminRequest, question: Callable[[], Any], status_of: Callable[[Any], int] = _is_fine
) -> Reply:
    """Return the answer that holds what the question returns: both are made in turns. Bytes in it are JSON already.

    What the question makes belongs to it alone: what somebody else holds as well is let go of in one piece.
    """

    def made() -> tuple[int, list[bytes]]:
        value = question()
        return status_of(value), list(chunked.chunks(encoded(value)))

    status, chunks = await asked.answer(made)
    if len(chunks) == 1:
        return web.Response(body=chunks[0], status=status, content_type="application/json", charset="utf-8")
    response = web.StreamResponse(status=status, headers={"Content-Type": "application/json; charset=utf-8"})
    response.content_length = sum(map(len, chunks))
    await response.prepare(asked.request)
    await asked.lasting.perform(_send(response, chunks), asked.request)
    return response


async def _send(response: web.StreamResponse, chunks: list[bytes]) -> None:
    chunks.reverse()
    with suppress(ConnectionError):  # whoever asked has left
        while chunks:
            await response.write(chunks.pop())  # and let go of it: a hundred megabytes at once take long


def encoded(value: Any) -> Iterator[bytes]:
    """Yield a value as JSON, in pieces. Bytes in it are JSON already."""
    if isinstance(value, bytes):
        yield value
    elif not _is_long(value):
        yield json.dumps(value).encode()
    elif isinstance(value, dict):
        for number, (key, inner) in enumerate(value.items()):
            yield f"{', ' if number else '{'}{json.dumps(str(key))}: ".encode()
            yield from encoded(inner)
        yield b"}"
    else:
        turns.let_go_in_turns([*value])
        for number, piece in enumerate(_listed(value)):
            yield b", " if number else b"["
            yield piece
        yield b"]"
    turns.pause()


def _listed(values: Iterable[Any]) -> Iterator[bytes]:
    """Yield the values between the brackets of a list; those that are not long themselves some at a time."""
    batch: list[Any] = []
    for value in values:
        is_long = _is_long(value)
        if batch and (is_long or len(batch) == BATCH):
            yield json.dumps(batch)[1:-1].encode()
            batch = []
            turns.pause()
        if is_long:
            yield b"".join(encoded(value))
        else:
            batch.append(value)
    if batch:
        yield json.dumps(batch)[1:-1].encode()


def _is_long(value: Any) -> bool:
    """Return whether a value is too much to be encoded in one go, or is JSON already."""
    if isinstance(value, dict):
        return len(value) > 4 * BATCH or any(map(_is_long, value.values()))
    if isinstance(value, list | tuple):
        return len(value) > BATCH or any(map(_is_long, value))
    return isinstance(value, bytes)
