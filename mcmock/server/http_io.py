"""The emulated API on the socket: how a request is read, how an answer is written. It decides nothing.

Answers go to the transport as the bytes that the core made; aiohttp's own response would order and add header lines of
its own. A request is logged whatever happens to it: too long, cut short, or no HTTP at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from mcmock.core.clock import monotonic
from mcmock.core.model import Answer, Delivery, Refusal, Request
from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
from mcmock.server.aiohttp_adapter import unread
from mcmock.server.fault_steps import perform
from mcmock.server.request_counts import RequestCounts

_logger = logging.getLogger("mcmock")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

BODY_PAUSE = 60.0
"""Seconds without a byte of an unfinished body after which it is answered 408; nginx's own default."""

BODY_TIME = 300.0
"""Seconds in which a body must be whole, so that a byte now and then keeps no connection for ever: 1 MiB at 28 kbit/s."""


class BadBody(web.RequestPayloadError):
    """What came of a body cannot be read; str() says why."""


async def handle(scopes: Scopes, meter: RequestCounts, request: web.BaseRequest) -> web.StreamResponse:
    """Answer one request to the emulated API."""
    emulator, answer, whole = await _judge(scopes, meter, request)
    return RawResponse(emulator, answer, keep_alive=request.keep_alive) if whole else _LastResponse(emulator, answer)


async def log_unanswered(scopes: Scopes, meter: RequestCounts, request: web.BaseRequest, delivery: Delivery) -> None:
    """Judge and log a request that came, though its connection ended before its turn to be answered."""
    emulator, answer, _ = await _judge(scopes, meter, request)
    emulator.settle(answer.seq, delivery)


async def _judge(scopes: Scopes, meter: RequestCounts, request: web.BaseRequest) -> tuple[Emulator, Answer, bool]:
    """Return the emulator of the request's scope, its answer, and whether the request was read to its end."""
    body, refusal = await read(request, scopes.default.max_body_bytes)
    asked = Request(
        request.method,
        request.raw_path,
        request.raw_headers,
        body,
        request.headers.get("Host", ""),
        request.scheme,
        request.keep_alive and refusal is None,
        refusal is None or refusal.rule != "body-incomplete",
        refusal,
    )
    began = monotonic()
    emulator, answer = scopes.handle(asked) if not scopes.default.blocks else await _decide(scopes, asked)
    meter.note(answer, monotonic() - began)
    return emulator, answer, refusal is None


async def _decide(scopes: Scopes, request: Request) -> tuple[Emulator, Answer]:
    """Return the emulator whose scope the request is of, and its answer, where that may wait for a store."""
    placed = scopes.place_at_hand(request)
    if placed is None:
        placed = await asyncio.to_thread(scopes.place, request)
    emulator, asked = placed
    return emulator, await _submitted(emulator, asked)


async def _submitted(emulator: Emulator, request: Request) -> Answer:
    decided: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def give(answer: Answer) -> None:
        if not decided.done():
            decided.set_result(answer)

    submit(emulator, request, asyncio.get_running_loop(), give)
    return await decided


def submit(
    emulator: Emulator, request: Request, loop: asyncio.AbstractEventLoop, give: Callable[[Answer], None]
) -> None:
    """Have a request judged where that may wait for a store; `give` gets the answer, later, on the loop."""
    handed_over = _HANDED_OVER.get(loop)
    if handed_over is None:
        handed_over = _HANDED_OVER[loop] = _HandedOver(loop)
    emulator.submit(request, lambda answer: handed_over.put(give, answer))


