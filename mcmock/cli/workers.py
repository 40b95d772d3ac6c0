"""`--workers N`: further processes that share the port of this one, and through a Redis all that it knows.

Each is this very command line again, told by a variable that it is a worker: it announces nothing, and ends when whoever
started it does. One that ends by itself is started again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import click

from mcmock.cli.options import Settings
from mcmock.cli.saying import remark
from mcmock.cli.service import CannotListen

if TYPE_CHECKING:
    from mcmock.server import Service

VARIABLE = "MCMOCK_WORKER"
READY = b"ready\n"

RESTING = 1.0
"""Seconds before a worker that ended is started again."""

ENDING = 5.0
"""Seconds that a worker has to end before it is killed: one that is stopped by a signal or a debugger never would."""

PATIENCE = 30.0
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
    for port in (settings.values["port"], settings.values["https_port"]):
        _see_that_it_is_free(settings.values["host"], port or 0)


def _see_that_it_is_free(host: str, port: int) -> None:
    """A port that is shared would be shared with whoever else shares it: other workers, of another server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise CannotListen(OSError(error.errno, os.strerror(error.errno or 0), f"{host}:{port}")) from None


def as_worker(settings: Settings) -> Settings:
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


async def until_abandoned(stopped: asyncio.Event) -> None:
    """In a worker: tell that it listens, and stop when the process that started it is gone."""
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            stopped.set()

    loop.add_reader(0, heard)
    os.write(1, READY)
    await stopped.wait()
    loop.remove_reader(0)


class _Crew:
    def __init__(self, service: Service, count: int) -> None:
        place = service.place
        https = ["--https-port", str(place.https_port)] if place.https_port is not None else []
        self._command = [sys.executable, "-m", "mcmock", *sys.argv[1:], "--port", str(place.port), *https]
        token = {"MCMOCK_ADMIN_TOKEN": place.token} if place.token is not None else {}
        self._environment = {**os.environ, **token, VARIABLE: "1"}
        self._count = count
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Raises click.ClickException when they do not begin."""
        started = [asyncio.get_running_loop().create_future() for _ in range(self._count)]
        self._tasks = [asyncio.create_task(self._attend(ready)) for ready in started]
        if self._tasks:
            done, _ = await asyncio.wait(started, timeout=PATIENCE)
            if len(done) < self._count or not all(one.result() for one in done):
                raise click.ClickException("a worker did not start; see its message above")

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attend(self, started: asyncio.Future[bool]) -> None:
        """Run one worker, again and again."""
        while True:
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=PIPE, stdout=PIPE, env=self._environment
                )
            except OSError as error:  # no more processes, or descriptors: it may pass
                click.echo(f"mcmock: cannot start a worker: {error.strerror}; trying again", err=True)
                await asyncio.sleep(RESTING)
                continue
            try:
                assert process.stdout is not None
                said = await process.stdout.readline()
                if not started.done():
                    started.set_result(said == READY)
                code = await process.wait()
            finally:
                await self._stop(process)
            remark(f"a worker ended with {code}, and is started again")
            await asyncio.sleep(RESTING)

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
