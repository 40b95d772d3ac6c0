"""Three replicas on one Redis behind a balancer, in the place of the one server of `mcmock_server`.

tests/conftest.py puts this in when MCMOCK_TEST_REPLICAS names a Redis: any test that asks for `mcmock_server` then talks
to whichever replica is next, while what it asks in Python is asked of one of them.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack, suppress
from itertools import cycle
from types import TracebackType
from typing import Any, Self

from mcmock.engine import Emulator
from mcmock.testing.server import McmockServer


class Balancer:
    """Forwards each connection to the next of several servers, byte for byte."""

    def __init__(self, ports: list[int]) -> None:
        self._next = cycle(ports)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="balancer", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._forward, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        behind, before = await asyncio.open_connection("127.0.0.1", next(self._next))
        try:
            with suppress(asyncio.CancelledError):
                await asyncio.gather(self._pump(reader, before), self._pump(behind, writer))
        finally:
            before.close()
            writer.close()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()


class Replicated(McmockServer):
    """The first of three replicas; its `url` is the balancer's."""

    def __init__(self, redis_url: str, **options: Any) -> None:
        self._others: list[McmockServer] = []
        self._stack = ExitStack()
        super().__init__(store=redis_url, **options)
        self._others = [McmockServer(store=redis_url, **options) for _ in range(2)]

    @property
    def emulator(self) -> Emulator:
        """It, as it stands after whatever was answered anywhere."""
        self._emulator.catch_up()
        return self._emulator

    @emulator.setter
    def emulator(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def prepare(self, **changes: Any) -> None:
        for other in self._others:
            other.prepare(**changes)
        super().prepare(**changes)

    def __enter__(self) -> Self:
        super().__enter__()
        for other in self._others:
            self._stack.enter_context(other)
        self._balancer = Balancer([self._thread.service.port, *(other._thread.service.port for other in self._others)])
        self._balancer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._balancer.stop()
        self._stack.close()
        super().__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._balancer.port}"

    @property
    def admin_url(self) -> str:
        return f"{self.url}/__admin"
