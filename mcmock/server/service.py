"""Listening: a Service owns the socket, a ServiceThread runs one on a loop of its own for code that has none."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from aiohttp import web

from mcmock.emulator import Emulator
from mcmock.model import Delivery, Refusal, Request
from mcmock.server.admin import PREFIX, ControlApi
from mcmock.server.app import make_handler
from mcmock.server.emulated import Raw

KEPT_UNPARSED = 8192
"""Bytes kept of a request whose header never ended, for the log."""


class Connection(web.RequestHandler):
    """aiohttp's connection, which also logs what never became a request."""

    __slots__ = ("emulator", "unparsed")

    def __init__(self, emulator: Emulator, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self.emulator = emulator
        self.unparsed = b""

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        if self._current_request is None and not self._messages:
            self.unparsed = (self.unparsed + data)[:KEPT_UNPARSED] if self.unparsed else data[:KEPT_UNPARSED]
        super().data_received(data)
        if self._request_count != before and not self._is_error():
            self.unparsed = b""

    def _is_error(self) -> bool:
        return bool(self._messages) and not hasattr(self._messages[-1][0], "headers")

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.unparsed and self._current_request is None:
            self._log_unparsed("the connection ended before the request's header did")
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are no HTTP in the API's own words; what comes after them is not read."""
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        answer = self.emulator.handle(self._unparsed_request(" ".join((message or "no HTTP").split())))
        self.unparsed = b""
        return Raw(self.emulator, answer, keep_alive=False)

    def _log_unparsed(self, message: str) -> None:
        answer = self.emulator.handle(self._unparsed_request(message))
        self.emulator.settle(answer.seq, Delivery.CLIENT_GONE)
        self.unparsed = b""

    def _unparsed_request(self, message: str) -> Request:
        method, _, rest = self.unparsed.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        refusal = Refusal("not-http", 400, f"not an HTTP request: {message}")
        target = rest.partition(" ")[0]
        return Request(method[:32], target, (), self.unparsed, complete=False, keep_alive=False, refusal=refusal)


class _Server(web.Server):
    """aiohttp's server, with our connections."""

    def __init__(self, emulator: Emulator, handler: Any, **options: Any) -> None:
        super().__init__(handler)
        self._emulator = emulator
        self._options = options

    def __call__(self) -> Connection:
        return Connection(self._emulator, self, loop=self._loop, **self._options)


class Service:
    """The emulator on a socket. `port` 0 takes any free one; `start` raises OSError when it cannot listen."""

    def __init__(self, emulator: Emulator, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.emulator = emulator
        self._host, self._port = host, port
        self._listener: asyncio.Server | None = None
        self._server: _Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        handler = make_handler(self.emulator, ControlApi(self.emulator))
        self._server = _Server(self.emulator, handler, access_log=None, auto_decompress=False)
        self._listener = await loop.create_server(self._server, self._host, self._port, backlog=1024)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, let answers in progress finish for a moment, close every connection."""
        if self._listener is None or self._server is None:
            return
        self._listener.close()
        self._server.pre_shutdown()
        await self._server.shutdown(0.5)
        self._listener = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def admin_url(self) -> str:
        return self.url + PREFIX


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

