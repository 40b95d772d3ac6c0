"""One connection: aiohttp's, which also answers and logs what never became a request. It decides nothing.

A request is answered here at once, where `fast_path` knows its header block; all else goes through aiohttp's handler, a head
or a body at a time. Answers come in the order of the requests, and every request that came whole is in the log, answered or
not.
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
from aiohttp.http_exceptions import InvalidURLError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD

from mcmock.core import http
from mcmock.core.clock import monotonic
from mcmock.core.model import Answer, Delivery, Kind, Refusal, Request, Response
from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
from mcmock.server.aiohttp_adapter import AiohttpConnection, forget_frames, is_error
from mcmock.server.endpoint import control_path
from mcmock.server.fast_path import FastPath, FastRequest, Head
from mcmock.server.http_io import AskedResponse, BadBody, RawResponse, log_unanswered, submit
from mcmock.server.pieces import Pieces
from mcmock.server.request_counts import RequestCounts

MAX_LINE = 65_536
"""Bytes of a request line, or of one header. Longer ones are answered 414 and 431."""

MAX_HEADERS = 512
"""Headers of one request. More are answered 431."""

MAX_HEAD = 512 * 1024
"""Bytes of a whole head that comes in pieces. More are answered 431."""

LIMITS: dict[str, Any] = {"max_line_size": MAX_LINE, "max_field_size": MAX_LINE, "max_headers": MAX_HEADERS}

KEPT_UNPARSED = 8192
"""Bytes kept of what never became a request, for the log."""

LINGER = 2.0
"""Seconds a client has to read the last answer before its connection goes."""

HEAD_TIME = 60.0
"""Seconds a client has for the whole head of a request, its connection's first one included; nginx's own default."""

HOLD = 1.0
"""Seconds in which the rest of a request is waited for on the fast path; aiohttp waits for what takes longer."""

KEPT_TO_LEARN = 32_768
"""Bytes kept of a request that comes in packets, to learn its head from."""

CUT_SHORT = "the connection ended before the header did"

_LINE_ENDS = b"\r\n"

# What people send to a plain HTTP port that is something else: how it begins, and what to say about it.
_OTHER_PROTOCOLS = (
    (b"\x16\x03", "this is the beginning of a TLS connection, but this port speaks plain HTTP: use an http:// address"),
    (b"PRI * HTTP/2", "this is HTTP/2, but this port speaks HTTP/1.1"),
)


class Connection(AiohttpConnection):
    """What comes is given to aiohttp one head or one body at a time, so that it is known what it has made of it.

    `unparsed` is what came since the last request, `body` the body of that one, of which `left` bytes are to come if it has
    a length. `clear` says that aiohttp has read all that it got, to the end of a request; `finished` that no more is taken.
    `latest_fast` is the head of the latest request of the fast path, and `asked` what it has asked a store about.
    `held` is what the fast path waits for the rest of, and aiohttp has not got; `came` what came since all was clear, when
    `read_before` requests had been read, and `latest_head` aiohttp's reading of the latest head.
    """

    __slots__ = (
        "asked", "begun", "body", "came", "clear", "emulator", "ended", "failure", "fast_path", "finished", "gone", "head",
        "held", "hold_ends", "latest_fast", "latest_head", "left", "meter", "overdue", "read_before", "scheme", "scopes",
        "secure", "stopping", "unparsed", "waiting", "withheld",
    )  # fmt: skip

    def __init__(
        self, scopes: Scopes, meter: RequestCounts, fast_path: FastPath, manager: web.Server, **options: Any
    ) -> None:
        super().__init__(manager, **{**LIMITS, **options})
        self.scopes = scopes
        self.emulator = scopes.default  # of what never became a request, and so names no scope
        self.meter = meter
        self.fast_path = fast_path
        self.waiting = Pieces()
        self.unparsed = b""
        self.body: StreamReader = EMPTY_PAYLOAD
        self.left: int | None = None
        self.head = 0  # bytes of a head that is not whole
        self.clear = True
        self.held = self.came = b""
        self.failure: Exception | None = None  # of the body
        self.asked: _Asked | None = None
        self.hold_ends: asyncio.TimerHandle | None = None
        self.latest_head: Any = None
        self.latest_fast: Head | None = None
        self.read_before = 0
        self.withheld = False  # aiohttp keeps some of a body until there is room for it
        self.begun = False  # something was read that is to be answered
        self.ended = self.finished = self.stopping = self.secure = False
        self.scheme = "http"
        self.gone: asyncio.Future[None] | None = None
        self.overdue: asyncio.TimerHandle | None = None  # runs while a head is waited for

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.secure = self.ssl_context is not None
        self.scheme = "https" if self.secure else "http"
        self._time_head()

    async def start(self) -> None:
        """aiohttp's loop over the requests; what it leaves is logged."""
        try:
            await super().start()
        finally:
            await self._log_the_rest()
            # What is done with goes without the garbage collector: a body knows its connection, and failures know all frames.
            forget_frames(self.failure)
            forget_frames(self.body.exception())
            self.body = EMPTY_PAYLOAD

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 -- its name is aiohttp's
        self.stopping = True
        self._let_go()
        await super().shutdown(timeout)

    # -- what comes ---------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Answer a request at once, or let aiohttp read; it calls this itself, without data, when it has room again."""
        if self.held:
            data = self._no_longer_held() + data
        if self.asked is not None:
            self._queue_asked()
        if (
            self.clear
            and self.is_ready(self.begun)
            and (request := self.fast_path.read(data, self.latest_fast)) is not None
        ):
            if type(request) is FastRequest:
                self.latest_fast = request.head
                if self._answer_at_once(request):
                    return
            else:
                self._hold(data)
                return
        self._read(data)

    def _read(self, data: bytes) -> None:
        """Let aiohttp read, and learn from what it makes of a whole request."""
        if self.is_closing or self.finished:
            return
        if self.clear:
            self.came, self.read_before = data, self.requests_read
        elif len(self.came) < KEPT_TO_LEARN:
            self.came += data
        self.waiting.add(data)
        self._feed()
        if self.clear and self.requests_read == self.read_before + 1:
            self.fast_path.learn(self.came, self.latest_head)

    def _feed(self) -> None:
        """Give aiohttp what waits, for as long as it takes more."""
        if self.withheld:
            self._give(b"")
        while self.waiting and self._takes_more():
            self._give(self._next_piece())
        if self.waiting:
            self.hold_back()  # until there is room, or a request for another protocol is answered
        self.clear = not (
            self.waiting
            or self.unparsed
            or self.withheld
            or self.finished
            or self.is_upgraded
            or not self.body.is_eof()
        )
        self._time_head()
        if self.ended:
            self._end_input()

    def _takes_more(self) -> bool:
        return not self.finished and self.may_read()

    def _next_piece(self) -> bytes:
        if self.left is None or self.body.is_eof():
            return self.waiting.up_to_empty_line()
        return self.waiting.up_to(self.left)

    def _give(self, piece: bytes) -> None:
        """Give aiohttp a piece, and see what it makes of it, and of what it kept."""
        before, within_body = self.requests_read, not self.body.is_eof()
        super().data_received(piece)
        self.withheld = self.is_withholding
        if self.requests_read != before:
            self._note_request(piece, within_body)
        elif within_body:
            if self.left is not None:
                self.left -= len(piece)
            elif self.body.is_eof():
                self.renew_parser()
            if self.body.is_eof():
                self.waiting.start_afresh()
        else:
            self.head += len(piece)
            if self.head > MAX_HEAD:
                self._finish(_TooLong())
            head = self.unparsed + piece
            self.unparsed = head[:KEPT_UNPARSED] if head.strip(_LINE_ENDS) else head[-4:]

    def _note_request(self, piece: bytes, within_body: bool) -> None:
        """aiohttp has read a head, or given up on what came."""
        self.begun = True
        message, body = self.latest()
        if is_error(message):
            self.finished = True
            forget_frames(message.exc)
            if within_body:  # the request that has it is refused
                self.drop_latest()
                self._fail_body(BadBody(_in_plain_words(message.message)))
            self.unparsed = (self.unparsed + piece + self.waiting.rest())[:KEPT_UNPARSED]
            return
        self.latest_head = message
        self.body, self.unparsed, self.head = body, b"", 0
        self.left = None if body.is_eof() or message.chunked else int(message.headers["Content-Length"])
        self.waiting.start_afresh()
        self._stop_clock()

    def _fail_body(self, failure: Exception) -> None:
        """Let whoever reads the body fail; of two failures the first."""
        self.failure = self.failure or failure
        self.body.set_exception(self.failure)

    def _has_begun(self) -> bool:
        """Return whether a head has begun; empty lines behind a request are none."""
        return bool(self.unparsed.strip(_LINE_ENDS) if self.begun else self.unparsed)

    def _time_head(self) -> None:
        """Let the clock run while a head is waited for, the first one or one that has begun, however many pieces it has."""
        if self.finished or (self.begun and not self._has_begun()):
            self._stop_clock()
        elif self.overdue is None:
            self.overdue = self.loop.call_later(HEAD_TIME, self._give_up)

    def _stop_clock(self) -> None:
        if self.overdue is not None:
            self.overdue.cancel()
            self.overdue = None

    def _give_up(self) -> None:
        """The head took too long: 408, or nothing for a client that has not said a word."""
        self.overdue = None
        if self.finished or self.ended:
            return
        if self.waiting or self.withheld:
            self._time_head()  # it is we who do not read
        elif self._has_begun():
            self._finish(_TooSlow())
        else:
            self.force_close()

    def _finish(self, errand: Exception) -> None:
        """Do `errand` when all is answered, and take no more."""
        self.finished, self.clear = True, False
        self._queue(errand)

    # -- the fast path ------------------------------------------------------------------------------------------------

    def _answer_at_once(self, fast: FastRequest) -> bool:
        """Answer a request of the fast path; False if it has to go the ordinary way after all.

        A client that does not read is waited for after its answer, as on the ordinary way: nothing more is answered until
        it has caught up, and nothing more read once enough waits.
        """
        transport = self.transport
        assert transport is not None
        if self.emulator.blocks:
            return self._ask(fast)
        if self.overdue is not None:
            self._stop_clock()
        self.begun = True
        (line, block), body = fast
        known, began = line.known, monotonic()
        if (
            known is not None
            and block.is_usual
            and self.scopes.is_one
            and (response := self.emulator.take_known(known, line.target, block.headers, body)) is not None
        ):
            self.meter.note_taken(known.kind, response.status, monotonic() - began)
            transport.write(response.raw)
            self.note_answer()
            if self.is_full:
                self._queue(_Unread())
        elif self._take(fast, transport):
            self._go_on(transport, block.keep_alive)
        return True

    def _go_on(self, transport: asyncio.Transport, keep_alive: bool) -> None:
        """An answer was written."""
        if not keep_alive:
            self.close()
            transport.close()
            return
        self.note_answer()
        if self.is_full:
            self._queue(_Unread())

    def _take(self, fast: FastRequest, transport: asyncio.Transport) -> bool:
        """Answer a request; False where the ordinary way is to perform the answer, because it takes more than writing."""
        began = monotonic()
        emulator, asked = self.scopes.place(self._request(fast))
        answer = emulator.take(asked)
        if isinstance(answer, Response):
            self.meter.note_taken(Kind.EVENT, answer.status, monotonic() - began)
            transport.write(answer.raw)
            return True
        self.meter.note(answer, monotonic() - began)
        if answer.steps:
            self._queue(_Decided(emulator, answer, asked.keep_alive))
            return False
        transport.write(answer.response.raw)
        emulator.settle(answer.seq, Delivery.SENT)
        return True

    def _request(self, fast: FastRequest) -> Request:
        (line, block), body = fast
        return Request(line.method, line.target, block.headers, body, block.host, self.scheme, block.keep_alive)

    def _ask(self, fast: FastRequest) -> bool:
        """Ask the store about a request; False if it takes more to know its scope.

        Whatever happens until the answer is there, it takes its place in aiohttp's queue, as if it had come the ordinary way.
        """
        placed = self.scopes.place_at_hand(self._request(fast))
        if placed is None:
            return False
        if self.overdue is not None:
            self._stop_clock()
        self.begun = True
        emulator, asked = placed
        self.asked = waiting = _Asked(emulator, asked.keep_alive)
        self.note_answer()
        submit(emulator, asked, self.loop, lambda answer: self._answer_asked(waiting, answer))
        return True

    def _answer_asked(self, asked: _Asked, answer: Answer) -> None:
        """The store has answered."""
        self.meter.note(answer, monotonic() - asked.began)
        transport = self.transport
        if asked.answer is not None:
            if not asked.answer.done():
                asked.answer.set_result(answer)
            else:  # whoever waited for it was ended
                asked.emulator.settle(answer.seq, Delivery.ABORTED)
            return
        self.asked = None
        if answer.steps or transport is None or not self.may_write(transport):
            self._queue(_Decided(asked.emulator, answer, asked.keep_alive))
            return
        transport.write(answer.response.raw)
        asked.emulator.settle(answer.seq, Delivery.SENT)
        self._go_on(transport, asked.keep_alive)

    def _queue_asked(self) -> None:
        """Let aiohttp wait for the answer that a store was asked for, and answer what comes behind it after it."""
        asked, self.asked = self.asked, None
        if asked is not None:
            asked.answer = self.loop.create_future()
            self._queue(asked)

    def _hold(self, data: bytes) -> None:
        """Wait for the rest of a request of the fast path.

        Whatever happens meanwhile but that the rest comes soon, aiohttp gets it as if nothing had been held.
        """
        self._stop_clock()
        self.begun = True
        self.held = data
        self.hold_ends = self.loop.call_later(HOLD, self._let_go)

    def _no_longer_held(self) -> bytes:
        held, self.held = self.held, b""
        if self.hold_ends is not None:
            self.hold_ends.cancel()
            self.hold_ends = None
        return held

    def _let_go(self) -> None:
        """Give aiohttp what was held, or asked for."""
        self._queue_asked()
        if self.held:
            self._read(self._no_longer_held())

    def close(self) -> None:
        """Answer what has begun, and no more."""
        self._let_go()
        super().close()

    # -- its end ------------------------------------------------------------------------------------------------------

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Return a client that has said all it had to say, and may still listen: whatever it asked is answered first."""
        self._let_go()
        if self.secure or self.is_closing:
            return None  # no way to: the transport closes
        self.ended = True
        if self.is_idle(self.begun) and not self.waiting and not self._has_begun():
            return None  # nothing to answer
        self._end_input()
        return True

    def _end_input(self) -> None:
        """Nothing more comes: a body or a head that is not whole is cut short, once all before it was read."""
        if self.waiting or self.withheld or self.finished:
            return
        if not self.body.is_eof():
            self._fail_body(web.RequestPayloadError("the connection ended"))
        self._finish(_CutShort() if self.body.is_eof() and self._has_begun() else _Ended())

    def connection_lost(self, exc: BaseException | None) -> None:
        self._let_go()
        self._stop_clock()
        self.ended = True
        self._read_the_rest()
        if not self.body.is_eof():
            self._fail_body(web.RequestPayloadError("the connection ended"))
        super().connection_lost(exc)
        if self.gone is not None and not self.gone.done():
            self.gone.set_result(None)

    def _read_the_rest(self) -> None:
        """Let aiohttp read all that came, room or no room: it will be logged, and that is all."""
        while (self.waiting or self.withheld) and not (self.finished or self.is_closing):
            self.read_on()
            self._give(b"" if self.withheld else self._next_piece())

    async def _log_the_rest(self) -> None:
        """Log what came and will not be answered, because the connection ended before its turn."""
        client_left = self.is_cut and not self.stopping
        delivery = Delivery.CLIENT_GONE if client_left else Delivery.ABORTED
        if client_left and not self.finished and self.body.is_eof() and self._has_begun():
            self._finish(_CutShort())
        for message, body in self.take_queued():
            if not is_error(message):
                request = self.make_request(message, body)
                if control_path(request.raw_path) is None:
                    await log_unanswered(self.scopes, self.meter, request, delivery)
            elif isinstance(message.exc, _Decided):
                message.exc.emulator.settle(message.exc.answer.seq, delivery)
            elif isinstance(message.exc, _Asked):
                assert message.exc.answer is not None
                message.exc.emulator.settle((await message.exc.answer).seq, delivery)
            elif client_left and not isinstance(message.exc, _Ended | _Unread):
                answer = self._refuse(self._refusal(message.exc, message.message))
                self.emulator.settle(answer.seq, delivery)

    def log_exception(self, *args: Any, **options: Any) -> None:
        """A body that broke off is in the log already: aiohttp has nothing to add when it cannot read the rest."""
        if not isinstance(options.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **options)

    def is_amid_request(self) -> bool:
        """Return whether a part of a request has come, and the rest of it has not."""
        return bool(self.held) or self._has_begun() or not self.body.is_eof()

    # -- the order of the answers -------------------------------------------------------------------------------------

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer, and go on reading if the request asked for another protocol, which it did not get."""
        finished = await super().finish_response(request, resp, start_time)
        if self.waiting and self._takes_more():
            if self.is_held_back:
                self.resume()
            else:
                self._feed()
        return finished

    def _queue(self, errand: Exception) -> None:
        """Let `handle_error` do `errand` once all requests before it are answered."""
        self.begun = True
        self.queue_error(errand)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are no HTTP in the API's own words; what comes after them is not read."""
        if isinstance(exc, _Decided):
            return RawResponse(exc.emulator, exc.answer, keep_alive=exc.keep_alive)
        if isinstance(exc, _Asked) and exc.answer is not None:
            return AskedResponse(exc.emulator, exc.answer, keep_alive=exc.keep_alive)
        if isinstance(exc, _Ended):
            return _Nothing()
        if isinstance(exc, _Unread):
            return _CaughtUp()
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        return _ClosingResponse(self, self._refuse(self._refusal(exc, message)))

    def _refuse(self, refusal: Refusal) -> Answer:
        """Log what never became a request; what to answer."""
        answer = self.emulator.handle(self._unparsed_request(refusal))
        self.meter.note(answer, 0.0)
        return answer

    def _refusal(self, error: BaseException | None, message: str | None) -> Refusal:
        if isinstance(error, LineTooLong):
            in_first_line = b"\r\n" not in self.unparsed[:KEPT_UNPARSED]
            what, status = ("the request line", 414) if in_first_line else ("a header", 431)
            return Refusal("head-too-large", status, f"{what} is longer than {MAX_LINE} bytes")
        too_many = message is not None and message.startswith("Too many headers")
        if too_many or isinstance(error, _TooLong):
            why = (
                f"there are more than {MAX_HEADERS} headers"
                if too_many
                else f"the head is longer than {MAX_HEAD} bytes"
            )
            return Refusal("head-too-large", 431, why)
        if isinstance(error, _TooSlow):
            return Refusal("not-http", 408, f"not an HTTP request: its head did not end within {HEAD_TIME:g} seconds")
        if isinstance(error, _CutShort):
            return _refused(CUT_SHORT)
        if isinstance(error, InvalidURLError):
            return _refused("the request target is not a URL")
        return _refused(self._other_protocol() or _in_plain_words(message or "it cannot be read"))

    def _other_protocol(self) -> str | None:
        return next((words for first, words in _OTHER_PROTOCOLS if self.unparsed.startswith(first)), None)

    def _unparsed_request(self, refusal: Refusal) -> Request:
        kept = http.without_secret_lines(self.unparsed[:KEPT_UNPARSED])
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
        self.gone = self.loop.create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self.gone


class _Decided(Exception):
    """An answer on its way from the fast path to the ordinary way; aiohttp hands nothing but exceptions to `handle_error`."""

    def __init__(self, emulator: Emulator, answer: Answer, keep_alive: bool) -> None:
        self.emulator, self.answer, self.keep_alive = emulator, answer, keep_alive


class _Asked(Exception):
    """A request of the fast path that a store was asked about; `answer` is there once it is in aiohttp's queue."""

    def __init__(self, emulator: Emulator, keep_alive: bool) -> None:
        self.emulator, self.keep_alive, self.began = emulator, keep_alive, monotonic()
        self.answer: asyncio.Future[Answer] | None = None


class _Ended(Exception):
    """The client has said all it had to say."""


class _Unread(Exception):
    """The client does not read the answers of the fast path."""


class _CutShort(Exception):
    """The client has said all it had to say, in the middle of a head."""


class _TooLong(Exception):
    """A head of too many bytes in all."""


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


class _CaughtUp(web.StreamResponse):
    """Nothing is written, and nothing more answered, before the client has read what there is."""

    @property
    def keep_alive(self) -> bool:
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing was begun."""


class _ClosingResponse(RawResponse):
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
