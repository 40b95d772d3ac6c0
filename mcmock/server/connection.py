"""One connection: aiohttp's, which also answers and logs what never became a request. It decides nothing.

A plain event is answered here at once, where `lane` knows its header block; all else goes through aiohttp's handler.
What aiohttp cannot parse is answered in the API's own form and logged with the bytes that came, and so is a header that
the client's end of the connection cuts short; where the connection is gone altogether, it is only logged. An answer to
such bytes is followed by our end of the connection, and the connection itself goes only after the client has had time to
read it: a socket closed with unread bytes takes its last answer along.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import InvalidURLError, LineTooLong, PayloadEncodingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from mcmock import wire
from mcmock.clock import monotonic
from mcmock.emulator import Emulator
from mcmock.model import Answer, Delivery, Refusal, Request
from mcmock.scopes import Scopes
from mcmock.server.emulated import Raw
from mcmock.server.lane import Lane, Plain

MAX_LINE = 65_536
"""Bytes of a request line, or of one header. Longer ones are answered 414 and 431."""

MAX_HEADERS = 512
"""Headers of one request. More are answered 431."""

LIMITS: dict[str, Any] = {"max_line_size": MAX_LINE, "max_field_size": MAX_LINE, "max_headers": MAX_HEADERS}

KEPT_UNPARSED = 8192
"""Bytes kept of what never became a request, for the log."""

LINGER = 2.0
"""Seconds a client has to read the last answer before its connection goes."""

HEAD_TIME = 60.0
"""Seconds a client has for the whole head of a request, its connection's first one included; nginx's own default."""

CUT_SHORT = "the connection ended before the header did"

# What people send to a plain HTTP port that is something else: how it begins, and what to say about it.
_OTHER_PROTOCOLS = (
    (b"\x16\x03", "this is the beginning of a TLS connection, but this port speaks plain HTTP: use an http:// address"),
    (b"PRI * HTTP/2", "this is HTTP/2, but this port speaks HTTP/1.1"),
)


class Connection(web.RequestHandler):
    """`unparsed` is what came since the last whole request, `whole` whether that packet ended one."""

    __slots__ = (
        "body", "cut_short", "emulator", "ended", "failed", "gone", "lane", "overdue", "scopes", "unparsed", "whole",
    )  # fmt: skip

    def __init__(self, scopes: Scopes, lane: Lane, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **{**LIMITS, **options})
        self.scopes = scopes
        self.emulator = scopes.default  # of what never became a request, and so names no scope
        self.lane = lane
        self.unparsed = b""
        self.whole = True
        self.failed = self.ended = self.cut_short = False
        self.body: StreamReader | None = None  # of the latest request
        self.gone: asyncio.Future[None] | None = None
        self.overdue: asyncio.TimerHandle | None = None  # runs while a head is waited for

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.overdue = self._loop.call_later(HEAD_TIME, self._give_up)

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        idle = self._is_idle()
        if idle and self.whole and (plain := self.lane.read(data)) is not None and self._answer_at_once(plain):
            return
        try:
            super().data_received(data)
        except ValueError as error:  # aiohttp before 3.14.4, of a target whose host is none
            self._queue(InvalidURLError(str(error)))
        if self._request_count != before and self._messages:
            self.body = self._messages[-1][1]
        if not idle:
            return  # part of a body, or of a request behind one that is being answered
        self.unparsed = data if self.whole else (self.unparsed + data)[:KEPT_UNPARSED]
        self.whole = self._request_count != before
        self._expect_head()
        if self._request_count == before + 1 and not isinstance(self._messages[-1][0], _ErrInfo):
            self.lane.learn(data, self._messages[-1][0])

    def _expect_head(self) -> None:
        """Let the clock run while a head has begun and not ended, however many pieces it comes in."""
        if self.whole and self.overdue is not None:
            self.overdue.cancel()
            self.overdue = None
        elif not self.whole and self.overdue is None:
            self.overdue = self._loop.call_later(HEAD_TIME, self._give_up)

    def _give_up(self) -> None:
        """The head took too long: 408, or nothing for a client that has not said a word."""
        if self.failed or self.ended or not self._is_idle():
            return
        if self.whole:
            self.force_close()
            return
        self._queue(_TooSlow())

    def _answer_at_once(self, plain: Plain) -> bool:
        """Answer a request of the fast lane; False if it has to go the ordinary way after all.

        That is the way for a client that does not read: it ends where the answer waits for the client to catch up, and
        from there on nothing more is read.
        """
        transport = self.transport
        if transport is None or self._close or self._force_close or transport.is_closing() or self._paused:
            return False
        if self.scopes.default.blocks:
            return False
        block, emulator = plain.block, self.scopes.of_target(plain.target)
        request = Request("POST", plain.target, block.headers, plain.body, block.host, self._scheme())
        began = monotonic()
        answer = emulator.handle(request)
        self.scopes.meter.note(answer, monotonic() - began)
        if answer.steps:
            self._queue(_Decided(emulator, answer))  # the ordinary way performs what takes more than writing
            return True
        transport.write(answer.response.raw)
        emulator.settle(answer.seq, Delivery.SENT)
        self.unparsed = b""
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return True

    def _scheme(self) -> str:
        return "http" if self.ssl_context is None else "https"

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client that has said all it had to say, and may still listen: whatever it asked is answered first."""
        if self.ssl_context is not None or self._close:
            return None  # no way to: the transport closes
        self._end_input()
        if self._is_idle() and not self.cut_short:
            return None  # nothing to answer
        self._queue(_CutShort() if self.cut_short else _Ended())
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.overdue is not None:
            self.overdue.cancel()
        self._end_input()
        if self.cut_short and self._current_request is None and not self.failed:
            answer = self.emulator.handle(self._unparsed_request(_refused(CUT_SHORT)))
            self.scopes.meter.note(answer, 0.0)
            self.emulator.settle(answer.seq, Delivery.CLIENT_GONE)
        super().connection_lost(exc)
        if self.gone is not None and not self.gone.done():
            self.gone.set_result(None)

    def _end_input(self) -> None:
        """Find out what the end of the input cut short: a header (to be logged), or a body (whose reader is told)."""
        if self.ended or self.failed:
            return
        self.ended = True
        if not self.whole or self._parser is None:
            self.cut_short = not self.whole
            return
        try:  # a request may have begun in the packet that ended the last one: only the parser knows
            self.cut_short = self._request_count > 0 and self._parser.feed_eof() is not None
        except PayloadEncodingError as error:
            if self.body is not None and not self.body.is_eof():
                self.body.set_exception(web.RequestPayloadError(str(error)))
        except Exception:  # it makes a request of what there is; any complaint about that is a yes
            self.cut_short = True

    def log_exception(self, *args: Any, **options: Any) -> None:
        """A body that broke off is in the log already: aiohttp has nothing to add when it cannot read the rest."""
        if not isinstance(options.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **options)

    def is_amid_request(self) -> bool:
        """Whether a part of a request has come, and the rest of it has not."""
        return not self.whole or (self.body is not None and not self.body.is_eof())

    def _is_idle(self) -> bool:
        """Whether no request is being answered, or waits for it."""
        return self._request_count == 0 or (self._waiter is not None and not self._waiter.done())

    def _queue(self, errand: Exception) -> None:
        """Let `handle_error` do `errand` once all requests before it are answered."""
        self._messages.append((_ErrInfo(status=0, exc=errand, message=""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are no HTTP in the API's own words; what comes after them is not read."""
        if isinstance(exc, _Decided):
            return Raw(exc.emulator, exc.answer, keep_alive=True)
        if isinstance(exc, _Ended):
            return _Nothing()
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        self.failed = True
        answer = self.emulator.handle(self._unparsed_request(self._refusal(exc, message)))
        self.scopes.meter.note(answer, 0.0)
        return _LastAnswer(self, answer)

    def _refusal(self, error: BaseException | None, message: str | None) -> Refusal:
        if isinstance(error, LineTooLong):
            in_first_line = b"\r\n" not in self.unparsed[:KEPT_UNPARSED]
            what, status = ("the request line", 414) if in_first_line else ("a header", 431)
            return Refusal("head-too-large", status, f"{what} is longer than {MAX_LINE} bytes")
        if message is not None and message.startswith("Too many headers"):
            return Refusal("head-too-large", 431, f"there are more than {MAX_HEADERS} headers")
        if isinstance(error, _TooSlow):
            return Refusal("not-http", 408, f"not an HTTP request: its head did not end within {HEAD_TIME:g} seconds")
        if isinstance(error, _CutShort):
            return _refused(CUT_SHORT)
        if isinstance(error, InvalidURLError):
            return _refused("the request target is no URL")
        return _refused(self._other_protocol() or _in_plain_words(message or "it cannot be read"))

    def _other_protocol(self) -> str | None:
        return next((words for first, words in _OTHER_PROTOCOLS if self.unparsed.startswith(first)), None)

    def _unparsed_request(self, refusal: Refusal) -> Request:
        kept = wire.without_secret_lines(self.unparsed[:KEPT_UNPARSED])
        method, _, rest = kept.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        return Request(
            method[:32], rest.partition(" ")[0], (), kept, complete=False, keep_alive=False, refusal=refusal
        )  # fmt: skip

    async def linger(self) -> None:
        """Wait for the client to read its last answer and go, reading whatever it still sends."""
        transport = self.transport
        if transport is None:
            return
        self.close()  # from now on, what comes is dropped
        if not transport.is_closing() and transport.can_write_eof():
            with contextlib.suppress(OSError):  # it may be gone by now
                transport.write_eof()
        self.gone = self._loop.create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self.gone


class _Decided(Exception):
    """An answer on its way from the fast lane to the ordinary way; aiohttp hands nothing but exceptions to `handle_error`."""

    def __init__(self, emulator: Emulator, answer: Answer) -> None:
        self.emulator, self.answer = emulator, answer


class _Ended(Exception):
    """The client has said all it had to say."""


class _CutShort(Exception):
    """The client has said all it had to say, in the middle of a head."""


class _TooSlow(Exception):
    """A head that has begun and does not end."""


class _Nothing(web.StreamResponse):
    """No answer at all; the connection closes."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:  # noqa: ARG002
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing was begun."""


class _LastAnswer(Raw):
    """The answer after which a connection ends."""

    def __init__(self, connection: Connection, answer: Answer) -> None:
        super().__init__(connection.emulator, answer, keep_alive=False)
        self._connection = connection

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002
        await self._connection.linger()


def _refused(message: str) -> Refusal:
    return Refusal("not-http", 400, f"not an HTTP request: {message}")


def _in_plain_words(message: str) -> str:
    """aiohttp's sentence without the bytes that it quotes: the log has them."""
    sentence = message.partition("\n")[0].partition(": b'")[0].partition(': b"')[0].strip().rstrip(":.")
    return sentence if sentence.startswith("Transfer-") else sentence[:1].lower() + sentence[1:]
