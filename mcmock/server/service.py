"""Listening: a Service owns the socket, a ServiceThread runs one on a loop of its own for code that has none."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from mcmock import scopes
from mcmock.emulator import Emulator
from mcmock.scopes import Scopes
from mcmock.server.admin import ControlApi
from mcmock.server.app import make_handler
from mcmock.server.connection import Connection
from mcmock.server.lane import Lane
from mcmock.server.place import Place

_logger = logging.getLogger("mcmock")

RESERVED = 64
"""Descriptors that connections leave to files, the store and the loop itself."""

MOST_CONNECTIONS = 16_384
"""Connections at a time, where the system allows that many descriptors; a new one beyond is closed at once."""

BACKLOG = 1024
"""Connections that may wait to be taken."""

TAKERS = 8
"""Handles that listen at one port where the loop is uvloop's: each takes one connection in a turn of the loop, so that of 64 that
come at once, the last would wait for the others' requests, a tenth of a second. asyncio's loop takes all that wait."""

STOP_SECONDS = 0.2
"""How long answers in progress may take to finish when the server stops; then they are broken off, which may take as long."""


class _Server(web.Server):
    """aiohttp's server, with our connections."""

    def __init__(self, held: Scopes, handler: Any, **options: Any) -> None:
        super().__init__(handler)
        self._scopes = held
        self._lane = Lane(held.default.max_body_bytes)
        self._options = options
        self._most = most_connections()
        self._is_full = False

    def __call__(self) -> asyncio.Protocol:  # type: ignore[override]
        if len(self._connections) >= self._most:
            self._say_full()
            return _Full()
        return Connection(self._scopes, self._lane, self, loop=self._loop, **self._options)

    def _say_full(self) -> None:
        """One line in the server's own log: the emulated API's log is about requests, and there is none."""
        if not self._is_full:
            self._is_full = True
            _logger.warning("%d connections are open: more are closed at once (see ulimit -n)", self._most)


class _Full(asyncio.Protocol):
    """What a connection too many gets: its end, before anything is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


def most_connections() -> int:
    """How many connections may be open: as many as there are descriptors for, up to MOST_CONNECTIONS."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_CONNECTIONS
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_CONNECTIONS if allowed == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, allowed - RESERVED))


class Service:
    """The emulator on a socket, or on two: HTTP, and HTTPS where it is asked for. `options` are those of Place.

    `share_port` lets other processes listen on the same port.
    """

    def __init__(self, emulator: Emulator | Scopes, *, share_port: bool = False, **options: Any) -> None:
        self.scopes = scopes.around(emulator)
        self.emulator = self.scopes.default
        self.place = Place(**options)
        self._share_port = share_port
        self._listeners: list[asyncio.Server] = []
        self._starting_https = asyncio.Lock()
        self._server: _Server | None = None
        self._control = ControlApi(self.scopes, self.place)

    async def start(self) -> None:
        """Listen. Raises OSError when it cannot, ValueError when there is no certificate for HTTPS."""
        place = self.place
        context = place.context() if place.https_port is not None else None
        handler = make_handler(self.scopes, self._control)
        self._server = _Server(self.scopes, handler, access_log=None, auto_decompress=False)
        try:
            place.port = await self._listen(place.port, "--port")
            if context is not None and place.https_port is not None:
                place.https_port = await self._listen(place.https_port, "--https-port", context)
        except OSError:
            await self.stop()
            raise

    async def start_https(self) -> None:
        """Listen for HTTPS, too, on a free port, if it does not yet."""
        async with self._starting_https:
            if self.place.https_port is None:
                self.place.https_port = await self._listen(0, "--https-port", self.place.context())

    async def _listen(self, port: int, option: str, context: ssl.SSLContext | None = None) -> int:
        """Listen on `port`, and return the port it is; 0 is another one each time, the same for all addresses of a name."""
        assert self._server is not None
        secure: dict[str, Any] = {"ssl": context, "ssl_shutdown_timeout": 0.2} if context is not None else {}
        try:
            listener = await asyncio.get_running_loop().create_server(
                self._server,
                self.place.host or None,
                port,
                backlog=BACKLOG,
                reuse_port=self._share_port or None,
                **secure,
            )
        except OSError as error:
            blamed = option if error.errno in _OF_THE_PORT else "--host"
            raise OSError(error.errno, f"{_reason(error)} ({blamed})", f"{self.place.called}:{port}") from None
        ports = {int(one.getsockname()[1]) for one in listener.sockets}
        if len(ports) > 1:  # a name with several addresses, each of which took a free port of its own
            listener.close()
            return await self._listen(min(ports), option, context)
        self._listeners.append(listener)
        for one in _once_more(listener):
            self._listeners.append(await self._listen_beside(one, secure))
        return ports.pop()

    async def _listen_beside(self, beside: socket.socket, secure: dict[str, Any]) -> asyncio.Server:
        assert self._server is not None
        return await asyncio.get_running_loop().create_server(self._server, sock=beside, backlog=BACKLOG, **secure)

    async def stop(self) -> None:
        """Stop listening, let answers in progress finish for a moment, close every connection."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self._control.lasting.end()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(STOP_SECONDS)
            self._server = None

    @property
    def port(self) -> int:
        return self.place.port

    @property
    def url(self) -> str:
        return self.place.url

    @property
    def https_url(self) -> str | None:
        """None while it does not listen for HTTPS."""
        return self.place.https_url

    @property
    def ca_file(self) -> Path | None:
        """The certificate authority's file; None where it has none, or HTTPS is off."""
        return self.place.authority.path if self.place.authority is not None else None

    @property
    def admin_url(self) -> str:
        return self.place.admin_url


def _once_more(listener: asyncio.Server) -> Iterator[socket.socket]:
    """The sockets of a listener, as often as it takes; see TAKERS."""
    if not isinstance(listener.get_loop(), asyncio.BaseEventLoop):
        for one in listener.sockets:
            yield from (socket.fromfd(one.fileno(), one.family, one.type) for _ in range(TAKERS - 1))


_OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES)
"""What is wrong with a port; anything else is wrong with the address."""


def _reason(error: OSError) -> str:
    """The system's words for what went wrong; asyncio puts its own around them."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


class ServiceThread:
    """A Service on a thread and loop of its own, so that sync tests, async tests and browsers can all talk to it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mcmock", daemon=True)

    def start(self) -> None:
        """Raises OSError when the service cannot listen."""
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.service.start(), self._loop).result()
        except BaseException:
            self._end_loop()
            raise

    def https_url(self) -> str:
        """The address for HTTPS, which the service listens for from now on, if it did not yet."""
        asyncio.run_coroutine_threadsafe(self.service.start_https(), self._loop).result()
        return str(self.service.https_url)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.service.stop(), self._loop).result()
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