class _HandedOver:
    """Answers on their way from another thread to an event loop: those that come together wake it once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._answers: deque[tuple[Callable[[Answer], None], Answer]] = deque()
        self._is_awake = False

    def put(self, give: Callable[[Answer], None], answer: Answer) -> None:
        self._answers.append((give, answer))
        loop = self._loop()
        if not self._is_awake and loop is not None:
            self._is_awake = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._give)

    def _give(self) -> None:
        self._is_awake = False
        while self._answers:
            give, answer = self._answers.popleft()
            try:
                give(answer)
            except Exception:  # one who cannot take it keeps nobody else waiting
                _logger.exception("an answer could not be given")


_HANDED_OVER: WeakKeyDictionary[asyncio.AbstractEventLoop, _HandedOver] = WeakKeyDictionary()


def _encoding(request: web.BaseRequest) -> str:
    return ", ".join(line for line in request.headers.getall("Content-Encoding") if line)


async def read(request: web.BaseRequest, limit: int) -> tuple[bytes, Refusal | None]:
    """Return the body, and why it could not be taken, if so; what came until then is kept for the log."""
    if "Content-Encoding" in request.headers and (encoding := _encoding(request)).lower() not in ("", "identity"):
        return b"", Refusal("body-encoded", 415, f"a body in {encoding} is not taken: send it as it is")
    if request.content_length is not None and request.content_length > limit:
        return b"", _too_large(limit)
    content = request.content
    if content.is_eof():
        body = content.read_nowait()
        return (body, None) if len(body) <= limit else (body[:limit], _too_large(limit))
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(CONTINUE)
    return await _gather(content, limit)


async def _gather(content: StreamReader, limit: int) -> tuple[bytes, Refusal | None]:
    """Return a body that comes in pieces."""
    parts, loop = bytearray(), asyncio.get_running_loop()
    latest = loop.time() + BODY_TIME
    try:
        while not content.at_eof():
            async with asyncio.timeout_at(min(loop.time() + BODY_PAUSE, latest)):
                parts += await content.readany()
            if len(parts) > limit:
                return bytes(parts[:limit]), _too_large(limit)
    except TimeoutError:
        late = f"the body was not whole after {BODY_TIME:g} seconds"
        message = late if loop.time() >= latest else f"no more of the body came for {BODY_PAUSE:g} seconds"
        return bytes(parts), Refusal("body-incomplete", 408, message)
    except (OSError, web.RequestPayloadError, HttpProcessingError) as error:
        parts += unread(content)
        what = (
            f"cannot be read after {len(parts)} bytes: {error}"
            if isinstance(error, BadBody)
            else (f"ended too early, after {len(parts)} bytes")
        )
        return bytes(parts[:limit]), Refusal("body-incomplete", 400, f"the body {what}")
    return bytes(parts), None


def _too_large(limit: int) -> Refusal:
    return Refusal("body-too-large", 413, f"the body is longer than {limit} bytes")


class RawResponse(web.StreamResponse):
    """An answer that goes to the transport byte for byte."""

    def __init__(self, emulator: Emulator, answer: Answer, *, keep_alive: bool) -> None:
        # Not the base class's: it would build a header map that nobody reads, at a third of a request's cost.
        self._emulator = emulator
        self._answer = answer
        self._stays = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._stays

    def force_close(self) -> None:
        self._stays = False

    @property
    def status(self) -> int:
        return self._answer.response.status

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None or transport.is_closing():
            self._emulator.settle(self._answer.seq, Delivery.CLIENT_GONE)
            return None
        if self._answer.steps:
            await self._perform(transport)
        else:
            transport.write(self._answer.response.raw)
            self._emulator.settle(self._answer.seq, Delivery.SENT)
        if not transport.is_closing() and transport.get_write_buffer_size():
            await request.writer.drain()
        return None

    async def _perform(self, transport: asyncio.Transport) -> None:
        """What a fault made of the answer; a server that stops in the midst of it has aborted it."""
        delivery = Delivery.ABORTED
        try:
            delivery = await perform(self._emulator, self._answer, transport)
        finally:
            self._stays = self._stays and delivery is Delivery.SENT
            self._emulator.settle(self._answer.seq, delivery)

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`."""


class AskedResponse(RawResponse):
    """An answer that a store was asked for, and that may not be there yet."""

    def __init__(self, emulator: Emulator, answer: asyncio.Future[Answer], *, keep_alive: bool) -> None:
        self._emulator, self._asked, self._stays = emulator, answer, keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._answer = await self._asked
        return await super().prepare(request)


class _LastResponse(RawResponse):
    """The answer to a request that was not read to its end.

    Our end of the connection follows at once, so that the client need not wait for it; aiohttp goes on reading for a
    while, since a socket closed with unread bytes takes its last answer along.
    """

    def __init__(self, emulator: Emulator, answer: Answer) -> None:
        super().__init__(emulator, answer, keep_alive=False)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        await super().prepare(request)
        transport = request.transport
        if transport is not None and not transport.is_closing() and transport.can_write_eof():
            with contextlib.suppress(OSError):  # it may be gone by now, too
                transport.write_eof()
        return None
