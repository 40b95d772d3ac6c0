"""`--workers N`: further processes that share the port of this one, and through a Redis all that it knows.

Each is this very command line again, told by a variable that it is a worker: it announces nothing, and ends when whoever
started it does. One that ends by itself is started again.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from mcmock.cli.options import Settings
from mcmock.cli.saying import remark
from mcmock.cli.service import CannotListen

if TYPE_CHECKING:
    from mcmock.server import Service
    from mcmock.server.presence import Refused

VARIABLE = "MCMOCK_WORKER"
READY = b"ready\n"

RESTART_DELAY = 1.0
"""Seconds before a worker that ended is started again."""

ENDING = 5.0
"""Seconds that a worker has to end before it is killed: one that is stopped by a signal or a debugger never would."""

START_TIMEOUT = 30.0
"""Seconds that the workers have to begin."""


def is_worker() -> bool:
    return VARIABLE in os.environ


def shares_port(settings: Settings) -> bool:
    return is_worker() or settings.values["workers"] > 1


def check(settings: Settings) -> None:
    """Raise click.UsageError where there can be no workers."""
    if settings.values["workers"] == 1 or is_worker():
        return
    if not settings.values["store"].startswith(("redis://", "rediss://", "unix://")):
        raise click.UsageError("--workers share their state through a Redis: add --store redis://HOST:PORT/DATABASE")
    if not hasattr(socket, "SO_REUSEPORT"):
        raise click.UsageError("--workers share a port, which this system does not offer")
    for port in (settings.values[name] for name in ("port", "https_port", "admin_port")):
        _see_that_it_is_free(settings.values["host"], port or 0)


def _see_that_it_is_free(host: str, port: int) -> None:
    """A port that is shared would be shared with whoever else shares it: other workers, of another server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise CannotListen(OSError(error.errno, os.strerror(error.errno or 0), f"{host}:{port}")) from None


def worker_settings(settings: Settings) -> Settings:
    """Return what a worker leaves to the process that started it."""
    return settings._replace(values={**settings.values, "log_requests": False, "ready_file": None})


@asynccontextmanager
async def workers(service: Service, settings: Settings) -> AsyncIterator[None]:
    """Yield the other workers, from when all of them answer to when the block ends."""
    crew = _Crew(service, settings.values["workers"] - 1)
    try:
        await crew.begin()
        yield
    finally:
        await crew.end()


async def wait_for_parent_exit(service: Service, stopped: asyncio.Event) -> None:
    """In a worker: tell that it listens, refuse connections with the others, and stop when who started it is gone."""
    parent = _Line(lambda text: os.write(1, text))
    service.presence.order = parent.ask
    heard, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(heard), sys.stdin)
    os.write(1, READY)
    hearing = asyncio.create_task(parent.hear(heard, service.presence.obey))
    hearing.add_done_callback(lambda _: stopped.set())
    await stopped.wait()
    hearing.cancel()
    pipe.close()


