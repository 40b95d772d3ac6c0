"""The log as a file, sent piece by piece.

What the pieces are is decided by `mcmock.serialization.ndjson` and `mcmock.serialization.har`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mcmock.core.match import from_query
from mcmock.core.model import Exchange
from mcmock.serialization import har, ndjson
from mcmock.server.admin import chunked
from mcmock.server.admin.request import AdminRequest, Reply

Writer = Callable[[Iterable[Exchange]], Iterator[bytes]]


async def handle_ndjson(asked: AdminRequest) -> Reply:
    return await _send(asked, ndjson.write, ndjson.CONTENT_TYPE, "mcmock.ndjson")


async def handle_har(asked: AdminRequest) -> Reply:
    return await _send(asked, har.write, har.CONTENT_TYPE, "mcmock.har")


async def _send(asked: AdminRequest, writer: Writer, content_type: str, name: str) -> Reply:
    match = from_query((name, text) for name, text in asked.request.query.items() if name != "scope")
    headers = {"Content-Type": content_type, "Content-Disposition": f'attachment; filename="{name}"'}
    return await chunked.sent(asked, writer(asked.emulator.queries.iterate(match)), headers)
