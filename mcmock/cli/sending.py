"""The sender that `replay` and `play` share: what is sent from which file, to whom, and when.

It sends and waits. Whether an answer is right is for `replay` to say, and what there was of answers for `play`.
"""

from __future__ import annotations

import asyncio
import errno
import posixpath
import ssl
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aiohttp
import click
from yarl import URL

from mcmock.cli.admin_client import CouldNotAsk
from mcmock.core import clock
from mcmock.protocols.registry import protocol_owning
from mcmock.recordings.formats import Recording
from mcmock.recordings.replay_plan import Plan, PlannedRequest, ReplayAnswer, Run, plan

ANSWER_WITHIN = 30.0
"""Seconds until an answer counts as missing."""


class Pace(NamedTuple):
    """`speed` is recorded seconds per second, None for no waiting. `advance`: move the server's clock instead."""

    speed: float | None
    advance: bool

    @property
    def true_time(self) -> bool:
        """Whether the server's clock sees the time that was recorded, on which some findings depend."""
        return self.advance or self.speed == 1


# -- files ----------------------------------------------------------------------------------------------------------------


def plan_of(name: str, found: Recording, start_ms: int) -> Plan:
    try:
        return plan(found, name, start_ms)
    except ValueError as error:
        raise click.UsageError(f"{name}: {error}") from None


# -- the server -----------------------------------------------------------------------------------------------------------


def server_at(to: str, token: str | None, ca: str | None) -> Server:
    """Return the server at `to`. Raises click.UsageError for what is no address of one, or ends in the API's path."""
    if not to.startswith(("http://", "https://")):
        raise click.UsageError(f"--to {to}: it must begin with http:// or https://")
    if (protocol := protocol_owning(to)) is not None:
        base = posixpath.commonpath(path.template for path in protocol.paths)
        raise click.UsageError(f"--to {to}: leave {base} out, every recorded path begins with it")
    return Server(to.rstrip("/"), token, ssl.create_default_context(cafile=ca) if ca else True)


class Server:
    """Whoever answers at `url`."""

    def __init__(self, url: str, token: str | None, trusted: Any) -> None:
        self.url, self._trusted = url, trusted
        self._admin_headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client: aiohttp.ClientSession

    async def __aenter__(self) -> Server:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        connector = aiohttp.TCPConnector(ssl=self._trusted, limit=0)
        self._client = aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def send(self, step: PlannedRequest, target: str, body: bytes) -> ReplayAnswer:
        try:
            async with self._client.request(
                step.method, URL(self.url + target, encoded=True), data=body or None, headers=step.headers,
                skip_auto_headers=("Content-Type", "User-Agent", "Accept"), allow_redirects=False,
            ) as answer:  # fmt: skip
                return ReplayAnswer(answer.status, tuple(answer.headers.items()), await answer.read())
        except aiohttp.ClientConnectorError as error:
            if error.os_error.errno in (errno.EMFILE, errno.ENFILE):  # ours, not the server's
                return ReplayAnswer(None, error="not sent: no more files may be open here, see `ulimit -n`")
            raise CouldNotAsk(f"nothing answers at {self.url}: {error.strerror or error}") from None
        except TimeoutError:
            return ReplayAnswer(None, error=f"no answer within {ANSWER_WITHIN:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return ReplayAnswer(None, error=f"no answer ({error or type(error).__name__})")

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the control API's answer. Raises click.ClickException if there is none: then this is no mcmock, or not ours."""
        value = {} if method == "POST" and body is None else body  # a change is asked for in JSON, even an empty one
        try:
            async with self._client.request(
                method, f"{self.url}/__admin{path}", json=value, headers=self._admin_headers, allow_redirects=False
            ) as answer:
                return await answer.json() if answer.status == 200 else self._refused(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CouldNotAsk(f"{self.url}/__admin does not answer: {error or type(error).__name__}") from None

    def _refused(self, status: int) -> None:
        hint = "give its --token" if status == 401 else "is it mcmock?"
        raise CouldNotAsk(f"{self.url}/__admin answers {status}: {hint}")

    async def is_mcmock(self) -> bool:
        try:
            await self.ask("GET", "/summary")
        except click.ClickException:
            return False
        return True


# -- when, and to which session -------------------------------------------------------------------------------------------


Wait = Callable[[float], Awaitable[None]]


def waiting_for(pace: Pace, server: Server) -> Wait:
    """Return a function that waits until a recorded moment, in its own way."""
    began = clock.monotonic()
    done = 0.0

    async def wait(until: float) -> None:
        if pace.speed is not None:
            await asyncio.sleep(max(0.0, until / pace.speed - (clock.monotonic() - began)))

    async def advance(until: float) -> None:
        nonlocal done
        if until > done:
            await server.ask("POST", "/clock/advance", {"seconds": until - done})
            done = until

    return advance if pace.advance else wait


Send = Callable[[PlannedRequest, str, bytes], Awaitable[ReplayAnswer]]
Heard = Callable[[PlannedRequest, ReplayAnswer, str | None], Awaitable[None]]
"""Is told of each step, its answer, and where that is not the expected one."""


async def send_all(run: Run, send: Send, wait: Wait, heard: Heard) -> None:
    """Send the steps of a plan, each when `wait` returns, to the sessions that the server opens for this run."""
    for step in run.plan.steps:
        await wait(step.at)
        request = run.request(step)
        got = ReplayAnswer(None, error="no session to send it to") if request is None else await send(step, *request)
        await heard(step, got, run.take(step, got))


def progress(requests: int) -> Any:
    """Return a bar of that many requests, on stderr; to be entered, and updated."""
    return click.progressbar(length=requests, file=sys.stderr, label="requests" if sys.stderr.isatty() else None)