class _Line:
    """One end of the pipes between a worker and the process that started it: orders, and word that they were obeyed.

    An order is a refusal, or None to listen again. A line is `["order", number, refusal]` or `["obeyed", number, error]`.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._asked: dict[int, asyncio.Future[str | None]] = {}
        self._obeying: set[asyncio.Task[None]] = set()
        self._last = 0

    async def ask(self, order: Refused | None) -> None:
        """Give an order, and return when it was obeyed. Raises OSError if it could not be, or nobody answers."""
        self._last = number = self._last + 1
        self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._say("order", number, order)
            async with asyncio.timeout(ENDING):
                error = await self._asked[number]
        except TimeoutError:
            raise OSError("a worker does not answer") from None
        finally:
            del self._asked[number]
        if error is not None:
            raise OSError(error)

    async def hear(self, lines: asyncio.StreamReader, obey: Callable[[Refused | None], Awaitable[None]]) -> None:
        """Obey orders, and take in what became of ours, until the other end is gone."""
        from mcmock.server.presence import Refused  # late: `mcmock --help` should not wait for aiohttp

        while line := await lines.readline():
            what, number, value = json.loads(line)
            if what == "order":
                order = Refused(*value) if value is not None else None
                task = asyncio.create_task(self._obey(number, obey, order))
                self._obeying.add(task)
                task.add_done_callback(self._obeying.discard)
            elif (asked := self._asked.get(number)) is not None and not asked.done():
                asked.set_result(value)

    async def _obey(
        self, number: int, obey: Callable[[Refused | None], Awaitable[None]], order: Refused | None
    ) -> None:
        error = None
        try:
            await obey(order)
        except OSError as failed:
            error = str(failed)
        self._say("obeyed", number, error)

    def _say(self, what: str, number: int, value: Any) -> None:
        with suppress(OSError):  # the other end is gone: that is heard, too
            self._write(json.dumps([what, number, value]).encode() + b"\n")


class _Crew:
    """The other workers. Every order is given from here, one after the other, so that all processes obey the same last one."""

    def __init__(self, service: Service, count: int) -> None:
        place = service.place
        ports = {"--port": place.port, "--https-port": place.https_port, "--admin-port": place.admin_port}
        told = [word for name, port in ports.items() if port is not None for word in (name, str(port))]
        self._command = [sys.executable, "-m", "mcmock", *sys.argv[1:], *told]
        token = {"MCMOCK_ADMIN_TOKEN": place.token} if place.token is not None else {}
        self._environment = {**os.environ, **token, VARIABLE: "1"}
        self._count = count
        self._tasks: list[asyncio.Task[None]] = []
        self._presence = service.presence
        self._presence.order = self._order
        self._ordering = asyncio.Lock()
        self._lines: set[_Line] = set()

    async def begin(self) -> None:
        """Raises click.ClickException when they do not begin."""
        started = [asyncio.get_running_loop().create_future() for _ in range(self._count)]
        self._tasks = [asyncio.create_task(self._attend(ready)) for ready in started]
        if self._tasks:
            done, _ = await asyncio.wait(started, timeout=START_TIMEOUT)
            if len(done) < self._count or not all(one.result() for one in done):
                raise click.ClickException("a worker did not start; see its message above")

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _order(self, order: Refused | None) -> None:
        """Have all obey, this process included. Raises OSError if one could not."""
        async with self._ordering:
            orders = [line.ask(order) for line in self._lines]
            obeyed = await asyncio.gather(self._presence.obey(order), *orders, return_exceptions=True)
        for failed in obeyed:
            if isinstance(failed, BaseException):
                raise failed

    async def _attend(self, started: asyncio.Future[bool]) -> None:
        """Run one worker, again and again."""
        while True:
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=PIPE, stdout=PIPE, env=self._environment
                )
            except OSError as error:  # no more processes, or descriptors: it may pass
                click.echo(f"mcmock: cannot start a worker: {error.strerror}; trying again", err=True)
                await asyncio.sleep(RESTART_DELAY)
                continue
            try:
                assert process.stdout is not None
                said = await process.stdout.readline()
                if not started.done():
                    started.set_result(said == READY)
                if said == READY:
                    await self._hear(process)
                code = await process.wait()
            finally:
                await self._stop(process)
            remark(f"a worker ended with {code}, and is started again")
            await asyncio.sleep(RESTART_DELAY)
            await self._presence.back()  # it would listen while the others refuse

    async def _hear(self, process: Process) -> None:
        """Pass on what one worker orders, until it ends."""
        assert process.stdin is not None
        assert process.stdout is not None
        line = _Line(process.stdin.write)
        self._lines.add(line)
        try:
            if (refused := self._presence.refused) is not None:  # since it was started
                late = asyncio.create_task(line.ask(refused))
                late.add_done_callback(lambda done: done.cancelled() or done.exception())
            await line.hear(process.stdout, self._order)
        finally:
            self._lines.discard(line)

    async def _stop(self, process: Process) -> None:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(ENDING):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
