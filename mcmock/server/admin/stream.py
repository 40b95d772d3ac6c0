"""`GET /__admin/stream`: server-sent events. What is told is decided by `mcmock.server.admin.feed`; this puts it on the wire.

A reader that is slow makes only itself wait: the transport's buffer is bounded, and nothing is read from the log for it
until there is room.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from aiohttp import web

from mcmock.server.admin.checks import ThreadsafeEvent
from mcmock.server.admin.feed import Event, Feed
from mcmock.server.admin.request import AdminRequest, Reply

HEARTBEAT = 15.0
"""Real seconds of silence after which a comment is sent: proxies keep the connection, and a reader that left is noticed."""

RETRY_MS = 1000
"""What a browser is told to wait before it connects again."""

CONTENT_TYPE = "text/event-stream"
HEADERS = {
    "Content-Type": CONTENT_TYPE,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back until its buffer is full
}


async def handle_stream(asked: AdminRequest) -> Reply:
    news = ThreadsafeEvent()
    request, response = asked.request, web.StreamResponse(headers=HEADERS)
    with Feed(asked.emulator, _since(request), news.set) as feed:
        await response.prepare(request)
        await asked.lasting.perform(_pump(asked, feed, news, response), request)
    transport = request.transport
    if transport is not None and transport.get_write_buffer_size():
        transport.abort()  # the reader is too slow to be told that this is the end
    return response


def _since(request: web.BaseRequest) -> int | None:
    """Return where the reader stands: what its browser remembers counts more than what its address says."""
    for name, text in (("Last-Event-ID", request.headers.get("Last-Event-ID")), ("since", request.query.get("since"))):
        if text:
            if not (text.isdecimal() and len(text) < 20):
                raise ValueError(f"{name} must be the seq of a request, not {text[:40]!r}")
            return int(text)
    return None


async def _pump(asked: AdminRequest, feed: Feed, news: ThreadsafeEvent, response: web.StreamResponse) -> None:
    with suppress(ConnectionError):  # the reader has left
        await response.write(f"retry: {RETRY_MS}\nid: {feed.told}\n\n".encode())  # a place to resume from, and no event
        while True:
            while text := await asked.answer(lambda: b"".join(map(encode, feed.take()))):
                await response.write(text)
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await news.wait()
            except TimeoutError:
                await response.write(b": quiet\n\n")


def encode(event: Event) -> bytes:
    """One event as text/event-stream has it."""
    place = f"id: {event.seq}\n" if event.seq is not None else ""
    return f"{place}event: {event.name}\ndata: {json.dumps(event.value)}\n\n".encode()
