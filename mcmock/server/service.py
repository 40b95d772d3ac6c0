"""Listening: a Service owns the socket, a ServiceThread runs one on a loop of its own for code that has none."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from aiohttp import web

from mcmock import scopes
from mcmock.emulator import Emulator
from mcmock.scopes import Scopes
from mcmock.server.admin import PREFIX, ControlApi
from mcmock.server.app import make_handler
from mcmock.server.connection import Connection
from mcmock.server.lane import Lane


class _Server(web.Server):
    """aiohttp's server, with our connections."""

    def __init__(self, held: Scopes, handler: Any, **options: Any) -> None:
        super().__init__(handler)
        self._scopes = held
        self._lane = Lane(held.default.max_body_bytes)
        self._options = options

    def __call__(self) -> Connection:
        return Connection(self._scopes, self._lane, self, loop=self._loop, **self._options)


class Service:
    """The emulator on a socket. `port` 0 takes any free one; `start` raises OSError when it cannot listen."""

    def __init__(self, emulator: Emulator | Scopes, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.scopes = scopes.around(emulator)
        self.emulator = self.scopes.default
        self._host, self._port = host, port
        self._listener: asyncio.Server | None = None
        self._server: _Server | None = None
        self._control = ControlApi(self.scopes)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        handler = make_handler(self.scopes, self._control)
        self._server = _Server(self.scopes, handler, access_log=None, auto_decompress=False)
        self._listener = await loop.create_server(self._server, self._host, self._port, backlog=1024)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, let answers in progress finish for a moment, close every connection."""
        if self._listener is None or self._server is None:
            return
        self._listener.close()
        self._control.lasting.end()
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
