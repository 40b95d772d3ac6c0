"""Every name of aiohttp's inside that mcmock uses, and nothing else: no other module names a private part of aiohttp.

aiohttp promises nothing about these names. `moved_names` says which of them an installed aiohttp no longer has; a server
asks it as it starts, and CI asks it of releases that pyproject.toml does not allow yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NoReturn

import aiohttp
from aiohttp import StreamReader, web, web_protocol
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import BadStatusLine
from aiohttp.streams import EMPTY_PAYLOAD

_ErrInfo: Any = getattr(web_protocol, "_ErrInfo", None)

LIMITED_BY = ("max_line_size", "max_field_size", "max_headers")

CONNECTION_NAMES = (
    "_buffer_paused", "_close", "_current_request", "_force_close", "_keepalive_timeout", "_loop", "_max_msg_queue_size",
    "_messages", "_next_keepalive_close_time", "_parser", "_pause_reading_for_buffer", "_paused", "_read_bufsize",
    "_reading_paused", "_request_count", "_request_factory", "_request_handler", "_resume_reading_if_drained",
    "_task_handler", "_upgraded", "_waiter", "finish_response", "handle_error", "log_exception", *LIMITED_BY,
)  # fmt: skip
SERVER_NAMES = ("_connections", "_loop", "connection_made", "connections", "pre_shutdown", "request_factory")


async def moved_names() -> list[str]:
    """Return the names that the installed aiohttp does not have, as `RequestHandler._messages`."""
    server = web.Server(_handle_nothing)
    moved = [f"Server.{name}" for name in SERVER_NAMES if not hasattr(server, name)]
    connection = AiohttpConnection(server, loop=asyncio.get_running_loop())
    moved += [f"RequestHandler.{name}" for name in CONNECTION_NAMES if not hasattr(connection, name)]
    inside = {
        "StreamReader._buffer": StreamReader(connection, 1, loop=asyncio.get_running_loop()),
        "web_protocol._ErrInfo": web_protocol,
    }
    moved += [name for name, owner in inside.items() if not hasattr(owner, name.partition(".")[2])]
    try:
        connection.renew_parser()
        connection.queue_error(OSError())
    except (AttributeError, TypeError) as error:
        moved = moved or [str(error)]
    return moved


async def check() -> None:
    """Raise ValueError, in one line, if the installed aiohttp lacks a name that mcmock needs."""
    if moved := await moved_names():
        raise ValueError(
            f"aiohttp {aiohttp.__version__} has moved {', '.join(moved)}, which mcmock needs: "
            "install a version that mcmock allows (pip install --force-reinstall mcmock)"
        )


async def _handle_nothing(request: web.BaseRequest) -> NoReturn:
    raise NotImplementedError


def unread(content: StreamReader) -> bytes:
    """Return what came of a body before it broke off; aiohttp itself gives it to nobody any more."""
    return b"".join(content._buffer)


def forget_frames(error: BaseException | type[BaseException] | None) -> None:
    """Let an exception that is kept forget where it was raised: those frames know it, too."""
    if isinstance(error, BaseException):
        error.__traceback__ = None


def is_error(message: Any) -> bool:
    """Return whether an entry of the queue is a failure instead of a request's head."""
    return isinstance(message, _ErrInfo)


