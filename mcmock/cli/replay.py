"""`mcmock replay`: send a recorded session or a timeline to any server, and say where its answers differ.

It waits, sends and prints; what is sent and what is a difference is `mcmock.recordings.replay_plan`'s business.
"""

from __future__ import annotations

import asyncio
import posixpath
import ssl
import sys
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import click
from yarl import URL

from mcmock.cli.admin_client import CouldNotAsk
from mcmock.cli.saying import say
from mcmock.core import clock
from mcmock.core.printable import printable
from mcmock.protocols.registry import protocol_owning
from mcmock.recordings import files as saved
from mcmock.recordings import formats
from mcmock.recordings.formats import Recording
from mcmock.recordings.replay_plan import Got, Plan, Planned, Run, different_findings, different_session, plan, unopened
from mcmock.recordings.timeline import Timeline

SUITES = ("timelines", "conformance")
"""The folders of fixtures/ that --all sends."""

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


@click.command()
@click.argument("files", nargs=-1, metavar="FILE…")
@click.option(
    "--to", required=True, metavar="URL", envvar="MCMOCK_URL", help="The server, without the path of the API."
)
@click.option(
    "--all", "everything", is_flag=True, help="Send every timeline and conformance file that comes with mcmock."
)
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="Recorded seconds per second. [default: 1]")
@click.option("--flat-out", is_flag=True, help="Do not wait between requests.")
@click.option("--advance", is_flag=True, help="Move the server's clock instead of waiting; it must be mcmock.")
@click.option("--sessions", type=click.IntRange(min=1), default=1, show_default=True, help="How many at once.")
@click.option("--token", envvar="MCMOCK_ADMIN_TOKEN", help="The server's --admin-token, if it is mcmock and has one.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="A certificate authority to trust (PEM).")
def replay(
    files: tuple[str, ...], to: str, everything: bool, speed: float | None, flat_out: bool, advance: bool,
    sessions: int, token: str | None, ca: str | None,
) -> None:  # fmt: skip
    """Send recorded sessions at a server and compare its answers with the expected ones.

    FILE is a timeline, a log export (NDJSON), a HAR, or a recording of a client; names such as
    fixtures/timelines/ads.json are also found inside the installed package. Exits 1 if an answer differs.
    """
    if sum((speed is not None, flat_out, advance)) > 1:
        raise click.UsageError("--speed, --flat-out and --advance exclude each other: choose one")
    if advance and sessions > 1:
        raise click.UsageError("--advance moves the one clock of the server, so it takes --sessions 1")
    if not to.startswith(("http://", "https://")):
        raise click.UsageError(f"--to {to}: it must begin with http:// or https://")
    if (protocol := protocol_owning(to)) is not None:
        base = posixpath.commonpath(path.template for path in protocol.paths)
        raise click.UsageError(f"--to {to}: leave {base} out, every recorded path begins with it")
    named = [*(name for suite in SUITES if everything for name in _names_in(suite)), *files]
    if not named:
        raise click.UsageError("name a FILE, or give --all")
    pace = Pace(None if flat_out or advance else speed or 1, advance)
    trusted = ssl.create_default_context(cafile=ca) if ca else True
    found = [(name, _recording(name)) for name in named]
    sys.exit(asyncio.run(_replay(found, _Server(to.rstrip("/"), token, trusted), pace, sessions)))


# -- files ----------------------------------------------------------------------------------------------------------------


def _recording(name: str) -> Recording:
    """What is in a file; in one of mcmock's own where there is none of that name."""
    path = Path(name)
    try:
        return saved.read(path) if path.exists() else formats.read(_packaged(name))
    except ValueError as error:
        raise click.UsageError(f"{name}: {error}") from None
    except OSError as error:
        hint = (
            ""
            if path.exists()
            else "; mcmock itself has fixtures/timelines/…, fixtures/conformance/… and fixtures/clients/…"
        )
        raise click.UsageError(f"{name}: {error.strerror or 'cannot be read'}{hint}") from None


def _fixtures() -> Any:
    """The folder of the project's recordings: inside the installed package, or beside it in a checkout."""
    packaged = resources.files("mcmock").joinpath("fixtures_data")
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "fixtures"


def _packaged(name: str) -> bytes:
    parts = Path(name).parts
    if parts[:1] != ("fixtures",) or ".." in parts:
        raise FileNotFoundError(2, "no such file")
    text: bytes = _fixtures().joinpath(*parts[1:]).read_bytes()
    return text


def _names_in(suite: str) -> list[str]:
    files = _fixtures().joinpath(suite).iterdir()
    return sorted(f"fixtures/{suite}/{file.name}" for file in files if file.name.endswith(".json"))


# -- the server -----------------------------------------------------------------------------------------------------------


class _Server:
    """Whoever answers at `url`."""

    def __init__(self, url: str, token: str | None, trusted: Any) -> None:
        self._url, self._trusted = url, trusted
        self._admin_headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client: aiohttp.ClientSession

    async def __aenter__(self) -> _Server:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        connector = aiohttp.TCPConnector(ssl=self._trusted, limit=0)
        self._client = aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def send(self, step: Planned, target: str, body: bytes) -> Got:
        try:
            async with self._client.request(
                step.method, URL(self._url + target, encoded=True), data=body or None, headers=step.headers,
                skip_auto_headers=("Content-Type", "User-Agent", "Accept"), allow_redirects=False,
            ) as answer:  # fmt: skip
                return Got(answer.status, tuple(answer.headers.items()), await answer.read())
        except aiohttp.ClientConnectorError as error:
            raise CouldNotAsk(f"nothing answers at {self._url}: {error.strerror or error}") from None
        except TimeoutError:
            return Got(None, error=f"no answer within {ANSWER_WITHIN:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Got(None, error=f"no answer ({error or type(error).__name__})")

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The control API's answer. Raises click.ClickException if there is none: then this is no mcmock, or not ours."""
        value = {} if method == "POST" and body is None else body  # a change is asked for in JSON, even an empty one
        try:
            async with self._client.request(
                method, f"{self._url}/__admin{path}", json=value, headers=self._admin_headers, allow_redirects=False
            ) as answer:
                return await answer.json() if answer.status == 200 else self._refused(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CouldNotAsk(f"{self._url}/__admin does not answer: {error or type(error).__name__}") from None

    def _refused(self, status: int) -> None:
        hint = "give its --token" if status == 401 else "is it mcmock?"
        raise CouldNotAsk(f"{self._url}/__admin answers {status}: {hint}")

    async def is_mcmock(self) -> bool:
        try:
            await self.ask("GET", "/summary")
        except click.ClickException:
            return False
        return True


# -- playing --------------------------------------------------------------------------------------------------------------


async def _replay(found: list[tuple[str, Recording]], server: _Server, pace: Pace, sessions: int) -> int:
    different = count = 0
    async with server:
        judges = pace.advance or await server.is_mcmock()
        try:
            for name, recording in found:
                start = (await server.ask("POST", "/clock/freeze"))["now"] if pace.advance else clock.Clock().now()
                planned = _plan(name, recording, round(start * 1000))
                count += len(planned.steps) * sessions
                different += await _play_all(planned, server, pace, sessions, judges)
        finally:
            if pace.advance:
                await server.ask("POST", "/clock/resume")
    say(_verdict(len(found), count, different))
    return 1 if different else 0


def _plan(name: str, recording: Recording, start_ms: int) -> Plan:
    try:
        return plan(recording, name, start_ms)
    except ValueError as error:
        raise click.UsageError(f"{name}: {error}") from None


def _verdict(files: int, requests: int, different: int) -> str:
    sent = f"{requests} requests of {files} file{'s' if files > 1 else ''}"
    return f"{sent}: {f'{different} differences' if different else 'all as expected'}"


async def _play_all(plan: Plan, server: _Server, pace: Pace, sessions: int, judges: bool) -> int:
    """Play `plan` so many times at once; the number of differences. `judges`: the server is mcmock, and can be asked."""
    left_out = f" ({plan.left_out} requests left out: their sessions began earlier)" if plan.left_out else ""
    say(printable(plan.name) + left_out)
    if sessions == 1:
        return await _play(plan, server, pace, judges, _print_step)
    bar = click.progressbar(
        length=len(plan.steps) * sessions, file=sys.stderr, label="requests" if sys.stderr.isatty() else None
    )
    different: list[str] = []

    def tell(_: Planned, __: Got, line: str | None) -> None:
        bar.update(1)
        if line is not None:
            different.append(line)

    with bar:
        plays = [_play(plan, server, pace, False, tell) for _ in range(sessions)]
        await asyncio.gather(*plays)
    for line in dict.fromkeys(different):
        say(f"  {different.count(line)} × {printable(line)}")
    return len(different)


Tell = Callable[[Planned, Got, str | None], None]


def _print_step(step: Planned, got: Got, line: str | None) -> None:
    answer = got.status if got.error is None else got.error
    differs = f"  DIFFERS: {line}" if line else ""
    told = f"{step.at:8.3f} s  {step.words:<32} expected {step.status or '-'}  got {answer}{differs}"
    say(f"  {printable(told)}")


async def _play(plan: Plan, server: _Server, pace: Pace, judges: bool, tell: Tell) -> int:
    run, different = Run(plan), 0
    waiting = _waiting(pace, server)
    for step in plan.steps:
        await waiting(step.at)
        request = run.request(step)
        got = Got(None, error="no session to send it to") if request is None else await server.send(step, *request)
        line = run.take(step, got)
        if line is None and judges and step.findings is not None and step.session not in run.ids:
            line = await _different_refusal(step, got, server)
        tell(step, got, line)
        different += line is not None
    if judges and pace.true_time and plan.timeline is not None:
        different += await _compare_judgement(plan, plan.timeline, run, server, waiting if pace.advance else None)
    return different


Wait = Callable[[float], Awaitable[None]]


def _waiting(pace: Pace, server: _Server) -> Wait:
    """A function that waits until a recorded moment, in its own way."""
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


async def _different_refusal(step: Planned, got: Got, server: _Server) -> str | None:
    """Where the findings of a step that opened no session differ: no session has it, so the newest request is looked at."""
    newest = (await server.ask("GET", "/requests?order=desc&limit=1"))["requests"]
    ours = [one for one in newest if (one["path"], one["status"]) == (step.target, got.status)]
    return next(different_findings([step], [[found["rule"] for found in one["findings"]] for one in ours]), None)


async def _compare_judgement(plan: Plan, timeline: Timeline, run: Run, server: _Server, advance: Wait | None) -> int:
    """What only mcmock can be asked: findings, and the report of a session that ends as the timeline says."""
    lines: list[str] = []
    for session, sid in run.ids.items():
        steps = [step for step in plan.steps if step.session == session]
        exchanges = (await server.ask("GET", f"/requests?session={quote(sid)}&limit={len(steps)}"))["requests"]
        lines += different_findings(steps, [[one["rule"] for one in exchange["findings"]] for exchange in exchanges])
    if timeline.close is None or advance is not None:
        if timeline.close is not None and advance is not None:
            await advance(timeline.close.at - timeline.steps[0].at)
        for sid in run.ids.values():
            if timeline.close is not None and timeline.close.reason == "expired":
                await server.ask("POST", f"/sessions/{quote(sid)}/expire")
            report = await server.ask("GET", f"/sessions/{quote(sid)}/report")
            session = await server.ask("GET", f"/sessions/{quote(sid)}")
            after = None if session["closedAt"] is None else session["closedAt"] - session["openedAt"]
            found = [finding["rule"] for finding in session["findings"]]
            lines += different_session(timeline, report, found, after)
        lines += [] if run.ids else unopened(timeline)
    for line in lines:
        say(f"  DIFFERS: {printable(line)}")
    return len(lines)