class AiohttpServer(web.Server):
    """aiohttp's server, by names of ours."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def count_connections(self) -> int:
        return len(self._connections)

    async def abort(self, leaving: list[web.RequestHandler], seconds: float) -> None:
        """Cut these connections, and wait for up to `seconds` until their handlers have ended."""
        for one in leaving:
            self._connections[one].abort()
        if tasks := [one._task_handler for one in leaving if one._task_handler is not None]:
            await asyncio.wait(tasks, timeout=seconds)


class AiohttpConnection(web.RequestHandler):
    """aiohttp's connection, by names of ours.

    Its queue holds the requests that were read and not yet answered: pairs of a head and a body, or of an error and nothing.
    """

    __slots__ = ("_socket_transport",)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    requests_read = web.RequestHandler._request_count  # type: ignore[misc]
    """How many requests were read in all, those that could not be parsed included."""

    is_cut = web.RequestHandler._force_close  # type: ignore[misc]
    """Whether the connection is lost, or given up."""

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is answered than what is under way."""
        return self._close or self._force_close

    is_full = web.RequestHandler._paused  # type: ignore[misc]
    """Whether the client does not read what is written."""

    is_withholding = web.RequestHandler._reading_paused  # type: ignore[misc]
    """Whether aiohttp keeps some of a body until there is room for it."""

    is_held_back = web.RequestHandler._buffer_paused  # type: ignore[misc]
    """Whether reading stands still until answers have made room in the queue."""

    is_upgraded = web.RequestHandler._upgraded  # type: ignore[misc]
    """Whether the request before asked for another protocol."""

    def may_read(self) -> bool:
        """Return whether aiohttp takes more bytes: another request, or more of a body."""
        full = len(self._messages) >= self._max_msg_queue_size
        return not (full or self._upgraded or self._reading_paused or self._close or self._force_close)

    def hold_back(self) -> None:
        if not self._reading_paused and not self._buffer_paused:
            self._pause_reading_for_buffer()

    def resume(self) -> None:
        self._resume_reading_if_drained()

    def read_on(self) -> None:
        """Read whatever comes, room or no room, and as plain HTTP whatever was asked for."""
        self._reading_paused = False
        if self._upgraded and self._parser is not None:
            self._parser.set_upgraded(False)
            self._upgraded = False

    def renew_parser(self) -> None:
        """Begin anew: after a body in chunks, the old one would take its last trailer for a header of the next request."""
        self._parser = HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=self._max_msg_queue_size,
            **{name: getattr(self, name) for name in LIMITED_BY},
        )

    # -- the queue ----------------------------------------------------------------------------------------------------

    def is_idle(self, begun: bool) -> bool:
        """Return whether the queue is empty and, if anything was read before, aiohttp waits for the next request."""
        return not (self._messages or (begun and (self._waiter is None or self._waiter.done())))

    def is_ready(self, begun: bool) -> bool:
        """Return whether `is_idle` and `may_write` hold, in one call: every packet asks."""
        transport = self.transport
        return not (
            self._messages
            or (begun and (self._waiter is None or self._waiter.done()))
            or transport is None
            or self._close
            or self._force_close
            or self._paused
            or transport.is_closing()
        )

    def may_write(self, transport: asyncio.Transport) -> bool:
        """Return whether an answer may be written at once: nothing is closing, and the client reads."""
        return not (self._close or self._force_close or self._paused or transport.is_closing())

    def latest(self) -> tuple[Any, StreamReader]:
        """Return what was read last. A CONNECT to nowhere is an error: aiohttp can make no request of a head without an URL."""
        message: Any = self._messages[-1][0]
        if not is_error(message) and message.url is None:
            error = BadStatusLine("CONNECT without a target")
            self._messages[-1] = _ErrInfo(status=400, exc=error, message=error.message), EMPTY_PAYLOAD
        return self._messages[-1]

    def drop_latest(self) -> None:
        self._messages.pop()

    def take_queued(self) -> Iterator[tuple[Any, StreamReader]]:
        while self._messages:
            yield self._messages.popleft()

    def queue_error(self, error: Exception) -> None:
        """Let `handle_error` be called with `error` once all requests before it are answered."""
        self._messages.append((_ErrInfo(status=0, exc=error, message=""), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def make_request(self, head: Any, body: StreamReader) -> web.BaseRequest:
        make: Any = self._request_factory
        request: web.BaseRequest = make(head, body, self, None, None)
        return request

    def note_answer(self) -> None:
        """An answer was written past aiohttp: the time in which the connection may rest begins anew."""
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        carrier = getattr(getattr(transport, "_ssl_protocol", None), "_transport", transport)
        self._socket_transport: Any = carrier if hasattr(carrier, "_read_ready_cb") else None  # asyncio's, not uvloop's

    def connection_lost(self, exc: BaseException | None) -> None:
        answering = self._request_factory, self._request_handler
        super().connection_lost(exc)
        if (carrier := getattr(self, "_socket_transport", None)) is not None:
            # It is a method of its own: a cycle, which the garbage collector would have to find.
            carrier._read_ready_cb = None
            self._socket_transport = None
        # aiohttp forgets them though its loop may have a request at hand, which would end it by a TypeError.
        self._request_factory, self._request_handler = answering
